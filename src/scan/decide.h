// The last step of a scan: from what was learnt to the answer. Private to this module.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "policy/policy.h"
#include "scan/look.h"
#include "scan/types.h"

namespace hashgate::scan {

/// A report that digests lead to, with nothing known of the picture.
struct DigestProof {
  policy::Decision decision;         ///< its steps are by number in `matches`
  std::vector<std::size_t> matches;  ///< those of the look that are by digest
};

/// BLOCK_AND_REPORT, where policy says that of the digests that matched and of nothing else; it depends on no
/// more than these, so it is the same whether or not the picture was decoded. Empty where it is not so, or
/// where look.digest_answers does not let digests answer.
std::optional<DigestProof> ProvenByDigests(const ScanRequest& request, const Look& look);

/// The answer to a look by its policy, but for what earlier answers to the request change, and for the times
/// that it and the whole scan take. `retry_after` goes into NOT_EVALUATED answers, `now` into the scan's id.
/// Threads: thread-safe.
ScanAnswer Decide(const ScanRequest& request, Look look, std::chrono::milliseconds retry_after, WallTime now);

}  // namespace hashgate::scan
