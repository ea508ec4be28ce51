#include "exchange/sync/runner.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <new>
#include <random>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/process.h"
#include "exchange/sync/feedback.h"
#include "exchange/sync/sentence.h"

namespace hashgate::exchange {
namespace {

/// Waits are cut into slices, so that no wake-up that is missed can last.
constexpr std::chrono::seconds kSlice{1};

std::chrono::milliseconds Jittered(std::chrono::seconds time) {
  // A tenth more or less, so that platforms do not all ask in the same second.
  thread_local std::mt19937_64 random{std::random_device{}()};
  const std::chrono::milliseconds tenth = std::chrono::milliseconds(time) / 10;
  std::uniform_int_distribution<std::int64_t> more(-tenth.count(), tenth.count());
  return time + std::chrono::milliseconds(more(random));
}

// One exchange and its thread.
class Worker {
 public:
  Worker(lists::Catalog& catalog, ExchangeSettings settings, const RunnerOptions& options)
      : catalog_(catalog), settings_(std::move(settings)), options_(options) {
    next_sync_ = options_.clock->Wall();
  }

  void Start() {
    thread_ = std::jthread([this](const std::stop_token& stop) {
      ::pthread_setname_np(::pthread_self(), "exchange");
      LowerThreadPriority();
      Run(stop);
    });
  }

  void Stop() { thread_ = {}; }

  [[nodiscard]] const ExchangeSettings& settings() const { return settings_; }

  ExchangeStatus Look() const HASHGATE_EXCLUDES(mutex_) {
    ExchangeStatus status;
    const WallTime now = options_.clock->Wall();
    status.settings = &settings_;
    const Result<StoredExchange> stored = LoadStoredExchange(catalog_, settings_.name);
    const MutexLock lock(mutex_);
    status.syncing = syncing_;
    status.syncs_ended = ended_;
    status.next_sync = next_sync_;
    status.stale = IsStale();
    if (stored) status.stored = *stored;
    if (stored && !not_noted_) {
      status.health = HealthOf(*stored);
      status.sentence = SentenceOf(*stored, settings_, now);
    } else {
      // What could not be written down must not look like what stands there.
      const Error& error = stored ? *not_noted_ : stored.error();
      status.health = ExchangeHealth::kFailing;
      status.stored.failure_reason = ReasonName(error.reason);
      status.sentence = "Its state cannot be kept: " + error.message;
    }
    return status;
  }

  void SendFeedbackSoon() HASHGATE_EXCLUDES(mutex_) {
    if (!settings_.feedback) return;
    const MutexLock lock(mutex_);
    feedback_due_ = true;
    changed_.NotifyAll();
  }

  std::uint64_t RequestSync(bool from_the_beginning) HASHGATE_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    from_the_beginning_ = from_the_beginning_ || from_the_beginning;
    if (!syncing_) next_sync_ = options_.clock->Wall();
    changed_.NotifyAll();
    return ended_ + (syncing_ && from_the_beginning ? 2 : 1);
  }

  Status OverrideGate(GateOverride made) HASHGATE_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (syncing_) return Fail(Reason::kStoreBusy, "a sync is under way: try again when it has ended");
    HASHGATE_ASSIGN_OR_RETURN(StoredExchange state, LoadStoredExchange(catalog_, settings_.name));
    if (state.held != made.gate) {
      return Fail(
          Reason::kRequestInvalid,
          "gate '" + std::string(GateName(made.gate)) + "' does not hold exchange '" + settings_.name + "'",
          "gate");
    }
    made.up_to = state.held_count + state.held_count / 10;
    if (options_.on_override) HASHGATE_RETURN_IF_ERROR(options_.on_override(settings_, made));
    std::erase_if(state.overrides, [&](const GateOverride& other) {
      return other.gate == made.gate || other.expires <= made.made;
    });
    state.overrides.push_back(std::move(made));
    return SaveStoredExchange(catalog_, settings_.name, state);
  }

  /// Asked for with every scan: waits for nobody.
  [[nodiscard]] bool IsStale() const {
    return ToUnixMillis(options_.clock->Wall()) >= stale_from_millis_.load(std::memory_order_relaxed);
  }

