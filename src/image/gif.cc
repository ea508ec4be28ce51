// GIF through giflib: the first frame on its canvas, and further frames one by one. Frames are counted and
// found by an own walk over the blocks, so that a file of a million frames costs no decoding. Source of the
// format: CompuServe GIF89a.
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "decode/byte_order.h"
#include "image/codec.h"
#include "image/frames.h"

namespace hashgate::image {
namespace {

struct Walk {
  std::uint32_t frames = 0;
  bool complete = false;  ///< the trailer was reached
  bool damaged = false;   ///< a byte that starts no block
  bool cut_inside_frame = false;
  std::size_t end = 0;  ///< first byte behind the trailer
};

/// Behind a chain of data blocks; 0 where the file ends inside it.
std::size_t SkipBlocks(ByteSpan bytes, std::size_t at) {
  while (at < bytes.size()) {
    const std::size_t length = bytes[at];
    if (length == 0) return at + 1;
    at += length + 1;
  }
  return 0;
}

std::size_t TableBytes(std::uint8_t packed) {
  return (packed & 0x80) == 0 ? 0 : std::size_t{3} << ((packed & 7) + 1);
}

/// What the block in front of a frame says about it. Source: GIF89a 23.
struct Control {
  Disposal disposal = Disposal::kKeep;
  int transparent = NO_TRANSPARENT_COLOR;
};

Control ReadControl(ByteSpan bytes, std::size_t at) {
  // Introducer, label, size of 4, flags, delay, index.
  if (bytes.size() - at < 7 || bytes[at + 1] != 0xf9 || bytes[at + 2] < 4) return {};
  Control control;
  const unsigned disposal = bytes[at + 3] >> 2 & 7U;
  if (disposal == 2) control.disposal = Disposal::kClear;
  // 4 is what an old writer meant by 3; browsers read it so.
  if (disposal == 3 || disposal == 4) control.disposal = Disposal::kRestore;
  if ((bytes[at + 3] & 1) != 0) control.transparent = bytes[at + 6];
  return control;
}

/// Where a frame lies, as its descriptor at `at` says; not yet cut to the canvas.
FrameFact ReadDescriptor(ByteSpan bytes, std::size_t at, const Control& control) {
  FrameFact frame{.left = decode::Le16(bytes, at + 1),
                  .top = decode::Le16(bytes, at + 3),
                  .width = decode::Le16(bytes, at + 5),
                  .height = decode::Le16(bytes, at + 7),
                  .disposal = control.disposal,
                  .blends = control.transparent >= 0,
                  .at = at,
                  .transparent = control.transparent};
  // Where a side is 0 some browsers show nothing and others take the canvas's sides for the frame's: which of
  // them is right cannot be known, so nothing here may count as having been seen.
  frame.readable = frame.width != 0 && frame.height != 0;
  frame.cost = std::uint64_t{frame.width} * frame.height;
  return frame;
}

/// True where a frame's descriptor may begin somewhere in `rest`, with room for the least that follows it.
bool MayHoldFrame(ByteSpan rest) {
  constexpr std::size_t kLeastFrame = 11;
  return rest.size() >= kLeastFrame &&
         std::memchr(rest.data(), 0x2c, rest.size() - kLeastFrame + 1) != nullptr;
}

/// Counts frames whose data is there to its end, and one more where the file ends inside it. Stops behind
/// `most`. The first kMaxPlannedFrames of them go to `frames`, where it is given. At a byte that starts no
/// block the walk ends, as browsers end there (GIF89a calls such a file corrupt); where a frame may lie
/// behind it, that is counted as one more which nobody has seen, because other viewers search for the next
/// block (GIF87a asks for that).
Walk WalkBlocks(ByteSpan bytes, std::uint32_t most, std::vector<FrameFact>* frames) {
  Walk walk;
  if (bytes.size() < 13) return walk;
  Control control;
  std::size_t at = 13 + TableBytes(bytes[10]);
  while (at < bytes.size() && walk.frames <= most) {
    const std::uint8_t kind = bytes[at];
    if (kind == 0x3b) {
      walk.complete = true;
      walk.end = at + 1;
      return walk;
    }
    if (kind == 0x2c) {
      ++walk.frames;
      if (frames != nullptr && frames->size() < kMaxPlannedFrames && bytes.size() - at >= 11) {
        frames->push_back(ReadDescriptor(bytes, at, control));
      }
      control = {};
      at = bytes.size() - at < 11 ? 0 : SkipBlocks(bytes, at + 11 + TableBytes(bytes[at + 9]));
      walk.cut_inside_frame = at == 0;
    } else if (kind == 0x21) {
      if (at + 1 < bytes.size() && bytes[at + 1] == 0xf9) control = ReadControl(bytes, at);
      at = SkipBlocks(bytes, at + 2);
    } else {
      walk.damaged = true;
      if (walk.frames > 0 && MayHoldFrame(bytes.subspan(at))) ++walk.frames;
      return walk;
    }
    if (at == 0) return walk;
  }
  return walk;
}

struct Source {
  ByteSpan bytes;
  std::size_t at = 0;
  bool ran_out = false;
  // What is read next once `at` comes to `jump_from`, so that a frame can follow the header of the file.
  std::size_t jump_from = 0;
  std::size_t jump_to = 0;
};

int ReadBytes(GifFileType* gif, GifByteType* to, int size) {
  Source& source = *static_cast<Source*>(gif->UserData);
  const auto wanted = static_cast<std::size_t>(std::max(size, 0));
  if (source.jump_to != 0 && source.at == source.jump_from) source.at = std::exchange(source.jump_to, 0);
  const std::size_t count = std::min(wanted, source.bytes.size() - source.at);
  if (count < wanted) source.ran_out = true;
  std::memcpy(to, source.bytes.data() + source.at, count);
  source.at += count;
  return static_cast<int>(count);
}

struct Closer {
  void operator()(GifFileType* gif) const {
    int error = 0;
    DGifCloseFile(gif, &error);
  }
};
using Gif = std::unique_ptr<GifFileType, Closer>;

/// Goes to the first frame's data. `transparent` becomes its transparent colour or -1. False where there is
/// none.
bool FindFirstFrame(GifFileType* gif, int& transparent) {
  transparent = NO_TRANSPARENT_COLOR;
  for (;;) {
    GifRecordType kind = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(gif, &kind) == GIF_ERROR) return false;
    if (kind == IMAGE_DESC_RECORD_TYPE) return DGifGetImageDesc(gif) == GIF_OK;
    if (kind != EXTENSION_RECORD_TYPE) return false;
    int code = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(gif, &code, &block) == GIF_ERROR) return false;
    while (block != nullptr) {
      GraphicsControlBlock control{};
      if (code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
        transparent = control.TransparentColor;
      }
      if (DGifGetExtensionNext(gif, &block) == GIF_ERROR) return false;
    }
  }
}

