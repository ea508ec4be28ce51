#include "hash/perceptual/pdq_operator.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "hash/perceptual/pdq_weights.h"

namespace hashgate::perceptual {
namespace {

/// Columns worked on together, so that the rows of one output and the sums stay in the first-level cache.
constexpr std::size_t kTile = 256;

/// sums[c] += the weighted rows of one output, for `width` columns from `col`.
void AddRows(const LumaView& luma, const WeightRow& output, std::size_t col, std::size_t width,
             double* sums) {
  const auto stride = static_cast<std::size_t>(luma.cols);
  const float* row = &luma.samples[output.first * stride + col];
  const double* w = output.weights.data();
  std::size_t left = output.weights.size();
  for (; left >= 4; left -= 4, w += 4, row += 4 * stride) {
    const float* r1 = row + stride;
    const float* r2 = r1 + stride;
    const float* r3 = r2 + stride;
    for (std::size_t c = 0; c < width; ++c) {
      sums[c] += (w[0] * static_cast<double>(row[c]) + w[1] * static_cast<double>(r1[c])) +
                 (w[2] * static_cast<double>(r2[c]) + w[3] * static_cast<double>(r3[c]));
    }
  }
  for (; left > 0; --left, ++w, row += stride) {
    for (std::size_t c = 0; c < width; ++c) sums[c] += w[0] * static_cast<double>(row[c]);
  }
}

double Dot(const double* values, const std::vector<double>& weights) {
  std::array<double, 4> sums{};
  std::size_t i = 0;
  for (; i + 4 <= weights.size(); i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += values[i + lane] * weights[i + lane];
  }
  for (; i < weights.size(); ++i) sums[0] += values[i] * weights[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// The weights of a side's 64 outputs, as it is and mirrored.
using SidePlan = std::array<std::vector<WeightRow>, 2>;

MirroredBlocks Downsample(const LumaView& luma, const SidePlan& down, const SidePlan& along) {
  MirroredBlocks blocks{};
  const auto cols = static_cast<std::size_t>(luma.cols);
  std::vector<double> sums(2 * 64 * cols);
  for (std::size_t col = 0; col < cols; col += kTile) {
    const std::size_t width = std::min(kTile, cols - col);
    // Output k of the mirrored side lies where output 63 - k of the other does: taken together, both find
    // their rows in the cache.
    for (std::size_t k = 0; k < 64; ++k) {
      AddRows(luma, down[0][k], col, width, &sums[k * cols + col]);
      AddRows(luma, down[1][63 - k], col, width, &sums[(64 + 63 - k) * cols + col]);
    }
  }
  for (std::size_t rows_reversed = 0; rows_reversed < 2; ++rows_reversed) {
    for (std::size_t cols_reversed = 0; cols_reversed < 2; ++cols_reversed) {
      WideBlock64& block = blocks[2 * rows_reversed + cols_reversed];
      for (std::size_t i = 0; i < 64; ++i) {
        const double* row = &sums[(64 * rows_reversed + i) * cols];
        for (std::size_t j = 0; j < 64; ++j) {
          const WeightRow& output = along[cols_reversed][j];
          block[i * 64 + j] = Dot(row + output.first, output.weights);
        }
      }
    }
  }
  return blocks;
}

}  // namespace

MirroredBlocks DownsampleMirrored(const LumaView& luma) {
  if (luma.rows == 64 && luma.cols == 64) {
    MirroredBlocks blocks{};
    for (std::size_t i = 0; i < 64; ++i) {
      for (std::size_t j = 0; j < 64; ++j) {
        const auto value = static_cast<double>(luma.samples[i * 64 + j]);
        blocks[0][i * 64 + j] = value;
        blocks[1][i * 64 + 63 - j] = value;
        blocks[2][(63 - i) * 64 + j] = value;
        blocks[3][(63 - i) * 64 + 63 - j] = value;
      }
    }
    return blocks;
  }
  return Downsample(luma, {SideWeights(luma.rows, false), SideWeights(luma.rows, true)},
                    {SideWeights(luma.cols, false), SideWeights(luma.cols, true)});
}

MirroredBlocks DownsampleAverages(const LumaView& averages, int rows, int cols, int factor) {
  const auto plan = [factor](int n) {
    return SidePlan{FoldWeights(SideWeights(n, false), factor), FoldWeights(SideWeights(n, true), factor)};
  };
  return Downsample(averages, plan(rows), plan(cols));
}

WideBlock16 DctOf(const WideBlock64& block) {
  WideBlock16 out{};
  KernelFor(1).dct(block, out);
  return out;
}

}  // namespace hashgate::perceptual
