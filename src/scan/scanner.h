// The pipeline of one scan: digest, decode, match, decide, remember. Every accepted scan gets an answer.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "decode/decoder_pool.h"
#include "decode/record.h"
#include "decode/sniff.h"
#include "exchange/remote/remote_list.h"
#include "lists/catalog.h"
#include "obs/metrics.h"
#include "policy/policy.h"
#include "scan/checks_behind.h"
#include "scan/entry_watch.h"
#include "scan/idempotency.h"
#include "scan/matcher.h"
#include "scan/remembering.h"
#include "scan/seen_pictures.h"
#include "scan/types.h"

namespace hashgate::scan {

struct Look;
class RemoteAsking;
class VerdictRecorder;

/// Takes the bytes of one upload as they arrive. Keeps them only while they are few enough to decode.
/// Threads: confined.
class UploadReader {
 public:
  /// `max_content` is the most bytes that are kept for decoding. `kinds` are the digests that are wanted; the
  /// others are computed as well once bytes are no longer kept, because then they can never be had again.
  explicit UploadReader(std::uint64_t max_content, DigestKinds kinds = DigestKinds::All())
      : max_content_(max_content), digests_(kinds) {}
  ~UploadReader();
  UploadReader(const UploadReader&) = delete;
  UploadReader& operator=(const UploadReader&) = delete;

  /// Wants these digests as well. Call it before the first bytes.
  void AlsoDigest(DigestKinds kinds) { digests_.Start(kinds); }
  /// Digests the bytes and keeps them where that makes sense.
  void Update(ByteSpan bytes);
  /// The same for a whole file that stays where it is: nothing is copied. Call once, instead of Update.
  void Borrow(ByteSpan whole);
  /// Ends the upload. The result borrows from this object (or from the borrowed bytes).
  Upload Finish();

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// What is kept for decoding so far.
  [[nodiscard]] ByteSpan kept() const { return borrowed_.empty() ? ByteSpan(kept_) : borrowed_; }
  /// Bytes of memory held for decoding.
  [[nodiscard]] std::uint64_t held() const { return kept_.capacity(); }
  /// Most bytes of memory that an Update with `more` bytes holds at any moment.
  [[nodiscard]] std::uint64_t PeakAfter(std::size_t more) const;

 private:
  void Digest(ByteSpan bytes);
  void DigestTheRest(ByteSpan last);
  [[nodiscard]] std::size_t CapacityFor(std::size_t size) const;

  const std::uint64_t max_content_;
  DigestSet digests_;
  decode::TextSniffer text_;
  std::vector<std::uint8_t> front_;  // the first bytes, for the magic
  std::vector<std::uint8_t> kept_;
  ByteSpan borrowed_;
  std::uint64_t size_ = 0;
  std::int64_t digest_micros_ = 0;
  bool keep_ = true;
};

struct ScannerOptions {
  std::uint64_t max_decode_bytes = 32ULL << 20;  ///< pictures of more bytes are TOO_LARGE
  std::chrono::milliseconds answer_reserve{50};  ///< kept back of each deadline for the answer itself
  std::chrono::hours retain_blocked{24 * 90};    ///< how long a blocked upload's bytes must be kept
  std::chrono::milliseconds retry_after{1'000};  ///< hint of NOT_EVALUATED answers
  bool all_digests = false;  ///< compute every digest of every upload, whatever lists hold
  DigestAnswers answer_by_digests = DigestAnswers::kWithoutPdq;
};

/// What a scanner works with; everything outlives it. `decoder` may be null: then every picture is
/// NOT_EVALUATED/DECODER_UNAVAILABLE.
struct ScannerParts {
  lists::Catalog* catalog = nullptr;
  decode::Decoder* decoder = nullptr;
  IdempotencyTable* idempotency = nullptr;
  obs::Metrics* metrics = nullptr;
  SeenPictures* seen_pictures = nullptr;  ///< null: every picture is decoded
  ChecksBehind* checks_behind = nullptr;  ///< null: what digests decided is not looked at any more
  EntryWatch* watch = nullptr;            ///< null: nobody watches what entries match
  VerdictRecorder* verdicts = nullptr;    ///< null: nobody keeps what matches led to
  std::vector<exchange::RemoteList*> remote_lists = {};  ///< asked of pictures that are not the canary's
  const Clock* clock = &Clock::System();
};

/// Scans. Threads: thread-safe; calls block the calling thread (run them on an Executor).
class Scanner {
 public:
  Scanner(ScannerParts parts, ScannerOptions options, std::shared_ptr<const policy::Policy> policy);