using Palette = std::array<std::array<std::uint8_t, 4>, 256>;

Palette MakePalette(const ColorMapObject& colors, int transparent) {
  Palette palette{};
  for (std::size_t i = 0; i < 256; ++i) {
    palette[i] = {0, 0, 0, 255};
    if (i < static_cast<std::size_t>(colors.ColorCount)) {
      const GifColorType& color = colors.Colors[i];
      palette[i] = {color.Red, color.Green, color.Blue, 255};
    }
  }
  if (transparent >= 0 && transparent < 256) palette[static_cast<std::size_t>(transparent)][3] = 0;
  return palette;
}

/// Where the frame lies on the canvas.
struct Place {
  std::uint32_t left = 0;
  std::uint32_t top = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

struct Rows {
  std::uint32_t shown = 0;  ///< rows of the frame, from its top, that show the picture
  bool complete = false;
};

/// Reads the frame's rows onto the canvas, which may be smaller but has its corner. Of an interlaced frame
/// each row stands in for those below it until a later pass brings them.
Rows ReadRows(GifFileType* gif, const Place& place, const Palette& palette, Bitmap& canvas) {
  std::vector<GifPixelType> line(place.width);
  const std::uint32_t visible = std::min(place.width, canvas.width - place.left);
  const auto draw = [&](std::uint32_t y) {
    if (y >= canvas.height - place.top) return;
    std::uint8_t* to = canvas.Row(place.top + y) + std::size_t{place.left} * 4;
    for (std::uint32_t x = 0; x < visible; ++x) std::memcpy(to + std::size_t{x} * 4, &palette[line[x]], 4);
  };
  const auto read = [&] { return DGifGetLine(gif, line.data(), static_cast<int>(place.width)) == GIF_OK; };
  if (!gif->Image.Interlace) {
    for (std::uint32_t y = 0; y < place.height; ++y) {
      if (!read()) return {.shown = y};
      draw(y);
    }
    return {.shown = place.height, .complete = true};
  }
  constexpr std::array<std::array<std::uint32_t, 3>, 4> kPasses = {
      {{0, 8, 8}, {4, 8, 4}, {2, 4, 2}, {1, 2, 1}}};
  std::uint32_t shown = 0;
  for (const auto& [first, step, stands_for] : kPasses) {
    for (std::uint32_t y = first; y < place.height; y += step) {
      if (!read()) return {.shown = shown};
      const std::uint32_t last = std::min(y + stands_for, place.height);
      for (std::uint32_t row = y; row < last; ++row) draw(row);
      shown = std::max(shown, last);
    }
  }
  return {.shown = place.height, .complete = true};
}

Cause Decode(ByteSpan bytes, const decode::Limits& limits, Decoded& out) {
  if (bytes.size() < 13) return Cause::kTruncated;
  out.width = decode::Le16(bytes, 6);
  out.height = decode::Le16(bytes, 8);
  const Walk walk = WalkBlocks(bytes, limits.max_frames, nullptr);
  out.frames_total = walk.frames;
  if (walk.frames > limits.max_frames) return Cause::kTooManyFrames;
  out.trailing_bytes = walk.complete && walk.end < bytes.size();
  if (walk.frames == 0) return walk.complete || walk.damaged ? Cause::kCorrupt : Cause::kTruncated;

  Source source{.bytes = bytes};
  int error = 0;
  const Gif gif(DGifOpen(&source, &ReadBytes, &error));
  if (gif == nullptr) {
    if (error == D_GIF_ERR_NOT_ENOUGH_MEM) return Cause::kTooCostly;
    return source.ran_out ? Cause::kTruncated : Cause::kCorrupt;
  }
  int transparent = NO_TRANSPARENT_COLOR;
  if (!FindFirstFrame(gif.get(), transparent)) return source.ran_out ? Cause::kTruncated : Cause::kCorrupt;
  const GifImageDesc& frame = gif->Image;
  if (frame.Left < 0 || frame.Top < 0 || frame.Width <= 0 || frame.Height <= 0) return Cause::kCorrupt;
  const Place place{static_cast<std::uint32_t>(frame.Left), static_cast<std::uint32_t>(frame.Top),
                    static_cast<std::uint32_t>(frame.Width), static_cast<std::uint32_t>(frame.Height)};
  // Viewers widen the canvas for a first frame that reaches over its edge.
  out.width = std::max(out.width, place.left + place.width);
  out.height = std::max(out.height, place.top + place.height);
  if (const Cause cause = CheckSides(out.width, out.height, limits); cause != Cause::kNone) return cause;
  if (CheckMemory(std::uint64_t{out.width} * out.height * 4, limits) != Cause::kNone)
    return Cause::kTooCostly;
  const ColorMapObject* colors = frame.ColorMap != nullptr ? frame.ColorMap : gif->SColorMap;
  if (colors == nullptr || colors->Colors == nullptr) return Cause::kCorrupt;

  out.bitmap = Bitmap(out.width, out.height, 4);
  const Rows rows = ReadRows(gif.get(), place, MakePalette(*colors, transparent), out.bitmap);
  if (rows.complete) {
    // A missing trailer is only a fact; a later frame cut off is a picture that is not all there.
    out.warned = !walk.complete;
    out.frames_cut = walk.cut_inside_frame;
    return Cause::kNone;
  }
  out.warned = true;
  if (rows.shown == 0) {
    out.bitmap = Bitmap();
    return source.ran_out ? Cause::kTruncated : Cause::kCorrupt;
  }
  out.bitmap.height = place.top + rows.shown;
  return Cause::kTruncated;
}

class GifFrames final : public FrameSource {
 public:
  explicit GifFrames(ByteSpan bytes) : bytes_(bytes) {}

