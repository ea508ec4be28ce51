#include "index/block_sums.h"

#include <algorithm>
#include <utility>

#include "base/checksum.h"

namespace hashgate::index {

BlockSums::BlockSums(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
  sums_.reserve(CountFor(bytes.size()));
  for (std::size_t i = 0; i < CountFor(bytes.size()); ++i) sums_.push_back(Checksum(block(i)));
}

BlockSums::BlockSums(std::span<const std::uint8_t> bytes, std::vector<std::uint64_t> sums)
    : bytes_(bytes), sums_(std::move(sums)) {}

BlockSums::BlockSums(BlockSums&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), sums_(std::exchange(other.sums_, {})) {}

BlockSums& BlockSums::operator=(BlockSums&& other) noexcept {
  bytes_ = std::exchange(other.bytes_, {});
  sums_ = std::exchange(other.sums_, {});
  next_.store(0, std::memory_order_relaxed);
  return *this;
}

std::span<const std::uint8_t> BlockSums::block(std::size_t i) const {
  const std::size_t begin = i * kBlockBytes;
  return bytes_.subspan(begin, std::min(kBlockBytes, bytes_.size() - begin));
}

bool BlockSums::CheckNext(std::size_t parts) const {
  if (sums_.empty()) return true;
  const std::size_t count = (sums_.size() + parts - 1) / parts;
  const std::size_t first = next_.fetch_add(count, std::memory_order_relaxed);
  for (std::size_t i = first; i < first + count; ++i) {
    const std::size_t at = i % sums_.size();
    if (Checksum(block(at)) != sums_[at]) return false;
  }
  return true;
}

}  // namespace hashgate::index
