// Classes of decoder workers: codecs of equal trust share a binary, a spawner, a lock and a share of the
// pool.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "decode/record.h"

namespace hashgate::decode {

/// What runs together. A codec that needs more of the kernel, or that has a worse history, gets a class of
/// its own, so that whoever takes it over finds neither other codecs nor their uploads. Values go through the
/// spawner's first message: never renumber.
enum class WorkerClass : std::uint8_t {
  kCore = 0,  ///< JPEG, PNG, WebP, GIF, BMP
  kHeif = 1,  ///< HEIC and AVIF
  kTiff = 2,  ///< TIFF
};
inline constexpr std::array kWorkerClasses = {WorkerClass::kCore, WorkerClass::kHeif, WorkerClass::kTiff};
/// Those that a build or an installation may do without.
inline constexpr std::array kOtherClasses = {WorkerClass::kHeif, WorkerClass::kTiff};

/// "core", "heif", "tiff": in configuration, metrics and logs.
std::string_view WorkerClassName(WorkerClass worker_class);
/// The class whose codecs decode `format`; kCore for formats that nothing decodes.
WorkerClass ClassOf(Format format);
/// The class's binary beside that of the core class: "/x/hashgate-decoder" gives "/x/hashgate-decoder-heif".
std::string BinaryOf(WorkerClass worker_class, const std::string& core_binary);

}  // namespace hashgate::decode
