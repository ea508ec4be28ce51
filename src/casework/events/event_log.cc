#include "casework/events/event_log.h"

#include <algorithm>
#include <list>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "casework/events/event_codec.h"

namespace hashgate::casework {
namespace {

using store::Family;

constexpr std::size_t kPrunedAtOnce = 256;
constexpr int kPrunesAtOnce = 16;
constexpr std::size_t kMaxTextBytes = 1'024;

Status CheckText(std::string_view text, std::size_t max, std::string_view field) {
  if (text.size() <= max) return {};
  return Fail(Reason::kRequestInvalid, std::string(field) + " has at most " + std::to_string(max) + " bytes",
              std::string(field));
}

Status Check(const VerdictReversed& reversed) {
  for (const std::string* text :
       {&reversed.scan_id, &reversed.content_id, &reversed.request_id, &reversed.list}) {
    HASHGATE_RETURN_IF_ERROR(CheckText(*text, kMaxTextBytes, "id"));
  }
  HASHGATE_RETURN_IF_ERROR(CheckText(reversed.author, kMaxAuthorBytes, "author"));
  return CheckText(reversed.reason, kMaxReasonBytes, "reason");
}

Status Check(const ListAlarm& alarm) {
  HASHGATE_RETURN_IF_ERROR(CheckText(alarm.list, kMaxTextBytes, "list"));
  HASHGATE_RETURN_IF_ERROR(CheckText(alarm.alarm, kMaxAlarmBytes, "alarm"));
  return CheckText(alarm.detail, kMaxDetailBytes, "detail");
}

class Log final : public EventLog {
 public:
  Log(store::Store& store, const EventLogOptions& options) : store_(store), options_(options) {}

  Status Load() {
    HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> stored,
                              store_.Get(Family::kEvents, kNextSequenceKey));
    EventRange range;
    if (stored) {
      HASHGATE_ASSIGN_OR_RETURN(range.next, DecodeNextSequence(*stored));
    }
    range.oldest = range.next;
    Status parsed;
    HASHGATE_RETURN_IF_ERROR(
        store_.Scan(Family::kEvents, kEventPrefix, {}, [&](std::string_view key, std::string_view) {
          const Result<Sequence> first = ParseEventKey(key);
          if (first) {
            range.oldest = *first;
          } else {
            parsed = std::unexpected(first.error());
          }
          return false;
        }));
    HASHGATE_RETURN_IF_ERROR(parsed);
    range.next = std::max(range.next, range.oldest);
    const MutexLock lock(mutex_);
    range_ = range;
    return {};
  }

  Result<std::unique_ptr<Pending>> AddTo(store::Batch& batch, std::span<const Event> events) override {
    for (const Event& event : events) {
      HASHGATE_RETURN_IF_ERROR(CheckText(event.tenant, kMaxTextBytes, "tenant"));
      HASHGATE_RETURN_IF_ERROR(std::visit([](const auto& what) { return Check(what); }, event.what));
    }
    auto pending = std::make_unique<PendingEvents>(*this, events);
    Sequence next = Range().next;
    const WallTime now = options_.clock->Wall();
    for (Event event : events) {
      event.time = now;
      batch.Put(Family::kEvents, EventKey(next++), EncodeEvent(event));
    }
    if (!events.empty()) batch.Put(Family::kEvents, kNextSequenceKey, EncodeNextSequence(next));
    return pending;
  }

  Status Append(std::span<const Event> events) override {
    store::Batch batch;
    HASHGATE_ASSIGN_OR_RETURN(const std::unique_ptr<Pending> pending, AddTo(batch, events));
    if (batch.empty()) return {};
    HASHGATE_RETURN_IF_ERROR(store_.Write(batch));
    pending->Written();
    return {};
  }

  [[nodiscard]] EventRange Range() const override {
    const MutexLock lock(mutex_);
    return range_;
  }

  [[nodiscard]] Result<std::vector<NumberedEvent>> Read(Sequence from, std::size_t max) const override {
    HASHGATE_RETURN_IF_ERROR(CheckIsKept(from));
    const Sequence end = std::min<Sequence>(Range().next, from + max);
    std::vector<NumberedEvent> events;
    Status decoded;
    const auto take = [&](std::string_view key, std::string_view value) {
      const Result<Sequence> sequence = ParseEventKey(key);
      if (!sequence) {
        decoded = std::unexpected(sequence.error());
        return false;
      }
      if (*sequence >= end) return false;
      Result<Event> event = DecodeEvent(value);
      if (!event) {
        decoded = Prefix(std::move(event).error(), "event " + std::to_string(*sequence));
        return false;
      }
      events.push_back({*sequence, *std::move(event)});
      return true;
    };
    if (from < end) {
      HASHGATE_RETURN_IF_ERROR(store_.Scan(Family::kEvents, kEventPrefix, EventKey(from), take));
    }
    if (events.empty()) HASHGATE_RETURN_IF_ERROR(decoded);
    // They may have been removed meanwhile, some or all of them: none may seem never to have been.
    HASHGATE_RETURN_IF_ERROR(CheckIsKept(from));
    const bool is_whole = events.empty() ? from >= end : events.front().sequence == from;
    if (!is_whole) return Fail(Reason::kStoreCorrupt, "event " + std::to_string(from) + " is missing");
    return events;
  }

