#include "image/border.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <limits>
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

std::int64_t Difference(const std::uint8_t* pixel, const Color& color, int colors) {
  std::int64_t sum = 0;
  for (int c = 0; c < colors; ++c) sum += std::abs(pixel[c] - color[static_cast<std::size_t>(c)]);
  return sum;
}

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

/// Rows at one edge.
class EdgeRows {
 public:
  EdgeRows(perceptual::PixelRows& pixels, int edge, int step, int tolerance)
      : pixels_(pixels), edge_(edge), step_(step), tolerance_(tolerance) {}

  /// Rows of the border; 0 where the first `most` show no edge.
  int Count(int most) {
    if (most == 0) return 0;
    color_ = Mean(Row(0));
    const std::int64_t tolerated = std::int64_t{tolerance_} * pixels_.cols() * ColorsOf(pixels_);
    int plain = 0;
    while (plain < most && Sum(plain, tolerated) <= tolerated) ++plain;
    if (plain == 0 || plain == most) return 0;
    std::vector<std::int64_t> differences;
    for (int row = plain - 1; row < std::min(plain + kEdgeLines, most); ++row) {
      differences.push_back(Sum(row, std::numeric_limits<std::int64_t>::max()));
    }
    return plain + BlurredLines(differences);
  }

 private:
  const std::uint8_t* Row(int row) {
    std::array<const std::uint8_t*, 1> out{};
    pixels_.Rows(edge_ + row * step_, out);
    return out[0];
  }
  [[nodiscard]] Color Mean(const std::uint8_t* row) const {
    Color mean{};
    for (int x = 0; x < pixels_.cols(); ++x, row += pixels_.channels()) {
      for (int c = 0; c < ColorsOf(pixels_); ++c) mean[static_cast<std::size_t>(c)] += row[c];
    }
    for (std::int64_t& sample : mean) sample /= pixels_.cols();
    return mean;
  }
  /// Of a row's differences; not all of them once it is past `enough`.
  std::int64_t Sum(int row, std::int64_t enough) {
    const std::uint8_t* pixel = Row(row);
    std::int64_t sum = 0;
    for (int x = 0; x < pixels_.cols() && sum <= enough; ++x, pixel += pixels_.channels()) {
      sum += Difference(pixel, color_, ColorsOf(pixels_));
    }
    return sum;
  }

  perceptual::PixelRows& pixels_;
  const int edge_;
  const int step_;
  const int tolerance_;
  Color color_{};
};

/// Columns at one edge, looked at band by band.
class EdgeColumns {
 public:
  EdgeColumns(const perceptual::PixelRows& pixels, int edge, int step, int tolerance)
      : pixels_(pixels),
        edge_(edge),
        step_(step),
        tolerance_(tolerance),
        plain_(MostLines(pixels.cols())),
        sums_(static_cast<std::size_t>(plain_)) {}

  [[nodiscard]] bool MayHaveOne() const { return plain_ > 0; }

  void LookAt(std::span<const std::uint8_t* const> band) {
    if (!MayHaveOne()) return;
    const auto rows = static_cast<std::int64_t>(band.size());
    if (!begun_) SetColor(band);
    const int colors = ColorsOf(pixels_);
    const int all = static_cast<int>(sums_.size());
    for (int column = 0; column < std::min(plain_ + kEdgeLines, all); ++column) {
      std::int64_t sum = 0;
      for (const std::uint8_t* row : band) sum += Difference(Pixel(row, column), color_, colors);
      sums_[static_cast<std::size_t>(column)] += sum;
      if (sum > tolerance_ * rows * colors) plain_ = std::min(plain_, column);
    }
  }

  /// Columns of the border, once every band was looked at; 0 where there is no edge.
  [[nodiscard]] int Count() const {
    const auto plain = static_cast<std::size_t>(plain_);
    if (plain == 0 || plain == sums_.size()) return 0;
    const std::size_t end = std::min(plain + kEdgeLines, sums_.size());
    return plain_ + BlurredLines(std::span(sums_).subspan(plain - 1, end - plain + 1));
  }

 private:
  [[nodiscard]] const std::uint8_t* Pixel(const std::uint8_t* row, int column) const {
    return row + static_cast<std::ptrdiff_t>(edge_ + column * step_) * pixels_.channels();
  }
  void SetColor(std::span<const std::uint8_t* const> band) {
    begun_ = true;
    for (const std::uint8_t* row : band) {
      for (int c = 0; c < ColorsOf(pixels_); ++c) color_[static_cast<std::size_t>(c)] += Pixel(row, 0)[c];
    }
    for (std::int64_t& sample : color_) sample /= static_cast<std::int64_t>(band.size());
  }

  const perceptual::PixelRows& pixels_;
  const int edge_;
  const int step_;
  const int tolerance_;
  bool begun_ = false;
  Color color_{};
  int plain_;                       // columns that were plain in every band
  std::vector<std::int64_t> sums_;  // of the differences, of the plain columns and those that follow
};

/// What one border leaves.
std::optional<Part> InsideOne(perceptual::PixelRows& pixels, const BorderLimits& limits) {
  const int most_rows = MostLines(pixels.rows());
  const int top = EdgeRows(pixels, 0, 1, limits.tolerance).Count(most_rows);
  const int bottom = EdgeRows(pixels, pixels.rows() - 1, -1, limits.tolerance).Count(most_rows - top);
  EdgeColumns from_left(pixels, 0, 1, limits.tolerance);
  EdgeColumns from_right(pixels, pixels.cols() - 1, -1, limits.tolerance);
  std::array<const std::uint8_t*, kBandRows> rows{};
  const int end = pixels.rows() - bottom;
  for (int first = top; first < end && (from_left.MayHaveOne() || from_right.MayHaveOne());
       first += kBandRows) {
    const auto band = std::span(rows).first(static_cast<std::size_t>(std::min(kBandRows, end - first)));
    pixels.Rows(first, band);
    from_left.LookAt(band);
    from_right.LookAt(band);
  }
  const int left = from_left.Count();
  const int right = std::min(from_right.Count(), MostLines(pixels.cols()) - left);
  if (std::max(top, bottom) * limits.least_share < pixels.rows() &&
      std::max(left, right) * limits.least_share < pixels.cols()) {
    return std::nullopt;
  }
  return Part{.left = static_cast<std::uint32_t>(left),
              .top = static_cast<std::uint32_t>(top),
              .width = static_cast<std::uint32_t>(pixels.cols() - left - right),
              .height = static_cast<std::uint32_t>(end - top)};
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
    if (const auto found = InsideOne(rows, limits)) parts.push_back(Within(core, *found));
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
