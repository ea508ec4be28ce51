// libjpeg decodes the entropy code; its inverse transform is replaced by our own, which is handed each
// block's coefficients. Formulas: ITU-T T.81 annex A (the transform), T.871 (colours).
#include "image/jpeg_reduced.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "image/codec.h"
#include "image/jpeg_block.h"

#define JPEG_INTERNALS
#include <jpeglib.h>

namespace hashgate::image {
namespace {

constexpr std::uint32_t kBlockSide = DCTSIZE;
/// Luma blocks of an MCU where chroma has half the luma's samples along both sides.
constexpr std::size_t kMaxLumaBlocks = 4;
/// Colours cut by less than this many levels are not worth a full decode: no picture is made of so little.
constexpr float kCutLevels = 2;

/// A block of an MCU, decoded where its bounds by coefficients do not tell enough.
struct Block {
  JCOEFPTR coefficients = nullptr;
  Bounds bounds;
  bool decoded = false;
  Pixels pixels{};
};

struct LumaBlock : Block {
  std::uint32_t x = 0;  ///< of its first pixel
  std::uint32_t y = 0;
};

/// Everything that must survive libjpeg's jump out of an error lives here, in the caller's frame; the
/// functions that the jump leaves own nothing.
struct Reducer {
  jpeg_decompress_struct codec{};
  jpeg_error_mgr errors{};
  std::jmp_buf escape{};
  bool failed_allocation = false;

  ReducedLuma out;
  std::uint32_t stride = 0;  ///< of out.averages
  std::array<inverse_DCT_method_ptr, 3> decode{};
  std::array<BlockTable, 3> tables{};
  std::array<JSAMPROW, std::size_t{2} * DCTSIZE> no_rows{};
  std::array<JSAMPARRAY, 3> rows{};  ///< what libjpeg believes that it writes to
  std::uint32_t first_row = 0;       ///< of the row of MCUs that is decoded now

