#include "testkit/hostile/bases.h"

#include <algorithm>
#include <utility>

#include "testkit/byte_sink.h"
#include "testkit/hostile/parts.h"
#include "testkit/random_source.h"
#include "testkit/raw_files.h"

namespace hashgate::testkit::hostile {
namespace {

class Collector {
 public:
  void Add(std::string name, Result<Bytes> bytes, bool linear = false) {
    if (!bytes) {
      if (failed_) failed_ = std::unexpected(bytes.error());
      return;
    }
    bases_.push_back({std::move(name), *std::move(bytes), linear});
  }
  const Bytes& Last() const { return bases_.back().bytes; }
  Result<std::vector<Base>> Take() {
    if (!failed_) return std::unexpected(failed_.error());
    return std::move(bases_);
  }

 private:
  std::vector<Base> bases_;
  Status failed_;
};

// Two pictures behind each other, with EXIF, a profile's beginning and a comment in the first.
Bytes JpegWithSegments(const Bytes& jpeg, const Bytes& second) {
  ByteSink exif;
  exif.Text("Exif").Big(0, 2).Text("MM").Big(42, 2).Big(8, 4).Big(1, 2);
  exif.Big(0x0112, 2).Big(3, 2).Big(1, 4).Big(6, 2).Big(0, 2).Big(0, 4);
  return ByteSink()
      .Put(ByteSpan(jpeg).first(2))
      .Put(JpegSegment(0xe1, exif.Take()))
      .Put(JpegSegment(0xe2, ByteSink().Text("ICC_PROFILE").Big(0, 1).Big(0x0101, 2).Repeat(0, 140).Take()))
      .Put(JpegSegment(0xfe, FromText("a comment")))
      .Put(ByteSpan(jpeg).subspan(2))
      .Put(second)
      .Take();
}

// Uncompressed, one strip; `big`: the highest byte first.
Bytes Tiff(const Picture& picture, bool big) {
  ByteSink out;
  const auto number = [&](std::uint64_t value, int bytes) {
    if (big) {
      out.Big(value, bytes);
    } else {
      out.Little(value, bytes);
    }
  };
  const auto entry = [&](int tag, int type, std::uint64_t count, std::uint64_t value) {
    number(static_cast<std::uint64_t>(tag), 2);
    number(static_cast<std::uint64_t>(type), 2);
    number(count, 4);
    number(value, type == 3 ? 2 : 4);
    if (type == 3) number(0, 2);
  };
  const auto width = static_cast<std::uint64_t>(picture.width);
  const auto height = static_cast<std::uint64_t>(picture.height);
  constexpr std::uint64_t kEntries = 9;
  constexpr std::uint64_t kBits = 8 + 2 + 12 * kEntries + 4;
  out.Text(big ? "MM" : "II");
  number(42, 2);
  number(8, 4);
  number(kEntries, 2);
  entry(256, 4, 1, width);
  entry(257, 4, 1, height);
  entry(258, 3, 3, kBits);
  entry(259, 3, 1, 1);
  entry(262, 3, 1, 2);
  entry(273, 4, 1, kBits + 6);
  entry(277, 3, 1, 3);
  entry(278, 4, 1, height);
  entry(279, 4, 1, width * height * 3);
  number(0, 4);
  for (int i = 0; i < 3; ++i) number(8, 2);
  return out.Put(picture.pixels).Take();
}

}  // namespace

Result<std::vector<Base>> MakeBases(std::uint64_t seed) {
  RandomSource random(seed);
  Collector to;
  const Picture photo = DrawPhoto(random.Next(), 96, 72, {.noise = 1});
  const Picture other = DrawPhoto(random.Next(), 96, 72, {.noise = 1});
  const Picture emoji = Draw(PictureKind::kEmoji, random.Next(), 48, 48);
  const std::vector<Picture> frames = DrawAnimation(random.Next(), 60, 45, 4);

  using Jpeg = JpegOptions;
  to.Add("jpeg", EncodeJpeg(photo, {.quality = 80}), true);
  const Bytes jpeg = to.Last();
  to.Add("jpeg-444", EncodeJpeg(other, {.quality = 60, .halve_chroma = false}), true);
  to.Add("jpeg-grey", EncodeJpeg(photo, {.colour = Jpeg::Colour::kGrey}), true);
  to.Add("jpeg-cmyk", EncodeJpeg(photo, {.quality = 70, .colour = Jpeg::Colour::kCmyk}), true);
  to.Add("jpeg-progressive", EncodeJpeg(other, {.quality = 80, .progressive = true}));
  to.Add("jpeg-scans", EncodeJpeg(ResizeArea(photo, 48, 40), {.quality = 70, .scan_per_coefficient = true}));
  to.Add("jpeg-restarts", EncodeJpeg(photo, {.quality = 70, .restart_rows = 1}), true);
  to.Add("jpeg-segments", JpegWithSegments(jpeg, to.Last()));

  using Png = PngOptions;
  const std::pair<const char*, Png> modes[] = {{"png", {}},
                                               {"png-rgba", {.colour = Png::Colour::kRgba}},
                                               {"png-grey", {.colour = Png::Colour::kGrey}},
                                               {"png-rgb16", {.colour = Png::Colour::kRgb16}},
                                               {"png-grey16", {.colour = Png::Colour::kGrey16}},
                                               {"png-grey-alpha", {.colour = Png::Colour::kGreyAlpha}},
                                               {"png-interlaced", {.interlaced = true}}};
  for (const auto& [name, options] : modes) {
    to.Add(name, EncodePng(ResizeArea(photo, 64, 48), options), !options.interlaced);
  }
  to.Add("png-palette", EncodePng(ReduceColours(photo)), true);
  to.Add("png-palette-transparent", EncodePng(ReduceColours(emoji)), true);
  to.Add("png-animated", EncodeApng(WholeFrames(frames)));

  to.Add("webp", EncodeWebp(photo, {.quality = 70}));
  to.Add("webp-lossless", EncodeWebp(ResizeArea(other, 64, 48), {.lossless = true}));
  to.Add("webp-alpha", EncodeWebp(emoji, {.quality = 80}));
  to.Add("webp-animated", EncodeWebpAnimation(WholeFrames(frames), {.quality = 60}));

  to.Add("gif", EncodeGif({&photo, 1}), true);
  to.Add("gif-animated", EncodeGif(frames));
  to.Add("gif-transparent", EncodeGif({&emoji, 1}), true);
  to.Add("bmp-24", EncodeBmp(ResizeArea(photo, 48, 36)), true);
  to.Add("bmp-8", EncodeBmp(ResizeArea(photo, 64, 48), {.bits = 8}), true);
  to.Add("bmp-32-top-down", EncodeBmp(ResizeArea(photo, 40, 40), {.bits = 32, .top_down = true}), true);
  to.Add("tiff-little", Tiff(ResizeArea(photo, 40, 40), false), true);
  to.Add("tiff-big", Tiff(ResizeArea(other, 40, 40), true), true);

  to.Add("zip", ZipHolding("a.txt", "text"));
  to.Add("pdf", SmallPdf());
  to.Add("mp4", SmallMp4());
  to.Add("wav", SmallWav());
  to.Add("text", FromText("Plain words \xc3\xa4 and <b>some</b> marks.\n"));
  to.Add("svg", FromText("<?xml version=\"1.0\"?>\n<!-- a --><svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"));
  return to.Take();
}

}  // namespace hashgate::testkit::hostile
