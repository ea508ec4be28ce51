#include "hash/perceptual/pdq.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>

#include "hash/perceptual/pdq_exact.h"
#include "hash/perceptual/pdq_operator.h"

namespace hashgate::perceptual {
namespace {

/// Half the distance between neighbouring floats, relative; times the greatest sample.
constexpr double kRounding = 255.0 / (1 << 24);

// How far single precision may carry the textbook's values from exact arithmetic. Its running sums round to a
// grid that moves only where a sum crosses a power of two, so errors grow about as a random walk along the
// two sides; the DCT adds a part of its own. Over random, photo-like, striped, tiled and flat pictures of 5x5
// to 12 megapixels the coefficients were never more than 145 roundings apart and the block's samples never
// more than 80: these bounds leave a factor of three. A picture made for it could pass them, and would gain a
// bit or two of 256 in some turns.
double CoefficientTolerance(const LumaView& luma) {
  return kRounding * (384 + 4 * std::sqrt(luma.rows + luma.cols));
}
double SampleTolerance(const LumaView& luma) {
  return kRounding * (128 + 2 * std::sqrt(luma.rows + luma.cols));
}

/// The bits of a block of coefficients and how far the two next to the dividing line lie apart. Where the
/// textbook's values stray by less than half of that, it divides the 256 in the same way.
struct Division {
  PdqHash bits;
  PdqHash transposed;
  double gap = 0;
};

Division Divide(const WideBlock16& coefficients) {
  WideBlock16 sorted = coefficients;
  std::nth_element(sorted.begin(), sorted.begin() + 127, sorted.end());
  const double median = sorted[127];
  Division out;
  out.gap = *std::min_element(sorted.begin() + 128, sorted.end()) - median;
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 16; ++j) {
      if (coefficients[16 * i + j] <= median) continue;
      out.bits.set_bit(static_cast<int>(16 * i + j));
      out.transposed.set_bit(static_cast<int>(16 * j + i));
    }
  }
  return out;
}

/// The quality where rounding cannot change it, else nullopt.
std::optional<int> CertainQuality(const WideBlock64& block, double sample_tolerance) {
  // Each difference is cut to a whole number: near one, the textbook may have cut to the next.
  const double reach = 2 * sample_tolerance * 100 / 255;
  int low = 0;
  int high = 0;
  const auto step = [&](double u, double v) {
    const double d = std::abs(u - v) * 100 / 255;
    low += static_cast<int>(std::max(0.0, d - reach));
    high += static_cast<int>(d + reach);
  };
  for (std::size_t i = 0; i < 64; ++i) {
    for (std::size_t j = 0; j < 64; ++j) {
      const double here = block[i * 64 + j];
      if (i < 63) step(here, block[(i + 1) * 64 + j]);
      if (j < 63) step(here, block[i * 64 + j + 1]);
    }
  }
  const int least = std::min(low / 90, 100);
  if (least != std::min(high / 90, 100)) return std::nullopt;
  return least;
}

/// A turn as mirrorings before a transposition: index into MirroredBlocks, then whether transposed.
struct Route {
  std::size_t mirrored;
  bool transposed;
};
constexpr std::array<Route, kDihedralCount> kRoutes = {{
    {0, false},  // kOriginal
    {1, true},   // kRotate90
    {3, false},  // kRotate180
    {2, true},   // kRotate270
    {2, false},  // kFlipX
    {1, false},  // kFlipY
    {0, true},   // kFlipPlus1
    {3, true},   // kFlipMinus1
}};

bool IsHashable(const LumaView& luma) {
  return luma.rows >= kMinHashableSide && luma.cols >= kMinHashableSide;
}

}  // namespace

std::optional<PdqValue> ComputePdq(const LumaView& luma) {
  if (!IsHashable(luma)) return std::nullopt;
  const Block64 block = ExactDownsample(luma, Dihedral::kOriginal);
  return PdqValue{BitsOf(DctOf(block)), QualityOf(block)};
}

std::optional<PdqFormSet> ComputePdqForms(const LumaView& luma, PdqFormsTrace& trace) {
  if (!IsHashable(luma)) return std::nullopt;
  const MirroredBlocks blocks = DownsampleMirrored(luma);
  std::array<Division, 4> divisions;
  for (std::size_t i = 0; i < 4; ++i) divisions[i] = Divide(DctOf(blocks[i]));
  trace = {.exact_turns = 0, .tolerance = CoefficientTolerance(luma)};
  const std::optional<int> quality = CertainQuality(blocks[0], SampleTolerance(luma));

  PdqFormSet out;
  out.quality = quality.value_or(0);
  for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
    const Route route = kRoutes[turn];
    const Division& division = divisions[route.mirrored];
    const bool is_original = turn == static_cast<std::size_t>(Dihedral::kOriginal);
    if (division.gap > 2 * trace.tolerance && (!is_original || quality.has_value())) {
      out.forms[turn] = route.transposed ? division.transposed : division.bits;
      continue;
    }
    const Block64 block = ExactDownsample(luma, static_cast<Dihedral>(turn));
    out.forms[turn] = BitsOf(DctOf(block));
    if (is_original) out.quality = QualityOf(block);
    ++trace.exact_turns;
  }
  return out;
}

std::optional<PdqFormSet> ComputePdqForms(const LumaView& luma) {
  PdqFormsTrace trace;
  return ComputePdqForms(luma, trace);
}

}  // namespace hashgate::perceptual
