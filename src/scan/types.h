// One scan: what comes in and what goes out, in the domain's own words.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "decode/record.h"
#include "hash/core/digest_set.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "policy/policy.h"

namespace hashgate::scan {

/// A place of the platform that uploads go to, as the configuration names it.
struct Surface {
  std::string name = "default";
  SurfaceKind kind = SurfaceKind::kPublic;
  bool images_only = false;  ///< what is not a picture has no business here: policy holds it
};

/// A scan without its bytes.
struct ScanRequest {
  std::string tenant = "default";
  std::string caller = "local";  ///< identity of the caller; request ids of different callers never meet
  std::string request_id;        ///< empty: no idempotency
  std::string content_id;
  std::string account_id;  ///< the platform's id of who uploads; for the flood brake, never kept as it is
  Surface surface;
  std::vector<std::string> lists;           ///< empty: all, remote ones included
  bool exact_only = false;                  ///< digests only
  bool include_hashes = false;              ///< the picture's own hashes are asked for
  bool background = false;                  ///< nobody waits for it: counted apart
  bool system_lists = false;                ///< the canary's own look
  SteadyTime accepted{};                    ///< when the call was accepted
  SteadyTime deadline = SteadyTime::max();  ///< by which the answer must leave
  std::function<bool()> cancelled;          ///< may be empty; true once the caller went away
};

/// Where the digests of an upload, when they lead to BLOCK_AND_REPORT by themselves, are the answer: then the
/// verdict holds whatever the picture says, and does not wait for the decoder.
enum class DigestAnswers : std::uint8_t {
  kNever,
  kWithoutPdq,  ///< where no entry that they match has a PDQ hash that could contradict them
  kAlways,      ///< there too; the picture is compared after the answer
};

/// What is known of an upload's bytes once they are all there.
struct Upload {
  /// All of them where `content` is not the whole upload: what a list asks for that appears meanwhile can
  /// then still be had.
  Digests digests;
  std::uint64_t size = 0;
  decode::Format format = decode::Format::kUnknown;  ///< sniffed, kText included
  /// The bytes, where they are few enough to decode; else empty.
  ByteSpan content;
  std::int64_t digest_micros = 0;
};

/// One matched entry; of a remote list what it said, without numbers of list and entry.
struct MatchDetail {
  policy::MatchFact fact;
  std::uint32_t list_id = 0;  ///< number of the list, which outlives its name
  std::string source_id;
  int max_distance_bits = -1;  ///< the list's threshold, where a perceptual hash matched
  std::uint32_t frame = 0;
  Dihedral dihedral = Dihedral::kOriginal;
  Verdict verdict = Verdict::kUnspecified;  ///< that this match alone leads to
  bool has_pdq = false;                     ///< the entry has a PDQ hash that says which picture it means
  std::uint32_t entry_version = 0;          ///< 0 where the entry's record could not be read
  std::optional<PdqHash> upload_hash;       ///< the form of the upload that lay within the threshold
};

struct CoverageDetail {
  CoverageLevel level = CoverageLevel::kNone;
  std::vector<std::string> lists;     ///< consulted; remote ones that answered come last
  std::vector<Algorithm> algorithms;  ///< looked up
  int views = 0;
  std::uint32_t frames_seen = 0;
  std::uint32_t frames_total = 0;
  std::vector<std::string> missing;  ///< one sentence each
};

/// Microseconds by stage; zero where a stage did not run.
struct StageTimings {
  std::int64_t queue = 0;
  std::int64_t digest = 0;
  std::int64_t decode_wait = 0;
  std::int64_t decode = 0;
  std::int64_t hash = 0;
  std::int64_t match = 0;
  std::int64_t decide = 0;
  std::int64_t total = 0;
};

/// The whole answer; how much of it a caller sees is the wire's business.
struct ScanAnswer {
  std::string scan_id;
  Verdict verdict = Verdict::kHold;
  /// What it would be if nothing had matched: of the cause, or of the lack of a match. At least kHold where
  /// that cannot be told: the picture was not looked at because digests decided, or matches were left out.
  Verdict without_matches = Verdict::kHold;
  Outcome outcome = Outcome::kNotEvaluated;
  Cause cause = Cause::kNone;
  HarmClass harm_class = HarmClass::kUnspecified;
  CoverageDetail coverage;
  std::vector<MatchDetail> matches;  ///< strictest first
  bool matches_truncated = false;
  int matches_suppressed = 0;  ///< entries that would have matched, but are suppressed
  std::string rule_id;
  std::shared_ptr<const policy::Policy> policy;  ///< that decided
  std::int64_t generation = 0;
  StageTimings timings;
  std::optional<std::chrono::milliseconds> retry_after;  ///< for kNotEvaluated
  std::optional<WallTime> retain_until;                  ///< for kBlock
  bool replayed = false;
  bool by_digests = false;  ///< given before the picture was decoded, because decoding could change nothing

  // Facts of the upload.
  decode::DecodeResult image;  ///< `views` hold the perceptual hashes
  decode::Format format = decode::Format::kUnknown;
  std::uint64_t size = 0;
  std::optional<Digests> digests;  ///< those that were computed; absent for MatchHashes
};

}  // namespace hashgate::scan
