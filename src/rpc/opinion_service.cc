#include "rpc/opinion_service.h"

#include <algorithm>

#include "base/digest.h"
#include "base/hex.h"
#include "exchange/sync/runner.h"
#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"

namespace hashgate::rpc {
namespace {

using lists::Opinion;
using lists::OpinionKind;
using rpc::ToProto;

Result<lists::EntryId> EntryOf(std::int64_t entry) {
  if (entry <= 0) return Fail(Reason::kRequestInvalid, "entry numbers are positive", "entry_id");
  return static_cast<lists::EntryId>(entry);
}

Result<OpinionKind> KindOf(v1::OpinionKind kind) {
  const OpinionKind known = FromProto(kind);
  if (known == OpinionKind::kUnspecified)
    return Fail(Reason::kRequestInvalid, "kind is required, and has to be one that this server knows",
                "kind");
  return known;
}

constexpr int kMaxPageSize = 1'000;

// Where an opinion stands among all.
std::string KeyOf(const Opinion& opinion) {
  return lists::OpinionKey(opinion.list, opinion.entry, opinion.kind);
}

Result<std::string> DecodeToken(const std::string& token) {
  const auto bytes = HexDecode(token);
  if (!bytes || (!token.empty() && bytes->size() != KeyOf({}).size()))
    return Fail(Reason::kRequestInvalid, "not a token that a page ended with", "page_token");
  return std::string(bytes->begin(), bytes->end());
}

// The wire has a zero that says nothing.
v1::OpinionFeedback ToProto(lists::FeedbackState state) {
  return static_cast<v1::OpinionFeedback>(static_cast<int>(state) + 1);
}

v1::OpinionState StateOf(const lists::Catalog& catalog, const Opinion& opinion) {
  if (opinion.ended) return v1::OPINION_STATE_EXPIRED;
  const Result<lists::Entry> entry = catalog.GetEntry(opinion.list, opinion.entry);
  // An entry that cannot be read now is matched as if nobody had said anything.
  if (!entry || entry->version != opinion.entry_version) return v1::OPINION_STATE_OUTDATED;
  return opinion.IsPending() ? v1::OPINION_STATE_PENDING : v1::OPINION_STATE_IN_FORCE;
}

void Fill(const lists::Catalog& catalog, const lists::Generation& generation, const Opinion& opinion,
          v1::Opinion& out) {
  const auto list = generation.lists.find(opinion.list);
  if (list != generation.lists.end()) out.set_list(list->second.config.name);
  out.set_entry_id(static_cast<std::int64_t>(opinion.entry));
  out.set_kind(ToProto(opinion.kind));
  out.set_entry_version(static_cast<std::int32_t>(opinion.entry_version));
  out.set_author(opinion.author);
  out.set_reason(opinion.reason);
  *out.mutable_create_time() = ToProto(opinion.created);
  if (opinion.expires != WallTime()) *out.mutable_expire_time() = ToProto(opinion.expires);
  out.set_needs_second(opinion.needs_second);
  out.set_second_author(opinion.second_author);
  if (opinion.agreed != WallTime()) *out.mutable_agree_time() = ToProto(opinion.agreed);
  out.set_state(StateOf(catalog, opinion));
  out.set_feedback(ToProto(opinion.feedback));
}

// Where there is nothing to tell, nothing is told.
void TellSource(const ServiceContext& context, std::string_view list) {
  if (context.exchanges != nullptr) context.exchanges->SendFeedbackSoon(list);
}

template <typename Response>
void Answer(const lists::Catalog& catalog, const Opinion& opinion, Response& response) {
  const auto generation = catalog.Current();
  Fill(catalog, *generation, opinion, *response.mutable_opinion());
  response.set_generation(generation->number);
}

}  // namespace

grpc::ServerUnaryReactor* OpinionServiceImpl::SetOpinion(grpc::CallbackServerContext* call,
                                                         const v1::SetOpinionRequest* request,
                                                         v1::SetOpinionResponse* response) {
  return RunAdmin(context_, call, "SetOpinion", [this, request, response]() -> Status {
    lists::OpinionRequest opinion;
    opinion.list = request->list();
    HASHGATE_ASSIGN_OR_RETURN(opinion.entry, EntryOf(request->entry_id()));
    HASHGATE_ASSIGN_OR_RETURN(opinion.kind, KindOf(request->kind()));
    if (!lists::IsOfPeople(opinion.kind))
      return Fail(Reason::kRequestInvalid, "kind is CONFIRM, DISPUTE or SUPPRESS", "kind");
    if (request->entry_version() < 0)
      return Fail(Reason::kRequestInvalid, "entry versions are positive", "entry_version");
    opinion.entry_version = static_cast<std::uint32_t>(request->entry_version());
    opinion.author = request->author();
    opinion.reason = request->reason();
    if (request->has_expire_time()) opinion.expires = FromProto(request->expire_time());
    opinion.needs_second =
        request->needs_second() || std::ranges::find(context_.options.second_person, opinion.kind) !=
                                       context_.options.second_person.end();
    const exchange::ExchangeSettings* const feeder =
        context_.exchanges != nullptr ? context_.exchanges->FeederOf(opinion.list) : nullptr;
    opinion.feedback = !request->no_feedback() && feeder != nullptr && feeder->feedback;
    HASHGATE_ASSIGN_OR_RETURN(const Opinion set, context_.catalog->SetOpinion(opinion));
    TellSource(context_, opinion.list);
    Answer(*context_.catalog, set, *response);
    return {};
  });
}

grpc::ServerUnaryReactor* OpinionServiceImpl::AgreeToOpinion(grpc::CallbackServerContext* call,
                                                             const v1::AgreeToOpinionRequest* request,
                                                             v1::AgreeToOpinionResponse* response) {
  return RunAdmin(context_, call, "AgreeToOpinion", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const lists::EntryId entry, EntryOf(request->entry_id()));
    HASHGATE_ASSIGN_OR_RETURN(const OpinionKind kind, KindOf(request->kind()));
    HASHGATE_ASSIGN_OR_RETURN(const Opinion agreed, context_.catalog->AgreeToOpinion(
                                                        request->list(), entry, kind, request->author()));
    TellSource(context_, request->list());
    Answer(*context_.catalog, agreed, *response);
    return {};
  });
}

