// Marr-Hildreth hash: grey, blurred, brought to 512 x 512, its histogram levelled, filtered by a Marr wavelet
// and summed up by blocks of 16 x 16. Groups of 3 x 3 blocks, four blocks apart, say which of their sums lie
// above their mean. Sources: OpenCV 4.6 img_hash, MarrHildrethHash with alpha 2 and scale 1 (its order of
// bits, its blocks by columns, its wavelet whose exponent has a plus, so that it weighs the corners of its
// window); Zauner 2010.
//
// The wavelet is (2 - x^2 - y^2) exp((x^2 + y^2) / 2), a sum of products of one variable each, and so is its
// sum over a block: 32 weights a side do the work of 17 x 17 for each of 16 x 16 pixels. OpenCV filters by a
// Fourier transform in single precision. Here weights are whole numbers and sums exact: what is equal is
// equal, and of a turned picture's blocks each is one of this picture's, because 512 is a whole number of
// blocks.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <span>
#include <vector>

#include "base/wiped_buffer.h"
#include "hash/img_hash/bit_packer.h"
#include "hash/img_hash/forms.h"
#include "hash/img_hash/resize.h"

namespace hashgate::img_hash {
namespace {

constexpr int kSide = 512;
constexpr int kBlockSide = 16;
constexpr int kGridSide = kSide / kBlockSide;  // blocks in a row of all
constexpr int kWaveletReach = 8;               // pixels to each side
constexpr int kBlockTaps = kBlockSide + 2 * kWaveletReach;
constexpr int kBlurReach = 3;
constexpr int kCubicTaps = 4;

// The position that OpenCV's border of this name stands for: the edge itself comes once. Any distance from
// the edge.
int Reflected101(int at, int length) {
  if (length == 1) return 0;
  const int period = 2 * (length - 1);
  const int within = std::abs(at) % period;
  return within < length ? within : period - within;
}

// A row or column of the 512: the first of four source positions, and their weights in 2^11ths.
struct Cubic {
  int first = 0;
  std::array<int, kCubicTaps> weights{};
};

// Source: OpenCV 4.6, modules/imgproc/src/resize.cpp, INTER_CUBIC (a = -0.75) in single precision, as there.
std::vector<Cubic> CubicsOf(int length) {
  const double scale = 1.0 / (static_cast<double>(kSide) / length);
  std::vector<Cubic> cubics(kSide);
  for (int i = 0; i < kSide; ++i) {
    const auto at = static_cast<float>((i + 0.5) * scale - 0.5);
    const auto below = static_cast<int>(std::floor(at));
    const float x = at - static_cast<float>(below);
    constexpr float kA = -0.75F;
    std::array<float, kCubicTaps> weights{};
    weights[0] = ((kA * (x + 1) - 5 * kA) * (x + 1) + 8 * kA) * (x + 1) - 4 * kA;
    weights[1] = ((kA + 2) * x - (kA + 3)) * x * x + 1;
    weights[2] = ((kA + 2) * (1 - x) - (kA + 3)) * (1 - x) * (1 - x) + 1;
    weights[3] = 1.F - weights[0] - weights[1] - weights[2];
    Cubic& cubic = cubics[static_cast<std::size_t>(i)];
    cubic.first = below - 1;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      cubic.weights[k] = static_cast<int>(std::lrint(weights[k] * 2048));
    }
  }
  return cubics;
}

// Rows of the picture on their way to the square. Each kind is kept while rows below may still need it.
class ShrinkingRows {
 public:
  explicit ShrinkingRows(perceptual::PixelRows& pixels)
      : pixels_(pixels),
        width_(static_cast<std::size_t>(pixels.cols())),
        columns_(CubicsOf(pixels.cols())),
        grey_(kKept * width_),
        sums_(width_ + 2 * kBlurReach),
        blurred_(width_) {
    has_grey_.fill(-1);
    has_narrow_.fill(-1);
    for (auto& row : narrow_) row.resize(kSide);
  }

  /// Row `y` of the blurred picture at the square's width, in 2^11ths. Rows come in rising order, but for the
  /// last few.
  std::span<const int> Narrow(int y) {
    const std::size_t slot = static_cast<std::size_t>(y) % kKept;
    if (has_narrow_[slot] != y) {
      Blur(y);
      Narrow(narrow_[slot]);
      has_narrow_[slot] = y;
    }
    return narrow_[slot];
  }

 private:
  static constexpr std::size_t kKept = 8;  // rows of each kind

  const std::uint8_t* Grey(int y) {
    const std::size_t slot = static_cast<std::size_t>(y) % kKept;
    std::uint8_t* const grey = grey_.data() + slot * width_;
    if (has_grey_[slot] == y) return grey;
    std::array<const std::uint8_t*, 1> row{};
    pixels_.Rows(y, row);
    const std::uint8_t* at = row[0];
    if (pixels_.channels() == 1) {
      std::copy_n(at, width_, grey);
    } else {
      const auto step = static_cast<std::size_t>(pixels_.channels());
      for (std::size_t x = 0; x < width_; ++x, at += step) grey[x] = GreyOf(at[0], at[1], at[2]);
    }
    has_grey_[slot] = y;
    return grey;
  }

