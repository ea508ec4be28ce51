#include "hash/perceptual/pdq_textbook.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <numbers>

namespace hashgate::perceptual {
namespace {

/// Averages `n` samples `stride` apart over a moving window, keeping one running sum. At either end the
/// average is over the samples that exist.
void BoxLine(const float* in, float* out, int n, std::ptrdiff_t stride, int window) {
  const int ahead = (window + 2) / 2 - 1;  // samples of the window after its own place
  float sum = 0;
  int inside = 0;
  for (int i = 0; i < n + ahead; ++i) {
    if (i < n) {
      sum += in[i * stride];
      ++inside;
    }
    if (i >= window) {
      sum -= in[(i - window) * stride];
      --inside;
    }
    if (i >= ahead) out[(i - ahead) * stride] = sum / static_cast<float>(inside);
  }
}

}  // namespace

int BoxWindow(int n) {
  return (n + 127) / 128;
}

int SampleIndex(int k, int n) {
  return static_cast<int>((static_cast<double>(k) + 0.5) * n / 64);
}

const std::array<float, 16 * 64>& DctMatrix() {
  static const std::array<float, 16 * 64> matrix = [] {
    std::array<float, 16 * 64> d{};
    const auto scale = static_cast<float>(std::sqrt(2.0 / 64.0));
    for (std::size_t i = 0; i < 16; ++i) {
      for (std::size_t j = 0; j < 64; ++j) {
        const double angle =
            std::numbers::pi / 2.0 / 64.0 * static_cast<double>(i + 1) * static_cast<double>(2 * j + 1);
        d[i * 64 + j] = static_cast<float>(static_cast<double>(scale) * std::cos(angle));
      }
    }
    return d;
  }();
  return matrix;
}

Block64 TextbookDownsample(const LumaView& luma) {
  Block64 block{};
  const auto rows = static_cast<std::size_t>(luma.rows);
  const auto cols = static_cast<std::size_t>(luma.cols);
  if (rows == 64 && cols == 64) {
    std::ranges::copy(luma.samples, block.begin());
    return block;
  }
  std::vector<float> a(luma.samples.begin(), luma.samples.end());
  std::vector<float> b(a.size());
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t r = 0; r < rows; ++r) {
      BoxLine(&a[r * cols], &b[r * cols], luma.cols, 1, BoxWindow(luma.cols));
    }
    for (std::size_t c = 0; c < cols; ++c) {
      BoxLine(&b[c], &a[c], luma.rows, luma.cols, BoxWindow(luma.rows));
    }
  }
  std::size_t at = 0;
  for (int i = 0; i < 64; ++i) {
    const auto r = static_cast<std::size_t>(SampleIndex(i, luma.rows));
    for (int j = 0; j < 64; ++j) {
      const auto c = static_cast<std::size_t>(SampleIndex(j, luma.cols));
      block[at++] = a[r * cols + c];
    }
  }
  return block;
}

int QualityOf(const Block64& block) {
  const auto step = [](float u, float v) { return std::abs(static_cast<int>((u - v) * 100 / 255)); };
  int sum = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    for (std::size_t j = 0; j < 64; ++j) {
      const float here = block[i * 64 + j];
      if (i < 63) sum += step(here, block[(i + 1) * 64 + j]);
      if (j < 63) sum += step(here, block[i * 64 + j + 1]);
    }
  }
  return std::min(sum / 90, 100);
}

Block16 DctOf(const Block64& block) {
  const auto& d = DctMatrix();
  // D * block, then times D transposed. Each value sums its 64 products from the first to the last; running
  // 64 or 16 such sums side by side leaves every one of them in that order.
  std::array<float, 16 * 64> half{};
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t k = 0; k < 64; ++k) {
      const float weight = d[i * 64 + k];
      for (std::size_t j = 0; j < 64; ++j) half[i * 64 + j] += weight * block[k * 64 + j];
    }
  }
  Block16 out{};
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 16; ++j) {
      float sum = 0;
      for (std::size_t k = 0; k < 64; ++k) sum += half[i * 64 + k] * d[j * 64 + k];
      out[i * 16 + j] = sum;
    }
  }
  return out;
}

PdqHash BitsOf(const Block16& coefficients) {
  Block16 sorted = coefficients;
  std::nth_element(sorted.begin(), sorted.begin() + 127, sorted.end());
  const float median = sorted[127];
  PdqHash hash;
  for (int k = 0; k < 256; ++k) {
    if (coefficients[static_cast<std::size_t>(k)] > median) hash.set_bit(k);
  }
  return hash;
}

PdqValue TextbookPdq(const LumaView& luma) {
  const Block64 block = TextbookDownsample(luma);
  return {BitsOf(DctOf(block)), QualityOf(block)};
}

LumaPlane Turn(const LumaView& luma, Dihedral turn) {
  const bool transposed = turn == Dihedral::kRotate90 || turn == Dihedral::kRotate270 ||
                          turn == Dihedral::kFlipPlus1 || turn == Dihedral::kFlipMinus1;
  LumaPlane out{std::vector<float>(luma.samples.size()), transposed ? luma.cols : luma.rows,
                transposed ? luma.rows : luma.cols};
  const auto source = [&](int r, int c) -> float {
    int from_row = r;
    int from_col = c;
    switch (turn) {
      case Dihedral::kOriginal: break;
      case Dihedral::kRotate90: from_row = c, from_col = luma.cols - 1 - r; break;
      case Dihedral::kRotate180: from_row = luma.rows - 1 - r, from_col = luma.cols - 1 - c; break;
      case Dihedral::kRotate270: from_row = luma.rows - 1 - c, from_col = r; break;
      case Dihedral::kFlipX: from_row = luma.rows - 1 - r; break;
      case Dihedral::kFlipY: from_col = luma.cols - 1 - c; break;
      case Dihedral::kFlipPlus1: from_row = c, from_col = r; break;
      case Dihedral::kFlipMinus1: from_row = luma.rows - 1 - c, from_col = luma.cols - 1 - r; break;
    }
    return luma.samples[static_cast<std::size_t>(from_row) * static_cast<std::size_t>(luma.cols) +
                        static_cast<std::size_t>(from_col)];
  };
  std::size_t at = 0;
  for (int r = 0; r < out.rows; ++r) {
    for (int c = 0; c < out.cols; ++c) out.samples[at++] = source(r, c);
  }
  return out;
}

Block16 CoefficientForm(const Block16& coefficients, Dihedral turn) {
  Block16 out{};
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 16; ++j) {
      const float value = coefficients[i * 16 + j];
      const bool odd_i = i % 2 == 1;
      const bool odd_j = j % 2 == 1;
      float& straight = out[i * 16 + j];
      float& across = out[j * 16 + i];
      switch (turn) {
        case Dihedral::kOriginal: straight = value; break;
        case Dihedral::kRotate90: across = odd_j ? value : -value; break;
        case Dihedral::kRotate180: straight = odd_i == odd_j ? value : -value; break;
        case Dihedral::kRotate270: across = odd_i ? value : -value; break;
        case Dihedral::kFlipX: straight = odd_i ? value : -value; break;
        case Dihedral::kFlipY: straight = odd_j ? value : -value; break;
        case Dihedral::kFlipPlus1: across = value; break;
        case Dihedral::kFlipMinus1: across = odd_i == odd_j ? value : -value; break;
      }
    }
  }
  return out;
}

}  // namespace hashgate::perceptual
