// Memory of this process that runs out on request: malloc and all its relatives, those of libraries included.
// A test that links failing_memory.cc has them replaced; not for builds with sanitizers, which have their
// own.
#pragma once

#include <cstdint>

namespace hashgate::testing {

/// While one lives, allocations of the calling thread are counted, and the nth (from 1) fails; with
/// `all_after` every later one too. 0: none fails. At most one a thread. Threads: confined.
class FailingMemory {
 public:
  explicit FailingMemory(std::uint64_t nth, bool all_after = false);
  ~FailingMemory();
  FailingMemory(const FailingMemory&) = delete;
  FailingMemory& operator=(const FailingMemory&) = delete;

  /// Stops failing and counting before the end.
  void Disarm();
  /// Allocations that were asked for.
  [[nodiscard]] std::uint64_t seen() const;
  /// Whether some allocation was refused.
  [[nodiscard]] bool fired() const;
};

/// Blocks that the whole process holds.
std::int64_t LiveBlocks();

}  // namespace hashgate::testing