  // Source: OpenCV 4.6, modules/imgproc/src/smooth.dispatch.cpp, GaussianBlur of 7 x 7 pixels of 8 bits:
  // fixed-point weights in 2^8ths each way, no loss before the one rounding.
  void Blur(int y) {
    std::array<const std::uint8_t*, 2 * kBlurReach + 1> rows{};
    for (std::size_t k = 0; k < rows.size(); ++k) {
      rows[k] = Grey(Reflected101(y + static_cast<int>(k) - kBlurReach, pixels_.rows()));
    }
    std::uint16_t* const sums = sums_.data() + kBlurReach;
    for (std::size_t x = 0; x < width_; ++x) {
      sums[x] = static_cast<std::uint16_t>(8 * (rows[0][x] + rows[6][x]) + 28 * (rows[1][x] + rows[5][x]) +
                                           56 * (rows[2][x] + rows[4][x]) + 72 * rows[3][x]);
    }
    const int width = pixels_.cols();
    for (int k = 1; k <= kBlurReach; ++k) {
      sums[-k] = sums[Reflected101(-k, width)];
      sums[width - 1 + k] = sums[Reflected101(width - 1 + k, width)];
    }
    const std::uint16_t* const all = sums_.data();
    for (std::size_t x = 0; x < width_; ++x) {
      const std::uint32_t sum = 8U * (all[x] + all[x + 6]) + 28U * (all[x + 1] + all[x + 5]) +
                                56U * (all[x + 2] + all[x + 4]) + 72U * all[x + 3];
      blurred_.data()[x] = static_cast<std::uint8_t>((sum + (1U << 15)) >> 16);
    }
  }

  void Narrow(std::vector<int>& row) {
    const int last = pixels_.cols() - 1;
    const std::uint8_t* const blurred = blurred_.data();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Cubic& cubic = columns_[i];
      int sum = 0;
      for (int k = 0; k < kCubicTaps; ++k) {
        sum += cubic.weights[static_cast<std::size_t>(k)] * blurred[std::clamp(cubic.first + k, 0, last)];
      }
      row[i] = sum;
    }
  }

  perceptual::PixelRows& pixels_;
  const std::size_t width_;
  const std::vector<Cubic> columns_;
  WipedBuffer<std::uint8_t> grey_;
  WipedBuffer<std::uint16_t> sums_;
  WipedBuffer<std::uint8_t> blurred_;
  std::array<std::vector<int>, kKept> narrow_;
  std::array<int, kKept> has_grey_{};
  std::array<int, kKept> has_narrow_{};
};

// Down the columns OpenCV uses single precision, which has to be followed term by term.
Square<std::uint8_t> Shrunk(perceptual::PixelRows& pixels) {
  ShrinkingRows narrow(pixels);
  const std::vector<Cubic> cubics = CubicsOf(pixels.rows());
  const int last = pixels.rows() - 1;
  constexpr float kUnit = 1.F / (2048 * 2048);
  Square<std::uint8_t> square(kSide);
  for (std::size_t r = 0; r < square.side; ++r) {
    std::array<std::span<const int>, kCubicTaps> rows;
    std::array<float, kCubicTaps> weights{};
    for (std::size_t k = 0; k < rows.size(); ++k) {
      rows[k] = narrow.Narrow(std::clamp(cubics[r].first + static_cast<int>(k), 0, last));
      weights[k] = static_cast<float>(cubics[r].weights[k]) * kUnit;
    }
    for (std::size_t c = 0; c < square.side; ++c) {
      float sum = static_cast<float>(rows[3][c]) * weights[3];
      for (std::size_t k = 3; k-- > 0;) sum = static_cast<float>(rows[k][c]) * weights[k] + sum;
      square.At(r, c) = static_cast<std::uint8_t>(std::clamp(std::lrint(sum), 0L, 255L));
    }
  }
  return square;
}

// Source: OpenCV 4.6, modules/imgproc/src/histogram.cpp, equalizeHist: the darkest level becomes 0, the
// others the share of pixels that are at most as light, those of the darkest left out.
void LevelHistogram(Square<std::uint8_t>& square) {
  std::array<int, 256> counts{};
  for (const std::uint8_t value : square.values) ++counts[value];
  std::size_t level = 0;
  while (counts[level] == 0) ++level;
  const auto total = static_cast<int>(square.values.size());
  if (counts[level] == total) return;
  const float scale = 255.F / static_cast<float>(total - counts[level]);
  std::array<std::uint8_t, 256> levelled{};
  int sum = 0;
  for (++level; level < counts.size(); ++level) {
    sum += counts[level];
    levelled[level] =
        static_cast<std::uint8_t>(std::clamp(std::lrint(static_cast<float>(sum) * scale), 0L, 255L));
  }
  for (std::uint8_t& value : square.values) value = levelled[value];
}