 private:
  void Run(const std::stop_token& stop) HASHGATE_EXCLUDES(mutex_) {
    const std::stop_callback wake(stop, [this] {
      const MutexLock lock(mutex_);
      changed_.NotifyAll();
    });
    RememberStale();
    for (Turn turn = WaitForTurn(stop); turn != Turn::kEnd; turn = WaitForTurn(stop)) {
      if (turn == Turn::kSync) {
        const SyncRecord record = SyncOnce(stop);
        if (stop.stop_requested()) break;
        if (options_.on_end) options_.on_end(settings_, record);
        // What could not be sent before may be taken now.
        if (record.outcome != SyncOutcome::kDone) continue;
      }
      if (settings_.feedback) SendFeedback(stop);
    }
  }

  enum class Turn : std::uint8_t { kEnd, kSync, kFeedback };

  Turn WaitForTurn(const std::stop_token& stop) HASHGATE_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    while (!stop.stop_requested()) {
      const auto left = next_sync_ - options_.clock->Wall();
      if (left <= std::chrono::nanoseconds(0)) {
        syncing_.emplace();
        now_from_the_beginning_ = std::exchange(from_the_beginning_, false);
        return Turn::kSync;
      }
      if (std::exchange(feedback_due_, false)) return Turn::kFeedback;
      const auto slice = std::min<std::chrono::nanoseconds>(left, kSlice);
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + slice);
    }
    return Turn::kEnd;
  }

  void SendFeedback(const std::stop_token& stop) {
    Status sent;
    try {
      if (client_ == nullptr) {
        auto made = settings_.make_client(Patience::kSync);
        if (!made) {
          sent = std::unexpected(made.error());
        } else {
          client_ = *std::move(made);
        }
      }
      if (sent)
        sent = SendQueuedFeedback(catalog_, settings_.list, *client_, *options_.clock, stop, feedback_turn_);
    } catch (const std::bad_alloc&) {
      sent = Fail(Reason::kMemoryLimit, "there was no memory to send feedback");
    }
    if (sent && feedback_turn_.more) SendFeedbackSoon();
    if (sent || stop.stop_requested()) return;
    if (sent.error().reason == Reason::kExchangeRefused) client_.reset();
    log::Warning(
        "feedback_failed",
        "the source could not be told of opinions; they wait for the next sync: " + sent.error().message,
        {{"exchange", settings_.name}, {"list", settings_.list}});
  }

  SyncRecord SyncOnce(const std::stop_token& stop) HASHGATE_EXCLUDES(mutex_) {
    const Result<SyncRecord> synced = TrySync(stop);
    SyncRecord record;
    if (synced) {
      record = *synced;
    } else {
      // It could not even be noted down.
      record.outcome = SyncOutcome::kFailed;
      record.detail = synced.error().message;
    }
    const bool well = record.outcome == SyncOutcome::kDone;
    // What a client has learned of its server is kept; with other credentials it is another client.
    if (record.refused) client_.reset();
    LogEnd(record);
    RememberStale();
    const MutexLock lock(mutex_);
    failures_ = well ? 0 : failures_ + 1;
    not_noted_ = synced ? std::nullopt : std::optional(synced.error());
    next_sync_ = options_.clock->Wall();
    if (!from_the_beginning_) next_sync_ += std::max(Jittered(PauseAfter(record)), RetryAfter(record));
    syncing_.reset();
    ++ended_;
    return record;
  }

  Result<SyncRecord> TrySync(const std::stop_token& stop) {
    // What a source sends is bounded, but memory may be short all the same.
    try {
      return TrySyncOnce(stop);
    } catch (const std::bad_alloc&) {
      return NoteFailure({Reason::kMemoryLimit, "there was no memory for a sync", {}, {}});
    }
  }

  Result<SyncRecord> TrySyncOnce(const std::stop_token& stop) {
    if (client_ == nullptr) {
      auto made = settings_.make_client(Patience::kSync);
      if (!made) return NoteFailure(made.error());
      client_ = *std::move(made);
    }
    Syncer syncer(catalog_, *client_,
                  {.exchange = settings_.name,
                   .list = settings_.list,
                   .source = settings_.source,
                   .gates = settings_.gates,
                   .clock = options_.clock});
    const auto tell = [this](const SyncProgress& progress) {
      const MutexLock lock(mutex_);
      syncing_ = progress;
    };
    return syncer.Sync(stop, tell, now_from_the_beginning_);
  }

  // A sync that could not begin.
  Result<SyncRecord> NoteFailure(const Error& error) {
    HASHGATE_ASSIGN_OR_RETURN(StoredExchange state, LoadStoredExchange(catalog_, settings_.name));
    SyncRecord record;
    record.began = options_.clock->Wall();
    state.End(record, std::unexpected(error), std::nullopt, options_.clock->Wall());
    HASHGATE_RETURN_IF_ERROR(SaveStoredExchange(catalog_, settings_.name, state));
    return record;
  }

  // A source may ask for patience, but not for a month of it.
  [[nodiscard]] std::chrono::milliseconds RetryAfter(const SyncRecord& record) const {
    constexpr std::chrono::hours kLongest{24};
    return std::min<std::chrono::milliseconds>(record.retry_after,
                                               std::max<std::chrono::seconds>(settings_.interval, kLongest));
  }

  [[nodiscard]] std::chrono::seconds PauseAfter(const SyncRecord& record) const HASHGATE_REQUIRES(mutex_) {
    // What is held waits for a person or for the source, and fetching it again is no use to either.
    if (failures_ == 0 || record.outcome == SyncOutcome::kHeld) return settings_.interval;
    constexpr int kMostDoublings = 16;
    const auto grown = options_.first_retry * (std::int64_t{1} << std::min(failures_ - 1, kMostDoublings));
    return std::min(settings_.interval, grown);
  }

  void RememberStale() {
    const Result<StoredExchange> state = LoadStoredExchange(catalog_, settings_.name);
    const WallTime from = state ? StaleFrom(*state, settings_.stale_after) : WallTime::min();
    stale_from_millis_ = ToUnixMillis(from);
  }

  void LogEnd(const SyncRecord& record) const {
    const std::initializer_list<log::Field> fields = {{"exchange", settings_.name},
                                                      {"list", settings_.list},
                                                      {"received", record.counts.received},
                                                      {"added", record.counts.added},
                                                      {"updated", record.counts.updated},
                                                      {"removed", record.counts.removed},
                                                      {"quarantined", record.counts.quarantined},
                                                      {"generation", record.generation}};
    switch (record.outcome) {
      case SyncOutcome::kDone: log::Info("exchange_synced", "an exchange was synced", fields); break;
      case SyncOutcome::kHeld: log::Error("exchange_held", record.detail, fields); break;
      case SyncOutcome::kCancelled: log::Info("exchange_sync_stopped", "a sync was stopped", fields); break;
      default: log::Warning("exchange_failed", record.detail, fields); break;
    }
    if (!record.overridden.empty()) {
      log::Warning("gate_overridden", "a person let a sync pass: " + record.overridden, fields);
    }
  }

  lists::Catalog& catalog_;
  const ExchangeSettings settings_;
  const RunnerOptions& options_;
  // The thread's own.
  std::unique_ptr<ExchangeClient> client_;
  bool now_from_the_beginning_ = false;
  FeedbackTurn feedback_turn_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::optional<SyncProgress> syncing_ HASHGATE_GUARDED_BY(mutex_);
  std::uint64_t ended_ HASHGATE_GUARDED_BY(mutex_) = 0;
  int failures_ HASHGATE_GUARDED_BY(mutex_) = 0;
  WallTime next_sync_ HASHGATE_GUARDED_BY(mutex_){};
  bool from_the_beginning_ HASHGATE_GUARDED_BY(mutex_) = false;
  bool feedback_due_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::optional<Error> not_noted_
      HASHGATE_GUARDED_BY(mutex_);  // of the last sync, where it could not be stored
  std::atomic<std::int64_t> stale_from_millis_ = std::numeric_limits<std::int64_t>::max();
  std::jthread thread_;
};

