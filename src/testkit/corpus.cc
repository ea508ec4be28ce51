#include "testkit/corpus.h"

#include <algorithm>
#include <array>
#include <utility>

#include "testkit/random_source.h"

namespace hashgate::testkit {
namespace {

struct Made {
  Result<Bytes> bytes;
  const char* extension;
};

Made MakePhoto(RandomSource& random) {
  static constexpr std::array<int, 6> kSides = {320, 400, 480, 512, 640, 1024};
  const int side = kSides[static_cast<std::size_t>(random.Range(0, 5))];
  const int shorter = side * random.Range(56, 100) / 100;
  const bool upright = random.Chance(40);
  const std::uint64_t seed = random.Next();
  const int noise = random.Range(0, 4);
  const Picture photo = DrawPhoto(seed, upright ? shorter : side, upright ? side : shorter, {.noise = noise});
  const int format = random.Range(0, 19);
  const int quality = random.Range(55, 95);
  if (format < 12) return {EncodeJpeg(photo, {.quality = quality, .halve_chroma = quality < 90}), "jpg"};
  if (format < 14) return {EncodeJpeg(photo, {.quality = quality, .progressive = true}), "jpg"};
  if (format < 15)
    return {EncodeJpeg(photo, {.quality = quality, .colour = JpegOptions::Colour::kGrey}), "jpg"};
  if (format < 17) return {EncodeWebp(photo, {.quality = quality}), "webp"};
  if (format < 19) return {EncodePng(photo, {.compression = 1}), "png"};
  return {EncodeBmp(photo), "bmp"};
}

Made MakeScreenshot(RandomSource& random) {
  static constexpr std::array<std::pair<int, int>, 4> kSizes = {
      {{640, 400}, {800, 600}, {360, 640}, {412, 732}}};
  const auto [width, height] = kSizes[static_cast<std::size_t>(random.Range(0, 3))];
  const Picture screen = Draw(PictureKind::kScreenshot, random.Next(), width, height);
  switch (random.Range(0, 3)) {
    case 0: return {EncodeJpeg(screen, {.quality = 85}), "jpg"};
    case 1: return {EncodePng(ReduceColours(screen)), "png"};
    case 2: return {EncodeWebp(screen, {.quality = 80}), "webp"};
    default: return {EncodePng(screen, {.compression = 3}), "png"};
  }
}

Made MakeEmoji(RandomSource& random) {
  static constexpr std::array<int, 4> kSides = {72, 96, 128, 160};
  const int side = kSides[static_cast<std::size_t>(random.Range(0, 3))];
  const Picture emoji = Draw(PictureKind::kEmoji, random.Next(), side, side);
  switch (random.Range(0, 3)) {
    case 0: return {EncodePng(ReduceColours(emoji)), "png"};
    case 1: return {EncodeWebp(emoji, {.lossless = true}), "webp"};
    case 2: return {EncodeGif({&emoji, 1}), "gif"};
    default: return {EncodePng(emoji, {.colour = PngOptions::Colour::kRgba}), "png"};
  }
}

Made MakeTextPage(RandomSource& random) {
  const int width = random.Range(360, 640);
  const Picture page = Draw(PictureKind::kTextPage, random.Next(), width, width * 141 / 100);
  switch (random.Range(0, 2)) {
    case 0: return {EncodeJpeg(page, {.quality = 70, .colour = JpegOptions::Colour::kGrey}), "jpg"};
    case 1: return {EncodePng(page, {.colour = PngOptions::Colour::kGrey, .compression = 3}), "png"};
    default: return {EncodeJpeg(page, {.quality = 75}), "jpg"};
  }
}

Made MakeAnimation(RandomSource& random) {
  const int width = random.Range(120, 320);
  const int frames = random.Range(3, 10);
  return {EncodeGif(DrawAnimation(random.Next(), width, width * 3 / 4, frames)), "gif"};
}

std::string Numbered(int index, std::string_view kind, const char* extension) {
  std::string number = std::to_string(index);
  number.insert(0, 5 - std::min<std::size_t>(5, number.size()), '0');
  return number + "-" + std::string(kind) + "." + extension;
}

}  // namespace

Result<CorpusFile> BenignFile(std::uint64_t seed, int index) {
  RandomSource mixer(seed);
  RandomSource random(mixer.Next() + static_cast<std::uint64_t>(index));
  // Mixed, so that the first files of a corpus are of every kind.
  const int slot = index * 7 % 20;
  using Maker = Made (*)(RandomSource&);
  const auto [maker, kind] = slot < 10   ? std::pair<Maker, const char*>{MakePhoto, "photo"}
                             : slot < 13 ? std::pair<Maker, const char*>{MakeScreenshot, "screenshot"}
                             : slot < 16 ? std::pair<Maker, const char*>{MakeEmoji, "emoji"}
                             : slot < 18 ? std::pair<Maker, const char*>{MakeTextPage, "textpage"}
                                         : std::pair<Maker, const char*>{MakeAnimation, "animation"};
  Made made = maker(random);
  HASHGATE_RETURN_IF_ERROR(made.bytes);
  return CorpusFile{Numbered(index, kind, made.extension), *std::move(made.bytes)};
}

std::span<const BenchSize> BenchSizes() {
  static constexpr std::array<BenchSize, 4> kSizes = {
      {{"0.3mp", 640, 480, 1}, {"1mp", 1224, 816, 2}, {"3mp", 2048, 1536, 4}, {"12mp", 4032, 3024, 7}}};
  return kSizes;
}

Result<CorpusFile> BenchFile(std::uint64_t seed, const BenchSize& size, int index, bool png) {
  RandomSource mixer(seed);
  const std::uint64_t picture_seed = mixer.Next() + static_cast<std::uint64_t>(index);
  const Picture photo = DrawPhoto(picture_seed, size.width, size.height, {.noise = size.noise});
  Result<Bytes> bytes = png ? EncodePng(photo, {.compression = 3}) : EncodeJpeg(photo, {.quality = 88});
  HASHGATE_RETURN_IF_ERROR(bytes);
  return CorpusFile{Numbered(index, size.name, png ? "png" : "jpg"), *std::move(bytes)};
}

}  // namespace hashgate::testkit
