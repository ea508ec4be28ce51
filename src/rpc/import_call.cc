#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "exchange/sync/runner.h"
#include "rpc/ended_call.h"
#include "rpc/hash_list_service.h"
#include "rpc/stream_timer.h"
#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/error_status.h"

namespace hashgate::rpc {
namespace {

constexpr std::string_view kMethod = "ImportEntries";
constexpr int kMaxRecordsPerMessage = 5'000;

// One import: strictly read, commit, acknowledge, read again. At most one message is in memory. The bulk
// executor is held only while records are committed, and a ticket of the gate only from a message's arrival
// to its acknowledgement: an import whose sender is silent holds up no drain.
class ImportCall final : public grpc::ServerBidiReactor<v1::ImportEntriesRequest, v1::ImportEntriesResponse> {
 public:
  ImportCall(const ServiceContext& context, grpc::CallbackServerContext* call,
             std::unique_ptr<ImportSlots::Slot> slot)
      : context_(context), call_(call), slot_(std::move(slot)), timer_([this] { return OnSilence(); }) {
    ReadNext();
  }

  void OnReadDone(bool ok) override {
    // Its sender was silent for too long, and the import is being ended.
    if (!reading_.exchange(false)) return;
    timer_.Pause();
    if (auto ticket = context_.gate->Enter()) {
      ticket_.emplace(*std::move(ticket));
    } else {
      return EndLater({Reason::kDraining,
                       "the server is shutting down: what was committed is kept; send the rest again later",
                       {},
                       context_.options.retry_after});
    }
    // At its end a list may be loaded anew within the writer's turn, for which changes of all lists wait.
    scan::Executor& executor = ok ? *context_.bulk_executor : *context_.admin_executor;
    const bool taken = executor.Submit([this, ok] { OrEndWithoutMemory(*this, [&] { Step(ok); }); });
    if (!taken) {
      EndLater({Reason::kOverloaded, "too many administrative calls wait", {}, context_.options.retry_after});
    }
  }

  void OnWriteDone(bool ok) override {
    writing_.store(false);
    timer_.Pause();
    if (!ok) {
      EndLater({Reason::kCancelled, "the caller went away", {}, {}});
    } else if (progress_.done()) {
      End(grpc::Status::OK);
    } else {
      ReadNext();
    }
  }

  void OnDone() override { delete this; }

 private:
  void End(const grpc::Status& status) {
    // Before the status leaves, so that a client that saw the end can start the next import at once.
    import_.reset();
    slot_.reset();
    CountCall(context_, kMethod, status, begun_);
    Finish(status);
  }
  void EndWith(const Error& error) { End(ToGrpc(error)); }
  // gRPC's threads serve all calls: what an import has to give back is given back on the executor.
  void EndLater(const Error& error) {
    if (!context_.bulk_executor->Submit([this, error] { EndWith(error); })) EndWith(error);
  }
  void ReadNext() {
    ticket_.reset();
    reading_.store(true);
    timer_.Restart(context_.options.max_import_pause);
    StartRead(&message_);
  }
  bool OnSilence() {
    if (writing_.load()) {
      // A write can only be ended with its call, and then comes back as a failed one.
      call_->TryCancel();
      return true;
    }
    if (!reading_.exchange(false)) return false;
    EndLater({Reason::kDeadlineExceeded,
              "no records came for too long: what was committed is kept; send the rest again",
              {},
              {}});
    return true;
  }

  void Step(bool message_came) {
    const Status done = message_came ? OnMessage() : OnEnd();
    if (!done) return EndWith(done.error());
    if (message_.has_header() && message_came) return ReadNext();
    // A drain waits for it, but not for ever.
    writing_.store(true);
    timer_.Restart(context_.options.max_reader_pause);
    StartWrite(&progress_);
  }

  Status OnMessage() {
    if (message_.has_header()) return OnHeader(message_.header());
    if (import_ == nullptr) {
      return Fail(Reason::kStreamInvalid, "the first message of an import must be its header", "header");
    }
    return OnRecords(message_.records());
  }

  Status OnHeader(const v1::ImportHeader& header) {
    if (import_ != nullptr) return Fail(Reason::kStreamInvalid, "a second header came", "header");
    if (header.file().size() > 256) {
      return Fail(Reason::kRequestInvalid, "longer than 256 bytes", "header.file");
    }
    // The feed's next delta would not bring back what the file takes away.
    if (const exchange::ExchangeSettings* const feeder = FeederOf(context_, header.list())) {
      return Fail(Reason::kRequestInvalid,
                  "exchange '" + feeder->name +
                      "' feeds this list: files go into other lists, or take the exchange out of the "
                      "configuration first",
                  "header.list");
    }
    list_ = header.list();
    replaces_ = header.replace();
    HASHGATE_ASSIGN_OR_RETURN(import_, context_.catalog->StartImport({.list = header.list(),
                                                                      .file = header.file(),
                                                                      .replace = header.replace(),
                                                                      .allow_empty = header.allow_empty()}));
    return {};
  }

