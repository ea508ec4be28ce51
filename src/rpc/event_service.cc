#include "rpc/event_service.h"

#include <pthread.h>

#include <algorithm>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "casework/events/event_log.h"
#include "google/rpc/status.pb.h"
#include "rpc/ended_call.h"
#include "rpc/hash_list_service.h"
#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/error_status.h"

namespace hashgate::rpc {
namespace {

using casework::EventLog;
using casework::Sequence;
using std::chrono::milliseconds;

constexpr std::string_view kWatchMethod = "WatchEvents";
constexpr std::size_t kEventsPerMessage = 100;
constexpr int kMaxPageSize = 1'000;
constexpr int kDefaultPageSize = 100;
/// Waits are cut into slices, so that no wake-up that is missed can last.
constexpr milliseconds kSlice{50};
/// Time for streams to be given what there is when the server ends.
constexpr milliseconds kEndGrace{200};

void Fill(const casework::VerdictReversed& reversed, v1::Event& out) {
  out.set_kind(v1::EVENT_KIND_VERDICT_REVERSED);
  v1::VerdictReversed& detail = *out.mutable_verdict_reversed();
  detail.set_scan_id(reversed.scan_id);
  detail.set_content_id(reversed.content_id);
  detail.set_request_id(reversed.request_id);
  *detail.mutable_verdict_time() = ToProto(reversed.given);
  detail.set_old_verdict(ToProto(reversed.from));
  detail.set_new_verdict(ToProto(reversed.to));
  detail.set_list(reversed.list);
  detail.set_entry_id(static_cast<std::int64_t>(reversed.entry));
  detail.set_reason(reversed.reason);
  detail.set_author(reversed.author);
}

void Fill(const casework::ListAlarm& alarm, v1::Event& out) {
  out.set_kind(v1::EVENT_KIND_LIST_ALARM);
  v1::ListAlarm& detail = *out.mutable_list_alarm();
  detail.set_list(alarm.list);
  detail.set_entry_id(static_cast<std::int64_t>(alarm.entry));
  detail.set_alarm(alarm.alarm);
  detail.set_detail(alarm.detail);
}

void Fill(const casework::NumberedEvent& event, v1::Event& out) {
  out.set_sequence(static_cast<std::int64_t>(event.sequence));
  *out.mutable_create_time() = ToProto(event.event.time);
  out.set_tenant(event.event.tenant);
  std::visit([&out](const auto& what) { Fill(what, out); }, event.event.what);
}

// An error of the log. Where the number is the matter, the caller learns which ones there are.
grpc::Status StatusOf(const EventLog& log, const Error& error) {
  if (error.reason != Reason::kRequestInvalid || error.field != "from_sequence") return ToGrpc(error);
  const casework::EventRange range = log.Range();
  const grpc::Status plain = ToGrpc(error, {{"oldest_sequence", std::to_string(range.oldest)},
                                            {"next_sequence", std::to_string(range.next)}});
  google::rpc::Status details;
  details.ParseFromString(plain.error_details());
  details.set_code(grpc::StatusCode::OUT_OF_RANGE);
  return {grpc::StatusCode::OUT_OF_RANGE, plain.error_message(), details.SerializeAsString()};
}

Result<Sequence> FirstWanted(const EventLog& log, std::int64_t from) {
  if (from < 0) return Fail(Reason::kRequestInvalid, "numbers of events are positive", "from");
  return from == 0 ? log.Range().oldest : static_cast<Sequence>(from);
}

}  // namespace

// One stream. Only the thread of EventStreams ends it, so it lives as long as that thread knows of it.
class WatchCall final : public grpc::ServerWriteReactor<v1::WatchEventsResponse> {
 public:
  WatchCall(const ServiceContext& context, EventStreams& streams, grpc::CallbackServerContext& call,
            Sequence next)
      : context_(context), streams_(streams), call_(call), next_(next) {
    StartSendInitialMetadata();
  }

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  friend class EventStreams;