  Cause Decode(std::size_t index, Bitmap& part, std::uint32_t& rows) override {
    const FrameFact& frame = frames[index];
    // giflib reads the header, then this frame as if it were the first.
    Source source{.bytes = bytes_, .jump_from = 13 + TableBytes(bytes_[10]), .jump_to = frame.at};
    int error = 0;
    const Gif gif(DGifOpen(&source, &ReadBytes, &error));
    if (gif == nullptr) return error == D_GIF_ERR_NOT_ENOUGH_MEM ? Cause::kTooCostly : Cause::kCorrupt;
    int transparent = NO_TRANSPARENT_COLOR;
    if (!FindFirstFrame(gif.get(), transparent)) return Cause::kCorrupt;
    const GifImageDesc& image = gif->Image;
    const ColorMapObject* colors = image.ColorMap != nullptr ? image.ColorMap : gif->SColorMap;
    if (image.Width <= 0 || image.Height <= 0 || colors == nullptr || colors->Colors == nullptr) {
      return Cause::kCorrupt;
    }
    const Place place{.width = static_cast<std::uint32_t>(image.Width),
                      .height = static_cast<std::uint32_t>(image.Height)};
    const Rows read = ReadRows(gif.get(), place, MakePalette(*colors, frame.transparent), part);
    rows = std::min(read.shown, part.height);
    if (read.complete) return Cause::kNone;
    return rows == 0 && !source.ran_out ? Cause::kCorrupt : Cause::kTruncated;
  }

 private:
  ByteSpan bytes_;
};

}  // namespace

std::unique_ptr<FrameSource> OpenGifFrames(ByteSpan bytes, std::uint32_t width, std::uint32_t height) {
  auto source = std::make_unique<GifFrames>(bytes);
  source->width = width;
  source->height = height;
  const auto most = static_cast<std::uint32_t>(kMaxPlannedFrames);
  if (WalkBlocks(bytes, most, &source->frames).frames < 2) return nullptr;
  for (FrameFact& frame : source->frames) CutToCanvas(width, height, frame);
  return source;
}

Decoded DecodeGif(ByteSpan bytes, const decode::Limits& limits) {
  Decoded out;
  out.cause = Decode(bytes, limits, out);
  return out;
}

}  // namespace hashgate::image