// The two functions of one variable that the wavelet consists of, each summed over a block's pixels: weights
// of the pixels from kWaveletReach before a block. Block sums stay below 2^59.
struct BlockWeights {
  std::array<std::int64_t, kBlockTaps> plain{};    // exp(x^2 / 2)
  std::array<std::int64_t, kBlockTaps> squared{};  // x^2 exp(x^2 / 2)
};

const BlockWeights& Weights() {
  static const BlockWeights weights = [] {
    BlockWeights made;
    constexpr double kUnit = 64;
    for (int tap = 0; tap < kBlockTaps; ++tap) {
      double plain = 0;
      double squared = 0;
      for (int pixel = 0; pixel < kBlockSide; ++pixel) {
        const int distance = tap - kWaveletReach - pixel;
        if (std::abs(distance) > kWaveletReach) continue;
        const double x = distance / 2.0;
        plain += std::exp(x * x / 2);
        squared += x * x * std::exp(x * x / 2);
      }
      made.plain[static_cast<std::size_t>(tap)] = std::llround(plain * kUnit);
      made.squared[static_cast<std::size_t>(tap)] = std::llround(squared * kUnit);
    }
    return made;
  }();
  return weights;
}

// The filtered picture's sums over all blocks.
Square<std::int64_t> BlockSums(const Square<std::uint8_t>& square) {
  const BlockWeights& weights = Weights();
  constexpr auto kGrid = static_cast<std::size_t>(kGridSide);
  struct RowSums {
    std::array<std::int64_t, kGrid> plain{};
    std::array<std::int64_t, kGrid> squared{};
  };
  std::vector<RowSums> of_rows(square.side);
  std::array<std::int64_t, kSide + 2 * kWaveletReach> wide{};
  for (std::size_t r = 0; r < square.side; ++r) {
    for (std::size_t i = 0; i < wide.size(); ++i) {
      const int c = Reflected101(static_cast<int>(i) - kWaveletReach, kSide);
      wide[i] = square.At(r, static_cast<std::size_t>(c));
    }
    for (std::size_t block = 0; block < kGrid; ++block) {
      for (std::size_t tap = 0; tap < kBlockTaps; ++tap) {
        const std::int64_t value = wide[block * kBlockSide + tap];
        of_rows[r].plain[block] += value * weights.plain[tap];
        of_rows[r].squared[block] += value * weights.squared[tap];
      }
    }
  }
  Square<std::int64_t> sums(kGrid);
  for (std::size_t row = 0; row < kGrid; ++row) {
    for (int tap = 0; tap < kBlockTaps; ++tap) {
      const int at = static_cast<int>(row) * kBlockSide + tap - kWaveletReach;
      const RowSums& from = of_rows[static_cast<std::size_t>(Reflected101(at, kSide))];
      const std::int64_t plain = weights.plain[static_cast<std::size_t>(tap)];
      const std::int64_t squared = weights.squared[static_cast<std::size_t>(tap)];
      for (std::size_t col = 0; col < kGrid; ++col) {
        sums.At(row, col) += (2 * from.plain[col] - from.squared[col]) * plain - from.plain[col] * squared;
      }
    }
  }
  return sums;
}

// Blocks go by columns: what OpenCV calls a row of blocks is one of the picture's columns.
void AppendHash(const Square<std::int64_t>& sums, std::vector<std::uint8_t>& hashes) {
  constexpr std::size_t kGroup = 3;
  constexpr std::size_t kStep = 4;
  BitPacker bits(BitOrder::kHighestFirst, hashes);
  for (std::size_t across = 0; across + kGroup < sums.side; across += kStep) {
    for (std::size_t down = 0; down + kGroup < sums.side; down += kStep) {
      std::array<std::int64_t, kGroup * kGroup> group{};
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < group.size(); ++i) {
        group[i] = sums.At(down + i % kGroup, across + i / kGroup);
        sum += group[i];
      }
      for (const std::int64_t value : group)
        bits.Append(value * static_cast<std::int64_t>(group.size()) > sum);
    }
  }
}

}  // namespace

std::vector<std::uint8_t> MarrHildrethForms(perceptual::PixelRows& pixels) {
  Square<std::uint8_t> square = Shrunk(pixels);
  LevelHistogram(square);
  std::vector<std::uint8_t> hashes;
  ForEachForm(BlockSums(square), [&](const Square<std::int64_t>& turned) { AppendHash(turned, hashes); });
  return hashes;
}

}  // namespace hashgate::img_hash
