// Bits to bytes, in the orders that img_hash has.
#pragma once

#include <cstdint>
#include <vector>

namespace hashgate::img_hash {

enum class BitOrder : std::uint8_t { kLowestFirst, kHighestFirst };

/// Appends bits to bytes. A hash is a whole number of bytes.
class BitPacker {
 public:
  BitPacker(BitOrder order, std::vector<std::uint8_t>& out) : order_(order), out_(out) {}

  void Append(bool bit) {
    if (count_ % 8 == 0) out_.push_back(0);
    const unsigned place = order_ == BitOrder::kLowestFirst ? count_ % 8 : 7 - count_ % 8;
    if (bit) out_.back() = static_cast<std::uint8_t>(out_.back() | 1U << place);
    ++count_;
  }

 private:
  BitOrder order_;
  std::vector<std::uint8_t>& out_;
  unsigned count_ = 0;
};

}  // namespace hashgate::img_hash
