#include "exchange/threatexchange/updates_page.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>

#include "exchange/file/shallow_json.h"
#include "lists/validate.h"

namespace hashgate::exchange {
namespace {

using nlohmann::json;

/// Pages of 500 are asked for; memory has to be bounded whatever comes.
constexpr std::size_t kMostItems = 20'000;
constexpr std::size_t kMostDescriptors = 1'000;
constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxIdBytes = 64;
/// 2500-01-01: no time that is meant is later.
constexpr std::int64_t kLatest = 16'725'225'600;

std::unexpected<Error> NotAsAgreed(std::string message) {
  return Fail(Reason::kExchangeProtocol, "the server's answer " + std::move(message));
}

Result<json> ParseObject(std::string_view text) {
  json answer = ParseShallowJson(text);
  if (answer.is_discarded()) return NotAsAgreed("is not JSON, breaks off or nests too deep");
  if (!answer.is_object()) return NotAsAgreed("is not a JSON object");
  return answer;
}

std::chrono::sys_seconds TimeOf(const json& item) {
  const auto at = item.find("last_updated");
  if (at == item.end() || !at->is_number_integer()) return {};
  const auto seconds = at->get<std::int64_t>();
  return std::chrono::sys_seconds(std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kLatest)));
}

// Of the error that an answer tells; 0: it tells none.
std::int64_t CodeOf(std::string_view text) {
  const json answer = ParseShallowJson(text);
  if (!answer.is_object() || !answer.contains("error") || !answer["error"].is_object()) return 0;
  const auto code = answer["error"].find("code");
  return code != answer["error"].end() && code->is_number_integer() ? code->get<std::int64_t>() : 0;
}

// 4: calls of the application are limited; 17: of the user; 32: of the page; 613: of the endpoint.
bool IsLimit(std::int64_t code) {
  return code == 4 || code == 17 || code == 32 || code == 613;
}

// Reactions are {"key": name, "value": applications} or {name: applications}; applications "1001,1002".
bool HasReactionOf(const json& descriptor, std::string_view application) {
  const json* const reactions = ThreatExchangeArray(descriptor, "reactions");
  if (reactions == nullptr || application.empty()) return false;
  const auto names_it = [application](const json& applications) {
    if (!applications.is_string()) return false;
    return std::ranges::any_of(
        std::views::split(std::string_view(applications.get_ref<const std::string&>()), ','),
        [application](const auto& one) {
          return Trim(std::string_view(one.begin(), one.end())) == application;
        });
  };
  return std::ranges::any_of(*reactions, [&](const json& reaction) {
    return reaction.is_object() && std::ranges::any_of(reaction, names_it);
  });
}

}  // namespace

Result<UpdatesPage> ParseUpdatesPage(std::string_view text, std::string_view own_application) {
  HASHGATE_ASSIGN_OR_RETURN(const json answer, ParseObject(text));
  const auto data = answer.find("data");
  if (data == answer.end() || !data->is_array()) return NotAsAgreed("has no array 'data'");
  if (data->size() > kMostItems) return NotAsAgreed("holds more items than a page has");
  UpdatesPage page;
  page.items.resize(data->size());
  for (std::size_t i = 0; i < page.items.size(); ++i) {
    const json& item = (*data)[i];
    ParseThreatExchangeUpdate(item, page.items[i].update, page.items[i].problem, own_application);
    if (item.is_object()) page.items[i].changed = TimeOf(item);
  }
  const auto paging = answer.find("paging");
  if (paging == answer.end() || paging->is_null()) return page;
  if (!paging->is_object()) return NotAsAgreed("has a 'paging' that is no object");
  const auto next = paging->find("next");
  if (next == paging->end() || next->is_null()) return page;
  // Taken for the last page, what follows would be missed.
  if (!next->is_string() || next->get_ref<const std::string&>().empty()) {
    return NotAsAgreed("has a link to the next page that is no text");
  }
  page.next = next->get<std::string>();
  return page;
}

Result<PrivacyGroup> ParsePrivacyGroup(std::string_view text) {
  HASHGATE_ASSIGN_OR_RETURN(const json answer, ParseObject(text));
  if (JsonTextOf(answer, "id").empty()) return NotAsAgreed("is not that of a privacy group");
  PrivacyGroup group;
  group.name = lists::Bounded(JsonTextOf(answer, "name"), kMaxNameBytes);
  const auto enabled = answer.find("threat_updates_enabled");
  group.has_updates = enabled == answer.end() || *enabled != false;
  return group;
}

Result<std::vector<Descriptor>> ParseDescriptors(std::string_view text, std::string_view own_application) {
  HASHGATE_ASSIGN_OR_RETURN(const json answer, ParseObject(text));
  const json* const data = ThreatExchangeArray(answer, "data");
  if (data == nullptr) return NotAsAgreed("has no array 'data'");
  if (data->size() > kMostDescriptors) return NotAsAgreed("holds more descriptors than can be");
  std::vector<Descriptor> descriptors;
  for (const json& descriptor : *data) {
    std::string id = descriptor.is_object() ? JsonTextOf(descriptor, "id") : std::string();
    if (!IsGraphId(id)) return NotAsAgreed("holds a descriptor without an id");
    descriptors.push_back({std::move(id), CallsHarmful(Trim(JsonTextOf(descriptor, "status"))),
                           HasReactionOf(descriptor, own_application)});
  }
  return descriptors;
}

bool GraphAskedTooOften(std::string_view text) {
  return IsLimit(CodeOf(text));
}

Error GraphError(int status, std::string_view text) {
  const std::int64_t code = CodeOf(text);
  const std::string said =
      "the server answers " + std::to_string(status) + ", error " + std::to_string(code) + ": ";
  // 190: the token expired, was revoked or is malformed; 102: no session; 10 and 200 to 299: not permitted.
  if (code == 190 || code == 102) {
    return {Reason::kExchangeRefused, said + "the access token is not accepted", {}, {}};
  }
  if (code == 10 || (code >= 200 && code < 300)) {
    return {Reason::kExchangeRefused, said + "the access token may not do this", {}, {}};
  }
  // 1, 2: for now.
  if (IsLimit(code) || code == 1 || code == 2) {
    return {Reason::kExchangeUnreachable, said + "it cannot answer now, or was asked too often", {}, {}};
  }
  return {Reason::kExchangeProtocol, said + "it does not know what was asked for", {}, {}};
}

bool IsGraphId(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdBytes &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace hashgate::exchange
