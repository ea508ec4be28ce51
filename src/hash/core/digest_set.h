// The digests of one stream of bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "base/digest.h"
#include "hashgate/hash.h"

namespace hashgate {

/// Some of the three digests.
class DigestKinds {
 public:
  constexpr DigestKinds() = default;
  static constexpr DigestKinds All() {
    return DigestKinds().With(DigestKind::kMd5).With(DigestKind::kSha1).With(DigestKind::kSha256);
  }

  [[nodiscard]] constexpr bool Has(DigestKind kind) const { return (bits_ & BitOf(kind)) != 0; }
  [[nodiscard]] constexpr bool IsEmpty() const { return bits_ == 0; }
  [[nodiscard]] constexpr DigestKinds With(DigestKind kind) const { return DigestKinds(bits_ | BitOf(kind)); }
  [[nodiscard]] constexpr DigestKinds With(DigestKinds more) const { return DigestKinds(bits_ | more.bits_); }
  [[nodiscard]] constexpr DigestKinds Without(DigestKinds less) const {
    return DigestKinds(bits_ & ~static_cast<unsigned>(less.bits_));
  }
  bool operator==(const DigestKinds&) const = default;

 private:
  explicit constexpr DigestKinds(unsigned bits) : bits_(static_cast<std::uint8_t>(bits)) {}
  static constexpr unsigned BitOf(DigestKind kind) { return 1U << static_cast<unsigned>(kind); }

  std::uint8_t bits_ = 0;
};

struct Digests {
  Md5 md5{};
  Sha1 sha1{};
  Sha256 sha256{};
  DigestKinds kinds = DigestKinds::All();  ///< that were computed; the others mean nothing
};

/// Digests as bytes arrive, in one pass. Threads: confined. Cost: about 2.5 ns a byte for all three, MD5 more
/// than half of it.
class DigestSet {
 public:
  explicit DigestSet(DigestKinds kinds = DigestKinds::All()) { Start(kinds); }

  /// Computes `kinds` as well. REQUIRES: no bytes were given yet, or those that were are given again by
  /// CatchUp.
  void Start(DigestKinds kinds) {
    if (kinds.Has(DigestKind::kMd5) && !md5_) md5_.emplace(DigestKind::kMd5);
    if (kinds.Has(DigestKind::kSha1) && !sha1_) sha1_.emplace(DigestKind::kSha1);
    if (kinds.Has(DigestKind::kSha256) && !sha256_) sha256_.emplace(DigestKind::kSha256);
    kinds_ = kinds_.With(kinds);
  }
  /// Gives bytes to the digests of `kinds` alone.
  void CatchUp(DigestKinds kinds, ByteSpan bytes) { Give(kinds, bytes); }
  void Update(ByteSpan bytes) { Give(kinds_, bytes); }
  [[nodiscard]] DigestKinds kinds() const { return kinds_; }

  /// Ends the streams.
  Digests Finish() {
    Digests digests;
    digests.kinds = kinds_;
    if (md5_) md5_->Finish(digests.md5);
    if (sha1_) sha1_->Finish(digests.sha1);
    if (sha256_) sha256_->Finish(digests.sha256);
    return digests;
  }

 private:
  void Give(DigestKinds kinds, ByteSpan bytes) {
    // Block by block, so that each digest finds the bytes in the cache.
    constexpr std::size_t kBlock = 16 * 1024;
    while (!bytes.empty()) {
      const ByteSpan block = bytes.first(std::min(kBlock, bytes.size()));
      if (md5_ && kinds.Has(DigestKind::kMd5)) md5_->Update(block);
      if (sha1_ && kinds.Has(DigestKind::kSha1)) sha1_->Update(block);
      if (sha256_ && kinds.Has(DigestKind::kSha256)) sha256_->Update(block);
      bytes = bytes.subspan(block.size());
    }
  }

  std::optional<DigestStream> md5_;
  std::optional<DigestStream> sha1_;
  std::optional<DigestStream> sha256_;
  DigestKinds kinds_;
};

}  // namespace hashgate
