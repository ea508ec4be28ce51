// Kernels: the loops that compare query hashes with many stored hashes, one per CPU family, all with the same
// answer. The fastest that the CPU has is chosen at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "index/kernels/bits.h"
#include "index/kernels/postings.h"
#include "index/kernels/vectors.h"

namespace hashgate::index {

/// Most queries one scan compares with each hash that it reads.
inline constexpr std::size_t kMaxScanQueries = 16;
/// Least room for hits that a scan needs to get on: the widest block of hashes times the most queries.
inline constexpr std::size_t kMinHitBuffer = 16 * kMaxScanQueries;

/// A pair (hash, query) within the radius.
struct Hit {
  std::uint32_t slot = 0;   ///< position in ScanInput::hashes
  std::uint16_t query = 0;  ///< position in ScanInput::queries
  std::uint16_t distance_bits = 0;
};

struct ScanInput {
  std::span<const PdqHash> hashes;   ///< fewer than 2^32; fastest where 64-byte aligned
  std::span<const PdqHash> queries;  ///< 1..kMaxScanQueries
  int max_distance_bits = 0;         ///< inclusive, 0..256
};

/// What one call did: it compared all hashes before `next`, from where it was told to begin.
struct ScanStep {
  std::size_t next = 0;  ///< where to begin the next call; hashes.size() when done
  std::size_t hits = 0;  ///< how many it wrote to the front of the buffer
};

/// Compares the hashes from `begin` on with every query and writes each pair within the radius once, in any
/// order. Stops early, between two hashes, when `hits` may not take the next ones: empty it and call again
/// from `next`. Range: hits.size() >= kMinHitBuffer, then every call gets on. Threads: thread-safe. Cost: one
/// pass; never allocates or blocks.
using ScanFunction = ScanStep (*)(const ScanInput& input, std::size_t begin, std::span<Hit> hits);

struct Kernel {
  std::string_view name;
  /// True where this CPU and operating system can run it.
  bool (*supported)();
  ScanFunction scan;
  const PostingKernel* postings;
  const VectorKernel* vectors;
  const BitsKernel* bits;
};

/// Every kernel of this build, fastest first; the last one runs everywhere.
std::span<const Kernel> AllKernels();

/// The kernel of that name. Errors: kConfigInvalid for an unknown name and for one that this CPU cannot run.
Result<const Kernel*> FindKernel(std::string_view name);

/// The kernel that HASHGATE_FORCE_KERNEL names; without it (or with it empty) the fastest supported one.
/// Errors: as FindKernel. Call it at start, so that a wrong name stops the server instead of being
/// overlooked.
Result<const Kernel*> SelectKernel();

/// Up to this radius kernels look at half of the bits first: a pair whose halves already differ in more bits
/// than the radius cannot be within it. Of unrelated hashes one in about 3,000 gets past that test at this
/// radius, one in 1e8 at 31; above it so many do that the test costs more than it saves.
inline constexpr int kHalfTestMaxRadius = 44;

// The implementations. kernel.cc has the table.
ScanStep ScanPortable(const ScanInput& input, std::size_t begin, std::span<Hit> hits);
#if defined(__x86_64__)
bool PopcntSupported();
ScanStep ScanPopcnt(const ScanInput& input, std::size_t begin, std::span<Hit> hits);
bool Avx2Supported();
ScanStep ScanAvx2(const ScanInput& input, std::size_t begin, std::span<Hit> hits);
bool Avx512Supported();
ScanStep ScanAvx512(const ScanInput& input, std::size_t begin, std::span<Hit> hits);
#endif

}  // namespace hashgate::index
