#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/log.h"
#include "casework/verdicts/undo.h"
#include "rpc/answer_stream.h"
#include "rpc/ended_call.h"
#include "rpc/hash_list_service.h"
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

void FillVerdict(const casework::Undone& undone, v1::UndoneVerdict& out) {
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
  // A remote list has no number, and so no entry by which verdicts could be found.
  const std::vector<std::string>& remote = context.options.remote_lists;
  const bool is_remote = std::erase(ids, 0U) > 0 || std::ranges::find(remote, request.list()) != remote.end();
  if (ids.empty() && is_remote) {
    return Fail(Reason::kRequestInvalid,
                "list '" + request.list() +
                    "' is a remote list: it has no entries here, and its verdicts cannot be undone by entry",
                "list");
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

// Also where that cannot be known: who undoes its verdicts is better told to look.
bool IsInForce(const lists::Catalog& catalog, const casework::EntryRef& entry) {
  const auto generation = catalog.Current();
  const auto list = generation->lists.find(entry.list);
  if (list == generation->lists.end() || !list->second.config.enabled) return false;
  const Result<lists::Entry> found = catalog.GetEntry(entry.list, entry.entry);
  const lists::EntryOpinions* const said = generation->opinions->Find(entry.entry);
  if (!found) return found.error().reason != Reason::kEntryNotFound;
  return said == nullptr || said->suppressed != found->version;
}

// Whoever reads too slowly for it was not told of all: it is done.
class UndoCall final : public AnswerStream<v1::UndoEntryResponse> {
 public:
  UndoCall(const ServiceContext& context, grpc::CallbackServerContext* call,
           const v1::UndoEntryRequest& request, CallGate::Ticket ticket)
      // Answers wait for what an undo holds meanwhile: not for a thread that gives way to them.
      : AnswerStream(context, call, kMethod, *context.admin_executor, std::move(ticket)), request_(request) {}

 private:
  Result<bool> Fill(v1::UndoEntryResponse& message) override {
    if (!undo_) HASHGATE_RETURN_IF_ERROR(Begin());
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<casework::Undone> undone, undo_->Next());
    for (const casework::Undone& one : undone) FillVerdict(one, *message.add_verdicts());
    const casework::UndoCounts& counts = undo_->counts();
    message.set_seen_count(ToInt64(counts.seen));
    message.set_reversed_count(ToInt64(counts.reversed));
    message.set_standing_count(ToInt64(counts.standing));
    message.set_undone_before_count(ToInt64(counts.undone_before));
    message.set_damaged_count(ToInt64(counts.damaged));
    message.set_done(undo_->done());
    message.set_more(undo_->more());
    message.set_entry_in_force(IsInForce(*context().catalog, entry_));
    message.set_list_id(entry_.list);
    if (undo_->done() && !request_.dry_run()) {
      log::Warning("entry_undone", "a person undid what came from an entry",
                   {{"list_id", entry_.list},
                    {"entry", entry_.entry},
                    {"author", request_.author()},
                    {"reason", request_.reason()},
                    {"reversed", counts.reversed},
                    {"standing", counts.standing}});
    }
    return undo_->done();
  }

  Status Begin() {
    if (request_.entry_id() <= 0) {
      return Fail(Reason::kRequestInvalid, "entry numbers are positive", "entry_id");
    }
    if (request_.max_reversals() < 0) {
      return Fail(Reason::kRequestInvalid, "at least 1, or 0 for all", "max_reversals");
    }
    HASHGATE_ASSIGN_OR_RETURN(const lists::ListId list, FindList(context(), request_));
    entry_ = {list, static_cast<lists::EntryId>(request_.entry_id())};
    HASHGATE_ASSIGN_OR_RETURN(
        casework::Undo undo,
        casework::Undo::Start({.store = context().store,
                               .verdicts = context().verdicts,
                               .events = context().events,
                               .idempotency = context().idempotency,
                               .metrics = context().metrics},
                              {.entry = entry_,
                               .dry_run = request_.dry_run(),
                               .author = request_.author(),
                               .reason = request_.reason(),
                               .max_reversals = static_cast<std::uint64_t>(request_.max_reversals())}));
    undo_ = std::move(undo);
    return {};
  }

  const v1::UndoEntryRequest request_;
  casework::EntryRef entry_;
  std::optional<casework::Undo> undo_;
};

}  // namespace

grpc::ServerWriteReactor<v1::UndoEntryResponse>* NewUndoCall(const ServiceContext& context,
                                                             grpc::CallbackServerContext* call,
                                                             const v1::UndoEntryRequest* request) {
  const auto refuse = [&](const grpc::Status& status) {
    return new RefusedStream<grpc::ServerWriteReactor<v1::UndoEntryResponse>>(context, kMethod, status);
  };
  if (const grpc::Status status = CheckAdminStream(context, *call); !status.ok()) {
    return refuse(status);
  }
  auto ticket = context.gate->Enter();
  if (!ticket) {
    return refuse(
        ToGrpc(Error{Reason::kDraining, "the server is shutting down", {}, context.options.retry_after}));
  }
  auto* const stream = new UndoCall(context, call, *request, *std::move(ticket));
  stream->Start();
  return stream;
}

}  // namespace hashgate::rpc
