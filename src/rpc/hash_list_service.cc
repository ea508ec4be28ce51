#include "rpc/hash_list_service.h"

#include <algorithm>

#include "base/log.h"
#include "exchange/sync/runner.h"
#include "lists/protection.h"
#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"

namespace hashgate::rpc {
namespace {

constexpr int kMaxPageSize = 10'000;
constexpr int kDefaultPageSize = 100;
/// Far beyond what the catalogue takes, so that no sum overflows.
constexpr std::chrono::seconds kLongestBrake = std::chrono::hours(24) * 10'000;

v1::HashList WithProtection(const ServiceContext& context, const lists::HashList& list) {
  v1::HashList out = ToProto(list);
  v1::ListProtection& protection = *out.mutable_protection();
  protection.set_exact_count(static_cast<std::int64_t>(list.kinds.digest));
  protection.set_pdq_count(static_cast<std::int64_t>(list.kinds.pdq));
  protection.set_photodna_count(static_cast<std::int64_t>(list.kinds.photodna));
  protection.set_img_hash_count(static_cast<std::int64_t>(list.kinds.img_hash));
  const auto generation = context.catalog->Current();
  protection.set_sentence(lists::DescribeProtection(list, lists::ProtectionOf(list, *generation->index)));
  return out;
}

// A list, and a generation that has it.
template <typename Response>
void Answer(const ServiceContext& context, const lists::HashList& list, Response& response) {
  *response.mutable_list() = WithProtection(context, list);
  response.set_generation(context.catalog->Current()->number);
}

Result<int> PageSize(std::int32_t asked) {
  if (asked < 0 || asked > kMaxPageSize) {
    return Fail(Reason::kRequestInvalid, "1 to " + std::to_string(kMaxPageSize) + ", or 0 for the default",
                "page_size");
  }
  return asked == 0 ? kDefaultPageSize : asked;
}

void LogChange(std::string_view change, const lists::HashList& list) {
  log::Info("list_changed", "a person changed a list",
            {{"list", list.config.name},
             {"change", change},
             {"purpose", Name(list.config.purpose)},
             {"ceiling", Name(list.config.action_ceiling)},
             {"enabled", list.config.enabled},
             {"entries", list.entry_count}});
}

// Entries came under the purpose that their exchange was bound to: under another one they might be reported.
Status CheckPurposeStays(const ServiceContext& context, const lists::ListConfig& config) {
  const exchange::ExchangeSettings* const feeder = FeederOf(context, config.name);
  if (feeder == nullptr) return {};
  HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list, context.catalog->GetList(config.name));
  if (list.config.purpose == config.purpose || list.entry_count == 0) return {};
  return Fail(Reason::kRequestInvalid,
              "the list holds what exchange '" + feeder->name +
                  "' feeds it: its purpose stays. Let the exchange feed another list",
              "list.purpose");
}

}  // namespace

const exchange::ExchangeSettings* FeederOf(const ServiceContext& context, std::string_view list) {
  return context.exchanges != nullptr ? context.exchanges->FeederOf(list) : nullptr;
}

bool MayExport(const ServiceContext& context, std::string_view list) {
  const exchange::ExchangeSettings* const feeder = FeederOf(context, list);
  return feeder == nullptr || feeder->allow_export;
}

grpc::Status CheckAdminStream(const ServiceContext& context, const grpc::CallbackServerContext& call) {
  if (!CallerOf(call.peer(), context.options.loopback_is_admin).is_admin) {
    return ToGrpc(
        Error{Reason::kNotPermitted, "lists are administered from the server's own machine", {}, {}});
  }
  if (!context.ready->load()) {
    return ToGrpc(Error{
        Reason::kIndexNotReady, "the server is still loading its lists", {}, context.options.retry_after});
  }
  return grpc::Status::OK;
}

