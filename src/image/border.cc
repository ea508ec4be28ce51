#include "image/border.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

namespace hashgate::image {
namespace {

constexpr int kColors = 3;
constexpr int kLeastSide = 8;            // of what has a border
constexpr std::size_t kMostBorders = 3;  // one within the other
// The outermost lines may be anything: a hundredth of a side.
constexpr int kRimShare = 100;
constexpr int kLeftShare = 4;  // of a side that must be left
constexpr int kBandRows = 64;  // looked at together, so that columns are read row by row
// Compression spreads a border's edge over the blocks that it crosses: of JPEG with halved chroma 16 samples.
constexpr int kEdgeLines = 16;

using Color = std::array<std::int64_t, kColors>;

int ColorsOf(const perceptual::PixelRows& pixels) {
  return std::min(pixels.channels(), kColors);
}

/// Lines that may belong to a border of a side.
int MostLines(int side) {
  return side - (side + kLeftShare - 1) / kLeftShare;
}

/// The same colour as often as a line needs it, to compare samples in the order that they lie in.
class PlainLine {
 public:
  PlainLine(const Color& color, std::size_t pixels, int channels)
      : channels_(static_cast<std::size_t>(channels)),
        samples_(pixels * channels_),
        counted_(samples_.size()) {
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      const std::size_t c = i % channels_;
      if (c >= kColors) continue;  // alpha is compared with nothing
      samples_[i] = static_cast<std::uint8_t>(color[c]);
      counted_[i] = 0xff;
    }
  }

  /// The sum of the differences to a row; not all of them once it is past `enough`.
  [[nodiscard]] std::int64_t Difference(const std::uint8_t* row, std::int64_t enough) const {
    std::int64_t sum = 0;
    for (std::size_t begin = 0; begin < samples_.size() && sum <= enough; begin += kAtOnce) {
      const std::size_t end = std::min(begin + kAtOnce, samples_.size());
      std::int32_t some = 0;
      for (std::size_t i = begin; i < end; ++i) some += std::abs((row[i] & counted_[i]) - samples_[i]);
      sum += some;
    }
    return sum;
  }

  /// Adds the differences of the samples [begin, end) of a row to `sums`.
  void Add(const std::uint8_t* row, std::size_t begin, std::size_t end, std::uint16_t* sums) const {
    for (std::size_t i = begin; i < end; ++i) {
      sums[i] = static_cast<std::uint16_t>(sums[i] + std::abs((row[i] & counted_[i]) - samples_[i]));
    }
  }

  [[nodiscard]] std::size_t channels() const { return channels_; }