  const ServiceContext& context_;
  EventStreams& streams_;
  grpc::CallbackServerContext& call_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  // Of the thread that serves it.
  Sequence next_;
  v1::WatchEventsResponse message_;
  SteadyTime write_began_;
  bool cancelled_ = false;
  // Under the mutex of EventStreams.
  bool writing_ = false;
  bool broken_ = false;
};

class EventStreams {
 public:
  explicit EventStreams(const ServiceContext& context) : context_(context) {}
  ~EventStreams() {
    {
      const MutexLock lock(mutex_);
      stop_ = true;
      wake_.NotifyAll();
    }
    if (thread_.joinable()) thread_.join();
  }
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  /// The stream, or why there is none.
  Result<WatchCall*> Open(grpc::CallbackServerContext& call, Sequence from) {
    const MutexLock lock(mutex_);
    if (ending_) {
      return std::unexpected(
          Error{Reason::kDraining, "the server is shutting down", {}, context_.options.retry_after});
    }
    if (calls_.size() >= static_cast<std::size_t>(context_.options.max_event_readers)) {
      return std::unexpected(
          Error{Reason::kOverloaded, "too many streams read events", {}, context_.options.retry_after});
    }
    if (!listening_) {
      // Without the mutex: the log has one of its own.
      listening_ = context_.events->Listen([this] { wake_.NotifyAll(); });
      thread_ = std::thread([this] {
        ::pthread_setname_np(::pthread_self(), "event-streams");
        Run();
      });
    }
    auto* const stream = new WatchCall(context_, *this, call, from);
    calls_.push_back(stream);
    wake_.NotifyAll();
    SetGauge();
    return stream;
  }

  void End() {
    const SteadyTime until = std::chrono::steady_clock::now() + kEndGrace;
    const MutexLock lock(mutex_);
    ending_ = true;
    wake_.NotifyAll();
    while (!calls_.empty() && std::chrono::steady_clock::now() < until) ended_.WaitUntil(mutex_, until);
  }

  void WriteDone(WatchCall& call, bool ok) {
    const MutexLock lock(mutex_);
    call.writing_ = false;
    call.broken_ |= !ok;
    wake_.NotifyAll();
  }

  void Break(WatchCall& call) {
    const MutexLock lock(mutex_);
    call.broken_ = true;
    wake_.NotifyAll();
  }

 private:
  void Run() noexcept {
    for (;;) {
      {
        const MutexLock lock(mutex_);
        if (stop_ && calls_.empty()) return;
      }
      if (ServeAll()) continue;
      const MutexLock lock(mutex_);
      wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kSlice);
    }
  }

  // True where there was something to do.
  bool ServeAll() noexcept try {
    std::vector<WatchCall*> calls;
    bool ending = false;
    {
      const MutexLock lock(mutex_);
      calls = calls_;
      ending = ending_ || stop_;
    }
    bool any = false;
    for (WatchCall* const call : calls) any |= Serve(*call, ending);
    return any;
  } catch (const std::bad_alloc&) {
    return false;
  }

  // True where there was something to do. Without memory a stream stays as it is, and is served later.
  bool Serve(WatchCall& call, bool ending) noexcept try {
    bool writing = false;
    bool broken = false;
    {
      const MutexLock lock(mutex_);
      writing = call.writing_;
      broken = call.broken_;
    }
    if (writing) {
      // A write can only be ended with its stream; what it leads to comes as a broken one.
      const bool stuck =
          std::chrono::steady_clock::now() - call.write_began_ > context_.options.max_reader_pause;
      if (!stuck || call.cancelled_) return false;
      call.cancelled_ = true;
      call.call_.TryCancel();
      return true;
    }
    if (broken) return EndCall(call, ToGrpc(Error{Reason::kCancelled, "the reader went away", {}, {}}));
    if (context_.events->Range().next == call.next_) {
      if (!ending) return false;
      return EndCall(call, ToGrpc(Error{Reason::kDraining,
                                        "the server is shutting down: go on from event " +
                                            std::to_string(call.next_) + " later",
                                        {},
                                        context_.options.retry_after}));
    }
    const auto events = context_.events->Read(call.next_, kEventsPerMessage);
    if (!events) return EndCall(call, StatusOf(*context_.events, events.error()));
    if (events->empty()) return false;
    call.message_.Clear();
    for (const casework::NumberedEvent& event : *events) Fill(event, *call.message_.add_events());
    call.next_ = events->back().sequence + 1;
    call.write_began_ = std::chrono::steady_clock::now();
    {
      const MutexLock lock(mutex_);
      call.writing_ = true;
    }
    call.StartWrite(&call.message_);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }

