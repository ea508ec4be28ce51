// JPEG through libjpeg's API (libjpeg-turbo): accurate integer DCT, smooth chroma upsampling, no turning by
// EXIF, no colour profile. Source of the format: ITU-T T.81; of Adobe's CMYK: Adobe technical note 5116.
#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "decode/sniff.h"
#include "image/codec.h"

#include <jerror.h>
#include <jpeglib.h>

namespace hashgate::image {
namespace {

/// Makes rows of averages of squares from rows of pixels.
class RowAverages {
 public:
  RowAverages() = default;
  /// `to` has the averages of `width` x `height` pixels and stays where it is.
  RowAverages(Bitmap& to, std::uint32_t width, std::uint32_t height, std::uint32_t factor)
      : to_(&to),
        width_(width),
        height_(height),
        factor_(factor),
        row_(std::size_t{width} * to.channels),
        sums_(to.stride()) {}

  /// Where the next row of pixels goes.
  [[nodiscard]] std::uint8_t* row() { return row_.data(); }

  /// Row `y` is there.
  void Add(std::uint32_t y) {
    const std::size_t channels = to_->channels;
    const std::uint8_t* pixel = row_.data();
    std::uint32_t* sum = sums_.data();
    for (std::uint32_t left = width_; left > 0; sum += channels) {
      const std::uint32_t count = std::min(factor_, left);
      for (std::uint32_t i = 0; i < count; ++i) {
        for (std::size_t c = 0; c < channels; ++c) sum[c] += *pixel++;
      }
      left -= count;
    }
    if ((y + 1) % factor_ == 0 || y + 1 == height_) Finish(y / factor_, y % factor_ + 1);
  }

 private:
  void Finish(std::uint32_t out_row, std::uint32_t rows) {
    const std::size_t channels = to_->channels;
    std::uint8_t* out = to_->Row(out_row);
    for (std::uint32_t x = 0; x < to_->width; ++x) {
      const std::uint32_t count = rows * std::min(factor_, width_ - x * factor_);
      for (std::size_t c = 0; c < channels; ++c) {
        std::uint32_t& sum = sums_[x * channels + c];
        *out++ = static_cast<std::uint8_t>((sum + count / 2) / count);
        sum = 0;
      }
    }
  }

