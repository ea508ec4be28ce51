#include <algorithm>
#include <array>

#include "testkit/byte_sink.h"
#include "testkit/canvas.h"
#include "testkit/profiles.h"
#include "testkit/raw_files.h"
#include "testkit/variants/trick.h"

namespace hashgate::testkit::variants {
namespace {

using Colour = JpegOptions::Colour;

Bytes WithSegment(const Bytes& jpeg, int marker, ByteSpan data) {
  return ByteSink()
      .Put(ByteSpan(jpeg).first(2))
      .Put(JpegSegment(marker, data))
      .Put(ByteSpan(jpeg).subspan(2))
      .Take();
}

// Stored so that a viewer that obeys EXIF shows the listed picture upright. Source: EXIF 2.32, tag 0x0112.
template <int kOrientation>
Result<Bytes> Oriented(const Scene& scene) {
  // How the upright picture is turned to become the stored one.
  static constexpr std::array<Dihedral, 9> kStored = {
      Dihedral::kOriginal,  Dihedral::kOriginal,   Dihedral::kFlipY,
      Dihedral::kRotate180, Dihedral::kFlipX,      Dihedral::kFlipPlus1,
      Dihedral::kRotate90,  Dihedral::kFlipMinus1, Dihedral::kRotate270};
  HASHGATE_ASSIGN_OR_RETURN(const Bytes jpeg, EncodeJpeg(Turn(scene.listed, kStored[kOrientation])));
  ByteSink exif;
  exif.Text("Exif").Big(0, 2).Text("MM").Big(42, 2).Big(8, 4).Big(1, 2);
  exif.Big(0x0112, 2).Big(3, 2).Big(1, 4).Big(kOrientation, 2).Big(0, 2).Big(0, 4);
  return WithSegment(jpeg, 0xe1, exif.Take());
}

// The listed picture is the second of the file, named by an index as cameras write it. Source: CIPA DC-007.
Result<Bytes> SecondPicture(const Scene& scene) {
  HASHGATE_ASSIGN_OR_RETURN(const Bytes first, EncodeJpeg(scene.stranger));
  HASHGATE_ASSIGN_OR_RETURN(const Bytes second, EncodeJpeg(scene.listed));
  constexpr std::size_t kIndexBytes = 4 + 8 + 2 + 3 * 12 + 4 + 2 * 16;
  const std::size_t first_bytes = first.size() + 4 + kIndexBytes;
  ByteSink index;
  index.Text("MPF").Big(0, 1).Text("MM").Big(42, 2).Big(8, 4).Big(3, 2);
  index.Big(0xb000, 2).Big(7, 2).Big(4, 4).Text("0100");
  index.Big(0xb001, 2).Big(4, 2).Big(1, 4).Big(2, 4);
  index.Big(0xb002, 2).Big(7, 2).Big(32, 4).Big(50, 4).Big(0, 4);
  // Offsets count from behind the name, which lies 8 bytes into the file.
  index.Big(0x00030000, 4).Big(first_bytes, 4).Big(0, 8);
  index.Big(0, 4).Big(second.size(), 4).Big(first_bytes - 10, 4).Big(0, 4);
  return ByteSink().Put(WithSegment(first, 0xe2, index.Take())).Put(second).Take();
}

Result<Bytes> WithProfile(const Scene& scene) {
  HASHGATE_ASSIGN_OR_RETURN(const Bytes jpeg, EncodeJpeg(scene.listed));
  const Bytes profile = profiles::Profile(profiles::kSrgbLuminances, profiles::SrgbFunction());
  return WithSegment(jpeg, 0xe2, ByteSink().Text("ICC_PROFILE").Big(0, 1).Big(0x0101, 2).Put(profile).Take());
}

Result<Bytes> Resized(const Scene& scene, int numerator, int denominator) {
  const Picture& picture = scene.listed;
  return EncodeJpeg(
      ResizeArea(picture, picture.width * numerator / denominator, picture.height * numerator / denominator));
}

// On a ground of one colour, so much of it at the sides and above and below.
Result<Bytes> Bordered(const Picture& picture, int at_sides, int above, std::uint8_t grey) {
  Picture framed = MakePicture(picture.width + 2 * at_sides, picture.height + 2 * above);
  Canvas canvas(framed);
  canvas.Box(0, 0, framed.width, framed.height, {grey, grey, grey});
  canvas.Paste(at_sides, above, picture);
  return EncodeJpeg(framed);
}
template <int kPercent>
Result<Bytes> Framed(const Scene& scene) {
  const int border = scene.listed.width * kPercent / 100;
  return Bordered(scene.listed, border, border, 255);
}

Result<Bytes> Cut(const Scene& scene, const JpegOptions& options) {
  HASHGATE_ASSIGN_OR_RETURN(Bytes jpeg, EncodeJpeg(scene.listed, options));
  jpeg.resize(jpeg.size() * 9 / 10);
  return jpeg;
}

template <JpegOptions kOptions>
Result<Bytes> Plain(const Scene& scene) {
  return EncodeJpeg(scene.listed, kOptions);
}

constexpr std::array kTricks = {
    Trick{"jpeg-q90", "jpg", Plain<{.quality = 90}>},
    Trick{"jpeg-q75", "jpg", Plain<{.quality = 75}>},
    Trick{"jpeg-q50", "jpg", Plain<{.quality = 50}>},
    Trick{"jpeg-progressive", "jpg", Plain<{.progressive = true}>},
    Trick{"jpeg-444", "jpg", Plain<{.halve_chroma = false}>},
    Trick{"jpeg-restarts", "jpg", Plain<{.restart_rows = 1}>},
    Trick{"jpeg-grey", "jpg", Plain<{.colour = Colour::kGrey}>},
    Trick{"jpeg-cmyk", "jpg", Plain<{.colour = Colour::kCmyk}>},
    Trick{"jpeg-ycck", "jpg", Plain<{.colour = Colour::kYcck}>},
    Trick{"jpeg-cmyk-amounts", "jpg", Plain<{.colour = Colour::kAmounts}>},
    Trick{"jpeg-exif-2", "jpg", Oriented<2>},
    Trick{"jpeg-exif-3", "jpg", Oriented<3>},
    Trick{"jpeg-exif-4", "jpg", Oriented<4>},
    Trick{"jpeg-exif-5", "jpg", Oriented<5>},
    Trick{"jpeg-exif-6", "jpg", Oriented<6>},
    Trick{"jpeg-exif-7", "jpg", Oriented<7>},
    Trick{"jpeg-exif-8", "jpg", Oriented<8>},
    Trick{"jpeg-twice-as-large", "jpg", [](const Scene& scene) { return Resized(scene, 2, 1); }},
    Trick{"jpeg-three-quarters-as-large", "jpg", [](const Scene& scene) { return Resized(scene, 3, 4); }},
    Trick{"jpeg-border-5", "jpg", Framed<5>},
    Trick{"jpeg-border-10", "jpg", Framed<10>},
    Trick{"jpeg-bars", "jpg",
          [](const Scene& scene) { return Bordered(scene.listed, 0, scene.listed.height / 4, 0); }},
    Trick{"jpeg-icc-srgb", "jpg", WithProfile},
    Trick{"jpeg-mpo-second", "jpg", SecondPicture},
    Trick{"jpeg-cut-at-90", "jpg", [](const Scene& scene) { return Cut(scene, {}); }},
    Trick{"jpeg-progressive-cut-at-90", "jpg",
          [](const Scene& scene) { return Cut(scene, {.progressive = true}); }},
    Trick{"jpeg-junk-behind", "jpg",
          [](const Scene& scene) -> Result<Bytes> {
            HASHGATE_ASSIGN_OR_RETURN(const Bytes jpeg, EncodeJpeg(scene.listed));
            return ByteSink().Put(jpeg).Put(ZipHolding("a.txt", "text")).Repeat(0x5a, 5'000).Take();
          }},
    Trick{"jpeg-named-png", "png", Plain<{}>},
};

}  // namespace

std::span<const Trick> JpegTricks() {
  return kTricks;
}

}  // namespace hashgate::testkit::variants
