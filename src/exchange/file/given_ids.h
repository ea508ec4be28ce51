// Remembers which of its items a file gave as entries, so that taking one back later in the file is noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

/// Only keyed digests are kept, 64 bits each, in a table that grows: at most 128 MiB. Threads: confined.
class GivenIds {
 public:
  static constexpr std::size_t kMost = std::size_t{8} << 20;
  /// `most` is at least 1.
  explicit GivenIds(std::size_t most = kMost);

  /// An entry with this id was given; an empty id is none. Beyond `most` ids no more are remembered.
  void Give(std::string_view id);
  /// The item `what`, such as "line 7", says that the id is harmless or withdrawn. Errors: kRequestInvalid
  /// where it was given as an entry, or where that cannot be told any more.
  [[nodiscard]] Status TakeBack(std::string_view id, const std::string& what) const;

 private:
  [[nodiscard]] std::uint64_t DigestOf(std::string_view id) const;
  /// Where the digest is, or could be put.
  [[nodiscard]] std::size_t SlotOf(std::uint64_t digest) const;
  void Grow();

  KeyedSha256 key_;
  std::size_t most_;
  std::size_t count_ = 0;
  bool forgot_ = false;
  std::vector<std::uint64_t> slots_;  // a power of two of them, half empty; 0 is an empty one
};

}  // namespace hashgate::exchange
