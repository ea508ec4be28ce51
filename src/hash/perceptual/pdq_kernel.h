// Kernels: the loops of the quick PDQ, one set per CPU family, all with the same answer in every bit. The
// fastest that the CPU has is chosen at run time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hashgate::perceptual {

/// 64x64 samples in double precision, row-major.
using WideBlock64 = std::array<double, 64 * 64>;
/// 16x16 coefficients in double precision, row-major.
using WideBlock16 = std::array<double, 16 * 16>;

/// Kernels may write this many sums past a row's last one, up to the next multiple of it.
inline constexpr std::size_t kSumBlock = 64;
/// Rows of a job come in groups of so many; what is missing from the last has weight 0.
inline constexpr std::size_t kRowGroup = 4;
/// Rows of sums that one call of Kernel::sum_columns takes.
inline constexpr std::size_t kSumRows = 8;

/// Two weighted sums of rows of 8-bit samples, element by element: for an output of a side as it is and for
/// the one of the mirrored side that lies in the same place.
struct RowJob {
  std::span<const std::uint8_t* const> rows;  ///< a multiple of kRowGroup
  const std::int8_t* plain = nullptr;         ///< a weight a row, 0 or more
  const std::int8_t* mirrored = nullptr;
  std::size_t width = 0;  ///< samples of a row
  std::int32_t* plain_sums = nullptr;
  std::int32_t* mirrored_sums = nullptr;
};

/// The weights of the 64 outputs along a row of sums, again with the mirrored output of the same place.
struct ColumnPlan {
  static constexpr std::size_t kLanes = 8;
  struct Output {
    std::size_t first = 0;  ///< sum that the first weight is for
    std::size_t count = 0;  ///< weights, a multiple of kLanes; the last ones may be 0
    std::size_t at = 0;     ///< where they begin in `plain` and `mirrored`
  };
  std::array<Output, 64> outputs{};
  std::vector<double> plain;  ///< whole numbers, so that sums are exact whatever their order
  std::vector<double> mirrored;
  std::size_t reach = 0;  ///< sums that a row must have
};

struct Kernel {
  std::string_view name;
  /// True where this CPU and operating system can run it.
  bool (*supported)();
  /// The greatest weight of a row.
  int max_weight;
  void (*sum_rows)(const RowJob& job);
  /// For each of kSumRows rows of sums, `stride` apart: out[row * 128 + k] is plain output k, out[row * 128 +
  /// 64 + k] the mirrored output in its place.
  void (*sum_columns)(const ColumnPlan& plan, const std::int32_t* sums, std::size_t stride, double* out);
  /// DctOf in double precision.
  void (*dct)(const WideBlock64& block, WideBlock16& out);
};

/// Every kernel of this build, fastest first; the last one runs everywhere.
std::span<const Kernel> AllKernels();
/// The fastest that this CPU can run and that takes weights up to `max_weight`. REQUIRES: max_weight <= 127.
const Kernel& KernelFor(int max_weight);

// The implementations. pdq_kernel.cc has the table.
void SumRowsPortable(const RowJob& job);
void SumColumnsPortable(const ColumnPlan& plan, const std::int32_t* sums, std::size_t stride, double* out);
void DctPortable(const WideBlock64& block, WideBlock16& out);
#if defined(__x86_64__)
bool Avx2Supported();
void SumRowsAvx2(const RowJob& job);
void SumColumnsAvx2(const ColumnPlan& plan, const std::int32_t* sums, std::size_t stride, double* out);
void DctAvx2(const WideBlock64& block, WideBlock16& out);
bool Avx512Supported();
void SumRowsAvx512(const RowJob& job);
void SumColumnsAvx512(const ColumnPlan& plan, const std::int32_t* sums, std::size_t stride, double* out);
void DctAvx512(const WideBlock64& block, WideBlock16& out);
#endif

}  // namespace hashgate::perceptual