grpc::ServerUnaryReactor* HashListServiceImpl::CreateHashList(grpc::CallbackServerContext* call,
                                                              const v1::CreateHashListRequest* request,
                                                              v1::CreateHashListResponse* response) {
  return RunAdmin(context_, call, "CreateHashList", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const lists::ListConfig config, FromProto(request->list()));
    HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list, context_.catalog->CreateList(config));
    LogChange("created", list);
    Answer(context_, list, *response);
    return {};
  });
}

grpc::ServerUnaryReactor* HashListServiceImpl::GetHashList(grpc::CallbackServerContext* call,
                                                           const v1::GetHashListRequest* request,
                                                           v1::GetHashListResponse* response) {
  return RunAdmin(context_, call, "GetHashList", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list, context_.catalog->GetList(request->name()));
    *response->mutable_list() = WithProtection(context_, list);
    return {};
  });
}

grpc::ServerUnaryReactor* HashListServiceImpl::ListHashLists(grpc::CallbackServerContext* call,
                                                             const v1::ListHashListsRequest* request,
                                                             v1::ListHashListsResponse* response) {
  return RunAdmin(context_, call, "ListHashLists", [this, request, response]() -> Status {
    for (const lists::HashList& list : context_.catalog->Lists(request->include_system())) {
      *response->add_lists() = WithProtection(context_, list);
    }
    return {};
  });
}

grpc::ServerUnaryReactor* HashListServiceImpl::UpdateHashList(grpc::CallbackServerContext* call,
                                                              const v1::UpdateHashListRequest* request,
                                                              v1::UpdateHashListResponse* response) {
  return RunAdmin(context_, call, "UpdateHashList", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const lists::ListConfig config, FromProto(request->list()));
    HASHGATE_RETURN_IF_ERROR(CheckPurposeStays(context_, config));
    HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list,
                              context_.catalog->UpdateList(config, request->list().etag()));
    LogChange("updated", list);
    Answer(context_, list, *response);
    return {};
  });
}

grpc::ServerUnaryReactor* HashListServiceImpl::DeleteHashList(grpc::CallbackServerContext* call,
                                                              const v1::DeleteHashListRequest* request,
                                                              v1::DeleteHashListResponse* response) {
  return RunAdmin(context_, call, "DeleteHashList", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const std::int64_t generation,
                              context_.catalog->DeleteList(request->name(), request->etag()));
    log::Info("list_changed", "a person changed a list",
              {{"list", request->name()}, {"change", "removed"}, {"generation", generation}});
    context_.metrics->Remove(obs::Metric::kEntries, {{"list", request->name()}});
    response->set_generation(generation);
    return {};
  });
}

grpc::ServerUnaryReactor* HashListServiceImpl::EnableHashList(grpc::CallbackServerContext* call,
                                                              const v1::EnableHashListRequest* request,
                                                              v1::EnableHashListResponse* response) {
  return RunAdmin(context_, call, "EnableHashList", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list,
                              context_.catalog->SetEnabled(request->name(), true));
    LogChange("enabled", list);
    Answer(context_, list, *response);
    return {};
  });
}

grpc::ServerUnaryReactor* HashListServiceImpl::DisableHashList(grpc::CallbackServerContext* call,
                                                               const v1::DisableHashListRequest* request,
                                                               v1::DisableHashListResponse* response) {
  return RunAdmin(context_, call, "DisableHashList", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list,
                              context_.catalog->SetEnabled(request->name(), false));
    LogChange("disabled", list);
    Answer(context_, list, *response);
    return {};
  });
}