std::unexpected<Error> NoSuchExchange(std::string_view name) {
  return Fail(Reason::kExchangeNotFound,
              "no exchange named '" + std::string(name.substr(0, 64)) + "' is configured", "exchange");
}

class RunnerImpl final : public ExchangeRunner {
 public:
  RunnerImpl(lists::Catalog& catalog, std::vector<ExchangeSettings> settings, RunnerOptions options)
      : options_(std::move(options)) {
    for (ExchangeSettings& one : settings) {
      workers_.push_back(std::make_unique<Worker>(catalog, std::move(one), options_));
    }
    for (const auto& worker : workers_) worker->Start();
  }

  void Stop() override {
    for (const auto& worker : workers_) worker->Stop();
  }

  Result<std::vector<ExchangeStatus>> All() const override {
    std::vector<ExchangeStatus> all;
    for (const auto& worker : workers_) {
      all.push_back(worker->Look());
    }
    return all;
  }

  Result<ExchangeStatus> Get(std::string_view name) const override {
    Worker* const worker = Find(name);
    if (worker == nullptr) return NoSuchExchange(name);
    return worker->Look();
  }

  Result<std::uint64_t> RequestSync(std::string_view name, bool from_the_beginning) override {
    Worker* const worker = Find(name);
    if (worker == nullptr) return NoSuchExchange(name);
    return worker->RequestSync(from_the_beginning);
  }

