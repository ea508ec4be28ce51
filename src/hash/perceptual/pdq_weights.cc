#include "hash/perceptual/pdq_weights.h"

#include <algorithm>
#include <utility>

#include "hash/perceptual/pdq_textbook.h"

namespace hashgate::perceptual {
namespace {

/// The two filters around one output: output `at` of the second is the average of the first's outputs
/// [low(at), high(at)], each of them the average of samples [low(i), high(i)].
struct Windows {
  explicit Windows(int side)
      : n(side), window(BoxWindow(side)), ahead((window + 2) / 2 - 1), behind(window - 1 - ahead) {}
  [[nodiscard]] int low(int i) const { return std::max(0, i - behind); }
  [[nodiscard]] int high(int i) const { return std::min(n - 1, i + ahead); }

  int n;
  int window;
  int ahead;
  int behind;
};

}  // namespace

std::vector<WeightRow> SideWeights(int n, bool mirrored) {
  const Windows windows(n);
  std::vector<WeightRow> rows(64);
  for (int k = 0; k < 64; ++k) {
    const int at = SampleIndex(k, n);
    const int first = windows.low(windows.low(at));
    const int last = windows.high(windows.high(at));
    WeightRow row{static_cast<std::size_t>(first),
                  std::vector<double>(static_cast<std::size_t>(last - first) + 2)};
    // Mark where the range of every first average begins and ends, then sum up.
    const double outer = 1.0 / (windows.high(at) - windows.low(at) + 1);
    for (int i = windows.low(at); i <= windows.high(at); ++i) {
      const double each = outer / (windows.high(i) - windows.low(i) + 1);
      row.weights[static_cast<std::size_t>(windows.low(i) - first)] += each;
      row.weights[static_cast<std::size_t>(windows.high(i) + 1 - first)] -= each;
    }
    for (std::size_t i = 1; i < row.weights.size(); ++i) row.weights[i] += row.weights[i - 1];
    row.weights.pop_back();
    if (mirrored) {
      row.first = static_cast<std::size_t>(n - 1 - last);
      std::ranges::reverse(row.weights);
    }
    rows[static_cast<std::size_t>(k)] = std::move(row);
  }
  return rows;
}

std::vector<WeightRow> FoldWeights(const std::vector<WeightRow>& rows, int factor) {
  const auto run = static_cast<std::size_t>(factor);
  std::vector<WeightRow> folded;
  folded.reserve(rows.size());
  for (const WeightRow& row : rows) {
    const std::size_t first = row.first / run;
    const std::size_t last = (row.first + row.weights.size() - 1) / run;
    WeightRow out{first, std::vector<double>(last - first + 1)};
    for (std::size_t i = 0; i < row.weights.size(); ++i) {
      out.weights[(row.first + i) / run - first] += row.weights[i];
    }
    folded.push_back(std::move(out));
  }
  return folded;
}

std::array<Tent, 64> SideTents(int n) {
  const Windows windows(n);
  std::array<Tent, 64> tents;
  for (int k = 0; k < 64; ++k) {
    const int at = SampleIndex(k, n);
    Tent& tent = tents[static_cast<std::size_t>(k)];
    tent.whole.first = windows.low(windows.low(at));
    // As above, each range is marked where it begins and where it ends.
    std::vector<std::int32_t>& weights = tent.whole.weights;
    weights.assign(static_cast<std::size_t>(windows.high(windows.high(at)) - tent.whole.first) + 2, 0);
    for (int i = windows.low(at); i <= windows.high(at); ++i) {
      const int inside = windows.high(i) - windows.low(i) + 1;
      if (inside < windows.window) {
        tent.cut = {windows.low(i), std::vector<std::int32_t>(static_cast<std::size_t>(inside), 1)};
        continue;
      }
      ++weights[static_cast<std::size_t>(windows.low(i) - tent.whole.first)];
      --weights[static_cast<std::size_t>(windows.high(i) + 1 - tent.whole.first)];
    }
    for (std::size_t i = 1; i < weights.size(); ++i) weights[i] += weights[i - 1];
    weights.pop_back();
  }
  return tents;
}

WholeWeights Mirrored(const WholeWeights& weights, int n) {
  WholeWeights out{n - weights.end(), weights.weights};
  std::ranges::reverse(out.weights);
  return out;
}

}  // namespace hashgate::perceptual
