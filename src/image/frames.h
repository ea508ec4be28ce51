// The frames of an animation: where each lies and what it does to the canvas, and the canvas itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "decode/record.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "image/pixels.h"

namespace hashgate::image {

/// Frames that are planned for, at most; those behind them are counted and not looked at.
inline constexpr std::size_t kMaxPlannedFrames = 16'384;

/// What becomes of a frame's place before the next frame is drawn.
enum class Disposal : std::uint8_t {
  kKeep,
  kClear,    ///< it becomes transparent, as browsers do it whatever background the file names
  kRestore,  ///< it shows what was there before the frame
};

struct FrameFact {
  // Its place on the canvas, cut to it: nothing of it is visible where a side is 0.
  std::uint32_t left = 0;
  std::uint32_t top = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool readable = true;  ///< false: nothing could be decoded, or viewers do not agree where it lies
  Disposal disposal = Disposal::kKeep;
  bool blends = true;  ///< what was there shows through its transparent pixels; else it replaces all of it
  std::uint64_t cost = 0;  ///< pixels that decoding it takes
  // For the source's own use: where its data lies in the file.
  std::size_t at = 0;
  std::size_t size = 0;
  int transparent = -1;  ///< GIF: index of the transparent colour
};

/// The frames of one file, in the order in which they are shown. Borrows the file's bytes.
class FrameSource {
 public:
  FrameSource() = default;
  FrameSource(const FrameSource&) = delete;
  FrameSource& operator=(const FrameSource&) = delete;
  virtual ~FrameSource() = default;

  std::uint32_t width = 0;  ///< of the canvas, within limits
  std::uint32_t height = 0;
  /// What the first frame is called: 1 where another picture, that is not one of the frames, has number 0.
  std::uint32_t first_number = 0;
  std::vector<FrameFact> frames;  ///< at most kMaxPlannedFrames

  /// Decodes one frame into `part`, which is zeros, has the frame's visible sides and four channels. Returns
  /// kNone, or kTruncated with the rows that are there in `rows`, or why there is nothing. Throws only
  /// std::bad_alloc.
  virtual Cause Decode(std::size_t index, Bitmap& part, std::uint32_t& rows) = 0;
};

/// Reads where frames lie; nothing is decoded. nullptr where there is nothing to show beyond the first
/// picture. `width` and `height` are those of the canvas as the file's codec found it. Cost: one walk over
/// the file's blocks or chunks.
std::unique_ptr<FrameSource> OpenGifFrames(ByteSpan bytes, std::uint32_t width, std::uint32_t height);
std::unique_ptr<FrameSource> OpenWebpFrames(ByteSpan bytes, std::uint32_t width, std::uint32_t height);
std::unique_ptr<FrameSource> OpenPngFrames(ByteSpan bytes, std::uint32_t width, std::uint32_t height);
std::unique_ptr<FrameSource> OpenFrames(decode::Format format, ByteSpan bytes, std::uint32_t width,
                                        std::uint32_t height);

/// Cuts a rectangle that may lie anywhere to the canvas. Sides of 0 where nothing is left.
void CutToCanvas(std::uint32_t canvas_width, std::uint32_t canvas_height, FrameFact& frame);

/// What a viewer shows: frames drawn one over another. Sources: GIF89a 23.c.iv, RFC 9649 2.7.1.1, W3C PNG
/// (third edition) 13.4. Alpha is not multiplied in. Memory: 4 bytes a pixel, twice that where a frame
/// restores what was under it.
class FrameCanvas {
 public:
  FrameCanvas(std::uint32_t width, std::uint32_t height) : bitmap_(width, height, 4) {}

  /// Draws the first `rows` rows of `part`, after what the frame before asked for. Returns how many pixels
  /// are others than before.
  std::uint64_t Draw(const FrameFact& frame, const Bitmap& part, std::uint32_t rows);
  /// As at the start: everything transparent.
  void Reset();
  [[nodiscard]] const Bitmap& bitmap() const { return bitmap_; }

 private:
  std::uint64_t Dispose();

  Bitmap bitmap_;
  Bitmap saved_;  // what lies under a frame that restores it
  FrameFact last_{};
};

}  // namespace hashgate::image
