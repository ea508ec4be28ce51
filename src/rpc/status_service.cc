#include "rpc/status_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lists/protection.h"
#include "rpc/unary_call.h"
#include "rpc/wire/convert.h"

namespace hashgate::rpc {

void FillProtection(const lists::Generation& generation, std::span<const decode::VectorMaker> makers,
                    v1::GetStatusResponse& response) {
  const bool made_here =
      std::ranges::find(makers, Algorithm::kPhotoDna, &decode::VectorMaker::algorithm) != makers.end();
  lists::Protection protection;
  for (const auto& [id, list] : generation.lists) {
    if (list.system) continue;
    *response.add_lists() = ToProto(list);
    if (list.config.enabled) protection += lists::ProtectionOf(list, *generation.index);
  }
  response.set_generation(generation.number);
  response.set_index_bytes(static_cast<std::int64_t>(generation.index->MemoryBytes()));
  response.set_protection(protection.FindsEdited(made_here) ? v1::PROTECTION_PERCEPTUAL
                          : protection.FindsExact()         ? v1::PROTECTION_EXACT
                                                            : v1::PROTECTION_NONE);
  if (protection.entries == 0) {
    response.set_protection_sentence(
        "No enabled list holds an entry, so every upload is held: import a list.");
    return;
  }
  std::string sentence = lists::DescribeProtection(protection, made_here);
  if (response.protection() == v1::PROTECTION_NONE) {
    sentence.insert(0, "No list here identifies an upload by itself. ");
  }
  response.set_protection_sentence(std::move(sentence));
}

bool HasEntries(const v1::GetStatusResponse& status) {
  return std::ranges::any_of(
      status.lists(), [](const v1::HashList& list) { return list.enabled() && list.entry_count() > 0; });
}

grpc::ServerUnaryReactor* StatusServiceImpl::GetStatus(grpc::CallbackServerContext* call,
                                                       const v1::GetStatusRequest*,
                                                       v1::GetStatusResponse* response) {
  context_.fill_status(*response);
  if (!CallerOf(call->peer(), context_.options.loopback_is_admin).is_admin) {
    response->clear_lists();
    response->clear_remote_lists();
    // The sentence counts entries and lists.
    response->clear_protection_sentence();
    response->clear_computed();
    response->clear_index_bytes();
    response->clear_store_bytes();
    for (auto& check : *response->mutable_checks()) check.clear_detail();
  }
  return AnswerUnary(context_, call, "GetStatus", grpc::Status::OK);
}

}  // namespace hashgate::rpc
