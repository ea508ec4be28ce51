#include "image/jpeg_block.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

namespace hashgate::image {
namespace {

constexpr std::size_t kSide = 8;
constexpr int kMiddle = 128;
constexpr std::uint8_t kGreatestSample = 255;
/// No sum of eight products passes this many, so that sums of 16 bits hold them.
constexpr std::int32_t kGreatestProduct = 4095;
/// No sample differs from its block's average by more than a quarter of the sum of all other coefficients.
constexpr float kMostOfCoefficient = 0.25F;
/// libjpeg's transform rounds in whole numbers.
constexpr float kRounding = 1;

/// A row of a block.
using Row8 = std::uint8_t __attribute__((vector_size(8)));
using Row16 = std::int16_t __attribute__((vector_size(16)));
using Unsigned16 = std::uint16_t __attribute__((vector_size(16)));
using RowF = float __attribute__((vector_size(32)));

void Store(Row16 row, std::int16_t* to) {
  std::memcpy(to, &row, sizeof(row));
}

Row16 Load(const std::int16_t* from) {
  Row16 row;
  std::memcpy(&row, from, sizeof(row));
  return row;
}

/// The least value keeps its sign: as an unsigned number it is its own size.
Row16 Size(Row16 row) {
  return std::bit_cast<Row16>((std::bit_cast<Unsigned16>(row) ^ std::bit_cast<Unsigned16>(row >> 15)) -
                              std::bit_cast<Unsigned16>(row >> 15));
}

/// How much the coefficient of a frequency along one side adds to the average of the side's first half. The
/// average of the second half has the opposite sign for odd frequencies; even ones add nothing to either.
const std::array<float, kSide>& HalfWeights() {
  static const std::array<float, kSide> weights = [] {
    std::array<float, kSide> of{};
    of[0] = static_cast<float>(std::sqrt(0.125));
    for (std::size_t k = 1; k < kSide; k += 2) {
      double sum = 0;
      for (std::size_t x = 0; x < kSide / 2; ++x) {
        sum += std::cos(static_cast<double>((2 * x + 1) * k) * std::numbers::pi / 16);
      }
      of[k] = static_cast<float>(sum / 8);
    }
    return of;
  }();
  return weights;
}

Row16 Widen(const std::uint8_t* from) {
  Row8 samples;
  std::memcpy(&samples, from, sizeof(samples));
  return __builtin_convertvector(samples, Row16);
}

Row16 Cut(Row16 row) {
  row = row < 0 ? Row16{} : row;
  return row > kGreatestSample ? Row16{} + kGreatestSample : row;
}

}  // namespace

bool BlockTable::Set(const std::uint16_t* steps) {
  greatest_ = 0;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps[i] == 0 || steps[i] > kGreatestProduct) return false;
    steps_[i] = static_cast<std::int16_t>(steps[i]);
    // The constant one is looked at by itself.
    if (i != 0) greatest_ = std::max<std::int32_t>(greatest_, steps[i]);
  }
  return true;
}

Transformed Transform(const std::int16_t* coefficients, const BlockTable& table) {
  Transformed out;
  std::array<Row16, kSide> rows;
  Row16 bits{};
  for (std::size_t v = 0; v < kSide; ++v) {
    rows[v] = Load(coefficients + v * kSide);
    if (v == 0) rows[v][0] = 0;
    bits |= Size(rows[v]);
  }
  // All lanes in one.
  const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(bits);
  std::uint64_t lanes = halves[0] | halves[1];
  lanes |= lanes >> 32;
  lanes |= lanes >> 16;
  const auto any = static_cast<std::int64_t>(lanes & 0xffff);
  if (any * table.greatest() > kGreatestProduct) return out;

  const float constant = static_cast<float>(coefficients[0] * table.steps()[0]);
  const float average = kMiddle + constant / static_cast<float>(kSide);
  if (any == 0) {
    out.bounds = {average - kRounding, average + kRounding};
    out.averages.fill(average);
  } else {
    Row16 sizes{};
    for (std::size_t v = 0; v < kSide; ++v) {
      rows[v] *= Load(table.steps() + v * kSide);
      sizes += Size(rows[v]);
    }
    std::int32_t sum = 0;
    for (std::size_t u = 0; u < kSide; ++u) sum += sizes[u];
    const float reach = static_cast<float>(sum) * kMostOfCoefficient + kRounding;
    out.bounds = {average - reach, average + reach};

    const std::array<float, kSide>& half = HalfWeights();
    const RowF top = __builtin_convertvector(rows[0], RowF);
    const RowF odd =
        half[1] * __builtin_convertvector(rows[1], RowF) + half[3] * __builtin_convertvector(rows[3], RowF) +
        half[5] * __builtin_convertvector(rows[5], RowF) + half[7] * __builtin_convertvector(rows[7], RowF);
    const auto along = [&half](const RowF& row) {
      return half[1] * row[1] + half[3] * row[3] + half[5] * row[5] + half[7] * row[7];
    };
    const float across = half[0] * along(top);
    const float down = half[0] * odd[0];
    const float both = along(odd);
    out.averages = {average + across + down + both, average - across + down - both,
                    average + across - down - both, average - across - down + both};
  }
  out.is_exact = out.bounds.low >= 0 && out.bounds.high <= kMaxSample;
  return out;
}

