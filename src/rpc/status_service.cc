#include "rpc/status_service.h"

#include <algorithm>

#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"

namespace hashgate::rpc {
namespace {

std::string Thousands(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
  return text;
}

}  // namespace

void FillProtection(const lists::Generation& generation, v1::GetStatusResponse& response) {
  std::uint64_t entries = 0;
  int enabled = 0;
  for (const auto& [id, list] : generation.lists) {
    if (list.system) continue;
    *response.add_lists() = ToProto(list);
    if (!list.config.enabled) continue;
    ++enabled;
    entries += list.entry_count;
  }
  response.set_generation(generation.number);
  std::uint64_t pdq_entries = 0;
  if (generation.index != nullptr) {
    response.set_index_bytes(static_cast<std::int64_t>(generation.index->MemoryBytes()));
    pdq_entries = generation.index->Count(Algorithm::kPdq);
    // The canary's own entry is in the index too, and protects nobody.
    for (const auto& [id, list] : generation.lists) {
      if (list.system && pdq_entries > 0)
        pdq_entries -= std::min<std::uint64_t>(pdq_entries, list.entry_count);
    }
  }
  if (entries == 0) {
    response.set_protection(v1::PROTECTION_NONE);
    response.set_protection_sentence(
        "PROTECTION: NONE. No enabled list holds an entry, so every upload is held: import a list.");
  } else if (pdq_entries == 0) {
    response.set_protection(v1::PROTECTION_EXACT);
    response.set_protection_sentence(
        "PROTECTION: EXACT COPIES ONLY. " + Thousands(entries) + " entries in " + std::to_string(enabled) +
        " enabled lists; none has a PDQ hash, so edited copies are not recognised.");
  } else {
    response.set_protection(v1::PROTECTION_PERCEPTUAL);
    response.set_protection_sentence("PROTECTION: EXACT AND EDITED COPIES. " + Thousands(entries) +
                                     " entries in " + std::to_string(enabled) + " enabled lists; " +
                                     Thousands(pdq_entries) + " PDQ hashes loaded.");
  }
}

grpc::ServerUnaryReactor* StatusServiceImpl::GetStatus(grpc::CallbackServerContext* call,
                                                       const v1::GetStatusRequest*,
                                                       v1::GetStatusResponse* response) {
  context_.fill_status(*response);
  if (!CallerOf(call->peer(), context_.options.loopback_is_admin).is_admin) {
    response->clear_lists();
    response->clear_index_bytes();
    response->clear_store_bytes();
    for (auto& check : *response->mutable_checks()) check.clear_detail();
  }
  return AnswerUnary(context_, call, "GetStatus", grpc::Status::OK);
}

}  // namespace hashgate::rpc