grpc::ServerUnaryReactor* HashListServiceImpl::SetBrake(grpc::CallbackServerContext* call,
                                                        const v1::SetBrakeRequest* request,
                                                        v1::SetBrakeResponse* response) {
  return RunAdmin(context_, call, "SetBrake", [this, request, response]() -> Status {
    if (!v1::Verdict_IsValid(request->max_verdict()))
      return Fail(Reason::kRequestInvalid, "max_verdict is not one that this server knows", "max_verdict");
    std::optional<lists::Brake> brake;
    if (request->max_verdict() != v1::VERDICT_UNSPECIFIED) {
      const std::chrono::seconds duration(
          std::clamp<std::int64_t>(request->duration().seconds(), 0, kLongestBrake.count()));
      brake = lists::Brake{.max_verdict = FromProto(request->max_verdict()),
                           .until = Clock::System().Wall() + duration,
                           .author = request->author(),
                           .reason = request->reason()};
    }
    HASHGATE_ASSIGN_OR_RETURN(const lists::HashList list,
                              context_.catalog->SetBrake(request->list(), std::move(brake)));
    log::Warning("list_brake", list.brake ? "a person braked a list" : "a person released a list's brake",
                 {{"list", request->list()},
                  {"max_verdict", list.brake ? Name(list.brake->max_verdict) : std::string_view()},
                  {"author", request->author()},
                  {"reason", request->reason()}});
    Answer(context_, list, *response);
    return {};
  });
}

grpc::ServerBidiReactor<v1::ImportEntriesRequest, v1::ImportEntriesResponse>*
HashListServiceImpl::ImportEntries(grpc::CallbackServerContext* call) {
  return NewImportCall(context_, call, import_slots_);
}

grpc::ServerWriteReactor<v1::ExportEntriesResponse>* HashListServiceImpl::ExportEntries(
    grpc::CallbackServerContext* call, const v1::ExportEntriesRequest* request) {
  return NewExportCall(context_, call, request);
}

grpc::ServerWriteReactor<v1::UndoEntryResponse>* HashListServiceImpl::UndoEntry(
    grpc::CallbackServerContext* call, const v1::UndoEntryRequest* request) {
  return NewUndoCall(context_, call, request);
}

grpc::ServerUnaryReactor* HashListServiceImpl::ListEntries(grpc::CallbackServerContext* call,
                                                           const v1::ListEntriesRequest* request,
                                                           v1::ListEntriesResponse* response) {
  return RunAdmin(context_, call, "ListEntries", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const int page_size, PageSize(request->page_size()));
    HASHGATE_ASSIGN_OR_RETURN(
        const lists::EntryPage page,
        context_.catalog->ListEntries(request->list(), request->page_token(), page_size));
    const bool with_values = MayExport(context_, request->list());
    for (const lists::Entry& entry : page.entries) {
      v1::Entry& out = *response->add_entries() = ToProto(entry);
      if (with_values) continue;
      for (v1::HashValue& hash : *out.mutable_hashes()) hash.clear_value();
    }
    response->set_next_page_token(page.next_page_token);
    return {};
  });
}

grpc::ServerUnaryReactor* HashListServiceImpl::DeleteEntry(grpc::CallbackServerContext* call,
                                                           const v1::DeleteEntryRequest* request,
                                                           v1::DeleteEntryResponse* response) {
  return RunAdmin(context_, call, "DeleteEntry", [this, request, response]() -> Status {
    if (request->entry_id() <= 0)
      return Fail(Reason::kRequestInvalid, "entry numbers are positive", "entry_id");
    HASHGATE_ASSIGN_OR_RETURN(
        const std::int64_t generation,
        context_.catalog->DeleteEntry(request->list(), static_cast<lists::EntryId>(request->entry_id())));
    response->set_generation(generation);
    return {};
  });
}

grpc::ServerUnaryReactor* HashListServiceImpl::ListQuarantined(grpc::CallbackServerContext* call,
                                                               const v1::ListQuarantinedRequest* request,
                                                               v1::ListQuarantinedResponse* response) {
  return RunAdmin(context_, call, "ListQuarantined", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const int limit, PageSize(request->page_size()));
    HASHGATE_ASSIGN_OR_RETURN(const auto items, context_.catalog->ListQuarantined(
                                                    request->list(), static_cast<std::size_t>(limit)));
    for (const lists::Quarantined& item : items) {
      v1::ListQuarantinedResponse::Item& out = *response->add_items();
      out.set_file(item.file);
      out.set_line(static_cast<std::int64_t>(item.line));
      out.set_reason(item.reason);
    }
    return {};
  });
}

}  // namespace hashgate::rpc