Bounds BoundsOf(const Pixels& pixels) {
  std::uint8_t low = kGreatestSample;
  std::uint8_t high = 0;
  for (const std::uint8_t sample : pixels) {
    low = std::min(low, sample);
    high = std::max(high, sample);
  }
  return {static_cast<float>(low), static_cast<float>(high)};
}

std::array<float, 4> QuartersOf(const Pixels& pixels) {
  std::array<float, 4> out;
  for (std::size_t half = 0; half < 2; ++half) {
    Row16 sums{};
    for (std::size_t y = 0; y < kSide / 2; ++y) sums += Widen(&pixels[(half * kSide / 2 + y) * kSide]);
    out[2 * half] = static_cast<float>(sums[0] + sums[1] + sums[2] + sums[3]) / 16;
    out[2 * half + 1] = static_cast<float>(sums[4] + sums[5] + sums[6] + sums[7]) / 16;
  }
  return out;
}

float Average(const Pixels& pixels, std::size_t left, std::size_t top, std::size_t width,
              std::size_t height) {
  std::size_t sum = 0;
  for (std::size_t y = top; y < top + height; ++y) {
    for (std::size_t x = left; x < left + width; ++x) sum += pixels[y * kSide + x];
  }
  return static_cast<float>(sum) / static_cast<float>(width * height);
}

Bounds AddedBounds(const Bounds& blue, const Bounds& red) {
  const float blue_low = blue.low - kMiddle;
  const float blue_high = blue.high - kMiddle;
  const float red_low = red.low - kMiddle;
  const float red_high = red.high - kMiddle;
  return {std::min({1.402F * red_low, -0.344F * blue_high - 0.714F * red_high, 1.772F * blue_low}),
          std::max({1.402F * red_high, -0.344F * blue_low - 0.714F * red_low, 1.772F * blue_high})};
}

Chroma Blend(const Pixels& samples, std::size_t across, std::size_t down) {
  Chroma out;
  for (std::size_t y = 0; y < kSide * down; ++y) {
    // Four times the sample between rows.
    Row16 row = 4 * Widen(&samples[y / down * kSide]);
    if (down == 2) {
      const std::size_t other =
          y % 2 == 0 ? std::max<std::size_t>(y / 2, 1) - 1 : std::min(y / 2 + 1, kSide - 1);
      row = row / 4 * 3 + Widen(&samples[other * kSide]);
    }
    std::int16_t* to = &out.samples[y * Chroma::kStride];
    if (across == 1) {
      Store(((row + 2) >> 2) - kMiddle, to);
      continue;
    }
    const Row16 before = __builtin_shufflevector(row, row, 0, 0, 1, 2, 3, 4, 5, 6);
    const Row16 behind = __builtin_shufflevector(row, row, 1, 2, 3, 4, 5, 6, 7, 7);
    const Row16 left = ((3 * row + before + 8) >> 4) - kMiddle;
    const Row16 right = ((3 * row + behind + 7) >> 4) - kMiddle;
    Store(__builtin_shufflevector(left, right, 0, 8, 1, 9, 2, 10, 3, 11), to);
    Store(__builtin_shufflevector(left, right, 4, 12, 5, 13, 6, 14, 7, 15), to + kSide);
  }
  return out;
}

Pixels ShownLuma(const Pixels& luma, const Chroma& blue, const Chroma& red, std::size_t column,
                 std::size_t row) {
  Pixels out;
  for (std::size_t y = 0; y < kSide; ++y) {
    const std::size_t first = (row * kSide + y) * Chroma::kStride + column * kSide;
    const Row16 level = Widen(&luma[y * kSide]);
    const Row16 b = Load(&blue.samples[first]);
    const Row16 r = Load(&red.samples[first]);
    // Factors in 7 or 8 fractional bits, so that products fit: 1.402, 0.344, 0.714 and 1.772.
    const Row16 shown_red = Cut(level + r + ((r * 103 + 128) >> 8));
    const Row16 shown_green = Cut(level - ((b * 44 + r * 91 + ((r * 13) >> 5) + 64) >> 7));
    const Row16 shown_blue = Cut(level + b + ((b * 198 + 128) >> 8));
    // 0.299, 0.587 and 0.114.
    const auto weighed = std::bit_cast<Unsigned16>(shown_red) * 77 +
                         std::bit_cast<Unsigned16>(shown_green) * 150 +
                         std::bit_cast<Unsigned16>(shown_blue) * 29 + 128;
    const Row8 shown = __builtin_convertvector(weighed >> 8, Row8);
    std::memcpy(&out[y * kSide], &shown, sizeof(shown));
  }
  return out;
}

}  // namespace hashgate::image
