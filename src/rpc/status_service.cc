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

void FillProtection(const lists::Generation& generation, std::span<const decode::VectorMaker> makers,
                    v1::GetStatusResponse& response) {
  const bool made_here =
      std::ranges::find(makers, Algorithm::kPhotoDna, &decode::VectorMaker::algorithm) != makers.end();
  std::uint64_t entries = 0;
  std::uint64_t pdq_hashes = 0;
  std::uint64_t vectors = 0;
  std::uint64_t img_hashes = 0;
  std::uint64_t identifying = 0;  // of those
  int enabled = 0;
  for (const auto& [id, list] : generation.lists) {
    if (list.system) continue;
    *response.add_lists() = ToProto(list);
    if (!list.config.enabled) continue;
    ++enabled;
    entries += list.entry_count;
    pdq_hashes += generation.index->CountIn(id, Algorithm::kPdq);
    vectors += generation.index->CountIn(id, Algorithm::kPhotoDna);
    for (const Algorithm algorithm : kImgHashes) {
      const std::uint64_t count = generation.index->CountIn(id, algorithm);
      img_hashes += count;
      identifying += IdentifiesAlone(algorithm) ? count : 0;
    }
  }
  response.set_generation(generation.number);
  response.set_index_bytes(static_cast<std::int64_t>(generation.index->MemoryBytes()));
  if (entries == 0) {
    response.set_protection(v1::PROTECTION_NONE);
    response.set_protection_sentence(
        "No enabled list holds an entry, so every upload is held: import a list.");
  } else if (pdq_hashes == 0 && ((made_here && vectors > 0) || identifying > 0)) {
    response.set_protection(v1::PROTECTION_PERCEPTUAL);
    response.set_protection_sentence("Exact and edited copies: " + Thousands(entries) + " entries in " +
                                     std::to_string(enabled) + " enabled lists; none has a PDQ hash.");
  } else if (pdq_hashes == 0) {
    response.set_protection(v1::PROTECTION_EXACT);
    response.set_protection_sentence(
        "Exact copies only: " + Thousands(entries) + " entries in " + std::to_string(enabled) +
        " enabled lists; none has a PDQ hash, so edited copies are not recognised.");
  } else {
    response.set_protection(v1::PROTECTION_PERCEPTUAL);
    response.set_protection_sentence("Exact and edited copies: " + Thousands(entries) + " entries in " +
                                     std::to_string(enabled) + " enabled lists; " + Thousands(pdq_hashes) +
                                     " PDQ hashes loaded.");
  }
  if (vectors > 0) {
    *response.mutable_protection_sentence() +=
        " " + Thousands(vectors) + " PhotoDNA vectors are compared with those that " +
        (made_here ? "a plug-in makes of uploads, and with those that callers send." : "callers send.");
  }
  if (img_hashes > 0) {
    *response.mutable_protection_sentence() +=
        " Uploads are compared with " + Thousands(img_hashes) + " hashes of img_hash.";
  }
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