  std::array<LumaBlock, kMaxLumaBlocks> luma{};
  std::size_t luma_count = 0;
  std::array<Block, 2> chroma{};    ///< blue, red
  std::array<Chroma, 2> blended{};  ///< the same, once a block's colours are cut
  bool is_blended = false;
};

Reducer& ReducerOf(j_decompress_ptr codec) {
  return *static_cast<Reducer*>(codec->client_data);
}

[[noreturn]] void Escape(j_common_ptr codec) {
  std::longjmp(static_cast<Reducer*>(codec->client_data)->escape, 1);
}

/// Damage of any kind is the codec's business.
void OnMessage(j_common_ptr codec, int level) {
  if (level < 0) Escape(codec);
}
void PrintNothing(j_common_ptr /*codec*/) {}

/// Has libjpeg decode a block, unless that is done, and notes what its samples are.
void Decode(Reducer& reducer, std::size_t component, Block& block) {
  if (block.decoded) return;
  std::array<JSAMPROW, kBlockSide> rows{};
  for (std::size_t y = 0; y < kBlockSide; ++y) rows[y] = &block.pixels[y * kBlockSide];
  jpeg_decompress_struct& codec = reducer.codec;
  reducer.decode[component](&codec, &codec.comp_info[component], block.coefficients, rows.data(), 0);
  block.decoded = true;
  block.bounds = BoundsOf(block.pixels);
}

float* AveragesOf(Reducer& reducer, const LumaBlock& block) {
  return &reducer.out.averages[std::size_t{block.y / kReduction} * reducer.stride + block.x / kReduction];
}

void WriteQuarters(Reducer& reducer, const LumaBlock& block, const std::array<float, 4>& quarters) {
  float* out = AveragesOf(reducer, block);
  std::copy_n(quarters.data(), 2, out);
  std::copy_n(quarters.data() + 2, 2, out + reducer.stride);
}

/// True where all of the block belongs to the picture.
bool IsWhole(const Reducer& reducer, const LumaBlock& block) {
  return block.x + kBlockSide <= reducer.out.width && block.y + kBlockSide <= reducer.out.height;
}

/// Writes the averages of the squares of a block, of those samples of it that belong to the picture.
void WriteAverages(Reducer& reducer, const LumaBlock& block, const Pixels& pixels) {
  if (IsWhole(reducer, block)) return WriteQuarters(reducer, block, QuartersOf(pixels));
  const std::size_t right = std::min(kBlockSide, reducer.out.width - block.x);
  const std::size_t bottom = std::min(kBlockSide, reducer.out.height - block.y);
  float* out = AveragesOf(reducer, block);
  for (std::size_t top = 0; top < bottom; top += kReduction, out += reducer.stride) {
    for (std::size_t left = 0; left < right; left += kReduction) {
      out[left / kReduction] = Average(pixels, left, top, std::min<std::size_t>(kReduction, right - left),
                                       std::min<std::size_t>(kReduction, bottom - top));
    }
  }
}

/// Writes a block's averages as if no colour were cut.
void ReduceLuma(Reducer& reducer, LumaBlock& block) {
  block.decoded = false;
  const Transformed transformed = Transform(block.coefficients, reducer.tables[0]);
  block.bounds = transformed.bounds;
  if (transformed.is_exact && IsWhole(reducer, block)) {
    return WriteQuarters(reducer, block, transformed.averages);
  }
  Decode(reducer, 0, block);
  WriteAverages(reducer, block, block.pixels);
}

/// True where a screen may cut a colour of the block, as far as its bounds and those of chroma tell.
bool MayBeCut(const Reducer& reducer, const LumaBlock& block) {
  const Bounds added = AddedBounds(reducer.chroma[0].bounds, reducer.chroma[1].bounds);
  return block.bounds.low + added.low < -kCutLevels ||
         block.bounds.high + added.high > kMaxSample + kCutLevels;
}

/// Writes a block's averages anew where colours are cut.
void Recolor(Reducer& reducer, LumaBlock& block) {
  // What is looked at closer turns out harmless more often than not, and costs less than colours do.
  for (std::size_t i = 0; i < reducer.chroma.size(); ++i) Decode(reducer, i + 1, reducer.chroma[i]);
  if (!MayBeCut(reducer, block)) return;
  Decode(reducer, 0, block);
  if (!MayBeCut(reducer, block)) return;
  const jpeg_component_info& luma = reducer.codec.comp_info[0];
  const auto across = static_cast<std::size_t>(luma.h_samp_factor);
  const auto down = static_cast<std::size_t>(luma.v_samp_factor);
  if (!reducer.is_blended) {
    for (std::size_t i = 0; i < reducer.chroma.size(); ++i) {
      reducer.blended[i] = Blend(reducer.chroma[i].pixels, across, down);
    }
    reducer.is_blended = true;
  }
  WriteAverages(reducer, block,
                ShownLuma(block.pixels, reducer.blended[0], reducer.blended[1], block.x / kBlockSide % across,
                          block.y / kBlockSide % down));
}

/// All of an MCU has been seen, its last block of chroma too.
void FinishMcu(Reducer& reducer) {
  for (LumaBlock& block : std::span(reducer.luma).first(reducer.luma_count)) {
    if (MayBeCut(reducer, block)) Recolor(reducer, block);
  }
  reducer.luma_count = 0;
  reducer.is_blended = false;
}

/// In place of libjpeg's inverse transform. Nothing is written to `output`, it only says where the block
/// lies.
void OnBlock(j_decompress_ptr codec, jpeg_component_info* component, JCOEFPTR coefficients, JSAMPARRAY output,
             JDIMENSION output_column) {
  Reducer& reducer = ReducerOf(codec);
  const auto index = static_cast<std::size_t>(component->component_index);
  if (index == 0) {
    LumaBlock& block = reducer.luma[reducer.luma_count];
    block.coefficients = coefficients;
    block.x = output_column;
    block.y = reducer.first_row + static_cast<std::uint32_t>(output - reducer.rows[0]);
    // Blocks that only fill up an MCU show nothing.
    if (block.x >= reducer.out.width || block.y >= reducer.out.height) return;
    ReduceLuma(reducer, block);
    if (codec->num_components > 1) ++reducer.luma_count;
    return;
  }
  Block& chroma = reducer.chroma[index - 1];
  chroma.coefficients = coefficients;
  chroma.decoded = false;
  const Transformed transformed = Transform(coefficients, reducer.tables[index]);
  chroma.bounds = transformed.is_exact ? transformed.bounds : Bounds{.low = 0, .high = kMaxSample};
  if (index == 2) FinishMcu(reducer);
}

/// True where blocks come as OnBlock expects them: MCU by MCU, luma first, one block of each chroma last.
bool HasExpectedLayout(jpeg_decompress_struct& codec) {
  if (jpeg_has_multiple_scans(&codec) != FALSE || codec.progressive_mode != FALSE) return false;
  // No browser shows what is coded arithmetically.
  if (codec.arith_code != FALSE) return false;
  if (codec.data_precision != 8 || codec.comps_in_scan != codec.num_components) return false;
  for (int i = 0; i < codec.num_components; ++i) {
    const jpeg_component_info& component = codec.comp_info[i];
    if (codec.cur_comp_info[i] != &component) return false;
    const int most = i == 0 ? 2 : 1;
    if (component.h_samp_factor > most || component.v_samp_factor > most) return false;
  }
  return codec.jpeg_color_space == (codec.num_components == 1 ? JCS_GRAYSCALE : JCS_YCbCr);
}

bool KeepsTo(const decode::Limits& limits, JDIMENSION width, JDIMENSION height) {
  const std::uint64_t pixels = std::uint64_t{width} * height;
  // What is left of a picture beyond the limits keeps to them itself, or the codec makes it smaller still.
  const bool is_beyond = CheckSides(width, height, limits) != Cause::kNone;
  if (is_beyond && (pixels > limits.max_scaled_pixels ||
                    CheckSides(ReducedSide(width), ReducedSide(height), limits) != Cause::kNone)) {
    return false;
  }
  return CheckMemory(pixels / (kReduction * kReduction) * sizeof(float), limits) == Cause::kNone;
}

/// Reads the header. False where this file is not for us.
bool Begin(Reducer& reducer, ByteSpan bytes, const decode::Limits& limits) {
  jpeg_decompress_struct& codec = reducer.codec;
  jpeg_mem_src(&codec, bytes.data(), bytes.size());
  jpeg_read_header(&codec, TRUE);
  reducer.out.width = codec.image_width;
  reducer.out.height = codec.image_height;
  if (!KeepsTo(limits, codec.image_width, codec.image_height)) return false;
  if (std::min(codec.image_width, codec.image_height) < kMinReducedSide) return false;
  if (!HasExpectedLayout(codec)) return false;
  codec.out_color_space = codec.jpeg_color_space;
  codec.raw_data_out = TRUE;
  codec.dct_method = JDCT_ISLOW;
  return true;
}

void Allocate(Reducer& reducer) {
  reducer.stride = static_cast<std::uint32_t>(reducer.out.view().cols);
  try {
    const auto size = static_cast<std::size_t>(reducer.out.view().rows) * reducer.stride;
    reducer.out.averages = WipedBuffer<float>(size);
  } catch (const std::bad_alloc&) {
    reducer.failed_allocation = true;
  }
}

/// Puts OnBlock in the place of libjpeg's transforms, which are kept. False where a table is not for us.
bool TakeBlocks(Reducer& reducer) {
  jpeg_decompress_struct& codec = reducer.codec;
  for (int i = 0; i < codec.num_components; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const jpeg_component_info& component = codec.comp_info[i];
    if (component.quant_table == nullptr || component.DCT_scaled_size != DCTSIZE) return false;
    if (!reducer.tables[index].Set(component.quant_table->quantval)) return false;
    reducer.decode[index] = codec.idct->inverse_DCT[i];
    codec.idct->inverse_DCT[i] = &OnBlock;
  }
  return true;
}

bool Run(Reducer& reducer, ByteSpan bytes, const decode::Limits& limits) {
  reducer.rows.fill(reducer.no_rows.data());
  if (setjmp(reducer.escape) != 0) return false;
  jpeg_decompress_struct& codec = reducer.codec;
  jpeg_create_decompress(&codec);
  if (!Begin(reducer, bytes, limits)) return false;
  jpeg_start_decompress(&codec);
  Allocate(reducer);
  if (reducer.failed_allocation || !TakeBlocks(reducer)) return false;
  const auto lines = static_cast<JDIMENSION>(codec.max_v_samp_factor * DCTSIZE);
  while (codec.output_scanline < codec.output_height) {
    reducer.first_row = codec.output_scanline;
    if (jpeg_read_raw_data(&codec, reducer.rows.data(), lines) != lines) return false;
  }
  jpeg_finish_decompress(&codec);
  reducer.out.trailing_bytes = codec.src->bytes_in_buffer > 0;
  return true;
}

}  // namespace

AverageRows::AverageRows(const ReducedLuma& luma)
    : PixelRows(luma.view().rows, luma.view().cols, 1), view_(luma.view()) {}

void AverageRows::Rows(int first, std::span<const std::uint8_t*> out) {
  const std::size_t size = row_size();
  if (rows_.size() < out.size() * size) rows_ = WipedBuffer<std::uint8_t>(out.size() * size);
  const auto from = view_.samples.subspan(static_cast<std::size_t>(first) * size, out.size() * size);
  std::ranges::transform(from, rows_.data(),
                         [](float average) { return static_cast<std::uint8_t>(std::lround(average)); });
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = rows_.data() + i * size;
}

std::optional<ReducedLuma> ReduceJpeg(ByteSpan bytes, const decode::Limits& limits) {
  Reducer reducer;
  reducer.codec.err = jpeg_std_error(&reducer.errors);
  reducer.errors.error_exit = &Escape;
  reducer.errors.emit_message = &OnMessage;
  reducer.errors.output_message = &PrintNothing;
  reducer.codec.client_data = &reducer;
  const bool done = Run(reducer, bytes, limits);
  jpeg_destroy_decompress(&reducer.codec);
  if (!done) return std::nullopt;
  return std::move(reducer.out);
}

}  // namespace hashgate::image
