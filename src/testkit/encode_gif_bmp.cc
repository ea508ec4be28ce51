#include <algorithm>
#include <memory>

#include <gif_lib.h>

#include "testkit/encode.h"

namespace hashgate::testkit {
namespace {

int Append(GifFileType* file, const GifByteType* data, int size) {
  auto* bytes = static_cast<Bytes*>(file->UserData);
  bytes->insert(bytes->end(), data, data + size);
  return size;
}

struct CloseFile {
  void operator()(GifFileType* file) const { EGifCloseFile(file, nullptr); }
};
struct FreeMap {
  void operator()(ColorMapObject* map) const { GifFreeMapObject(map); }
};

bool PutFrame(GifFileType* file, const PlacedFrame& placed, int delay_centiseconds) {
  IndexedPicture frame = ReduceColours(placed.picture);
  GraphicsControlBlock control{};
  control.DisposalMode = frame.transparent ? DISPOSE_BACKGROUND : DISPOSE_DO_NOT;
  control.DelayTime = delay_centiseconds;
  control.TransparentColor = frame.transparent ? kTransparentIndex : NO_TRANSPARENT_COLOR;
  GifByteType extension[4];
  EGifGCBToExtension(&control, extension);
  if (EGifPutExtension(file, GRAPHICS_EXT_FUNC_CODE, sizeof(extension), extension) == GIF_ERROR) return false;
  if (EGifPutImageDesc(file, placed.left, placed.top, frame.width, frame.height, false, nullptr) ==
      GIF_ERROR) {
    return false;
  }
  for (int y = 0; y < frame.height; ++y) {
    GifPixelType* row =
        frame.indices.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(frame.width);
    if (EGifPutLine(file, row, frame.width) == GIF_ERROR) return false;
  }
  return true;
}

bool PutLoop(GifFileType* file) {
  static constexpr GifByteType kForEver[3] = {1, 0, 0};
  return EGifPutExtensionLeader(file, APPLICATION_EXT_FUNC_CODE) != GIF_ERROR &&
         EGifPutExtensionBlock(file, 11, "NETSCAPE2.0") != GIF_ERROR &&
         EGifPutExtensionBlock(file, sizeof(kForEver), kForEver) != GIF_ERROR &&
         EGifPutExtensionTrailer(file) != GIF_ERROR;
}

void Put16(Bytes& bytes, std::uint32_t value) {
  bytes.push_back(static_cast<std::uint8_t>(value));
  bytes.push_back(static_cast<std::uint8_t>(value >> 8));
}
void Put32(Bytes& bytes, std::uint32_t value) {
  Put16(bytes, value);
  Put16(bytes, value >> 16);
}

}  // namespace

Result<Bytes> EncodeGif(std::span<const Picture> frames, int delay_centiseconds) {
  return EncodeGifAnimation(WholeFrames(frames), delay_centiseconds);
}

Result<Bytes> EncodeGifAnimation(std::span<const PlacedFrame> frames, int delay_centiseconds) {
  const auto refused = [] { return Fail(Reason::kInvariantBroken, "giflib refused a generated picture"); };
  if (frames.empty()) return refused();
  const Picture& first = frames[0].picture;
  const auto palette = ReduceColours(MakePicture(1, 1)).palette;
  std::vector<GifColorType> colours(256);
  for (std::size_t i = 0; i < palette.size(); ++i) {
    colours[i] = {palette[i][0], palette[i][1], palette[i][2]};
  }
  const std::unique_ptr<ColorMapObject, FreeMap> map(GifMakeMapObject(256, colours.data()));
  Bytes bytes;
  {
    const std::unique_ptr<GifFileType, CloseFile> file(EGifOpen(&bytes, Append, nullptr));
    if (map == nullptr || file == nullptr) return refused();
    EGifSetGifVersion(file.get(), true);
    if (EGifPutScreenDesc(file.get(), first.width, first.height, 8, 0, map.get()) == GIF_ERROR)
      return refused();
    if (frames.size() > 1 && !PutLoop(file.get())) return refused();
    for (const PlacedFrame& frame : frames) {
      if (!PutFrame(file.get(), frame, delay_centiseconds)) return refused();
    }
  }  // closing writes the trailer
  return bytes;
}

// Source: the BITMAPINFOHEADER layout as Microsoft publishes it.
Result<Bytes> EncodeBmp(const Picture& picture, const BmpOptions& options) {
  if (options.bits != 8 && options.bits != 24 && options.bits != 32) {
    return Fail(Reason::kInvariantBroken, "a BMP is written with 8, 24 or 32 bits a pixel");
  }
  const IndexedPicture indexed = options.bits == 8 ? ReduceColours(picture) : IndexedPicture{};
  const std::size_t row_size =
      (static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(options.bits) / 8 + 3) / 4 * 4;
  const std::size_t offset = 14 + 40 + indexed.palette.size() * 4;
  const std::size_t size = offset + row_size * static_cast<std::size_t>(picture.height);
  Bytes bytes = {'B', 'M'};
  Put32(bytes, static_cast<std::uint32_t>(size));
  Put32(bytes, 0);
  Put32(bytes, static_cast<std::uint32_t>(offset));
  Put32(bytes, 40);
  Put32(bytes, static_cast<std::uint32_t>(picture.width));
  Put32(bytes, static_cast<std::uint32_t>(options.top_down ? -picture.height : picture.height));
  Put16(bytes, 1);
  Put16(bytes, static_cast<std::uint32_t>(options.bits));
  Put32(bytes, 0);
  Put32(bytes, static_cast<std::uint32_t>(size - offset));
  Put32(bytes, 2835);
  Put32(bytes, 2835);
  Put32(bytes, static_cast<std::uint32_t>(indexed.palette.size()));
  Put32(bytes, 0);
  for (const auto& colour : indexed.palette) bytes.insert(bytes.end(), {colour[2], colour[1], colour[0], 0});
  for (int i = 0; i < picture.height; ++i) {
    const int y = options.top_down ? i : picture.height - 1 - i;
    for (int x = 0; x < picture.width; ++x) {
      if (options.bits == 8) {
        bytes.push_back(
            indexed.indices[static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) +
                            static_cast<std::size_t>(x)]);
        continue;
      }
      const std::uint8_t* pixel = picture.pixels.data() + picture.offset(x, y);
      bytes.insert(bytes.end(), {pixel[2], pixel[1], pixel[0]});
      if (options.bits == 32) bytes.push_back(0);
    }
    bytes.resize(offset + static_cast<std::size_t>(i + 1) * row_size);
  }
  return bytes;
}

}  // namespace hashgate::testkit