  Status OnRecords(const v1::ImportRecords& records) {
    if (records.records_size() == 0 || records.records_size() > kMaxRecordsPerMessage) {
      return Fail(Reason::kRequestInvalid,
                  "a message has 1 to " + std::to_string(kMaxRecordsPerMessage) + " records", "records");
    }
    std::vector<lists::ImportRecord> batch;
    batch.reserve(static_cast<std::size_t>(records.records_size()));
    for (const v1::ImportRecord& record : records.records()) {
      if (record.line() < 0) {
        return Fail(Reason::kRequestInvalid, "lines are numbered from 1", "records.line");
      }
      lists::ImportRecord& out = batch.emplace_back();
      out.line = static_cast<std::uint64_t>(record.line());
      if (!record.has_entry()) {
        out.problem = record.problem().empty() ? "the sender gave neither an entry nor a reason"
                                               : record.problem().substr(0, 512);
        continue;
      }
      auto entry = FromProto(record.entry(), "entry");
      if (entry) {
        out.record = *std::move(entry);
      } else {
        out.problem = entry.error().field + ": " + entry.error().message;
        out.about = record.entry().source_id();
      }
    }
    HASHGATE_ASSIGN_OR_RETURN(const lists::ImportProgress progress, import_->Add(batch));
    // What is only staged may never come into force.
    if (progress.staged == 0) Count(progress);
    Acknowledge(progress, false);
    return {};
  }

  Status OnEnd() {
    if (call_->IsCancelled()) return Fail(Reason::kCancelled, "the caller went away");
    if (import_ == nullptr) {
      return Fail(Reason::kStreamInvalid, "the stream ended without a header", "header");
    }
    HASHGATE_ASSIGN_OR_RETURN(const lists::ImportProgress progress, import_->Finish());
    Count(progress);
    log::Info("list_imported", "an import into a list is whole",
              {{"list", list_},
               {"replace", replaces_},
               {"added", progress.added},
               {"updated", progress.updated},
               {"removed", progress.removed},
               {"quarantined", progress.quarantined},
               {"generation", progress.generation}});
    Acknowledge(progress, true);
    return {};
  }

  void Acknowledge(const lists::ImportProgress& progress, bool done) {
    progress_.set_received_count(static_cast<std::int64_t>(progress.received));
    progress_.set_added_count(static_cast<std::int64_t>(progress.added));
    progress_.set_updated_count(static_cast<std::int64_t>(progress.updated));
    progress_.set_unchanged_count(static_cast<std::int64_t>(progress.unchanged));
    progress_.set_quarantined_count(static_cast<std::int64_t>(progress.quarantined));
    progress_.set_committed_count(static_cast<std::int64_t>(progress.committed));
    progress_.set_staged_count(static_cast<std::int64_t>(progress.staged));
    progress_.set_removed_count(static_cast<std::int64_t>(progress.removed));
    progress_.set_generation(progress.generation);
    progress_.set_done(done);
  }

  void Count(const lists::ImportProgress& progress) {
    const auto add = [&](std::string_view result, std::uint64_t now, std::uint64_t before) {
      if (now > before) {
        context_.metrics->Count(obs::Metric::kImportRecords, {{"result", result}},
                                static_cast<double>(now - before));
      }
    };
    add("added", progress.added, counted_.added);
    add("updated", progress.updated, counted_.updated);
    add("unchanged", progress.unchanged, counted_.unchanged);
    add("quarantined", progress.quarantined, counted_.quarantined);
    counted_ = progress;
  }

  const ServiceContext& context_;
  grpc::CallbackServerContext* const call_;
  std::unique_ptr<ImportSlots::Slot> slot_;
  std::optional<CallGate::Ticket> ticket_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  std::unique_ptr<lists::Import> import_;
  std::string list_;
  bool replaces_ = false;
  v1::ImportEntriesRequest message_;
  v1::ImportEntriesResponse progress_;
  lists::ImportProgress counted_;
  std::atomic<bool> reading_ = false;
  std::atomic<bool> writing_ = false;
  StreamTimer timer_;  // last: it calls the others
};

using RefusedImport =
    RefusedStream<grpc::ServerBidiReactor<v1::ImportEntriesRequest, v1::ImportEntriesResponse>>;

}  // namespace

grpc::ServerBidiReactor<v1::ImportEntriesRequest, v1::ImportEntriesResponse>* NewImportCall(
    const ServiceContext& context, grpc::CallbackServerContext* call, ImportSlots& slots) {
  if (const grpc::Status status = CheckAdminStream(context, *call); !status.ok()) {
    return new RefusedImport(context, kMethod, status);
  }
  const auto refuse = [&](Reason reason, std::string message) {
    return new RefusedImport(context, kMethod,
                             ToGrpc(Error{reason, std::move(message), {}, context.options.retry_after}));
  };
  if (context.gate->closed()) return refuse(Reason::kDraining, "the server is shutting down");
  auto slot = slots.Take();
  if (slot == nullptr) {
    return refuse(Reason::kOverloaded,
                  std::to_string(ImportSlots::kMax) + " imports are under way: try again when one is done");
  }
  return new ImportCall(context, call, std::move(slot));
}

}  // namespace hashgate::rpc
