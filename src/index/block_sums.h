// Checksums of memory that no longer changes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hashgate::index {

/// One checksum for each block of an array, taken when it was finished, so that bits that tip over later are
/// found. The array must outlive it and stay where it is. Threads: thread-safe, once made.
class BlockSums {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
  static constexpr std::size_t CountFor(std::size_t bytes) { return (bytes + kBlockBytes - 1) / kBlockBytes; }

  BlockSums() = default;
  /// Takes the checksums. Cost: one pass over the bytes.
  explicit BlockSums(std::span<const std::uint8_t> bytes);
  /// With checksums that are known already: CountFor(bytes.size()) of them.
  BlockSums(std::span<const std::uint8_t> bytes, std::vector<std::uint64_t> sums);
  BlockSums(BlockSums&& other) noexcept;
  BlockSums& operator=(BlockSums&& other) noexcept;
  BlockSums(const BlockSums&) = delete;
  BlockSums& operator=(const BlockSums&) = delete;
  ~BlockSums() = default;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }
  [[nodiscard]] std::span<const std::uint64_t> sums() const { return sums_; }
  /// Block `i`'s bytes.
  [[nodiscard]] std::span<const std::uint8_t> block(std::size_t i) const;

  /// Reads the next of `parts` equal parts again, going round; false where a block is not what it was. Cost:
  /// at least a block, where there is one.
  [[nodiscard]] bool CheckNext(std::size_t parts) const;

 private:
  std::span<const std::uint8_t> bytes_;
  std::vector<std::uint64_t> sums_;
  mutable std::atomic<std::size_t> next_ = 0;
};

}  // namespace hashgate::index
