#include "hash/perceptual/pdq_exact.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace hashgate::perceptual {
namespace {

/// Rows whose running sums are carried side by side in a pass along rows: four vectors of four lanes.
constexpr std::size_t kStrip = 16;
using Lanes = float __attribute__((vector_size(16)));
constexpr std::size_t kVectors = kStrip / 4;

Lanes Load(const float* from) {
  Lanes value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
void Store(float* to, Lanes value) {
  __builtin_memcpy(to, &value, sizeof value);
}

/// One side of the picture, walked from its start or from its end.
struct Axis {
  explicit Axis(int side, bool from_end)
      : n(static_cast<std::size_t>(side)),
        window(static_cast<std::size_t>(BoxWindow(side))),
        ahead((window + 2) / 2 - 1),
        reversed(from_end) {
    for (int k = 0; k < 64; ++k) {
      samples[static_cast<std::size_t>(k)] = static_cast<std::size_t>(SampleIndex(k, side));
    }
  }
  /// Where the walk's step `t` lies in the picture as stored.
  [[nodiscard]] std::size_t Place(std::size_t t) const { return reversed ? n - 1 - t : t; }

  std::size_t n;
  std::size_t window;
  std::size_t ahead;  ///< samples of the window after its own place
  bool reversed;
  std::array<std::size_t, 64> samples{};  ///< in steps of the walk, ascending, may repeat
};

/// 4x4 transposition in place.
void Transpose(Lanes& a, Lanes& b, Lanes& c, Lanes& d) {
  const Lanes ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Lanes ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Lanes cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Lanes cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  c = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  d = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/// kStrip rows side by side: element (step, lane) at step * kStrip + lane.
class Strip {
 public:
  explicit Strip(std::size_t width)
      : width_(width), turned_(width * kStrip), averaged_(width * kStrip), idle_(width) {}

  /// Takes in `count` (1..kStrip) rows of the picture, left to right.
  void Fill(const std::array<const float*, kStrip>& rows, std::size_t count) {
    auto source = rows;
    for (std::size_t lane = count; lane < kStrip; ++lane) source[lane] = idle_.data();
    std::size_t c = 0;
    for (; c + 4 <= width_; c += 4) {
      for (std::size_t lane = 0; lane < kStrip; lane += 4) {
        Lanes a = Load(source[lane] + c);
        Lanes b = Load(source[lane + 1] + c);
        Lanes d = Load(source[lane + 2] + c);
        Lanes e = Load(source[lane + 3] + c);
        Transpose(a, b, d, e);
        float* to = &turned_[c * kStrip + lane];
        Store(to, a);
        Store(to + kStrip, b);
        Store(to + 2 * kStrip, d);
        Store(to + 3 * kStrip, e);
      }
    }
    for (; c < width_; ++c) {
      for (std::size_t lane = 0; lane < kStrip; ++lane) turned_[c * kStrip + lane] = source[lane][c];
    }
  }

  /// Box filter along the rows; the averages replace what was filled in.
  void Average(const Axis& axis) {
    Walk(axis, [&](std::size_t step, const std::array<Lanes, kVectors>& sums, float inside) {
      float* to = &averaged_[axis.Place(step) * kStrip];
      for (std::size_t v = 0; v < kVectors; ++v) Store(to + 4 * v, sums[v] / inside);
    });
    turned_.swap(averaged_);
  }

  /// Box filter along the rows, kept only at the 64 sampled places, in the order of the walk:
  /// out[lane * 64 + k].
  void Sample(const Axis& axis, std::array<float, kStrip * 64>& out) const {
    std::size_t k = 0;
    Walk(axis, [&](std::size_t step, const std::array<Lanes, kVectors>& sums, float inside) {
      for (; k < 64 && axis.samples[k] == step; ++k) {
        for (std::size_t lane = 0; lane < kStrip; ++lane) {
          out[lane * 64 + k] = sums[lane / 4][lane % 4] / inside;
        }
      }
    });
  }

  /// Writes the first `count` rows back, left to right.
  void Drain(const std::array<float*, kStrip>& rows, std::size_t count) {
    auto target = rows;
    for (std::size_t lane = count; lane < kStrip; ++lane) target[lane] = idle_.data();
    std::size_t c = 0;
    for (; c + 4 <= width_; c += 4) {
      for (std::size_t lane = 0; lane < kStrip; lane += 4) {
        const float* from = &turned_[c * kStrip + lane];
        Lanes a = Load(from);
        Lanes b = Load(from + kStrip);
        Lanes d = Load(from + 2 * kStrip);
        Lanes e = Load(from + 3 * kStrip);
        Transpose(a, b, d, e);
        Store(target[lane] + c, a);
        Store(target[lane + 1] + c, b);
        Store(target[lane + 2] + c, d);
        Store(target[lane + 3] + c, e);
      }
    }
    for (; c < width_; ++c) {
      for (std::size_t lane = 0; lane < count; ++lane) target[lane][c] = turned_[c * kStrip + lane];
    }
  }

 private:
  /// Calls emit(step, sums, samples inside the window) for every step of the walk, in order.
  template <class Emit>
  void Walk(const Axis& axis, Emit&& emit) const {
    std::array<Lanes, kVectors> sums{};
    const auto add = [&](std::size_t step) {
      const float* from = &turned_[axis.Place(step) * kStrip];
      for (std::size_t v = 0; v < kVectors; ++v) sums[v] += Load(from + 4 * v);
    };
    const auto drop = [&](std::size_t step) {
      const float* from = &turned_[axis.Place(step) * kStrip];
      for (std::size_t v = 0; v < kVectors; ++v) sums[v] -= Load(from + 4 * v);
    };
    std::size_t inside = 0;
    std::size_t t = 0;
    for (; t < axis.window; ++t) {
      add(t);
      ++inside;
      if (t >= axis.ahead) emit(t - axis.ahead, sums, static_cast<float>(inside));
    }
    for (; t < axis.n; ++t) {
      add(t);
      drop(t - axis.window);
      emit(t - axis.ahead, sums, static_cast<float>(inside));
    }
    for (; t < axis.n + axis.ahead; ++t) {
      drop(t - axis.window);
      --inside;
      emit(t - axis.ahead, sums, static_cast<float>(inside));
    }
  }

  std::size_t width_;
  std::vector<float> turned_;
  std::vector<float> averaged_;
  std::vector<float> idle_;  // stands in for lanes without a row
};

/// Box filter down the columns, a whole row of running sums at a time.
class Columns {
 public:
  Columns(const Axis& axis, std::size_t width) : axis_(axis), sums_(width) {}

  /// Goes one step on, t = 0 .. n - 1 + ahead. `row(t)` gives the input row of a step. Returns true where
  /// this step completes an output, the one of step `t - ahead`.
  template <class Row>
  bool Step(std::size_t t, Row&& row) {
    const float* entering = t < axis_.n ? row(t) : nullptr;
    const float* leaving = t >= axis_.window ? row(t - axis_.window) : nullptr;
    const std::size_t width = sums_.size();
    float* sums = sums_.data();
    if (entering != nullptr && leaving != nullptr) {
      for (std::size_t c = 0; c < width; ++c) sums[c] = sums[c] + entering[c] - leaving[c];
    } else if (entering != nullptr) {
      for (std::size_t c = 0; c < width; ++c) sums[c] += entering[c];
      ++inside_;
    } else if (leaving != nullptr) {
      for (std::size_t c = 0; c < width; ++c) sums[c] -= leaving[c];
      --inside_;
    }
    return t >= axis_.ahead;
  }

  /// The output that the last step completed.
  void Write(float* out) const {
    const auto inside = static_cast<float>(inside_);
    for (std::size_t c = 0; c < sums_.size(); ++c) out[c] = sums_[c] / inside;
  }

 private:
  const Axis& axis_;
  std::vector<float> sums_;
  std::size_t inside_ = 0;
};

/// Rows by step, of which only the last few are held.
class Band {
 public:
  Band(std::size_t held, std::size_t width) : held_(held), width_(width), samples_(held * width) {}
  float* Row(std::size_t t) { return &samples_[t % held_ * width_]; }

 private:
  std::size_t held_;
  std::size_t width_;
  std::vector<float> samples_;
};

/// Filters strips of rows that arrive in the walk's order: calls give(first step, count) once kStrip rows or
/// the last ones are complete.
template <class Give>
void ForStrip(std::size_t done, std::size_t n, Give&& give) {
  if (done % kStrip == 0) {
    give(done - kStrip, kStrip);
  } else if (done == n) {
    give(done - done % kStrip, done % kStrip);
  }
}

Block64 RowsFirst(const LumaView& luma, const Axis& down, const Axis& along) {
  const std::size_t width = along.n;
  Strip strip(width);
  // A row leaves the column filter's window `window` steps after it entered, and rows come in strips.
  Band first(down.window + kStrip, width);
  Band second(kStrip, width);
  Columns columns(down, width);
  std::vector<float> third(down.n * 64);
  std::array<float, kStrip * 64> sampled{};
  for (std::size_t t = 0; t < down.n + down.ahead; ++t) {
    if (t < down.n && t % kStrip == 0) {
      const std::size_t count = std::min(kStrip, down.n - t);
      std::array<const float*, kStrip> in{};
      std::array<float*, kStrip> out{};
      for (std::size_t i = 0; i < count; ++i) {
        in[i] = &luma.samples[down.Place(t + i) * width];
        out[i] = first.Row(t + i);
      }
      strip.Fill(in, count);
      strip.Average(along);
      strip.Drain(out, count);
    }
    if (!columns.Step(t, [&](std::size_t step) { return first.Row(step); })) continue;
    columns.Write(second.Row(t - down.ahead));
    ForStrip(t - down.ahead + 1, down.n, [&](std::size_t from, std::size_t count) {
      std::array<const float*, kStrip> in{};
      for (std::size_t i = 0; i < count; ++i) in[i] = second.Row(from + i);
      strip.Fill(in, count);
      strip.Sample(along, sampled);
      std::copy_n(sampled.begin(), count * 64, &third[from * 64]);
    });
  }
  Block64 block{};
  Columns last(down, 64);
  std::size_t k = 0;
  for (std::size_t t = 0; t < down.n + down.ahead; ++t) {
    if (!last.Step(t, [&](std::size_t step) { return &third[step * 64]; })) continue;
    for (; k < 64 && down.samples[k] == t - down.ahead; ++k) last.Write(&block[k * 64]);
  }
  return block;
}

/// The same with the columns walked first, as the textbook does with a transposed picture. The block comes
/// out transposed as well.
Block64 ColumnsFirst(const LumaView& luma, const Axis& down, const Axis& along) {
  const std::size_t width = along.n;
  Columns columns(down, width);
  Columns again(down, width);
  Strip strip(width);
  Band first(kStrip, width);
  Band second(down.window + kStrip, width);
  std::vector<float> third(64 * width);
  std::size_t k = 0;
  std::size_t fed = 0;  // steps of the second column pass
  const auto feed = [&] {
    if (again.Step(fed, [&](std::size_t step) { return second.Row(step); })) {
      for (; k < 64 && down.samples[k] == fed - down.ahead; ++k) again.Write(&third[k * width]);
    }
    ++fed;
  };
  for (std::size_t t = 0; t < down.n + down.ahead; ++t) {
    if (!columns.Step(t, [&](std::size_t step) { return &luma.samples[down.Place(step) * width]; })) continue;
    columns.Write(first.Row(t - down.ahead));
    ForStrip(t - down.ahead + 1, down.n, [&](std::size_t from, std::size_t count) {
      std::array<const float*, kStrip> in{};
      std::array<float*, kStrip> out{};
      for (std::size_t i = 0; i < count; ++i) {
        in[i] = first.Row(from + i);
        out[i] = second.Row(from + i);
      }
      strip.Fill(in, count);
      strip.Average(along);
      strip.Drain(out, count);
      while (fed < from + count) feed();
    });
  }
  while (fed < down.n + down.ahead) feed();

  Block64 block{};
  std::array<float, kStrip * 64> sampled{};
  for (std::size_t from = 0; from < 64; from += kStrip) {
    std::array<const float*, kStrip> in{};
    for (std::size_t i = 0; i < kStrip; ++i) in[i] = &third[(from + i) * width];
    strip.Fill(in, kStrip);
    strip.Sample(along, sampled);
    for (std::size_t lane = 0; lane < kStrip; ++lane) {
      for (std::size_t j = 0; j < 64; ++j) block[j * 64 + from + lane] = sampled[lane * 64 + j];
    }
  }
  return block;
}

}  // namespace

Block64 ExactDownsample(const LumaView& luma, Dihedral turn) {
  if (luma.rows == 64 && luma.cols == 64) return TextbookDownsample(Turn(luma, turn).view());
  const bool rows_reversed = turn == Dihedral::kRotate180 || turn == Dihedral::kRotate270 ||
                             turn == Dihedral::kFlipX || turn == Dihedral::kFlipMinus1;
  const bool cols_reversed = turn == Dihedral::kRotate90 || turn == Dihedral::kRotate180 ||
                             turn == Dihedral::kFlipY || turn == Dihedral::kFlipMinus1;
  const bool transposed = turn == Dihedral::kRotate90 || turn == Dihedral::kRotate270 ||
                          turn == Dihedral::kFlipPlus1 || turn == Dihedral::kFlipMinus1;
  const Axis down(luma.rows, rows_reversed);
  const Axis along(luma.cols, cols_reversed);
  return transposed ? ColumnsFirst(luma, down, along) : RowsFirst(luma, down, along);
}

}  // namespace hashgate::perceptual
