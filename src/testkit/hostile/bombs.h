// Small files that cost much: in pixels, memory, time or structure. Made by hand, where no encoder would.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "testkit/encode.h"

namespace hashgate::testkit::hostile {

struct Bomb {
  std::string_view name;  ///< format first: "png-iccp-unpacks"
  Bytes (*make)();        ///< at most 8 MiB; at most 0.2 s
};

/// One-colour pictures of any size, strips of parts without end, lengths that lie, text that unpacks.
std::span<const Bomb> PngBombs();
/// Scans without end, headers without end, sizes without data, pictures in pictures.
std::span<const Bomb> JpegBombs();
std::span<const Bomb> GifBombs();
std::span<const Bomb> WebpBombs();
std::span<const Bomb> BmpBombs();
/// TIFF, HEIF and AVIF: directories that loop, boxes in boxes, tiles that unpack.
std::span<const Bomb> ContainerBombs();
/// What is no picture here but opens some decoder elsewhere, and what is next to nothing.
std::span<const Bomb> OtherBombs();

/// All of them, in a fixed order.
std::vector<Bomb> AllBombs();

}  // namespace hashgate::testkit::hostile
