// The project's own pictures: ordinary scenes, screens, pages and symbols, drawn from a seed by integer
// arithmetic only, so that every machine and build gets the same pixels. Nothing is ever downloaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hashgate::testkit {

/// Pixels, row-major from the top left, without padding.
/// Shapes: `pixels` has height * width * channels bytes. Range: channels is 3 (RGB) or 4 (RGBA, not
/// premultiplied).
struct Picture {
  int width = 0;
  int height = 0;
  int channels = 3;
  std::vector<std::uint8_t> pixels;

  [[nodiscard]] std::size_t offset(int x, int y) const {
    return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) *
           static_cast<std::size_t>(channels);
  }
  bool operator==(const Picture&) const = default;
};

/// An empty (black or wholly transparent) picture.
Picture MakePicture(int width, int height, int channels = 3);

enum class PictureKind : std::uint8_t {
  kPhoto,       ///< landscape-like scene: light, terrain, textures, occluding shapes, sensor noise; RGB
  kScreenshot,  ///< windows, bars, lines of text, thumbnails; RGB
  kEmoji,       ///< a symbol of few colours on a transparent ground; RGBA
  kTextPage,    ///< a scanned page of print; RGB
  kGradient,    ///< one smooth ramp: PDQ quality under 50; RGB
  kFlat,        ///< one colour: PDQ quality 0; RGB
  kLattice,     ///< a product of two one-dimensional curves: structured, but a degenerate PDQ hash; RGB
};
/// Lower case: "photo", "textpage".
std::string_view PictureKindName(PictureKind kind);

/// Draws the picture that (kind, seed, width, height) names. The same seed at another size shows the same
/// scene at another resolution. Range: sides 1..16384. Threads: thread-safe. Cost: about 0.1 us a pixel for
/// photos, less for the others.
Picture Draw(PictureKind kind, std::uint64_t seed, int width, int height);

struct PhotoOptions {
  int noise = 2;  ///< amplitude of the sensor noise in grey levels, 0..32; 0 packs well as PNG
};
/// A kPhoto with options.
Picture DrawPhoto(std::uint64_t seed, int width, int height, const PhotoOptions& options = {});

/// `count` frames of a scene in which shapes move; all of one size, RGB. Range: count 1..1000.
std::vector<Picture> DrawAnimation(std::uint64_t seed, int width, int height, int count);

}  // namespace hashgate::testkit
