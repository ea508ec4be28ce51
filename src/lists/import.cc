#include "lists/import.h"

#include <utility>

#include "lists/validate.h"

namespace hashgate::lists {
namespace {

using store::Family;

/// Waits are cut into slices, so that no wake-up that is missed can last.
constexpr std::chrono::seconds kSlice{1};

}  // namespace

ImportImpl::ImportImpl(CatalogImpl& catalog, ImportOptions options, ListId list, ContentId staging,
                       bool empty)
    : catalog_(catalog),
      options_(std::move(options)),
      list_(list),
      staging_(staging),
      planner_(catalog.store_, catalog.tallier_, !catalog.options_.snapshot_path.empty(), options_.list,
               catalog.digests_.File(options_.file), staging),
      waiting_(catalog.digests_, list, options_.file, staging != 0),
      waiting_bytes_(catalog.waiting_bytes_),
      run_(catalog.digests_, list, options_.file, staging != 0) {
  if (empty) known_.in_force.emplace();
  if (staging != 0) known_.staged.emplace();
  if (catalog_.committer_ && !options_.atomic) catalog_.committer_->Register(*this);
}

ImportImpl::~ImportImpl() {
  dropped_ = true;
  if (catalog_.committer_) catalog_.committer_->Unregister(*this);
  catalog_.Leave(list_, staging_ != 0);
  if (staging_ != 0 && !staging_in_force_) catalog_.remover_.Remove(staging_);
}

Status CatalogImpl::Enter(ListId list, const ImportOptions& options) {
  const MutexLock lock(running_mutex_);
  const auto at = running_.find(list);
  if (at != running_.end() && (at->second.replacing || options.replace)) {
    return Fail(Reason::kStoreBusy,
                "another import of list '" + options.list +
                    "' is under way, and one that replaces it has to be alone: try again when it is done",
                "list");
  }
  if (options.replace && options.atomic) {
    return Fail(Reason::kRequestInvalid, "an import that replaces a list is atomic already", "atomic");
  }
  if (options.replace) {
    running_[list] = {.plain = 0, .replacing = true, .alone = true};
  } else {
    Running& running = running_[list];
    running.alone = ++running.plain == 1;
  }
  return {};
}

void CatalogImpl::Leave(ListId list, bool replace) {
  const MutexLock lock(running_mutex_);
  const auto at = running_.find(list);
  if (replace) {
    at->second.replacing = false;
  } else {
    --at->second.plain;
  }
  if (at->second.plain == 0 && !at->second.replacing) running_.erase(at);
}

bool CatalogImpl::IsAlone(ListId list) {
  const MutexLock lock(running_mutex_);
  return running_[list].alone;
}

Result<std::unique_ptr<Import>> CatalogImpl::Start(const ImportOptions& options, bool system) {
  const TurnLock lock(write_mutex_);
  HASHGATE_ASSIGN_OR_RETURN(ListRecord* const record, FindForWrite(options.list, system));
  const ListId id = record->list.id;
  HASHGATE_RETURN_IF_ERROR(Enter(id, options));
  ContentId staging = 0;
  if (options.replace) {
    // The marker is durable before the first staged record, so that nothing staged outlives a crash.
    StateRecord next = state_;
    staging = next.next_content++;
    store::Batch batch;
    batch.Put(Family::kMeta, RemovalKey(staging), EncodeRemoval(Removal::kStaged));
    if (Status written = Commit(batch, next); !written) {
      Leave(id, true);
      return std::unexpected(std::move(written).error());
    }
  }
  ImportOptions kept = options;
  kept.file = Bounded(options.file, kMaxFileBytes);
  return std::make_unique<ImportImpl>(*this, std::move(kept), id, staging,
                                      record->list.entry_count == 0 && IsAlone(id));
}

bool ImportImpl::InRuns() const {
  // The first records never wait, so that all of them are taken before any does.
  return progress_.committed + progress_.staged >= catalog_.options_.runs.after_records;
}

bool ImportImpl::IsDue() const {
  return catalog_.options_.clock->Steady() - waiting_since_ >= catalog_.options_.runs.longest;
}

bool ImportImpl::MayWait() const {
  const RunOptions& runs = catalog_.options_.runs;
  return InRuns() && waiting_.received() < runs.records && waiting_.MemoryBytes() < runs.bytes &&
         waiting_bytes_.Total() < kMaxWaitingBytes && !IsDue();
}

void ImportImpl::CountBytes() {
  // What comes into force as one has a bound of its own, and others are not to commit sooner for it.
  if (options_.atomic) return;
  waiting_bytes_.Set(waiting_.MemoryBytes() + run_bytes_);
}

Status ImportImpl::WaitForRun() {
  while (committing_) run_ended_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kSlice);
  if (!run_failed_) return {};
  Error failed = *std::move(run_failed_);
  run_failed_.reset();
  return std::unexpected(std::move(failed));
}

