#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "casework/verdicts/undo.h"
#include "rpc/hash_list_service.h"
#include "rpc/stream_timer.h"
#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/error_status.h"

namespace hashgate::rpc {
namespace {

constexpr std::string_view kMethod = "UndoEntry";

std::int64_t ToInt64(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

v1::UndoEffect ToProto(casework::UndoEffect effect) {
  return static_cast<v1::UndoEffect>(effect);
}

void Fill(const casework::Undone& undone, v1::UndoneVerdict& out) {
  const casework::VerdictRecord& record = undone.record;
  out.set_scan_id(record.id.scan_id);
  *out.mutable_verdict_time() = rpc::ToProto(record.time);
  out.set_tenant(record.id.tenant);
  out.set_caller(record.caller);
  out.set_content_id(record.content_id);
  out.set_request_id(record.request_id);
  if (record.file >= 0) out.set_file(record.file);
  out.set_surface(record.surface);
  out.set_given_verdict(rpc::ToProto(record.given));
  out.set_old_verdict(rpc::ToProto(record.standing));
  out.set_new_verdict(rpc::ToProto(undone.verdict));
  out.set_entry_verdict(rpc::ToProto(undone.match.verdict));
  for (const Algorithm algorithm : undone.match.algorithms) out.add_algorithms(rpc::ToProto(algorithm));
  out.set_effect(ToProto(undone.effect));
  if (undone.stands_by < record.matches.size()) {
    const casework::RecordedMatch& match = record.matches[undone.stands_by];
    out.set_stands_by_list(match.list);
    out.set_stands_by_entry_id(ToInt64(match.entry.entry));
  }
  out.set_rule_id(record.rule_id);
  out.set_policy_digest(record.policy_digest);
  out.set_generation(record.generation);
}

// The list that is meant: the one of that name now, else the one that records know by it.
Result<lists::ListId> FindList(const ServiceContext& context, const v1::UndoEntryRequest& request) {
  if (request.list_id() != 0) {
    if (!request.list().empty()) {
      return Fail(Reason::kRequestInvalid, "give the list's name or its number, not both", "list_id");
    }
    if (!std::in_range<lists::ListId>(request.list_id())) {
      return Fail(Reason::kRequestInvalid, "numbers of lists are positive and have 32 bits", "list_id");
    }
    return static_cast<lists::ListId>(request.list_id());
  }
  if (request.list().empty()) return Fail(Reason::kRequestInvalid, "name the list", "list");
  std::vector<lists::ListId> ids = context.verdicts->ListsNamed(request.list());
  if (const auto now = context.catalog->GetList(request.list())) {
    if (std::ranges::find(ids, now->id) == ids.end()) ids.push_back(now->id);
  }
  if (ids.empty()) {
    return Fail(Reason::kListNotFound,
                "there is no list '" + request.list().substr(0, 64) + "', and no verdict came from one",
                "list");
  }
  if (ids.size() == 1) return ids.front();
  std::string numbers;
  for (const lists::ListId id : ids) numbers += (numbers.empty() ? "" : ", ") + std::to_string(id);
  return Fail(Reason::kRequestInvalid,
              "several lists had this name one after the other: say which by its number, one of " + numbers,
              "list_id");
}

bool IsInForce(const lists::Catalog& catalog, const casework::EntryRef& entry) {
  const auto generation = catalog.Current();
  const auto list = generation->lists.find(entry.list);
  if (list == generation->lists.end() || !list->second.config.enabled) return false;
  const Result<lists::Entry> found = catalog.GetEntry(entry.list, entry.entry);
  const lists::EntryOpinions* const said = generation->opinions->Find(entry.entry);
  return found && (said == nullptr || said->suppressed != found->version);
}

// One undo: the next verdicts are looked at only when the last ones were sent. It holds up a drain, so a
// reader that takes nothing for too long is not waited for; what it was not told is done.
class UndoCall final : public grpc::ServerWriteReactor<v1::UndoEntryResponse> {
 public:
  UndoCall(const ServiceContext& context, grpc::CallbackServerContext* call,
           const v1::UndoEntryRequest& request, CallGate::Ticket ticket)
      : context_(context),
        call_(call),
        request_(request),
        ticket_(std::move(ticket)),
        // A write can only be ended with its call, and then comes back as a failed one.
        timer_([this] {
          call_->TryCancel();
          return true;
        }) {
    GoOn();
  }

  void OnWriteDone(bool ok) override {
    timer_.Pause();
    if (!ok) {
      End(ToGrpc(Error{Reason::kCancelled, "the caller went away", {}, {}}));
    } else if (message_.done()) {
      End(grpc::Status::OK);
    } else {
      GoOn();
    }
  }
  void OnDone() override { delete this; }

 private:
  void End(const grpc::Status& status) {
    CountCall(context_, kMethod, status, begun_);
    Finish(status);
  }

  void GoOn() {
    const bool taken = context_.admin_executor->Submit([this] {
      if (context_.gate->closed()) {
        End(ToGrpc(
            Error{Reason::kDraining, "the server is shutting down", {}, context_.options.retry_after}));
        return;
      }
      if (const Status status = undo_ ? Next() : Begin(); !status) {
        End(ToGrpc(status.error()));
        return;
      }
      timer_.Restart(context_.options.max_reader_pause);
      StartWrite(&message_);
    });
    if (!taken)
      End(ToGrpc(Error{
          Reason::kOverloaded, "too many administrative calls wait", {}, context_.options.retry_after}));
  }

  Status Begin() {
    if (request_.entry_id() <= 0) {
      return Fail(Reason::kRequestInvalid, "entry numbers are positive", "entry_id");
    }
    if (request_.max_reversals() < 0) {
      return Fail(Reason::kRequestInvalid, "at least 1, or 0 for all", "max_reversals");
    }
    HASHGATE_ASSIGN_OR_RETURN(const lists::ListId list, FindList(context_, request_));
    entry_ = {list, static_cast<lists::EntryId>(request_.entry_id())};
    HASHGATE_ASSIGN_OR_RETURN(
        casework::Undo undo,
        casework::Undo::Start({.store = context_.store,
                               .verdicts = context_.verdicts,
                               .events = context_.events,
                               .idempotency = context_.idempotency,
                               .metrics = context_.metrics},
                              {.entry = entry_,
                               .dry_run = request_.dry_run(),
                               .author = request_.author(),
                               .reason = request_.reason(),
                               .max_reversals = static_cast<std::uint64_t>(request_.max_reversals())}));
    undo_ = std::move(undo);
    return Next();
  }

  Status Next() {
    message_.Clear();
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<casework::Undone> undone, undo_->Next());
    for (const casework::Undone& one : undone) Fill(one, *message_.add_verdicts());
    const casework::UndoCounts& counts = undo_->counts();
    message_.set_seen_count(ToInt64(counts.seen));
    message_.set_reversed_count(ToInt64(counts.reversed));
    message_.set_standing_count(ToInt64(counts.standing));
    message_.set_undone_before_count(ToInt64(counts.undone_before));
    message_.set_done(undo_->done());
    message_.set_more(undo_->more());
    message_.set_entry_in_force(IsInForce(*context_.catalog, entry_));
    message_.set_list_id(entry_.list);
    return {};
  }

  const ServiceContext& context_;
  grpc::CallbackServerContext* const call_;
  const v1::UndoEntryRequest request_;
  CallGate::Ticket ticket_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  casework::EntryRef entry_;
  std::optional<casework::Undo> undo_;
  v1::UndoEntryResponse message_;
  StreamTimer timer_;  // last: it calls the others
};

class RefusedUndo final : public grpc::ServerWriteReactor<v1::UndoEntryResponse> {
 public:
  RefusedUndo(const ServiceContext& context, const grpc::Status& status) {
    CountCall(context, kMethod, status, std::chrono::steady_clock::now());
    Finish(status);
  }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerWriteReactor<v1::UndoEntryResponse>* NewUndoCall(const ServiceContext& context,
                                                             grpc::CallbackServerContext* call,
                                                             const v1::UndoEntryRequest* request) {
  if (const grpc::Status status = CheckAdminStream(context, *call); !status.ok()) {
    return new RefusedUndo(context, status);
  }
  auto ticket = context.gate->Enter();
  if (!ticket) {
    return new RefusedUndo(
        context,
        ToGrpc(Error{Reason::kDraining, "the server is shutting down", {}, context.options.retry_after}));
  }
  return new UndoCall(context, call, *request, *std::move(ticket));
}

}  // namespace hashgate::rpc