  /// Scans one upload. Errors are refusals: kListNotFound, kRequestIdReused, kCancelled, kOverloaded where
  /// memory ran out. Everything else that goes wrong is an outcome.
  Result<ScanAnswer> Scan(const ScanRequest& request, const Upload& upload);

  /// The digests that an upload which arrives now needs: SHA-256, by which a repeated request is known, and
  /// those that an enabled list holds. Where the lists change before it is matched, Scan computes what is
  /// missing.
  [[nodiscard]] DigestKinds WantedDigests() const;

  /// How many hashes the index holds that each vector looked up is compared with.
  [[nodiscard]] std::uint64_t VectorsHeld() const;

  /// The vectors that are made of pictures here, by plug-ins.
  [[nodiscard]] std::span<const decode::VectorMaker> VectorMakers() const;

  /// Matches hashes that were computed elsewhere, many files in one search; one answer a file. Errors: as
  /// Scan.
  Result<std::vector<ScanAnswer>> Match(const ScanRequest& request, std::vector<FileHashes> files);

  /// The answer to a call that could not be worked on to its end, e.g. kDeadline for an upload that stopped
  /// arriving. `file` is the index of the file in a call with several, else -1.
  ScanAnswer NotEvaluated(const ScanRequest& request, Cause cause, std::string missing, int file = -1) const;

  /// Replaces the policy; scans that began keep theirs.
  void SetPolicy(std::shared_ptr<const policy::Policy> policy);
  [[nodiscard]] std::shared_ptr<const policy::Policy> CurrentPolicy() const;
  [[nodiscard]] const ScannerOptions& options() const { return options_; }

 private:
  using LookUpFunction = std::function<Result<std::vector<Look>>()>;

  Look LookAt(const Upload& upload) const;
  Result<Look> LookUp(const ScanRequest& request, const Upload& upload);
  bool DecideByDigests(const ScanRequest& request, const RemoteAsking& remote, Look& look) const;
  void CheckBehind(const ScanRequest& request, const Upload& upload, const ScanAnswer& answer);
  ChecksBehind::Finding Compare(const ScanRequest& request, const Upload& upload, const std::string& scan_id,
                                SteadyTime deadline) const;
  void RecordVerdicts(const ScanRequest& request, FileNumbers files,
                      std::span<const ScanAnswer> answers) const;
  void Decode(const ScanRequest& request, const Upload& upload, const decode::Wanted& wanted,
              SteadyTime deadline, Look& look) const;
  Status DecodeAndMatch(const ScanRequest& request, const Upload& upload, decode::Wanted wanted,
                        SteadyTime deadline, RemoteAsking& remote, Look& look) const;
  // Answers files of a call together, with what their request id asks for; `look_up` gives a look for each.
  Result<std::vector<ScanAnswer>> Answer(const ScanRequest& request, FileNumbers files,
                                         std::span<const ByteSpan> content_digests, std::string_view method,
                                         const LookUpFunction& look_up);
  Result<std::vector<ScanAnswer>> MatchFiles(const ScanRequest& request, FileNumbers numbers,
                                             std::span<FileHashes> files);
  std::vector<ScanAnswer> NotEvaluatedEach(const ScanRequest& request, FileNumbers files,
                                           const std::string& missing) const;

  const ScannerParts parts_;
  const ScannerOptions options_;
  mutable Mutex policy_mutex_;
  std::shared_ptr<const policy::Policy> policy_ HASHGATE_GUARDED_BY(policy_mutex_);
};

}  // namespace hashgate::scan