void ImportImpl::BeginRun() {
  if (run_.received() == 0) std::swap(run_, waiting_);
  run_bytes_ = run_.MemoryBytes();
  CountBytes();
  committing_ = true;
}

void ImportImpl::EndRun() {
  // What could not be committed waits again, before what came meanwhile.
  if (waiting_.received() == 0) std::swap(run_, waiting_);
  run_bytes_ = run_.MemoryBytes();
  CountBytes();
  progress_ = done_.progress;
  committing_ = false;
  run_ended_.NotifyAll();
}

void ImportImpl::HandOver(RunCommitter& committer) {
  BeginRun();
  handed_over_ = true;
  committer.Wake();
}

void ImportImpl::ForgetLastCall(std::size_t records) {
  if (records == 0) return;
  waiting_.CutLastCall();
  received_ -= records;
  CountBytes();
}

Result<ImportImpl::Next> ImportImpl::Receive(std::span<const ImportRecord> records) {
  const MutexLock lock(mutex_);
  if (finished_) return Fail(Reason::kRequestInvalid, "the import is finished: start another");
  if (run_failed_) HASHGATE_RETURN_IF_ERROR(WaitForRun());
  if (waiting_.received() == 0) waiting_since_ = catalog_.options_.clock->Steady();
  waiting_.Append(records, received_ + 1);
  received_ += records.size();
  CountBytes();
  if (options_.atomic) {
    if (waiting_.MemoryBytes() <= kMaxDeltaBytes) return Next::kReturn;
    ForgetLastCall(records.size());
    return Fail(Reason::kMemoryLimit, "the import has more records than can come into force as one",
                "records");
  }
  if (MayWait()) return Next::kReturn;
  if (Status ended = WaitForRun(); !ended) {
    ForgetLastCall(records.size());
    return std::unexpected(std::move(ended).error());
  }
  // Where too much waits already, the caller does.
  if (catalog_.committer_ && InRuns() && waiting_bytes_.Total() < kMaxWaitingBytes) {
    HandOver(*catalog_.committer_);
    return Next::kReturn;
  }
  return Next::kCommit;
}

Result<ImportProgress> ImportImpl::Add(std::span<const ImportRecord> records) {
  if (records.size() > kMaxAddRecords) {
    return Fail(Reason::kRequestInvalid,
                "at most " + std::to_string(kMaxAddRecords) + " records at a time can be imported",
                "records");
  }
  HASHGATE_ASSIGN_OR_RETURN(const Next next, Receive(records));
  if (next == Next::kCommit) HASHGATE_RETURN_IF_ERROR(CommitAll(records.size()));
  const MutexLock lock(mutex_);
  ImportProgress progress = progress_;
  progress.received = received_;
  return progress;
}

Status ImportImpl::CommitAll(std::size_t last_call) {
  while (true) {
    {
      const MutexLock lock(mutex_);
      if (Status ended = WaitForRun(); !ended) {
        ForgetLastCall(last_call);
        return ended;
      }
      if (run_.received() == 0 && waiting_.received() == 0) return {};
      BeginRun();
    }
    Status committed = CommitRun();
    const MutexLock lock(mutex_);
    EndRun();
    if (!committed) {
      // Before anybody else can take it: what is told as failed must not come in later.
      ForgetLastCall(last_call);
      return committed;
    }
  }
}

void ImportImpl::CommitWhatIsDue() {
  {
    const MutexLock lock(mutex_);
    if (!handed_over_) {
      // After a failure the next call hears of it first, and tries again.
      const bool due = waiting_.received() > 0 && IsDue();
      if (committing_ || run_failed_ || !due) return;
      BeginRun();
    }
    handed_over_ = false;
  }
  Status committed = CommitRun();
  const MutexLock lock(mutex_);
  if (!committed) run_failed_ = std::move(committed).error();
  EndRun();
}

Result<ImportProgress> ImportImpl::Finish() {
  {
    const MutexLock lock(mutex_);
    if (finished_) return progress_;
  }
  HASHGATE_RETURN_IF_ERROR(CommitAll(0));
  ContentId old = 0;
  {
    const TurnLock lock(catalog_.write_mutex_);
    if (staging_ != 0) {
      HASHGATE_ASSIGN_OR_RETURN(old, Swap());
    } else {
      HASHGATE_RETURN_IF_ERROR(Target());
    }
    HASHGATE_RETURN_IF_ERROR(StoreStateAlone());
    done_.progress.committed = done_.progress.received;
    done_.progress.staged = 0;
    done_.progress.generation = catalog_.state_.generation;
  }
  // Removed after readers have the new content, and outside the lock.
  if (old != 0) catalog_.remover_.Remove(old);
  const MutexLock lock(mutex_);
  finished_ = true;
  progress_ = done_.progress;
  return progress_;
}

}  // namespace hashgate::lists