  Bitmap* to_ = nullptr;
  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
  std::uint32_t factor_ = 1;
  WipedBuffer<std::uint8_t> row_;
  WipedBuffer<std::uint32_t> sums_;
};

/// Everything that must survive libjpeg's jump out of an error lives here, in the caller's frame; the
/// functions that the jump leaves own nothing.
struct Reader {
  jpeg_decompress_struct codec{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  const decode::Limits* limits = nullptr;
  Decoded* out = nullptr;
  Bitmap bitmap;
  Bitmap alternate;          ///< inks read the other way, grey; only where no marker says which way is meant
  std::uint32_t factor = 1;  ///< pixels of the picture along a side for one of `bitmap`
  WipedBuffer<std::uint8_t> cmyk_row;
  RowAverages bitmap_rows;
  RowAverages alternate_rows;
  bool failed_allocation = false;
  bool ran_out = false;          ///< the file ended before its end marker
  bool pixels_missing = false;   ///< entropy-coded data ended before the picture was complete
  std::uint32_t rows_sound = 0;  ///< rows above the first that misses data; valid with pixels_missing
  std::uint32_t rows_written = 0;
};

Reader& ReaderOf(j_common_ptr codec) {
  return *static_cast<Reader*>(codec->client_data);
}

[[noreturn]] void Escape(j_common_ptr codec) {
  std::longjmp(ReaderOf(codec).escape, 1);
}

/// Notes where data is missing. In a picture of several scans a later scan only refines what is there.
void NoteMissing(Reader& reader) {
  if (reader.pixels_missing) return;
  reader.pixels_missing = true;
  const jpeg_decompress_struct& codec = reader.codec;
  if (codec.input_scan_number > 1) {
    reader.rows_sound = codec.output_height;
    return;
  }
  const auto rows_per_unit = static_cast<std::uint32_t>(codec.max_v_samp_factor * DCTSIZE);
  reader.rows_sound = std::min(codec.input_iMCU_row * rows_per_unit, codec.output_height);
}

/// Warnings (level -1) are kept as facts; nothing is printed.
void OnMessage(j_common_ptr codec, int level) {
  if (level >= 0) return;
  ++codec->err->num_warnings;
  Reader& reader = ReaderOf(codec);
  if (codec->err->msg_code == JWRN_JPEG_EOF) reader.ran_out = true;
  if (codec->err->msg_code == JWRN_HIT_MARKER) {
    // At a restart marker only one interval is damaged and decoding goes on behind it.
    const int marker = reader.codec.unread_marker;
    if (marker < JPEG_RST0 || marker > JPEG_RST0 + 7) NoteMissing(reader);
  }
}
void PrintNothing(j_common_ptr /*codec*/) {}

/// False, with the limit noted, where so many scans are more than is allowed.
bool ScansWithin(std::uint64_t scans, Reader& reader) {
  const std::uint64_t pixels =
      static_cast<std::uint64_t>(reader.codec.image_width) * reader.codec.image_height;
  if (scans > reader.limits->max_scans) {
    reader.out->limit = decode::Limit::kScans;
  } else if (scans * pixels > reader.limits->max_scan_pixels) {
    reader.out->limit = decode::Limit::kScanPixels;
  }
  return reader.out->limit == decode::Limit::kNone;
}

/// Scans have been counted by our own reading of the markers; this holds should libjpeg see more.
void OnProgress(j_common_ptr codec) {
  Reader& reader = ReaderOf(codec);
  if (!ScansWithin(static_cast<std::uint64_t>(std::max(0, reader.codec.input_scan_number)), reader)) {
    Escape(codec);
  }
}

/// Ink to light, as browsers do it whatever the file says: each stored value is what the ink leaves.
void CmykToRgb(const std::uint8_t* cmyk, std::uint8_t* rgb, std::uint32_t width) {
  for (std::uint32_t x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    for (int i = 0; i < 3; ++i) rgb[i] = static_cast<std::uint8_t>((cmyk[i] * cmyk[3] + 127) / 255);
  }
}

/// The other reading, each stored value the amount of ink, as luma.
void CmykToOtherGrey(const std::uint8_t* cmyk, std::uint8_t* grey, std::uint32_t width) {
  for (std::uint32_t x = 0; x < width; ++x, cmyk += 4, ++grey) {
    const std::uint32_t weighed = 299U * (255U - cmyk[0]) + 587U * (255U - cmyk[1]) + 114U * (255U - cmyk[2]);
    *grey = static_cast<std::uint8_t>((weighed * (255U - cmyk[3]) + 127'500) / 255'000);
  }
}

Cause CauseOfError(const Reader& reader) {
  if (reader.failed_allocation || reader.out->limit != decode::Limit::kNone) return Cause::kTooCostly;
  switch (reader.errors.msg_code) {
    case JERR_OUT_OF_MEMORY: return Cause::kTooCostly;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED: return Cause::kUnsupportedFormat;
    case JERR_IMAGE_TOO_BIG: return Cause::kTooManyPixels;
    default: return reader.ran_out ? Cause::kTruncated : Cause::kCorrupt;
  }
}

/// True where every coefficient of a progressive picture has reached its last bit.
bool IsFullyRefined(const jpeg_decompress_struct& codec) {
  if (codec.coef_bits == nullptr) return false;
  for (int component = 0; component < codec.num_components; ++component) {
    for (int k = 0; k < DCTSIZE2; ++k) {
      if (codec.coef_bits[component][k] != 0) return false;
    }
  }
  return true;
}

/// What libjpeg keeps of a picture of several scans until the last of them: every coefficient, in 2 bytes.
std::uint64_t CoefficientBytes(const jpeg_decompress_struct& codec) {
  const auto up_to = [](std::uint64_t count, int factor) {
    const auto whole = static_cast<std::uint64_t>(factor);
    return (count + whole - 1) / whole * whole;
  };
  std::uint64_t blocks = 0;
  for (int i = 0; i < codec.num_components; ++i) {
    const jpeg_component_info& component = codec.comp_info[i];
    blocks += up_to(component.width_in_blocks, component.h_samp_factor) *
              up_to(component.height_in_blocks, component.v_samp_factor);
  }
  return blocks * sizeof(JBLOCK);
}

/// How many averages of `factor` pixels stand for a side.
std::uint32_t Shrunk(JDIMENSION side, std::uint32_t factor) {
  return (side + factor - 1) / factor;
}

/// The picture and what is kept beside it, at the chosen scale.
std::uint64_t NeededBytes(Reader& reader) {
  jpeg_decompress_struct& codec = reader.codec;
  const std::uint64_t pixels =
      std::uint64_t{Shrunk(codec.image_width, reader.factor)} * Shrunk(codec.image_height, reader.factor);
  const bool inks = codec.out_color_space == JCS_CMYK;
  const std::uint64_t channels = codec.out_color_space == JCS_GRAYSCALE ? 1 : inks ? 4 : 3;
  return pixels * channels + (jpeg_has_multiple_scans(&codec) != FALSE ? CoefficientBytes(codec) : 0);
}

/// Chooses the largest scale at which the picture keeps to the limits: 1, or less for one that is larger.
Cause ChooseScale(Reader& reader) {
  jpeg_decompress_struct& codec = reader.codec;
  const decode::Limits& limits = *reader.limits;
  const Cause whole = CheckSides(codec.image_width, codec.image_height, limits);
  if (whole == Cause::kNone) return CheckMemory(NeededBytes(reader), limits);
  if (whole == Cause::kCorrupt) return whole;
  const std::uint64_t pixels = static_cast<std::uint64_t>(codec.image_width) * codec.image_height;
  if (pixels > limits.max_scaled_pixels) return whole;
  for (const std::uint32_t factor : {2U, 4U, 8U}) {
    const Cause sides =
        CheckSides(Shrunk(codec.image_width, factor), Shrunk(codec.image_height, factor), limits);
    if (sides != Cause::kNone) continue;
    reader.factor = factor;
    reader.out->scaled = true;
    return CheckMemory(NeededBytes(reader), limits) == Cause::kNone ? Cause::kNone : whole;
  }
  return whole;
}

/// Reads the header and checks limits. Returns kNone to go on.
Cause Begin(Reader& reader, ByteSpan bytes) {
  jpeg_decompress_struct& codec = reader.codec;
  jpeg_mem_src(&codec, bytes.data(), bytes.size());
  jpeg_read_header(&codec, TRUE);
  reader.out->width = codec.image_width;
  reader.out->height = codec.image_height;
  reader.out->frames_total = 1;
  switch (codec.jpeg_color_space) {
    case JCS_GRAYSCALE: codec.out_color_space = JCS_GRAYSCALE; break;
    case JCS_YCbCr:
    case JCS_RGB: codec.out_color_space = JCS_RGB; break;
    case JCS_CMYK:
    case JCS_YCCK: codec.out_color_space = JCS_CMYK; break;
    default: return Cause::kUnsupportedFormat;
  }
  codec.dct_method = JDCT_ISLOW;
  codec.do_fancy_upsampling = TRUE;
  if (const Cause cause = ChooseScale(reader); cause != Cause::kNone) return cause;
  const bool few = ScansWithin(decode::ReadHeader(decode::Format::kJpeg, bytes).scans, reader);
  return few ? Cause::kNone : Cause::kTooCostly;
}

void Allocate(Reader& reader) {
  const jpeg_decompress_struct& codec = reader.codec;
  const auto make = [&reader, &codec](std::uint32_t channels, Bitmap& bitmap, RowAverages& rows) {
    bitmap = Bitmap(Shrunk(codec.output_width, reader.factor), Shrunk(codec.output_height, reader.factor),
                    channels);
    if (reader.factor > 1) rows = RowAverages(bitmap, codec.output_width, codec.output_height, reader.factor);
  };
  try {
    make(codec.out_color_space == JCS_GRAYSCALE ? 1 : 3, reader.bitmap, reader.bitmap_rows);
    if (codec.out_color_space == JCS_CMYK) {
      reader.cmyk_row = WipedBuffer<std::uint8_t>(std::size_t{codec.output_width} * 4);
      if (codec.saw_Adobe_marker == FALSE) make(1, reader.alternate, reader.alternate_rows);
    }
  } catch (const std::bad_alloc&) {
    reader.failed_allocation = true;
  }
}

void ReadRows(Reader& reader) {
  jpeg_decompress_struct& codec = reader.codec;
  const bool whole = reader.factor == 1;
  const bool inks = codec.out_color_space == JCS_CMYK;
  const bool other = reader.alternate.width != 0;
  while (codec.output_scanline < codec.output_height) {
    const std::uint32_t y = codec.output_scanline;
    std::uint8_t* row = whole ? reader.bitmap.Row(y) : reader.bitmap_rows.row();
    JSAMPROW target = inks ? reader.cmyk_row.data() : row;
    if (jpeg_read_scanlines(&codec, &target, 1) != 1) break;
    if (inks) {
      CmykToRgb(target, row, codec.output_width);
      if (other) {
        CmykToOtherGrey(target, whole ? reader.alternate.Row(y) : reader.alternate_rows.row(),
                        codec.output_width);
      }
    }
    if (!whole) {
      reader.bitmap_rows.Add(y);
      if (other) reader.alternate_rows.Add(y);
    }
    reader.rows_written = codec.output_scanline;
  }
}

/// Decodes into `reader`. Returns the cause; where it is kTruncated, rows_sound rows of the picture are
/// there.
Cause Run(Reader& reader, ByteSpan bytes) {
  if (setjmp(reader.escape) != 0) {
    const Cause cause = CauseOfError(reader);
    if (cause == Cause::kTooCostly || reader.rows_written == 0) return cause;
    // Damage that libjpeg will not pass: what was shown before it still counts.
    const std::uint32_t shown = reader.rows_written;
    reader.rows_sound = reader.pixels_missing ? std::min(reader.rows_sound, shown) : shown;
    return shown == reader.codec.output_height && !reader.pixels_missing ? Cause::kNone : Cause::kTruncated;
  }
  jpeg_create_decompress(&reader.codec);
  reader.codec.progress = &reader.progress;
  if (const Cause cause = Begin(reader, bytes); cause != Cause::kNone) return cause;
  jpeg_start_decompress(&reader.codec);
  Allocate(reader);
  if (reader.failed_allocation) return Cause::kTooCostly;
  ReadRows(reader);
  // The end of the file in place of an end marker only matters where more could have come.
  const bool refined = reader.codec.progressive_mode == FALSE || IsFullyRefined(reader.codec);
  jpeg_finish_decompress(&reader.codec);
  reader.out->trailing_bytes = !reader.ran_out && reader.codec.src->bytes_in_buffer > 0;
  if (reader.ran_out && !refined && !reader.pixels_missing) {
    reader.pixels_missing = true;
    reader.rows_sound = reader.codec.output_height;
  }
  return reader.pixels_missing ? Cause::kTruncated : Cause::kNone;
}

}  // namespace

Decoded DecodeJpeg(ByteSpan bytes, const decode::Limits& limits) {
  Decoded out;
  Reader reader;
  reader.limits = &limits;
  reader.out = &out;
  reader.codec.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = &Escape;
  reader.errors.emit_message = &OnMessage;
  reader.errors.output_message = &PrintNothing;
  reader.progress.progress_monitor = &OnProgress;
  reader.codec.client_data = &reader;
  out.cause = Run(reader, bytes);
  out.warned = reader.errors.num_warnings > 0;
  jpeg_destroy_decompress(&reader.codec);
  if (out.cause == Cause::kNone || out.cause == Cause::kTruncated) {
    out.bitmap = std::move(reader.bitmap);
    out.alternate = std::move(reader.alternate);
    if (out.cause == Cause::kTruncated) {
      for (Bitmap* const part : {&out.bitmap, &out.alternate})
        part->height = std::min(part->height, reader.rows_sound / reader.factor);
    }
  }
  return out;
}

}  // namespace hashgate::image
