// What one scan learns on its way, and the step of it that asks the lists. Private to this module.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "lists/catalog.h"
#include "policy/policy.h"
#include "scan/matcher.h"
#include "scan/types.h"

namespace hashgate::scan {

class RemoteAsking;

/// Everything one scan learns on its way.
struct Look {
  std::shared_ptr<const policy::Policy> policy;
  std::shared_ptr<const lists::Generation> generation;
  FileHashes hashes;
  std::optional<Digests> digests;
  ByteSpan content;  ///< for digests that are still missing; empty where the bytes are gone
  decode::DecodeResult image;
  decode::Format format = decode::Format::kUnknown;
  std::uint64_t size = 0;
  Cause cause = Cause::kNone;
  bool matched_at_all = false;  ///< the look-up ran
  DigestAnswers digest_answers = DigestAnswers::kNever;
  bool by_digests = false;              ///< the picture was not decoded, because of that
  std::vector<Algorithm> vectors_held;  ///< algorithms of index/flat.h that a consulted list holds hashes of
  decode::AlgorithmSet vectors_wanted;  ///< those that the decoder was asked to make
  CoverageDetail coverage;
  Matches matches;
  StageTimings timings;
};

/// Microseconds from one moment to another.
inline std::int64_t MicrosBetween(SteadyTime from, SteadyTime to) {
  return std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
}

/// Lists that a request asks of a generation.
std::vector<const lists::HashList*> ListsFor(const ScanRequest& request, const lists::Generation& generation);

/// Matches looks of one request, all in one search, and describes their coverage. Each pins `generation`
/// here: everything after reads this one only, or a newer one where matched entries changed meanwhile. What
/// goes wrong is a cause of the looks. `remote` says which lists are asked elsewhere: where any is, the lack
/// of a local one is no NO_LISTS. Threads: thread-safe for different looks.
void MatchLooks(const ScanRequest& request, const lists::Catalog& catalog, const Clock& clock,
                std::shared_ptr<const lists::Generation> generation, const RemoteAsking& remote,
                std::span<Look> looks);

}  // namespace hashgate::scan