  std::unique_ptr<Listening> Listen(std::function<void()> ring) override {
    const MutexLock lock(mutex_);
    const auto at = listeners_.insert(listeners_.end(), std::move(ring));
    return std::make_unique<Listener>(*this, at);
  }

  Status Prune() override {
    for (int round = 0; round < kPrunesAtOnce; ++round) {
      HASHGATE_ASSIGN_OR_RETURN(const Sequence end, PrunableEnd());
      const Sequence begin = Range().oldest;
      if (begin >= end) return {};
      // Readers are told before anything is gone.
      {
        const MutexLock lock(mutex_);
        range_.oldest = end;
      }
      store::Batch batch;
      for (Sequence at = begin; at < end; ++at) batch.Delete(Family::kEvents, EventKey(at));
      if (const Status removed = store_.Write(batch); !removed) {
        const MutexLock lock(mutex_);
        range_.oldest = begin;
        return removed;
      }
    }
    return {};
  }

 private:
  class PendingEvents final : public Pending {
   public:
    PendingEvents(Log& log, std::span<const Event> events)
        HASHGATE_THREAD_ATTRIBUTE(no_thread_safety_analysis)
        : log_(log), count_(events.size()) {
      for (const Event& event : events) reversed_ += event.kind() == EventKind::kVerdictReversed ? 1 : 0;
      log_.turn_.lock();
    }
    ~PendingEvents() override HASHGATE_THREAD_ATTRIBUTE(no_thread_safety_analysis) { log_.turn_.unlock(); }
    PendingEvents(const PendingEvents&) = delete;
    PendingEvents& operator=(const PendingEvents&) = delete;

    void Written() override {
      {
        const MutexLock lock(log_.mutex_);
        log_.range_.next += count_;
        for (const std::function<void()>& ring : log_.listeners_) ring();
      }
      log_.CountEvents(EventKind::kVerdictReversed, reversed_);
      log_.CountEvents(EventKind::kListAlarm, count_ - reversed_);
      count_ = reversed_ = 0;
    }

   private:
    Log& log_;
    std::size_t count_;
    std::size_t reversed_ = 0;
  };

  using Listeners = std::list<std::function<void()>>;

  class Listener final : public Listening {
   public:
    Listener(Log& log, Listeners::iterator at) : log_(log), at_(at) {}
    ~Listener() override {
      const MutexLock lock(log_.mutex_);
      log_.listeners_.erase(at_);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    Log& log_;
    const Listeners::iterator at_;
  };

  void CountEvents(EventKind kind, std::size_t count) const {
    if (options_.metrics == nullptr || count == 0) return;
    options_.metrics->Count(obs::Metric::kEvents, {{"kind", EventKindName(kind)}},
                            static_cast<double>(count));
  }

  [[nodiscard]] Status CheckIsKept(Sequence from) const {
    const EventRange range = Range();
    if (from < range.oldest) {
      return Fail(Reason::kRequestInvalid,
                  "event " + std::to_string(from) + " is not kept any more: the oldest is " +
                      std::to_string(range.oldest),
                  "from_sequence");
    }
    if (from > range.next) {
      return Fail(Reason::kRequestInvalid,
                  "there is no event " + std::to_string(from) + " yet: the next one will be " +
                      std::to_string(range.next),
                  "from_sequence");
    }
    return {};
  }

  // Where the events end that are too old or too many; at most kPrunedAtOnce beyond the oldest.
  [[nodiscard]] Result<Sequence> PrunableEnd() const {
    const EventRange range = Range();
    const Sequence last = std::min<Sequence>(range.next, range.oldest + kPrunedAtOnce);
    const std::uint64_t count = range.next - range.oldest;
    const std::uint64_t beyond = count > options_.max_events ? count - options_.max_events : 0;
    Sequence end = std::min<Sequence>(last, range.oldest + beyond);
    const WallTime oldest = options_.clock->Wall() - options_.keep;
    HASHGATE_RETURN_IF_ERROR(store_.Scan(Family::kEvents, kEventPrefix, EventKey(end),
                                         [&](std::string_view key, std::string_view value) {
                                           const Result<Sequence> sequence = ParseEventKey(key);
                                           if (!sequence || *sequence >= last) return false;
                                           // What cannot be read goes when its turn comes by number.
                                           const Result<Event> event = DecodeEvent(value);
                                           if (event && event->time >= oldest) return false;
                                           if (event) end = *sequence + 1;
                                           return true;
                                         }));
    return end;
  }

  store::Store& store_;
  const EventLogOptions options_;
  // Whoever holds it numbers events; it orders their writes. Never taken while mutex_ is held.
  TurnMutex turn_;
  mutable Mutex mutex_;
  Listeners listeners_ HASHGATE_GUARDED_BY(mutex_);
  EventRange range_ HASHGATE_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<EventLog>> EventLog::Open(store::Store& store, const EventLogOptions& options) {
  auto log = std::make_unique<Log>(store, options);
  HASHGATE_RETURN_IF_ERROR(log->Load());
  return log;
}

}  // namespace hashgate::casework
