#include "hash/perceptual/pdq_picked.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "hash/perceptual/pdq_weights.h"
#include "hash/perceptual/pixel_rows.h"

namespace hashgate::perceptual {
namespace {

constexpr std::size_t kOutputs = 64;
/// Samples that an output of a side of 512 is made of, at most.
constexpr std::size_t kTaps = 8;
constexpr int kWindow = 4;
static_assert((kPickedSide + 127) / 128 == kWindow && kWindow * kWindow == kMaxPickedWeight);

/// Red, green and blue of one pixel; the fourth is the next pixel's or alpha, and left out in the end.
using Lanes = std::int32_t __attribute__((vector_size(16)));

/// One output's weights with those of a cut window folded in; the spare ones are 0.
struct Output {
  std::size_t first = 0;
  std::array<std::int8_t, kTaps> weights{};
  std::array<Lanes, kTaps> wide{};  ///< each weight for all channels
  double scale = 0;                 ///< what makes an average of the weighted sum
};

std::array<Output, kOutputs> MakeOutputs() {
  const std::array<Tent, kOutputs> tents = SideTents(kPickedSide);
  std::array<Output, kOutputs> outputs;
  for (std::size_t k = 0; k < kOutputs; ++k) {
    const Tent& tent = tents[k];
    const bool is_cut = !tent.cut.weights.empty();
    Output& output = outputs[k];
    // So that every tap is a sample of the side; the last output would otherwise reach past its end.
    output.first = std::min(static_cast<std::size_t>(tent.whole.first), std::size_t{kPickedSide} - kTaps);
    const auto add = [&output](const WholeWeights& weights, int times) {
      for (std::size_t i = 0; i < weights.weights.size(); ++i) {
        const std::size_t tap = static_cast<std::size_t>(weights.first) + i - output.first;
        output.weights.at(tap) =
            static_cast<std::int8_t>(output.weights.at(tap) + weights.weights[i] * times);
      }
    };
    add(tent.whole, is_cut ? kWindow - 1 : 1);
    add(tent.cut, kWindow);
    for (std::size_t tap = 0; tap < kTaps; ++tap) output.wide[tap] = Lanes{} + output.weights[tap];
    output.scale = 1.0 / (is_cut ? kWindow * kWindow * (kWindow - 1) : kWindow * kWindow);
  }
  return outputs;
}

const std::array<Output, kOutputs>& Outputs() {
  static const std::array<Output, kOutputs> outputs = MakeOutputs();
  return outputs;
}

/// Where the taps of each output lie in a row of sums.
using Offsets = std::array<std::uint32_t, kTaps>;
using TapOffsets = std::array<Offsets, kOutputs>;

TapOffsets OffsetsOf(const PickedSide::Positions& positions, int channels) {
  TapOffsets offsets;
  for (std::size_t k = 0; k < kOutputs; ++k) {
    for (std::size_t tap = 0; tap < kTaps; ++tap) {
      offsets[k][tap] = positions[Outputs()[k].first + tap] * static_cast<std::uint32_t>(channels);
    }
  }
  return offsets;
}

/// Row sums are at most 255 * 48 and weights 16, so that 16 bits hold either: what SSE2 can multiply.
Lanes Weighed(const Lanes& sums, const Lanes& weights) {
#if defined(__x86_64__)
  return reinterpret_cast<Lanes>(
      _mm_madd_epi16(reinterpret_cast<__m128i>(sums), reinterpret_cast<__m128i>(weights)));
#else
  return sums * weights;
#endif
}

std::int32_t SumOfGrey(const std::int32_t* sums, const Offsets& offsets, const Output& output) {
  std::int32_t sum = 0;
#pragma GCC unroll 8
  for (std::size_t tap = 0; tap < kTaps; ++tap) sum += sums[offsets[tap]] * output.weights[tap];
  return sum;
}

/// The colours are weighed last, as whole numbers: at most 255 * 48 * 48 * 1000.
std::int32_t SumOfColors(const std::int32_t* sums, const Offsets& offsets, const Output& output) {
  Lanes total{};
#pragma GCC unroll 8
  for (std::size_t tap = 0; tap < kTaps; ++tap) {
    Lanes pixel;
    std::memcpy(&pixel, &sums[offsets[tap]], sizeof pixel);
    total += Weighed(pixel, output.wide[tap]);
  }
  return total[0] * kRedWeight + total[1] * kGreenWeight + total[2] * kBlueWeight;
}

void SumColumns(const TapOffsets& offsets, bool is_grey, const std::int32_t* sums, double row_scale,
                double* out) {
  const std::array<Output, kOutputs>& outputs = Outputs();
  const double color_sum = is_grey ? 1 : kRedWeight + kGreenWeight + kBlueWeight;
  for (std::size_t k = 0; k < kOutputs; ++k) {
    const std::int32_t total =
        is_grey ? SumOfGrey(sums, offsets[k], outputs[k]) : SumOfColors(sums, offsets[k], outputs[k]);
    out[k] = total * (row_scale * (outputs[k].scale / color_sum));
  }
}

}  // namespace

MirroredBlocks DownsamplePicked(const PickedPicture& picture, const Kernel& kernel) {
  const bool is_grey = picture.channels == 1;
  const std::array<TapOffsets, 2> columns = {OffsetsOf(picture.columns.plain, picture.channels),
                                             OffsetsOf(picture.columns.mirrored, picture.channels)};
  const std::size_t stride = picture.row_size() + 2 * kSumBlock;
  std::vector<std::int32_t> sums(2 * stride);
  const std::array<Output, kOutputs>& outputs = Outputs();
  MirroredBlocks blocks{};
  for (std::size_t k = 0; k < kOutputs; ++k) {
    // The same output of the mirrored side from its end lies in the same place: the rows of both are read
    // together.
    const std::array<std::size_t, 2> at = {k, kOutputs - 1 - k};
    std::array<const std::uint8_t*, 2 * kTaps> rows{};
    std::array<std::int8_t, 2 * kTaps> plain{};
    std::array<std::int8_t, 2 * kTaps> mirrored{};
    for (std::size_t tap = 0; tap < kTaps; ++tap) {
      rows[2 * tap] = picture.Row(picture.rows.plain[outputs[at[0]].first + tap]);
      plain[2 * tap] = outputs[at[0]].weights[tap];
      // Its samples are walked from the end.
      const std::size_t other = kTaps - 1 - tap;
      rows[2 * tap + 1] = picture.Row(picture.rows.mirrored[outputs[at[1]].first + other]);
      mirrored[2 * tap + 1] = outputs[at[1]].weights[other];
    }
    kernel.sum_rows({.rows = rows,
                     .plain = plain.data(),
                     .mirrored = mirrored.data(),
                     .width = picture.row_size(),
                     .plain_sums = sums.data(),
                     .mirrored_sums = sums.data() + stride});
    for (std::size_t rows_mirrored = 0; rows_mirrored < 2; ++rows_mirrored) {
      for (std::size_t columns_mirrored = 0; columns_mirrored < 2; ++columns_mirrored) {
        SumColumns(columns[columns_mirrored], is_grey, sums.data() + rows_mirrored * stride,
                   outputs[at[rows_mirrored]].scale,
                   &blocks[2 * rows_mirrored + columns_mirrored][at[rows_mirrored] * kOutputs]);
      }
    }
  }
  return blocks;
}

LumaPlane DrawPicked(const PickedPicture& picture, std::size_t index) {
  const PickedSide::Positions& columns = index % 2 == 0 ? picture.columns.plain : picture.columns.mirrored;
  const PickedSide::Positions& rows = index / 2 == 0 ? picture.rows.plain : picture.rows.mirrored;
  const auto channels = static_cast<std::size_t>(picture.channels);
  LumaPlane plane{std::vector<float>(std::size_t{kPickedSide} * kPickedSide), kPickedSide, kPickedSide};
  std::vector<std::uint8_t> row(kPickedSide * channels);
  for (std::size_t y = 0; y < kPickedSide; ++y) {
    const std::uint8_t* from = picture.Row(rows[y]);
    for (std::size_t x = 0; x < kPickedSide; ++x) {
      std::copy_n(from + columns[x] * channels, channels, &row[x * channels]);
    }
    LumaOf(row.data(), picture.channels, kPickedSide, &plane.samples[y * kPickedSide]);
  }
  return plane;
}

}  // namespace hashgate::perceptual
