#include "hash/perceptual/pdq_rows.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "hash/perceptual/pdq_weights.h"

namespace hashgate::perceptual {
namespace {

constexpr std::size_t kOutputs = 64;

std::size_t RoundUp(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// One place along a side: output k as it is, and output 63 - k of the mirrored side, whose samples lie
/// around the same ones.
struct Place {
  Place(const std::array<Tent, kOutputs>& tents, std::size_t k, int n)
      : plain(tents[k].whole),
        mirrored(Mirrored(tents[kOutputs - 1 - k].whole, n)),
        plain_cut(tents[k].cut),
        mirrored_cut(tents[kOutputs - 1 - k].cut.weights.empty() ? WholeWeights{}
                                                                 : Mirrored(tents[kOutputs - 1 - k].cut, n)),
        first(std::min(plain.first, mirrored.first)),
        count(static_cast<std::size_t>(std::max(plain.end(), mirrored.end()) - first)) {}

  WholeWeights plain;
  WholeWeights mirrored;
  WholeWeights plain_cut;
  WholeWeights mirrored_cut;
  int first;          ///< of the samples of both
  std::size_t count;  ///< of the samples of both
};

/// What makes an average of an output's sum. A cut window weighs window / (window - 1) as much as a full one.
double ScaleOf(const Tent& tent, int window) {
  const double squared = static_cast<double>(window) * window;
  return 1 / (tent.cut.weights.empty() ? squared : squared * (window - 1));
}

/// The weighted sums of rows, eight rows of sums at a time.
class RowSums {
 public:
  RowSums(PixelRows& pixels, const Kernel& kernel, std::size_t reach)
      : pixels_(pixels),
        kernel_(kernel),
        window_(BoxWindow(pixels.rows())),
        tents_(SideTents(pixels.rows())),
        // A little more than rounding up asks for, so that rows of sums do not fall on each other in the
        // cache.
        stride_(std::max(RoundUp(pixels.row_size(), kSumBlock), reach) + 16),
        // Room for the rows, the sums of a cut window, and what a kernel writes past the end.
        sums_((kSumRows + 2) * stride_ + kSumBlock) {}

  /// Sums of place `k`: plain into row `to`, mirrored into row `to` + 1.
  void Compute(std::size_t k, std::size_t to) {
    const Place place(tents_, k, pixels_.rows());
    std::int32_t* plain = Row(to);
    std::int32_t* mirrored = Row(to + 1);
    Run(place.first, place.count, place.plain, place.mirrored, plain, mirrored);
    AddCut(place.plain_cut, plain);
    AddCut(place.mirrored_cut, mirrored);
  }

  [[nodiscard]] const std::int32_t* data() const { return sums_.data(); }
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] double scale(std::size_t k) const { return ScaleOf(tents_[k], window_); }

 private:
  std::int32_t* Row(std::size_t i) { return &sums_[i * stride_]; }

  void Run(int first, std::size_t count, const WholeWeights& plain, const WholeWeights& mirrored,
           std::int32_t* plain_sums, std::int32_t* mirrored_sums) {
    const std::size_t padded = RoundUp(count, kRowGroup);
    rows_.resize(padded);
    pixels_.Rows(first, std::span(rows_).first(count));
    std::fill(rows_.begin() + static_cast<std::ptrdiff_t>(count), rows_.end(), rows_.front());
    Spread(plain, first, padded, plain_);
    Spread(mirrored, first, padded, mirrored_);
    kernel_.sum_rows({.rows = rows_,
                      .plain = plain_.data(),
                      .mirrored = mirrored_.data(),
                      .width = pixels_.row_size(),
                      .plain_sums = plain_sums,
                      .mirrored_sums = mirrored_sums});
  }

  static void Spread(const WholeWeights& weights, int first, std::size_t padded,
                     std::vector<std::int8_t>& out) {
    out.assign(padded, 0);
    for (std::size_t i = 0; i < weights.weights.size(); ++i) {
      out[static_cast<std::size_t>(weights.first - first) + i] = static_cast<std::int8_t>(weights.weights[i]);
    }
  }

  void AddCut(const WholeWeights& cut, std::int32_t* sums) {
    if (cut.weights.empty()) return;
    std::int32_t* window = Row(kSumRows);
    Run(cut.first, cut.weights.size(), cut, {}, window, Row(kSumRows + 1));
    // At most 255 * window^3: fits up to windows of 203.
    for (std::size_t c = 0; c < pixels_.row_size(); ++c) {
      sums[c] = sums[c] * (window_ - 1) + window[c] * window_;
    }
  }

  PixelRows& pixels_;
  const Kernel& kernel_;
  int window_;
  std::array<Tent, kOutputs> tents_;
  std::size_t stride_;
  std::vector<std::int32_t> sums_;
  std::vector<const std::uint8_t*> rows_;
  std::vector<std::int8_t> plain_;
  std::vector<std::int8_t> mirrored_;
};

/// Weights along a row with the colours' own weights folded in, and what makes averages of the sums.
struct Columns {
  explicit Columns(const PixelRows& pixels) {
    const int window = BoxWindow(pixels.cols());
    const std::array<Tent, kOutputs> tents = SideTents(pixels.cols());
    const bool is_grey = pixels.channels() == 1;
    const auto channels = static_cast<std::size_t>(pixels.channels());
    const std::array<double, 4> colors =
        is_grey ? std::array<double, 4>{1} : std::array<double, 4>{kRedWeight, kGreenWeight, kBlueWeight, 0};
    const double color_sum = is_grey ? 1 : kRedWeight + kGreenWeight + kBlueWeight;
    for (std::size_t k = 0; k < kOutputs; ++k) {
      scales[k] = ScaleOf(tents[k], window) / color_sum;
      const Place place(tents, k, pixels.cols());
      ColumnPlan::Output& output = plan.outputs[k];
      output = {.first = static_cast<std::size_t>(place.first) * channels,
                .count = RoundUp(place.count * channels, ColumnPlan::kLanes),
                .at = plan.plain.size()};
      plan.reach = std::max(plan.reach, output.first + output.count);
      plan.plain.resize(output.at + output.count);
      plan.mirrored.resize(output.at + output.count);
      const auto add = [&](std::vector<double>& to, const WholeWeights& weights, int times) {
        for (std::size_t i = 0; i < weights.weights.size(); ++i) {
          const std::size_t at =
              output.at + (static_cast<std::size_t>(weights.first - place.first) + i) * channels;
          for (std::size_t c = 0; c < channels; ++c) to[at + c] += colors[c] * weights.weights[i] * times;
        }
      };
      add(plan.plain, place.plain, place.plain_cut.weights.empty() ? 1 : window - 1);
      add(plan.plain, place.plain_cut, window);
      add(plan.mirrored, place.mirrored, place.mirrored_cut.weights.empty() ? 1 : window - 1);
      add(plan.mirrored, place.mirrored_cut, window);
    }
  }

