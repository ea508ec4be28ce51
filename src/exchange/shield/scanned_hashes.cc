#include "exchange/shield/scanned_hashes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/hex.h"
#include "exchange/file/shallow_json.h"

namespace hashgate::exchange {
namespace {

using nlohmann::json;

constexpr std::string_view kNoMatch = "no-known-match";
constexpr std::size_t kIdDigestBytes = 16;

// What a classification leads to. Those further down are graver. "Harmful-abusive material" is not illegal
// everywhere: it is for a person, and never for an authority without one.
struct Class {
  std::string_view name;
  Purpose purpose;
  Verdict ceiling;
};
constexpr Class kClasses[] = {
    {"test", Purpose::kTest, Verdict::kBlockAndReport},
    {"harmful-abusive-material", Purpose::kExploitative, Verdict::kReview},
    {"", Purpose::kUnspecified, Verdict::kReview},  // any other
    {"csam", Purpose::kUnspecified, Verdict::kBlockAndReport},
};
constexpr std::size_t kOther = 2;

std::size_t ClassOf(std::string_view name) {
  const auto* const at = std::ranges::find(kClasses, name, &Class::name);
  return at == std::end(kClasses) || name.empty() ? kOther : static_cast<std::size_t>(at - kClasses);
}

// Shown to people and put into logs of callers, so nothing else than a word.
std::string Speakable(std::string_view text) {
  const bool is_word = text.size() <= kMaxRemoteTextBytes && std::ranges::all_of(text, [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                c == '-' || c == '_';
                       });
  return is_word && !text.empty() ? std::string(text) : "unreadable";
}

// Shield names items by their digests, and ids are shown: the same for everybody who knows the item's digest.
std::string SourceIdOf(const json& detail) {
  std::string digest = JsonTextOf(detail, "sha256_hex");
  if (digest.empty()) digest = JsonTextOf(detail, "sha1_base32");
  if (digest.empty()) return {};
  for (char& c : digest) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const auto id = Sha256Of(AsBytes("hashgate shield 1\n" + digest));
  return "shield-" + HexEncode(std::span(id).first(kIdDigestBytes));
}

class EntryReader {
 public:
  std::optional<RemoteAnswer> Read(const json& entry) {
    // One of the clients says that an unmatched hash may have null.
    if (entry.is_null()) return RemoteAnswer{};
    if (!entry.is_object()) return std::nullopt;
    const bool says_none = TakeClass(entry);
    if (const auto details = entry.find("near_match_details"); details != entry.end()) {
      if (details->is_object()) TakeDetail(*details);
      if (details->is_array()) {
        for (const json& detail : *details) TakeDetail(detail);
      }
    }
    const auto type = entry.find("match_type");
    const bool matched = has_details_ || (type != entry.end() && !type->is_null());
    // A match of which no class is said is one of a class that is not known.
    if (!found_ && matched && !says_none) Take(kOther, "unclassified");
    if (found_) return answer_;
    if (says_none) return RemoteAnswer{};
    return std::nullopt;
  }

 private:
  // True where it says that there is no match.
  bool TakeClass(const json& from) {
    const auto at = from.find("classification");
    if (at == from.end() || at->is_null()) return false;
    if (!at->is_string()) {
      Take(kOther, "unreadable");
      return false;
    }
    const auto& name = at->get_ref<const std::string&>();
    if (name == kNoMatch) return true;
    Take(ClassOf(name), Speakable(name));
    return false;
  }

  void TakeDetail(const json& detail) {
    if (!detail.is_object()) return;
    has_details_ = true;
    const std::size_t before = gravest_;
    const bool was_found = found_;
    TakeClass(detail);
    std::string id = SourceIdOf(detail);
    // The id of the item that decides; else of the first one that has any.
    const bool decides = found_ && (!was_found || gravest_ > before);
    if (!id.empty() && (decides || id_.empty())) id_ = std::move(id);
    answer_.source_id = id_;
  }

  void Take(std::size_t number, std::string name) {
    if (found_ && number <= gravest_) return;
    found_ = true;
    gravest_ = number;
    answer_ = {.listed = true,
               .classification = std::move(name),
               .source_id = id_,
               .purpose = kClasses[number].purpose,
               .ceiling = kClasses[number].ceiling};
  }

  bool found_ = false;
  bool has_details_ = false;
  std::size_t gravest_ = 0;
  std::string id_;
  RemoteAnswer answer_;
};

std::unexpected<Error> NotAsAgreed(std::string message) {
  return Fail(Reason::kExchangeProtocol, "the server's answer " + std::move(message));
}

}  // namespace

Result<std::vector<std::optional<RemoteAnswer>>> ParseScannedHashes(std::string_view text,
                                                                    std::span<const std::string> sent) {
  const json answer = ParseShallowJson(text);
  if (answer.is_discarded()) return NotAsAgreed("is not JSON, breaks off or nests too deep");
  if (!answer.is_object()) return NotAsAgreed("is not a JSON object");
  const auto entries = answer.find("scanned_hashes");
  if (entries == answer.end() || !entries->is_object()) return NotAsAgreed("has no object 'scanned_hashes'");
  std::vector<std::optional<RemoteAnswer>> answers(sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const auto entry = entries->find(sent[i]);
    if (entry == entries->end()) continue;
    answers[i] = EntryReader().Read(*entry);
  }
  return answers;
}

}  // namespace hashgate::exchange
