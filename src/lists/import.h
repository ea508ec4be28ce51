// An import in progress. Private to this module.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "lists/catalog_impl.h"
#include "lists/prepared_records.h"
#include "lists/run_committer.h"
#include "lists/run_plan.h"

namespace hashgate::lists {

/// Records are received into `waiting_`; a run of them moves to `run_` and is committed, by the caller's
/// thread or by the committer's. Whoever sets `committing_` owns `run_`, `known_`, `plan_`, `taken_` and
/// `done_` until it is unset again, so that receiving goes on meanwhile.
class ImportImpl final : public Import, public RunSource {
 public:
  /// `staging` is 0 unless the import replaces. The caller has registered the import as running.
  /// `empty`: the list holds no entry, and no other import may add any before this one sees that it is not
  /// alone.
  ImportImpl(CatalogImpl& catalog, ImportOptions options, ListId list, ContentId staging, bool empty);
  ~ImportImpl() override;
  ImportImpl(const ImportImpl&) = delete;
  ImportImpl& operator=(const ImportImpl&) = delete;

  Result<ImportProgress> Add(std::span<const ImportRecord> records) override HASHGATE_EXCLUDES(mutex_);
  Result<ImportProgress> Finish() override HASHGATE_EXCLUDES(mutex_);
  void CommitWhatIsDue() override HASHGATE_EXCLUDES(mutex_);

 private:
  /// What a call does once its records are received.
  enum class Next { kReturn, kCommit };

  /// Whether the import is so large that records may wait.
  [[nodiscard]] bool InRuns() const HASHGATE_REQUIRES(mutex_);
  /// Whether what waits may wait for more records.
  [[nodiscard]] bool MayWait() const HASHGATE_REQUIRES(mutex_);
  [[nodiscard]] bool IsDue() const HASHGATE_REQUIRES(mutex_);
  /// Takes the records in. Errors: that of a run that was handed over by an earlier call.
  Result<Next> Receive(std::span<const ImportRecord> records) HASHGATE_EXCLUDES(mutex_);
  /// Waits until no run is being committed. Errors: that of the last one, once.
  Status WaitForRun() HASHGATE_REQUIRES(mutex_);
  /// Makes the caller the owner of a run of all that waits, or of what is left of a run that failed.
  void BeginRun() HASHGATE_REQUIRES(mutex_);
  void EndRun() HASHGATE_REQUIRES(mutex_);
  void HandOver(RunCommitter& committer) HASHGATE_REQUIRES(mutex_);
  void ForgetLastCall(std::size_t records) HASHGATE_REQUIRES(mutex_);
  void CountBytes() HASHGATE_REQUIRES(mutex_);
  /// Commits all that has been received, on the caller's thread.
  /// `last_call`: records that the caller has just handed in, and that a failure drops again.
  Status CommitAll(std::size_t last_call) HASHGATE_EXCLUDES(mutex_);

  // Owner of `committing_`. import_commit.cc
  /// Commits the run. After an error what is left of it stays there.
  Status CommitRun();
  /// Commits all of the run at once, for an import that comes into force as one.
  Status CommitWhole();
  /// Commits so much of the run within one turn of the writer.
  Status CommitInTurn(std::size_t most) HASHGATE_EXCLUDES(catalog_.write_mutex_);
  /// Commits so much of the run, which is planned and written before the writer's turn. False where another
  /// write came between, and nothing was done.
  Result<bool> CommitAhead(std::size_t most) HASHGATE_EXCLUDES(catalog_.write_mutex_);
  /// Asks the gate, where there is one, and keeps what it says is to be stored.
  Status AskGate(const PlannedChange& change);
  /// Of an atomic import's only run.
  [[nodiscard]] PlannedChange ChangeOf(const RunPlan& plan) const;
  /// Puts what the gate gave into the batch of the change.
  void StoreState(store::Batch& batch) const;
  /// The same where nothing changed, so that there was no batch for it.
  Status StoreStateAlone() HASHGATE_REQUIRES(catalog_.write_mutex_);
  Result<RunBasis> Basis() HASHGATE_REQUIRES(catalog_.write_mutex_);
  /// Puts a plan in force whose batch is prepared.
  Status Commit(RunPlan& plan, store::PreparedBatch& prepared) HASHGATE_REQUIRES(catalog_.write_mutex_);
  Status CommitPublished(RunPlan& plan, store::PreparedBatch& prepared)
      HASHGATE_REQUIRES(catalog_.write_mutex_);
  void Took(RunPlan& plan, const PreparedRecords::Part& part) HASHGATE_REQUIRES(catalog_.write_mutex_);
  void RememberWithdrawn(const RunPlan& plan);
  Result<ListRecord*> Target() HASHGATE_REQUIRES(catalog_.write_mutex_);

  // import_replace.cc
  /// Refuses a replacement that looks like a wrong or broken file.
  [[nodiscard]] Status CheckReplacement(const ListRecord& target) const;
  /// Of all that has been committed or staged.
  [[nodiscard]] PlannedChange ChangeOf(const ListRecord& target, const StateRecord& next) const;
  /// Whether the staged content is what the list holds already, bad records included.
  Result<bool> SameAsHeld(const ListRecord& target) const HASHGATE_REQUIRES(catalog_.write_mutex_);
  /// Puts the staged content in force. Returns the content that it takes the place of; 0 where both are the
  /// same and nothing changed.
  Result<ContentId> Swap() HASHGATE_REQUIRES(catalog_.write_mutex_);

  static constexpr std::size_t kWholeRun = std::size_t{1} << 30;

  /// What has been committed or staged.
  struct Done {
    ImportProgress progress;
    StagedCounts staged;
    std::string first_problem;  // the first bad record's line and reason
  };

  CatalogImpl& catalog_;
  const ImportOptions options_;
  const ListId list_;
  const ContentId staging_;
  const RunPlanner planner_;
  std::atomic<bool> dropped_ = false;

  // Taken before the catalogue's mutexes and never held while something is written.
  Mutex mutex_;
  CondVar run_ended_;
  PreparedRecords waiting_ HASHGATE_GUARDED_BY(mutex_);
  SteadyTime waiting_since_ HASHGATE_GUARDED_BY(mutex_){};
  WaitingBytes waiting_bytes_ HASHGATE_GUARDED_BY(mutex_);
  std::size_t run_bytes_ HASHGATE_GUARDED_BY(mutex_) = 0;
  std::uint64_t received_ HASHGATE_GUARDED_BY(mutex_) = 0;
  bool finished_ HASHGATE_GUARDED_BY(mutex_) = false;
  bool committing_ HASHGATE_GUARDED_BY(mutex_) = false;
  bool handed_over_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::optional<Error> run_failed_ HASHGATE_GUARDED_BY(mutex_);  // told by the next call
  ImportProgress progress_ HASHGATE_GUARDED_BY(mutex_);          // done_.progress when a run ended last

  PreparedRecords run_;
  KnownIdentities known_;
  bool withdrawn_beyond_ = false;    // known_.withdrawn is full, and the log says so
  RunPlan plan_;                     // of the run; kept for its memory
  std::size_t portion_ = kWholeRun;  // of a run: records that are planned at a time
  std::uint64_t taken_ = 0;          // records committed or staged
  Done done_;
  bool staging_in_force_ = false;
  ExchangeState state_;  // to go with the change
  bool state_stored_ = false;
};

}  // namespace hashgate::lists
