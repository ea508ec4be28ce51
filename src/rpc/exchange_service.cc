#include "rpc/exchange_service.h"

#include <algorithm>
#include <limits>

#include "exchange/sync/runner.h"
#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"

namespace hashgate::rpc {
namespace {

using exchange::ExchangeStatus;
using rpc::FromProto;
using rpc::ToProto;

std::int64_t ToInt64(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}

// The wire has a zero that says nothing.
v1::Gate ToProto(exchange::Gate gate) {
  return static_cast<v1::Gate>(static_cast<int>(gate) + 1);
}

Result<exchange::Gate> FromProto(v1::Gate gate) {
  if (gate == v1::GATE_UNSPECIFIED || !v1::Gate_IsValid(gate)) {
    return Fail(Reason::kRequestInvalid, "gate is required, and has to be one that this server knows",
                "gate");
  }
  return static_cast<exchange::Gate>(static_cast<int>(gate) - 1);
}

v1::ExchangeHealth ToProto(exchange::ExchangeHealth health) {
  return static_cast<v1::ExchangeHealth>(static_cast<int>(health) + 1);
}

void Fill(const exchange::SyncCounts& counts, v1::SyncCounts& out) {
  out.set_entries_before(ToInt64(counts.entries_before));
  out.set_received(ToInt64(counts.received));
  out.set_added(ToInt64(counts.added));
  out.set_updated(ToInt64(counts.updated));
  out.set_unchanged(ToInt64(counts.unchanged));
  out.set_removed(ToInt64(counts.removed));
  out.set_quarantined(ToInt64(counts.quarantined));
  out.set_values_left_out(ToInt64(counts.values_left_out));
  out.set_malformed_values(ToInt64(counts.malformed_values));
  out.set_benign(ToInt64(counts.benign));
  out.set_degenerate(ToInt64(counts.degenerate));
  out.set_weakened(ToInt64(counts.weakened));
}

void Fill(const exchange::SyncRecord& record, v1::SyncRecord& out) {
  *out.mutable_begin_time() = ToProto(record.began);
  *out.mutable_end_time() = ToProto(record.ended);
  out.set_outcome(static_cast<v1::SyncOutcome>(record.outcome));
  out.set_generation(record.generation);
  Fill(record.counts, *out.mutable_counts());
  out.set_detail(record.detail);
  out.set_overridden(record.overridden);
}

void Fill(const exchange::GateOverride& made, v1::GateOverride& out) {
  out.set_gate(ToProto(made.gate));
  out.set_author(made.author);
  out.set_reason(made.reason);
  out.set_up_to(ToInt64(made.up_to));
  *out.mutable_create_time() = ToProto(made.made);
  *out.mutable_expire_time() = ToProto(made.expires);
}

void FillStored(const exchange::StoredExchange& stored, v1::Exchange& out) {
  const auto set = [](WallTime time, auto&& field) {
    if (time != WallTime()) *field() = ToProto(time);
  };
  set(stored.last_success, [&] { return out.mutable_last_success_time(); });
  set(stored.last_change, [&] { return out.mutable_last_change_time(); });
  set(stored.failing_since, [&] { return out.mutable_failing_since_time(); });
  out.set_failure_count(static_cast<std::int32_t>(stored.failures));
  out.set_failure_reason(stored.failure_reason);
  if (stored.held) out.set_held_gate(ToProto(*stored.held));
  for (const exchange::GateOverride& made : stored.overrides) Fill(made, *out.add_overrides());
  for (const exchange::SyncRecord& sync : stored.syncs) Fill(sync, *out.add_syncs());
}

void Fill(const ExchangeStatus& status, v1::Exchange& out) {
  const exchange::ExchangeSettings& settings = *status.settings;
  out.set_name(settings.name);
  out.set_kind(settings.kind);
  out.set_list(settings.list);
  out.set_base_url(settings.base_url);
  out.set_production(settings.production);
  out.set_allow_export(settings.allow_export);
  *out.mutable_interval() = ToProto(settings.interval);
  out.set_health(ToProto(status.health));
  out.set_stale(status.stale);
  out.set_sentence(status.sentence);
  FillStored(status.stored, out);
  *out.mutable_next_sync_time() = ToProto(status.next_sync);
  out.set_syncs_ended_count(ToInt64(status.syncs_ended));
  if (status.syncing) {
    Fill(status.syncing->counts, *out.mutable_syncing()->mutable_counts());
    out.mutable_syncing()->set_fetched_count(ToInt64(status.syncing->fetched));
  }
}

}  // namespace

grpc::ServerUnaryReactor* ExchangeServiceImpl::ListExchanges(grpc::CallbackServerContext* call,
                                                             const v1::ListExchangesRequest*,
                                                             v1::ListExchangesResponse* response) {
  return RunAdmin(context_, call, "ListExchanges", [this, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<ExchangeStatus> all, context_.exchanges->All());
    for (const ExchangeStatus& status : all) Fill(status, *response->add_exchanges());
    return {};
  });
}

grpc::ServerUnaryReactor* ExchangeServiceImpl::GetExchange(grpc::CallbackServerContext* call,
                                                           const v1::GetExchangeRequest* request,
                                                           v1::GetExchangeResponse* response) {
  return RunAdmin(context_, call, "GetExchange", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const ExchangeStatus status, context_.exchanges->Get(request->name()));
    Fill(status, *response->mutable_exchange());
    return {};
  });
}

grpc::ServerUnaryReactor* ExchangeServiceImpl::SyncExchange(grpc::CallbackServerContext* call,
                                                            const v1::SyncExchangeRequest* request,
                                                            v1::SyncExchangeResponse* response) {
  return RunAdmin(context_, call, "SyncExchange", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(
        const std::uint64_t number,
        context_.exchanges->RequestSync(request->name(), request->from_the_beginning()));
    response->set_sync_number(ToInt64(number));
    return {};
  });
}

grpc::ServerUnaryReactor* ExchangeServiceImpl::TestExchange(grpc::CallbackServerContext* call,
                                                            const v1::TestExchangeRequest* request,
                                                            v1::TestExchangeResponse* response) {
  return tests_.Run(context_, call, "TestExchange",
                    "another test of an exchange is under way: try again when it has ended",
                    [this, request, response]() -> Status {
                      HASHGATE_ASSIGN_OR_RETURN(*response->mutable_sentence(),
                                                context_.exchanges->Test(request->name(), {}));
                      return {};
                    });
}

grpc::ServerUnaryReactor* ExchangeServiceImpl::OverrideGate(grpc::CallbackServerContext* call,
                                                            const v1::OverrideGateRequest* request,
                                                            v1::OverrideGateResponse* response) {
  return RunAdmin(context_, call, "OverrideGate", [this, request, response]() -> Status {
    HASHGATE_ASSIGN_OR_RETURN(const exchange::Gate gate, FromProto(request->gate()));
    HASHGATE_RETURN_IF_ERROR(
        context_.exchanges->OverrideGate(request->name(), gate, request->author(), request->reason()));
    HASHGATE_ASSIGN_OR_RETURN(const ExchangeStatus status, context_.exchanges->Get(request->name()));
    Fill(status, *response->mutable_exchange());
    return {};
  });
}

}  // namespace hashgate::rpc