 private:
  static constexpr std::size_t kAtOnce = 4'096;  // samples between looks at whether it is enough
  std::size_t channels_;
  std::vector<std::uint8_t> samples_;
  std::vector<std::uint8_t> counted_;  // 0xff, or 0 for alpha
};

/// How many lines behind the plain ones belong to the border too. `differences` are those of the last plain
/// line and what follows it: where they first rise about as steeply as anywhere is the picture's edge.
int BlurredLines(std::span<const std::int64_t> differences) {
  std::int64_t steepest = 0;
  for (std::size_t i = 1; i < differences.size(); ++i) {
    steepest = std::max(steepest, differences[i] - differences[i - 1]);
  }
  for (std::size_t i = 1; i < differences.size(); ++i) {
    if (2 * (differences[i] - differences[i - 1]) >= steepest) return static_cast<int>(i) - 1;
  }
  return 0;
}

/// What was found at one edge.
struct Edge {
  int lines = 0;              ///< of the border; 0 where there is none
  bool is_one_color = false;  ///< all lines that could be border are of exactly one colour
};

/// Where all lines that could be border are plain none is.
int LinesOf(int plain, int most, std::span<const std::int64_t> last_and_following) {
  return plain > 0 && plain < most ? plain + BlurredLines(last_and_following) : 0;
}

/// Rows at one edge, `most` at most.
Edge FindRows(perceptual::PixelRows& pixels, int edge, int step, int most, int tolerance) {
  const auto row = [&](int number) {
    std::array<const std::uint8_t*, 1> out{};
    pixels.Rows(edge + number * step, out);
    return out[0];
  };
  if (most == 0) return {};
  Color color{};
  const std::uint8_t* pixel = row(0);
  for (int x = 0; x < pixels.cols(); ++x, pixel += pixels.channels()) {
    for (int c = 0; c < ColorsOf(pixels); ++c) color[static_cast<std::size_t>(c)] += pixel[c];
  }
  for (std::int64_t& sample : color) sample /= pixels.cols();
  const PlainLine line(color, static_cast<std::size_t>(pixels.cols()), pixels.channels());
  const std::int64_t tolerated = std::int64_t{tolerance} * pixels.cols() * ColorsOf(pixels);
  int plain = 0;
  std::int64_t greatest = 0;
  for (; plain < most; ++plain) {
    greatest = std::max(greatest, line.Difference(row(plain), tolerated));
    if (greatest > tolerated) break;
  }
  std::vector<std::int64_t> differences;
  for (int number = std::max(plain, 1) - 1; number < std::min(plain + kEdgeLines, most); ++number) {
    differences.push_back(line.Difference(row(number), std::numeric_limits<std::int64_t>::max()));
  }
  return {.lines = LinesOf(plain, most, differences), .is_one_color = greatest == 0};
}

/// Columns at one edge, looked at band by band.
class EdgeColumns {
 public:
  EdgeColumns(const perceptual::PixelRows& pixels, bool from_right, int tolerance)
      : pixels_(pixels),
        from_right_(from_right),
        tolerance_(tolerance),
        plain_(MostLines(pixels.cols())),
        sums_(static_cast<std::size_t>(plain_)),
        band_(pixels.row_size()) {}

  [[nodiscard]] bool MayHaveOne() const { return plain_ > 0; }

  /// REQUIRES: at most kBandRows rows.
  void LookAt(std::span<const std::uint8_t* const> rows) {
    if (!MayHaveOne()) return;
    if (!line_)
      line_.emplace(MeanOfFirst(rows), static_cast<std::size_t>(pixels_.cols()), pixels_.channels());
    const int looked_at = std::min(plain_ + kEdgeLines, static_cast<int>(sums_.size()));
    const std::size_t begin = from_right_ ? SampleOf(looked_at - 1) : 0;
    const std::size_t end = from_right_ ? pixels_.row_size() : SampleOf(looked_at);
    std::fill(band_.begin() + static_cast<std::ptrdiff_t>(begin),
              band_.begin() + static_cast<std::ptrdiff_t>(end), std::uint16_t{0});
    for (const std::uint8_t* row : rows) line_->Add(row, begin, end, band_.data());
    const std::int64_t tolerated = static_cast<std::int64_t>(rows.size()) * tolerance_ * ColorsOf(pixels_);
    for (int column = 0; column < looked_at; ++column) {
      const std::uint16_t* first = &band_[SampleOf(column)];
      const std::int64_t sum = std::accumulate(first, first + line_->channels(), std::int64_t{0});
      sums_[static_cast<std::size_t>(column)] += sum;
      if (sum > tolerated) plain_ = std::min(plain_, column);
    }
  }

  /// Once every band was looked at.
  [[nodiscard]] int Count() const {
    const auto first = static_cast<std::size_t>(std::max(plain_, 1) - 1);
    const std::size_t end = std::min(static_cast<std::size_t>(plain_ + kEdgeLines), sums_.size());
    return LinesOf(plain_, static_cast<int>(sums_.size()), std::span(sums_).subspan(first, end - first));
  }

 private:
  /// Where a column's first sample lies in a row; columns are counted from the edge.
  [[nodiscard]] std::size_t SampleOf(int column) const {
    const int x = from_right_ ? pixels_.cols() - 1 - column : column;
    return static_cast<std::size_t>(x) * static_cast<std::size_t>(pixels_.channels());
  }
  [[nodiscard]] Color MeanOfFirst(std::span<const std::uint8_t* const> rows) const {
    Color mean{};
    for (const std::uint8_t* row : rows) {
      for (int c = 0; c < ColorsOf(pixels_); ++c) {
        mean[static_cast<std::size_t>(c)] += row[SampleOf(0) + static_cast<std::size_t>(c)];
      }
    }
    for (std::int64_t& sample : mean) sample /= static_cast<std::int64_t>(rows.size());
    return mean;
  }

