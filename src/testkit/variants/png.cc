#include <algorithm>
#include <array>
#include <cmath>

#include "testkit/byte_sink.h"
#include "testkit/canvas.h"
#include "testkit/profiles.h"
#include "testkit/variants/trick.h"

#include <zlib.h>

namespace hashgate::testkit::variants {
namespace {

using Colour = PngOptions::Colour;

constexpr PngOptions kQuick = {.compression = 1};
constexpr PngOptions kQuickRgba = {.colour = Colour::kRgba, .compression = 1};

/// `png` with a chunk right behind its header, where colours are spoken of.
Result<Bytes> WithChunk(const Result<Bytes>& png, std::string_view type, ByteSpan data) {
  HASHGATE_RETURN_IF_ERROR(png);
  constexpr std::size_t kHeaderEnd = 33;
  return ByteSink()
      .Put(ByteSpan(*png).first(kHeaderEnd))
      .Put(PngChunk(type, data))
      .Put(ByteSpan(*png).subspan(kHeaderEnd))
      .Take();
}

Result<Bytes> WithProfile(const Picture& picture, const Bytes& profile) {
  uLongf size = compressBound(profile.size());
  Bytes packed(size);
  if (compress(packed.data(), &size, profile.data(), profile.size()) != Z_OK) {
    return Fail(Reason::kInvariantBroken, "zlib refused a generated profile");
  }
  packed.resize(size);
  return WithChunk(EncodePng(picture, kQuick), "iCCP",
                   ByteSink().Text("profile").Big(0, 2).Put(packed).Take());
}

Result<Bytes> WithGamma(const Picture& picture, std::uint32_t gamma) {
  return WithChunk(EncodePng(picture, kQuick), "gAMA", ByteSink().Big(gamma, 4).Take());
}

/// Each colour sample through `change`.
template <typename Change>
Picture Changed(Picture picture, const Change& change) {
  for (std::uint8_t& sample : picture.pixels) sample = static_cast<std::uint8_t>(change(sample));
  return picture;
}

std::uint8_t Power(std::uint8_t sample, double power) {
  return static_cast<std::uint8_t>(std::lround(255 * std::pow(sample / 255.0, power)));
}

/// One grey all over; alpha such that the listed picture shows over the other background, 255 or 0.
Result<Bytes> AlphaOnly(const Scene& scene, std::uint8_t grey) {
  const Picture seen = Grey(scene.listed);
  Picture picture = MakePicture(seen.width, seen.height, 4);
  for (std::size_t i = 0; i * 3 < seen.pixels.size(); ++i) {
    std::fill_n(&picture.pixels[i * 4], 3, grey);
    picture.pixels[i * 4 + 3] = static_cast<std::uint8_t>(std::abs(255 - grey - seen.pixels[i * 3]));
  }
  return EncodePng(picture, kQuickRgba);
}

/// The colours are a dark stranger; over white the listed picture shows.
Result<Bytes> OtherColours(const Scene& scene) {
  const Picture seen = Grey(scene.listed);
  const Picture below = Grey(scene.stranger);
  Picture picture = MakePicture(seen.width, seen.height, 4);
  for (std::size_t i = 0; i * 3 < seen.pixels.size(); ++i) {
    const int dark = below.pixels[i * 3] * 90 / 255;
    const int wanted = 100 + seen.pixels[i * 3] * 155 / 255;
    std::fill_n(&picture.pixels[i * 4], 3, static_cast<std::uint8_t>(dark));
    picture.pixels[i * 4 + 3] = static_cast<std::uint8_t>(255 * (255 - wanted) / (255 - dark));
  }
  return EncodePng(picture, kQuickRgba);
}

Result<Bytes> HalfClear(const Scene& scene) {
  Picture picture = WithAlpha(scene.listed);
  for (std::size_t i = 3; i < picture.pixels.size(); i += 4) picture.pixels[i] = 150;
  return EncodePng(picture, kQuickRgba);
}

/// A tenth of the width around the picture is clear.
Result<Bytes> ClearBorder(const Scene& scene) {
  const int border = scene.listed.width / 10;
  Picture picture = MakePicture(scene.listed.width + 2 * border, scene.listed.height + 2 * border, 4);
  Canvas(picture).Paste(border, border, scene.listed);
  return EncodePng(picture, kQuickRgba);
}

/// What is nearly white in the picture is clear, so that a page shows through.
Result<Bytes> ClearHighlights(const Scene& scene) {
  const Picture luma = Grey(scene.listed);
  IndexedPicture picture = ReduceColours(scene.listed);
  for (std::size_t i = 0; i < picture.indices.size(); ++i) {
    if (luma.pixels[i * 3] >= 235) picture.indices[i] = kTransparentIndex;
  }
  // A corner is clear in every picture.
  for (int i = 0; i < 8; ++i) picture.indices[static_cast<std::size_t>(i)] = kTransparentIndex;
  picture.transparent = true;
  return EncodePng(picture, kQuick);
}

/// Every second pixel holds the stranger, darkened until the gamma of the file makes it black, and the others
/// the listed picture among the lightest levels, which the gamma spreads.
Result<Bytes> TwoByGamma(const Scene& scene) {
  Picture picture = scene.stranger;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      for (std::size_t c = 0; c < 3; ++c) {
        std::uint8_t& sample = picture.pixels[picture.offset(x, y) + c];
        const std::uint8_t listed = scene.listed.pixels[picture.offset(x, y) + c];
        sample = (x + y) % 2 == 0 ? static_cast<std::uint8_t>(sample * 180 / 255) : Power(listed, 0.02 * 2.2);
      }
    }
  }
  return WithGamma(picture, 2'000);
}

/// Red and green changed places, in the samples and in the profile.
Result<Bytes> SwappedByProfile(const Scene& scene) {
  Picture picture = scene.listed;
  for (std::size_t i = 0; i < picture.pixels.size(); i += 3)
    std::swap(picture.pixels[i], picture.pixels[i + 1]);
  return WithProfile(picture, profiles::Profile({0.7169, 0.2225, 0.0606}, profiles::SrgbFunction()));
}

/// A negative, and a profile whose curves fall.
Result<Bytes> NegativeByProfile(const Scene& scene) {
  const auto falling = profiles::TableCurve([](double x) { return std::pow(1 - x, 2.2); });
  return WithProfile(Changed(scene.listed, [](int sample) { return 255 - sample; }),
                     profiles::Profile(profiles::kSrgbLuminances, falling));
}

/// One pixel of 64 is the stranger's: all that is left where a program makes pictures small by picking
/// pixels.
Result<Bytes> PickedByNearest(const Scene& scene) {
  Picture picture = scene.listed;
  for (int y = 0; y < picture.height; y += 8) {
    for (int x = 0; x < picture.width; x += 8) {
      std::copy_n(&scene.stranger.pixels[picture.offset(x, y)], 3, &picture.pixels[picture.offset(x, y)]);
    }
  }
  return EncodePng(picture, kQuick);
}

template <PngOptions kOptions>
Result<Bytes> Plain(const Scene& scene) {
  return EncodePng(scene.listed, kOptions);
}

constexpr std::array kTricks = {
    Trick{"png-rgb", "png", Plain<{.compression = 1}>},
    Trick{"png-grey", "png", Plain<{.colour = Colour::kGrey, .compression = 1}>},
    Trick{"png-rgba", "png", Plain<{.colour = Colour::kRgba, .compression = 1}>},
    Trick{"png-rgb16", "png", Plain<{.colour = Colour::kRgb16, .compression = 1}>},
    Trick{"png-grey16", "png", Plain<{.colour = Colour::kGrey16, .compression = 1}>},
    Trick{"png-interlaced", "png", Plain<{.interlaced = true, .compression = 1}>},
    Trick{"png-palette", "png",
          [](const Scene& scene) { return EncodePng(ReduceColours(scene.listed), kQuick); }},
    Trick{"png-palette-clear-highlights", "png", ClearHighlights},
    Trick{"png-alpha-only-black", "png", [](const Scene& scene) { return AlphaOnly(scene, 0); }},
    Trick{"png-alpha-only-white", "png", [](const Scene& scene) { return AlphaOnly(scene, 255); }},
    Trick{"png-border-clear", "png", ClearBorder},
    Trick{"png-half-clear", "png", HalfClear},
    Trick{"png-other-colours-under-alpha", "png", OtherColours},
    Trick{"png-gamma-srgb", "png", [](const Scene& scene) { return WithGamma(scene.listed, 45'455); }},
    Trick{"png-gamma-linear", "png",
          [](const Scene& scene) {
            return WithGamma(Changed(scene.listed, [](std::uint8_t v) { return Power(v, 2.2); }), 100'000);
          }},
    Trick{"png-gamma-two-pictures", "png", TwoByGamma},
    Trick{"png-icc-srgb", "png",
          [](const Scene& scene) {
            return WithProfile(scene.listed,
                               profiles::Profile(profiles::kSrgbLuminances, profiles::SrgbFunction()));
          }},
    Trick{"png-icc-swapped", "png", SwappedByProfile},
    Trick{"png-icc-negative", "png", NegativeByProfile},
    Trick{"png-scaling-attack", "png", PickedByNearest},
    Trick{"png-cut-at-90", "png",
          [](const Scene& scene) -> Result<Bytes> {
            HASHGATE_ASSIGN_OR_RETURN(Bytes png, EncodePng(scene.listed, kQuick));
            png.resize(png.size() * 9 / 10);
            return png;
          }},
    Trick{"png-junk-behind", "png",
          [](const Scene& scene) -> Result<Bytes> {
            HASHGATE_ASSIGN_OR_RETURN(const Bytes png, EncodePng(scene.listed, kQuick));
            return ByteSink().Put(png).Repeat(0x5a, 5'000).Take();
          }},
    Trick{"png-named-jpg", "jpg", Plain<{.compression = 1}>},
};

}  // namespace

std::span<const Trick> PngTricks() {
  return kTricks;
}

}  // namespace hashgate::testkit::variants