  Result<std::string> Test(std::string_view name, const std::stop_token& stop) override {
    const Worker* const worker = Find(name);
    if (worker == nullptr) return NoSuchExchange(name);
    HASHGATE_ASSIGN_OR_RETURN(const auto client, worker->settings().make_client(Patience::kTest));
    return client->Test(stop);
  }

  Status OverrideGate(std::string_view name, Gate gate, std::string_view author,
                      std::string_view reason) override {
    Worker* const worker = Find(name);
    if (worker == nullptr) return NoSuchExchange(name);
    if (author.empty() || author.size() > kMaxAuthorBytes) {
      return Fail(Reason::kRequestInvalid,
                  "author is required, at most " + std::to_string(kMaxAuthorBytes) + " bytes", "author");
    }
    if (reason.empty() || reason.size() > kMaxOverrideReasonBytes) {
      return Fail(Reason::kRequestInvalid,
                  "reason is required, at most " + std::to_string(kMaxOverrideReasonBytes) + " bytes",
                  "reason");
    }
    const WallTime now = options_.clock->Wall();
    HASHGATE_RETURN_IF_ERROR(worker->OverrideGate(
        {gate, std::string(author), std::string(reason), 0, now, now + options_.override_lasts}));
    log::Warning("gate_override_made", "a person opened a gate for the next sync",
                 {{"exchange", name}, {"gate", GateName(gate)}, {"author", author}, {"reason", reason}});
    return {};
  }

  void SendFeedbackSoon(std::string_view list) override {
    for (const auto& worker : workers_) {
      if (worker->settings().list == list) worker->SendFeedbackSoon();
    }
  }

  [[nodiscard]] bool IsStale(std::string_view list) const override {
    return std::ranges::any_of(
        workers_, [&](const auto& worker) { return worker->settings().list == list && worker->IsStale(); });
  }

  [[nodiscard]] const ExchangeSettings* FeederOf(std::string_view list) const override {
    for (const auto& worker : workers_) {
      if (worker->settings().list == list) return &worker->settings();
    }
    return nullptr;
  }

 private:
  [[nodiscard]] Worker* Find(std::string_view name) const {
    for (const auto& worker : workers_) {
      if (worker->settings().name == name) return worker.get();
    }
    return nullptr;
  }

  const RunnerOptions options_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace

std::unique_ptr<ExchangeRunner> ExchangeRunner::Start(lists::Catalog& catalog,
                                                      std::vector<ExchangeSettings> settings,
                                                      RunnerOptions options) {
  return std::make_unique<RunnerImpl>(catalog, std::move(settings), std::move(options));
}

}  // namespace hashgate::exchange
