#include "decode/worker_class.h"

namespace hashgate::decode {

std::string_view WorkerClassName(WorkerClass worker_class) {
  switch (worker_class) {
    case WorkerClass::kCore: return "core";
    case WorkerClass::kHeif: return "heif";
    case WorkerClass::kTiff: return "tiff";
  }
  return "core";
}

WorkerClass ClassOf(Format format) {
  switch (format) {
    case Format::kHeif:
    case Format::kAvif: return WorkerClass::kHeif;
    case Format::kTiff: return WorkerClass::kTiff;
    default: return WorkerClass::kCore;
  }
}

std::string BinaryOf(WorkerClass worker_class, const std::string& core_binary) {
  if (worker_class == WorkerClass::kCore) return core_binary;
  return core_binary + "-" + std::string(WorkerClassName(worker_class));
}

}  // namespace hashgate::decode
