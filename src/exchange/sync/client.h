// An exchange: an outside programme that feeds one list. Every kind of it is a folder of its own behind this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

/// Bytes of a checkpoint.
inline constexpr std::size_t kMaxCheckpointBytes = 4'096;
/// Bytes of a floor.
inline constexpr std::size_t kMaxFloorBytes = 4'096;

/// Some records of a delta.
struct DeltaPage {
  enum class Next : std::uint8_t {
    kMore,       ///< another page follows; this one may be empty
    kEnd,        ///< the delta is whole
    kAbandoned,  ///< forget what this delta gave: another one will give it, e.g. in smaller parts
  };
  /// In the source's order: of two records of one entry the later counts. Lines are left for the caller.
  std::vector<lists::ImportRecord> records;
  Next next = Next::kMore;
  /// With kEnd: where the next delta goes on. Opaque, at most kMaxCheckpointBytes.
  std::string checkpoint;
  bool caught_up = false;  ///< with kEnd: the source has nothing newer for now
  std::uint64_t values_left_out =
      0;  ///< of records that were taken: malformed, or of a kind that is not matched
  std::uint64_t malformed_values = 0;  ///< the malformed ones of these
  /// What the source's entries are of. Where it is given the list must be of the same purpose, or nothing of
  /// the delta comes into force.
  std::optional<Purpose> purpose;
};

/// What a list has changed by, read page by page. Dropping it at any time is harmless. Threads: confined.
class Delta {
 public:
  virtual ~Delta() = default;
  /// All of the list instead of changes: what it does not name is no longer listed.
  [[nodiscard]] virtual bool IsWhole() const { return false; }
  /// The next page. Blocks on the network, bounded by the client's time limits; ends soon after `stop`.
  /// Errors: kExchangeUnreachable, kExchangeRefused, kExchangeProtocol, kCancelled; then the delta is of no
  /// more use.
  virtual Result<DeltaPage> Next(const std::stop_token& stop) = 0;
};

/// What a person's opinion of an entry is to its source.
enum class FeedbackKind : std::uint8_t {
  kAffirm = 0,    ///< it is what the source says
  kDispute = 1,   ///< it is not
  kWithdraw = 2,  ///< what we said of it before is taken back
};

/// Feedback on one entry.
struct Feedback {
  std::string source_id;  ///< of the entry, as the exchange's deltas gave it
  FeedbackKind kind = FeedbackKind::kAffirm;
  /// Why, in a person's words. Sent only to sources that take words; others use it to choose one of their own
  /// reasons.
  std::string reason;
  /// The entry's hashes that this is about, by algorithm; sources that know entries by their hashes need the
  /// values, others the algorithms only. Empty: nothing can be said of it.
  std::vector<HashValue> hashes;
};

/// What became of one piece of feedback.
struct FeedbackAnswer {
  enum class Outcome : std::uint8_t {
    kTaken = 0,    ///< the source has it
    kNoPlace = 1,  ///< the source has no place for this kind of feedback, or for none of these hashes
    kRefused = 2,  ///< the source does not want it; the same again would be refused again
  };
  Outcome outcome = Outcome::kNoPlace;
  /// Of the last two, and of kTaken where the source took a part only: what was not taken. Without hash
  /// values.
  std::string detail;
};

/// What became of several, in their order.
struct FeedbackSent {
  std::vector<FeedbackAnswer> answers;  ///< of the first ones; those without an answer may be sent again
  std::optional<Error> error;           ///< why there is not an answer to each; as Delta::Next
};

/// Threads: confined; one delta at a time.
class ExchangeClient {
 public:
  virtual ~ExchangeClient() = default;
  /// The delta that follows a checkpoint; empty: from the beginning. Errors: kExchangeProtocol for a
  /// checkpoint that is not its own, and where this machine's clock is behind it. Does not block.
  virtual Result<std::unique_ptr<Delta>> Begin(std::string_view checkpoint) = 0;
  /// The delta from the beginning for a list that holds nothing: since nothing is to be taken away, it may
  /// come in parts with checkpoints of their own, so that a long first reading can be gone on with. The
  /// default: Begin("").
  virtual Result<std::unique_ptr<Delta>> BeginFirst();
  /// What must not be gone back behind, whichever checkpoint is read from: the newest that was ever seen of
  /// the source. Opaque, at most kMaxFloorBytes; empty: nothing was seen, or the kind has no such thing (the
  /// default).
  [[nodiscard]] virtual std::string Floor() const;
  /// Gives a client what another one of the same exchange had as its Floor(). An older one than its own
  /// changes nothing. Errors: kExchangeProtocol for one that is not of its kind. The default: nothing.
  virtual Status SetFloor(std::string_view floor);
  /// Asks the source who we are to it, without changing anything: one sentence for a person. Blocks and fails
  /// as Delta::Next.
  virtual Result<std::string> Test(const std::stop_token& stop) = 0;
  /// Tells the source, one after the other, up to the first that fails. The same feedback sent twice is the
  /// same as sent once. Not during a delta. Blocks as Delta::Next, for each of them.
  FeedbackSent SendFeedback(std::span<const Feedback> feedback, const std::stop_token& stop);

 private:
  /// Errors: as Delta::Next; kExchangeUnreachable only for what may pass, and kExchangeProtocol for an answer
  /// that would be the same again. The default: a source that takes none.
  virtual Result<FeedbackAnswer> SendOne(const Feedback& feedback, const std::stop_token& stop);
};

}  // namespace hashgate::exchange
