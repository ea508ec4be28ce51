// Undo: finds every verdict that came from an entry, and reverses those that would have been laxer without
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "casework/events/event_log.h"
#include "casework/verdicts/verdict_log.h"
#include "hashgate/error.h"
#include "scan/idempotency.h"
#include "store/store.h"

namespace hashgate::casework {

struct UndoOptions {
  EntryRef entry;
  bool dry_run = false;             ///< only tell
  std::string author;               ///< required unless dry_run, at most kMaxAuthorBytes
  std::string reason;               ///< required unless dry_run, at most kMaxReasonBytes
  std::uint64_t max_reversals = 0;  ///< 0: all
};

/// What works on an undo; everything outlives it.
struct UndoParts {
  store::Store* store = nullptr;
  VerdictLog* verdicts = nullptr;
  EventLog* events = nullptr;
  scan::IdempotencyTable* idempotency = nullptr;  ///< null: repeated requests keep their old answers
  obs::Metrics* metrics = nullptr;                ///< may be null
  const Clock* clock = &Clock::System();
};

enum class UndoEffect : std::uint8_t {
  kReversed = 1,      ///< it becomes laxer
  kStands = 2,        ///< another match, or the look itself, leads to as much
  kUndoneBefore = 3,  ///< the entry did not count any more
};

/// One verdict and what undoing the entry does to it.
struct Undone {
  VerdictRecord record;  ///< as it was before
  RecordedMatch match;   ///< of the entry
  UndoEffect effect = UndoEffect::kStands;
  Verdict verdict = Verdict::kUnspecified;  ///< that stands afterwards
  std::size_t stands_by = kNoMatch;         ///< match of the record that it comes from, if from any
};

/// What undoing an entry does to one verdict, if it is one of its matches.
std::optional<Undone> EffectOn(const VerdictRecord& record, const EntryRef& entry);

/// The record after that.
VerdictRecord After(const Undone& undone);

struct UndoCounts {
  std::uint64_t seen = 0;
  std::uint64_t reversed = 0;
  std::uint64_t standing = 0;
  std::uint64_t undone_before = 0;
  std::uint64_t damaged = 0;  ///< records that could not be read: these verdicts stand
};

/// One undo, some verdicts at a time. Each reversal is in one batch with its event, its record and what is
/// remembered of its request: an undo that breaks off at any point, or is run again, reverses each verdict
/// once. Verdicts given after the undo began are left out. Those whose request is being answered again wait
/// for the end, and then for another undo; see more(). Threads: confined.
class Undo {
 public:
  /// Errors: kRequestInvalid naming the field.
  static Result<Undo> Start(const UndoParts& parts, UndoOptions options);

  /// The next verdicts, durably changed unless `dry_run`. Empty where none is among those just looked at; see
  /// done(). Errors: the store's; then those of earlier calls are done, and it may be called again.
  Result<std::vector<Undone>> Next();

  [[nodiscard]] bool done() const { return done_; }
  /// It ended at max_reversals, or before requests were answered, and may have left some.
  [[nodiscard]] bool more() const { return more_; }
  [[nodiscard]] const UndoCounts& counts() const { return counts_; }

 private:
  Undo(const UndoParts& parts, UndoOptions options);
  // What one call does: which verdicts, and the changes that belong to them.
  struct Step {
    std::vector<Undone> undone;
    store::Batch batch;
    std::vector<Event> events;
    std::unique_ptr<scan::IdempotencyTable::Relaxing> relaxing;  // holds requests until the batch is written
  };

  Status Look(Step& step);
  Status LookAgain(Step& step);
  Status Take(const VerdictRecord& record, Step& step);
  // False where its request is being answered.
  Result<bool> Add(const Undone& undone, Step& step) const;
  void PutOff(const VerdictId& id);
  Status Write(Step& step);

  UndoParts parts_;
  UndoOptions options_;
  std::string until_;  // scan ids from here on are not looked at
  std::optional<VerdictId> position_;
  std::vector<VerdictId> put_off_;  // their requests were being answered
  UndoCounts counts_;
  bool done_ = false;
  bool more_ = false;
};

}  // namespace hashgate::casework