  const perceptual::PixelRows& pixels_;
  const bool from_right_;
  const int tolerance_;
  std::optional<PlainLine> line_;
  int plain_;                        // columns that were plain in every band
  std::vector<std::int64_t> sums_;   // of the differences, of the plain columns and those that follow
  std::vector<std::uint16_t> band_;  // of the differences in a band, sample by sample
};
static_assert(kBandRows * 255 <= 65'535, "what a sample of a band adds up to");

/// What one border leaves.
std::optional<Part> InsideOne(perceptual::PixelRows& pixels, const BorderLimits& limits) {
  const int most_rows = MostLines(pixels.rows());
  const Edge top = FindRows(pixels, 0, 1, most_rows, limits.tolerance);
  const Edge bottom = FindRows(pixels, pixels.rows() - 1, -1, most_rows, limits.tolerance);
  // Rows that are merely plain say less: a narrow picture on a wide ground changes their means by little.
  if (top.is_one_color && bottom.is_one_color) return std::nullopt;
  const int bottom_lines = std::min(bottom.lines, most_rows - top.lines);
  EdgeColumns from_left(pixels, false, limits.tolerance);
  EdgeColumns from_right(pixels, true, limits.tolerance);
  std::array<const std::uint8_t*, kBandRows> rows{};
  const int end = pixels.rows() - bottom_lines;
  for (int first = top.lines; first < end && (from_left.MayHaveOne() || from_right.MayHaveOne());
       first += kBandRows) {
    const auto band = std::span(rows).first(static_cast<std::size_t>(std::min(kBandRows, end - first)));
    pixels.Rows(first, band);
    from_left.LookAt(band);
    from_right.LookAt(band);
  }
  const int left = from_left.Count();
  const int right = std::min(from_right.Count(), MostLines(pixels.cols()) - left);
  if (std::max(top.lines, bottom_lines) * limits.least_share < pixels.rows() &&
      std::max(left, right) * limits.least_share < pixels.cols()) {
    return std::nullopt;
  }
  return Part{.left = static_cast<std::uint32_t>(left),
              .top = static_cast<std::uint32_t>(top.lines),
              .width = static_cast<std::uint32_t>(pixels.cols() - left - right),
              .height = static_cast<std::uint32_t>(end - top.lines)};
}

/// `inner` is a part of `outer`; the same in pixels of the whole.
Part Within(const Part& outer, const Part& inner) {
  return {.left = outer.left + inner.left,
          .top = outer.top + inner.top,
          .width = inner.width,
          .height = inner.height};
}

/// All but the outermost lines.
Part WithoutRim(const perceptual::PixelRows& pixels) {
  const auto rim = [](int side) { return static_cast<std::uint32_t>((side + kRimShare - 1) / kRimShare); };
  const std::uint32_t across = rim(pixels.cols());
  const std::uint32_t down = rim(pixels.rows());
  return {.left = across,
          .top = down,
          .width = static_cast<std::uint32_t>(pixels.cols()) - 2 * across,
          .height = static_cast<std::uint32_t>(pixels.rows()) - 2 * down};
}

}  // namespace

std::vector<Part> InsideBorders(perceptual::PixelRows& pixels, const BorderLimits& limits) {
  std::vector<Part> parts;
  if (std::min(pixels.rows(), pixels.cols()) < kLeastSide) return parts;
  if (const auto inside = InsideOne(pixels, limits)) {
    parts.push_back(*inside);
  } else {
    const Part core = WithoutRim(pixels);
    PartRows rows(pixels, core);
    if (const auto behind = InsideOne(rows, limits)) parts.push_back(Within(core, *behind));
  }
  while (!parts.empty() && parts.size() < kMostBorders) {
    const Part& outer = parts.front();
    if (std::min(outer.width, outer.height) < kLeastSide) break;
    PartRows rows(pixels, outer);
    const auto further = InsideOne(rows, limits);
    if (!further) break;
    parts.insert(parts.begin(), Within(outer, *further));
  }
  return parts;
}

}  // namespace hashgate::image
