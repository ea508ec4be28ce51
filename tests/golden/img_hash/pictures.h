// The generated pictures whose hashes by OpenCV are checked in, for the tool that asks OpenCV and the test
// that compares.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "testkit/edits.h"
#include "testkit/pictures.h"

namespace hashgate::golden {

/// A picture as hashers take it. Shapes: `samples` has height * width * channels bytes, row-major; channels
/// is 1 (grey) or 3 (red, green, blue).
struct GoldenPicture {
  std::string name;  ///< "photo-1-640x480-rgb"
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t channels = 0;
  std::vector<std::uint8_t> samples;
};

/// Draws one. Transparent kinds come over mid grey.
inline GoldenPicture DrawGolden(testkit::PictureKind kind, std::uint64_t seed, int width, int height,
                                bool grey) {
  testkit::Picture picture = testkit::OverGrey(testkit::Draw(kind, seed, width, height), 128);
  if (grey) picture = testkit::Grey(picture);
  GoldenPicture golden{.name = std::string(testkit::PictureKindName(kind)) + "-" + std::to_string(seed) +
                               "-" + std::to_string(width) + "x" + std::to_string(height) +
                               (grey ? "-grey" : "-rgb"),
                       .width = static_cast<std::uint32_t>(width),
                       .height = static_cast<std::uint32_t>(height),
                       .channels = grey ? 1U : 3U,
                       .samples = {}};
  if (!grey) {
    golden.samples = std::move(picture.pixels);
    return golden;
  }
  golden.samples.reserve(picture.pixels.size() / 3);
  for (std::size_t i = 0; i < picture.pixels.size(); i += 3) golden.samples.push_back(picture.pixels[i]);
  return golden;
}

/// Every picture, drawn when it is its turn: `take(const GoldenPicture&)`. Sides lie below, at and above
/// those that the algorithms resize to, even and odd.
template <typename Take>
void ForEachGolden(const Take& take) {
  using testkit::PictureKind;
  struct Size {
    int width;
    int height;
  };
  constexpr Size kSizes[] = {{640, 480}, {512, 512}, {257, 391}, {100, 75},   {1024, 683}, {2600, 1700},
                             {31, 33},   {8, 8},     {5, 7},     {1000, 201}, {64, 640},   {256, 256}};
  std::uint64_t seed = 1;
  for (const Size size : kSizes) {
    take(DrawGolden(PictureKind::kPhoto, seed, size.width, size.height, false));
    take(DrawGolden(PictureKind::kPhoto, seed + 100, size.width, size.height, true));
    ++seed;
  }
  for (const Size size : {Size{640, 480}, Size{333, 222}, Size{1280, 720}}) {
    for (const PictureKind kind : {PictureKind::kScreenshot, PictureKind::kEmoji, PictureKind::kTextPage,
                                   PictureKind::kGradient, PictureKind::kFlat, PictureKind::kLattice}) {
      take(DrawGolden(kind, seed++, size.width, size.height, false));
    }
  }
}

}  // namespace hashgate::golden
