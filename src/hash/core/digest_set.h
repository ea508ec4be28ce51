// The three digests of one stream of bytes.
#pragma once

#include <algorithm>
#include <span>

#include "base/digest.h"
#include "hashgate/hash.h"

namespace hashgate {

struct Digests {
  Md5 md5{};
  Sha1 sha1{};
  Sha256 sha256{};
};

/// MD5, SHA-1 and SHA-256 as bytes arrive. Threads: confined. Cost: about 2.5 ns a byte, MD5 more than half
/// of it.
class DigestSet {
 public:
  void Update(ByteSpan bytes) {
    // Block by block, so that each digest finds the bytes in the cache.
    constexpr std::size_t kBlock = 16 * 1024;
    while (!bytes.empty()) {
      const ByteSpan block = bytes.first(std::min(kBlock, bytes.size()));
      md5_.Update(block);
      sha1_.Update(block);
      sha256_.Update(block);
      bytes = bytes.subspan(block.size());
    }
  }
  /// Ends the streams.
  Digests Finish() {
    Digests digests;
    md5_.Finish(digests.md5);
    sha1_.Finish(digests.sha1);
    sha256_.Finish(digests.sha256);
    return digests;
  }

 private:
  DigestStream md5_{DigestKind::kMd5};
  DigestStream sha1_{DigestKind::kSha1};
  DigestStream sha256_{DigestKind::kSha256};
};

}  // namespace hashgate
