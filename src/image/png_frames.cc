// Frames of an APNG: libpng knows none, so each is handed to it as a PNG of its own.
// Source of the format: W3C PNG (third edition), "APNG: frame-based animation".
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "decode/byte_order.h"
#include "image/png_pieces.h"

#include <zlib.h>

namespace hashgate::image {
namespace {

constexpr std::size_t kHeaderBytes = 33;  // signature and header chunk
constexpr std::array<std::uint8_t, 12> kEnd = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

void PutBe32(std::uint32_t value, std::uint8_t* to) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

/// The file's header with the frame's sides, its palette, and the frame's data under the name and with the
/// checksum that a still picture's has.
class FramePieces final : public PngPieces {
 public:
  FramePieces(ByteSpan bytes, const PngChunks& chunks, const FrameFact& frame)
      : palette_(chunks.palette),
        transparency_(chunks.transparency),
        data_(bytes.subspan(frame.at, frame.size)) {
    std::memcpy(header_.data(), bytes.data(), kHeaderBytes);
    PutBe32(frame.width, &header_[16]);
    PutBe32(frame.height, &header_[20]);
    PutBe32(static_cast<std::uint32_t>(crc32(0, &header_[12], 17)), &header_[29]);
  }

  ByteSpan Next() noexcept override {
    for (;;) {
      switch (std::exchange(next_, Step::kChunk)) {
        case Step::kHeader: next_ = Step::kPalette; return header_;
        case Step::kPalette:
          next_ = Step::kTransparency;
          if (!palette_.empty()) return palette_;
          break;
        case Step::kTransparency:
          if (!transparency_.empty()) return transparency_;
          break;
        case Step::kChunk:
          if (at_end_) return {};
          return FindChunk();
        case Step::kData:
          next_ = Step::kChecksum;
          if (!chunk_.empty()) return chunk_;
          break;
        case Step::kChecksum: {
          // A checksum that is wrong in the file is passed over: some viewers do not look.
          const uLong sum = crc32(0, &start_[4], 4);
          PutBe32(static_cast<std::uint32_t>(
                      crc32(sum, chunk_.empty() ? Z_NULL : chunk_.data(), static_cast<uInt>(chunk_.size()))),
                  checksum_.data());
          if (chunk_.empty()) PutBe32(static_cast<std::uint32_t>(sum), checksum_.data());
          return checksum_;
        }
        case Step::kCut: at_end_ = true; return chunk_;
      }
    }
  }

 private:
  enum class Step : std::uint8_t { kHeader, kPalette, kTransparency, kChunk, kData, kChecksum, kCut };

  /// The start of the next chunk of data, or the end chunk.
  ByteSpan FindChunk() noexcept {
    while (data_.size() >= 8) {
      const std::size_t length = decode::Be32(data_, 0);
      const bool still = std::memcmp(data_.data() + 4, "IDAT", 4) == 0;
      const bool further = std::memcmp(data_.data() + 4, "fdAT", 4) == 0;
      const std::size_t skip = further ? 4 : 0;  // a frame's data begins with a number
      const bool cut = data_.size() < 12 || length > data_.size() - 12;
      const ByteSpan data = data_.subspan(8, cut ? data_.size() - 8 : length);
      data_ = data_.subspan(cut ? data_.size() : length + 12);
      if ((!still && !further) || data.size() < skip || length < skip) continue;
      chunk_ = data.subspan(skip);
      PutBe32(static_cast<std::uint32_t>(length - skip), start_.data());
      std::memcpy(&start_[4], "IDAT", 4);
      next_ = cut ? Step::kCut : Step::kData;
      return start_;
    }
    at_end_ = true;
    return kEnd;
  }

  Step next_ = Step::kHeader;
  bool at_end_ = false;
  std::array<std::uint8_t, kHeaderBytes> header_{};
  std::array<std::uint8_t, 8> start_{};
  std::array<std::uint8_t, 4> checksum_{};
  ByteSpan palette_;
  ByteSpan transparency_;
  ByteSpan data_;
  ByteSpan chunk_;
};

/// Any number of channels to four.
void CopyRows(const Bitmap& from, Bitmap& to) {
  for (std::uint32_t y = 0; y < from.height; ++y) {
    const std::uint8_t* source = from.Row(y);
    std::uint8_t* target = to.Row(y);
    for (std::uint32_t x = 0; x < from.width; ++x, source += from.channels, target += 4) {
      for (std::uint32_t i = 0; i < 3; ++i) target[i] = source[from.channels == 1 ? 0 : i];
      target[3] = from.channels == 4 ? source[3] : 255;
    }
  }
}

class PngFrames final : public FrameSource {
 public:
  PngFrames(ByteSpan bytes, std::uint32_t canvas_width, std::uint32_t canvas_height) : bytes_(bytes) {
    width = canvas_width;
    height = canvas_height;
    limits_.max_side = std::max(width, height);
    limits_.max_pixels = std::uint64_t{width} * height;
    chunks = WalkPngChunks(bytes, &frames);
    // A still picture of the file's sides stands in front where it is none of the frames.
    first_number = chunks.default_is_shown ? 0 : 1;
  }

  Cause Decode(std::size_t index, Bitmap& part, std::uint32_t& rows) override {
    FramePieces pieces(bytes_, chunks, frames[index]);
    const PngPart read = DecodePngPieces(pieces, limits_);
    if (read.cause != Cause::kNone && read.cause != Cause::kTruncated) return read.cause;
    rows = read.bitmap.height;
    CopyRows(read.bitmap, part);
    return read.cause;
  }

  PngChunks chunks;

 private:
  ByteSpan bytes_;
  decode::Limits limits_;
};

}  // namespace

std::unique_ptr<FrameSource> OpenPngFrames(ByteSpan bytes, std::uint32_t width, std::uint32_t height) {
  if (bytes.size() < kHeaderBytes) return nullptr;
  auto source = std::make_unique<PngFrames>(bytes, width, height);
  if (!source->chunks.animated) return nullptr;
  return source;
}

}  // namespace hashgate::image
