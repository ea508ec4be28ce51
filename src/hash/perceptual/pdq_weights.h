// How much each sample of a side weighs in each of its 64 outputs: the two box filters and the choice of
// samples, folded into one short row of weights an output.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hashgate::perceptual {

/// One output's weights along a side: those of samples [first, first + weights.size()).
struct WeightRow {
  std::size_t first = 0;
  std::vector<double> weights;
};
/// The 64 outputs of a side of `n` samples; `mirrored` for the side walked from its end. Weights of one
/// output sum to 1.
std::vector<WeightRow> SideWeights(int n, bool mirrored);

/// The same outputs of a side that a decoder made `factor` times shorter by averaging runs of `factor`
/// samples: a reduced sample weighs as much as the samples of the original side that it stands for. `rows`
/// are those of the original side. REQUIRES: factor >= 1.
std::vector<WeightRow> FoldWeights(const std::vector<WeightRow>& rows, int factor);

/// Weights as whole numbers: those of samples [first, first + weights.size()).
struct WholeWeights {
  int first = 0;
  std::vector<std::int32_t> weights;

  [[nodiscard]] int end() const { return first + static_cast<int>(weights.size()); }
};

/// One output of a side, in whole numbers. Windows of both filters hold `window` samples everywhere except
/// that the last window of the last output may miss one at the end of the side: that one is kept apart.
struct Tent {
  WholeWeights whole;  ///< sum of full windows; each weighs 1 / window^2
  WholeWeights cut;  ///< the window that is one short, all ones, or empty; weighs 1 / (window * (window - 1))
};
/// The 64 outputs of a side of `n` samples in whole numbers: sums of 8-bit samples with them are exact, in
/// any order of addition. Every weight is at most BoxWindow(n).
std::array<Tent, 64> SideTents(int n);

/// The same output of the side walked from its end.
WholeWeights Mirrored(const WholeWeights& weights, int n);

}  // namespace hashgate::perceptual