  bool EndCall(WatchCall& call, grpc::Status status) {
    CountCall(context_, kWatchMethod, status, call.begun_);
    {
      // From here on nobody would try again: nothing asks for memory until the stream is ended.
      const MutexLock lock(mutex_);
      std::erase(calls_, &call);
      ended_.NotifyAll();
    }
    call.Finish(std::move(status));
    const MutexLock lock(mutex_);
    SetGauge();
    return true;
  }

  void SetGauge() HASHGATE_REQUIRES(mutex_) {
    context_.metrics->Set(obs::Metric::kEventReaders, static_cast<double>(calls_.size()));
  }

  const ServiceContext& context_;
  Mutex mutex_;
  CondVar wake_;
  CondVar ended_;
  std::vector<WatchCall*> calls_ HASHGATE_GUARDED_BY(mutex_);
  bool ending_ HASHGATE_GUARDED_BY(mutex_) = false;
  bool stop_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
  std::unique_ptr<EventLog::Listening> listening_;
};

void WatchCall::OnWriteDone(bool ok) {
  streams_.WriteDone(*this, ok);
}

void WatchCall::OnCancel() {
  streams_.Break(*this);
}

namespace {

using RefusedWatch = RefusedStream<grpc::ServerWriteReactor<v1::WatchEventsResponse>>;

}  // namespace

EventServiceImpl::EventServiceImpl(const ServiceContext& context)
    : context_(context), streams_(std::make_unique<EventStreams>(context)) {}

EventServiceImpl::~EventServiceImpl() = default;

void EventServiceImpl::EndStreams() {
  streams_->End();
}

grpc::ServerWriteReactor<v1::WatchEventsResponse>* EventServiceImpl::WatchEvents(
    grpc::CallbackServerContext* call, const v1::WatchEventsRequest* request) {
  const auto refuse = [this](const grpc::Status& status) {
    return new RefusedWatch(context_, kWatchMethod, status);
  };
  if (const grpc::Status status = CheckAdminStream(context_, *call); !status.ok()) return refuse(status);
  if (context_.gate->closed()) {
    return refuse(
        ToGrpc(Error{Reason::kDraining, "the server is shutting down", {}, context_.options.retry_after}));
  }
  const Result<Sequence> from = FirstWanted(*context_.events, request->from_sequence());
  if (!from) return refuse(ToGrpc(from.error()));
  if (const auto there = context_.events->Read(*from, 0); !there) {
    return refuse(StatusOf(*context_.events, there.error()));
  }
  const Result<WatchCall*> stream = streams_->Open(*call, *from);
  if (!stream) return refuse(ToGrpc(stream.error()));
  return *stream;
}

grpc::ServerUnaryReactor* EventServiceImpl::ListEvents(grpc::CallbackServerContext* call,
                                                       const v1::ListEventsRequest* request,
                                                       v1::ListEventsResponse* response) {
  const auto work = [this, request, response]() -> Status {
    if (request->page_size() < 0 || request->page_size() > kMaxPageSize) {
      return Fail(Reason::kRequestInvalid, "1 to " + std::to_string(kMaxPageSize) + ", or 0 for the default",
                  "page_size");
    }
    const int size = request->page_size() == 0 ? kDefaultPageSize : request->page_size();
    HASHGATE_ASSIGN_OR_RETURN(const Sequence from, FirstWanted(*context_.events, request->from_sequence()));
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<casework::NumberedEvent> events,
                              context_.events->Read(from, static_cast<std::size_t>(size)));
    for (const casework::NumberedEvent& event : events) Fill(event, *response->add_events());
    const Sequence next = events.empty() ? from : events.back().sequence + 1;
    response->set_next_sequence(static_cast<std::int64_t>(next));
    response->set_more(next < context_.events->Range().next);
    return {};
  };
  return RunAdmin(context_, call, "ListEvents", work,
                  [this](const Error& error) { return StatusOf(*context_.events, error); });
}

}  // namespace hashgate::rpc