grpc::ServerUnaryReactor* OpinionServiceImpl::DeleteOpinion(grpc::CallbackServerContext* call,
                                                            const v1::DeleteOpinionRequest* request,
                                                            v1::DeleteOpinionResponse* response) {
  return RunAdmin(context_, call, "DeleteOpinion", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const lists::EntryId entry, EntryOf(request->entry_id()));
    HASHGATE_ASSIGN_OR_RETURN(const OpinionKind kind, KindOf(request->kind()));
    HASHGATE_RETURN_IF_ERROR(context_.catalog->RemoveOpinion(request->list(), entry, kind));
    TellSource(context_, request->list());
    response->set_generation(context_.catalog->Current()->number);
    return {};
  });
}

grpc::ServerUnaryReactor* OpinionServiceImpl::ListOpinions(grpc::CallbackServerContext* call,
                                                           const v1::ListOpinionsRequest* request,
                                                           v1::ListOpinionsResponse* response) {
  return RunAdmin(context_, call, "ListOpinions", [this, request, response]() -> Status {
    if (request->page_size() < 0 || request->page_size() > kMaxPageSize)
      return Fail(Reason::kRequestInvalid, "1 to 1,000, or 0 for the default", "page_size");
    const int page_size = request->page_size() == 0 ? kMaxPageSize : request->page_size();
    HASHGATE_ASSIGN_OR_RETURN(const std::string after, DecodeToken(request->page_token()));
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<Opinion> all, context_.catalog->Opinions(request->list()));
    const auto generation = context_.catalog->Current();
    std::string last;
    for (const Opinion& opinion : all) {
      if (!after.empty() && KeyOf(opinion) <= after) continue;
      if (response->opinions_size() == page_size) {
        response->set_next_page_token(HexEncode(AsBytes(last)));
        break;
      }
      Fill(*context_.catalog, *generation, opinion, *response->add_opinions());
      last = KeyOf(opinion);
    }
    return {};
  });
}

}  // namespace hashgate::rpc