  ColumnPlan plan;
  std::array<double, kOutputs> scales{};
};

}  // namespace

MirroredBlocks DownsampleRows(PixelRows& pixels, const Kernel& kernel) {
  const Columns columns(pixels);
  RowSums rows(pixels, kernel, columns.plan.reach);
  MirroredBlocks blocks{};
  std::array<double, kSumRows * 2 * kOutputs> totals{};
  constexpr std::size_t kPlaces = kSumRows / 2;
  for (std::size_t first = 0; first < kOutputs; first += kPlaces) {
    for (std::size_t i = 0; i < kPlaces; ++i) rows.Compute(first + i, 2 * i);
    kernel.sum_columns(columns.plan, rows.data(), rows.stride(), totals.data());
    for (std::size_t row = 0; row < kSumRows; ++row) {
      const std::size_t rows_reversed = row % 2;
      const std::size_t place = first + row / 2;
      const std::size_t k = rows_reversed == 0 ? place : kOutputs - 1 - place;
      const double* total = &totals[row * 2 * kOutputs];
      double* plain = &blocks[2 * rows_reversed][k * kOutputs];
      double* mirrored = &blocks[2 * rows_reversed + 1][k * kOutputs];
      const double row_scale = rows.scale(k);
      for (std::size_t j = 0; j < kOutputs; ++j) {
        const double scale = row_scale * columns.scales[j];
        plain[j] = total[j] * scale;
        mirrored[j] = total[2 * kOutputs - 1 - j] * scale;
      }
    }
  }
  return blocks;
}

}  // namespace hashgate::perceptual
