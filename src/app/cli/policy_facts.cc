#include "app/cli/policy_facts.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace hashgate::cli {
namespace {

using nlohmann::json;

std::unexpected<Error> BadKey(std::string_view key, std::string_view why) {
  return Fail(Reason::kRequestInvalid,
              "--match: '" + std::string(key.substr(0, 64)) + "' " + std::string(why), "match");
}

std::string Cased(std::string_view text, char low, char high, int step) {
  std::string out(text);
  for (char& c : out) {
    if (c >= low && c <= high) c = static_cast<char>(c + step);
  }
  return out;
}
std::string Upper(std::string_view text) {
  return Cased(text, 'a', 'z', 'A' - 'a');
}
std::string Lower(std::string_view text) {
  return Cased(text, 'A', 'Z', 'a' - 'A');
}

// The value of `T` whose Name() is `text`; the zero value is not taken.
template <typename T, int kLast>
Result<T> ByName(std::string_view text) {
  for (int i = 1; i <= kLast; ++i) {
    if (Name(static_cast<T>(i)) == text) return static_cast<T>(i);
  }
  return Fail(Reason::kRequestInvalid, "'" + std::string(text.substr(0, 64)) + "' is not known");
}
Result<Identity> ParseIdentity(std::string_view text) {
  return ByName<Identity, 3>(text);
}
Result<ViewKind> ParseView(std::string_view text) {
  return ByName<ViewKind, static_cast<int>(ViewKind::kTrimmed)>(text);
}

Result<int> ParseNumber(std::string_view key, std::string_view text, int most = 256) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most) {
    return BadKey(key, "wants a whole number");
  }
  return value;
}

Result<bool> ParseBool(std::string_view key, std::string_view text) {
  if (text == "true" || text == "yes" || text == "1") return true;
  if (text == "false" || text == "no" || text == "0") return false;
  return BadKey(key, "wants true or false");
}

void SetDistance(const policy::VectorDistance& distance, policy::MatchFact& fact) {
  std::erase_if(fact.distances, [&](const auto& row) { return row.algorithm == distance.algorithm; });
  fact.distances.push_back(distance);
}

// "marr_hildreth:12+phash:3"
Status SetImgHashDistances(std::string_view key, std::string_view value, policy::MatchFact& fact) {
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t end = std::min(value.find('+', at), value.size());
    const std::string_view part = value.substr(at, end - at);
    const std::size_t colon = std::min(part.find(':'), part.size());
    HASHGATE_ASSIGN_OR_RETURN(const Algorithm algorithm, ParseAlgorithm(Lower(part.substr(0, colon))));
    if (!IsImgHash(algorithm) || colon == part.size()) return BadKey(key, "wants ALGORITHM:BITS of img_hash");
    const int most = GreatestMaxDistance(algorithm);
    HASHGATE_ASSIGN_OR_RETURN(const int distance, ParseNumber(key, part.substr(colon + 1), most));
    SetDistance({algorithm, distance, most}, fact);
    at = end + 1;
  }
  return {};
}

Status SetKey(std::string_view key, std::string_view value, policy::MatchFact& fact) {
  if (key == "list") {
    fact.list = value;
  } else if (key == "purpose") {
    HASHGATE_ASSIGN_OR_RETURN(fact.purpose, ParseHarmClass(Upper(value)));
  } else if (key == "trust") {
    HASHGATE_ASSIGN_OR_RETURN(fact.trust, ParseTrust(Upper(value)));
  } else if (key == "ceiling") {
    HASHGATE_ASSIGN_OR_RETURN(fact.action_ceiling, ParseVerdict(Upper(value)));
  } else if (key == "classification") {
    fact.classification = value;
  } else if (key == "scheme") {
    fact.scheme = value;
  } else if (key == "confirmed") {
    HASHGATE_ASSIGN_OR_RETURN(fact.confirmed, ParseBool(key, value));
  } else if (key == "disputed") {
    HASHGATE_ASSIGN_OR_RETURN(fact.disputed, ParseBool(key, value));
  } else if (key == "flooded") {
    HASHGATE_ASSIGN_OR_RETURN(fact.flooded, ParseBool(key, value));
  } else if (key == "identity") {
    HASHGATE_ASSIGN_OR_RETURN(fact.identity, ParseIdentity(Upper(value)));
  } else if (key == "algorithms") {
    for (std::size_t at = 0; at <= value.size();) {
      const std::size_t end = std::min(value.find('+', at), value.size());
      HASHGATE_ASSIGN_OR_RETURN(const Algorithm algorithm, ParseAlgorithm(Lower(value.substr(at, end - at))));
      if (std::ranges::find(fact.algorithms, algorithm) == fact.algorithms.end()) {
        fact.algorithms.push_back(algorithm);
      }
      at = end + 1;
    }
  } else if (key == "distance") {
    HASHGATE_ASSIGN_OR_RETURN(fact.distance_bits, ParseNumber(key, value));
  } else if (key == "photodnaDistance") {
    HASHGATE_ASSIGN_OR_RETURN(const int distance, ParseNumber(key, value, kMaxPhotoDnaDistance));
    SetDistance({Algorithm::kPhotoDna, distance, kMaxPhotoDnaDistance}, fact);
  } else if (key == "imgHashDistances") {
    HASHGATE_RETURN_IF_ERROR(SetImgHashDistances(key, value, fact));
  } else if (key == "quality") {
    HASHGATE_ASSIGN_OR_RETURN(fact.upload_quality, ParseNumber(key, value));
  } else if (key == "entryQuality") {
    HASHGATE_ASSIGN_OR_RETURN(fact.entry_quality, ParseNumber(key, value));
  } else if (key == "view") {
    HASHGATE_ASSIGN_OR_RETURN(fact.view, ParseView(Upper(value)));
  } else if (key == "conflict") {
    HASHGATE_ASSIGN_OR_RETURN(fact.digest_conflict, ParseBool(key, value));
  } else if (key == "degenerate") {
    HASHGATE_ASSIGN_OR_RETURN(fact.upload_degenerate, ParseBool(key, value));
  } else if (key == "entryDegenerate") {
    HASHGATE_ASSIGN_OR_RETURN(fact.entry_degenerate, ParseBool(key, value));
  } else if (key == "nn512Only") {
    HASHGATE_ASSIGN_OR_RETURN(fact.nn512_only, ParseBool(key, value));
  } else if (key == "hiddenOnly") {
    HASHGATE_ASSIGN_OR_RETURN(fact.hidden_only, ParseBool(key, value));
  } else {
    return BadKey(key, "is not a fact of a match");
  }
  return {};
}

std::string TextOf(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<policy::MatchFact> ReadMatch(const json& match) {
  policy::MatchFact fact;
  fact.trust = Trust::kTrusted;
  if (!match.is_object()) return Fail(Reason::kRequestInvalid, "a match of the answer is not an object");
  fact.list = TextOf(match, "list");
  fact.classification = TextOf(match, "classification");
  HASHGATE_ASSIGN_OR_RETURN(fact.purpose, ParseHarmClass(TextOf(match, "harmClass")));
  HASHGATE_ASSIGN_OR_RETURN(fact.identity, ParseIdentity(TextOf(match, "identity")));
  if (const auto view = ParseView(TextOf(match, "view"))) fact.view = *view;
  const auto algorithms = match.find("algorithms");
  if (algorithms != match.end() && algorithms->is_array()) {
    for (const json& name : *algorithms) {
      if (!name.is_string()) continue;
      HASHGATE_ASSIGN_OR_RETURN(const Algorithm algorithm, ParseAlgorithm(Lower(name.get<std::string>())));
      fact.algorithms.push_back(algorithm);
    }
  }
  const auto distance = match.find("distanceBits");
  if (distance != match.end() && distance->is_number_integer()) fact.distance_bits = distance->get<int>();
  const auto distances = match.find("distances");
  if (distances != match.end() && distances->is_array()) {
    for (const json& row : *distances) {
      if (!row.is_object()) continue;
      const auto number = [&row](const char* key) {
        const auto found = row.find(key);
        return found != row.end() && found->is_number_integer() ? found->get<int>() : 0;
      };
      HASHGATE_ASSIGN_OR_RETURN(const Algorithm algorithm, ParseAlgorithm(Lower(TextOf(row, "algorithm"))));
      fact.distances.push_back({algorithm, number("distance"), number("maxDistance")});
    }
  }
  const auto is_true = [&match](const char* key) {
    const auto found = match.find(key);
    return found != match.end() && found->is_boolean() && found->get<bool>();
  };
  fact.digest_conflict = is_true("digestConflict");
  fact.hidden_only = is_true("hiddenOnly");
  const auto opinions = match.find("opinions");
  if (opinions != match.end() && opinions->is_array()) {
    fact.confirmed = std::ranges::find(*opinions, "CONFIRM") != opinions->end();
    fact.disputed = std::ranges::find(*opinions, "DISPUTE") != opinions->end();
    fact.flooded = std::ranges::find(*opinions, "FLOOD") != opinions->end();
  }
  return fact;
}

}  // namespace

Result<policy::MatchFact> ParseMatchFact(std::string_view text) {
  policy::MatchFact fact;
  fact.trust = Trust::kTrusted;
  fact.list = "example";
  fact.purpose = Purpose::kCsam;
  bool identity_given = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string_view pair = text.substr(at, end - at);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return BadKey(pair, "is not key=value");
    HASHGATE_RETURN_IF_ERROR(SetKey(pair.substr(0, equals), pair.substr(equals + 1), fact));
    identity_given = identity_given || pair.starts_with("identity=");
    at = end + 1;
  }
  if (fact.algorithms.empty()) {
    return BadKey(text, "does not say its algorithms, such as algorithms=pdq or algorithms=md5+sha1");
  }
  if (!identity_given) fact.identity = policy::IdentityOf(fact.algorithms);
  return fact;
}

Result<Facts> ParseAnswer(std::string_view text) {
  const json answer = json::parse(text, nullptr, false);
  if (!answer.is_object()) {
    return Fail(Reason::kRequestInvalid, "the answer is not one JSON object, as scan --json prints it");
  }
  Facts facts;
  HASHGATE_ASSIGN_OR_RETURN(facts.outcome, (ByName<Outcome, 4>(TextOf(answer, "outcome"))));
  const std::string cause = TextOf(answer, "cause");
  if (!cause.empty() && cause != "UNSPECIFIED") {
    HASHGATE_ASSIGN_OR_RETURN(facts.cause, ParseCause(cause));
  }
  const auto coverage = answer.find("coverage");
  if (coverage != answer.end() && coverage->is_object()) {
    if (const auto level = ByName<CoverageLevel, 4>(TextOf(*coverage, "level"))) facts.coverage = *level;
    const auto frames = [&coverage](const char* key) {
      const auto found = coverage->find(key);
      return found != coverage->end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
    };
    facts.frames_unseen = frames("framesSeen") < frames("framesTotal");
  }
  facts.answered = TextOf(answer, "verdict") + " by rule " + TextOf(answer, "ruleId");
  const auto versions = answer.find("versions");
  if (versions != answer.end() && versions->is_object())
    facts.answered_policy = TextOf(*versions, "policyDigest");
  const auto matches = answer.find("matches");
  if (matches != answer.end() && matches->is_array()) {
    for (const json& match : *matches) {
      HASHGATE_ASSIGN_OR_RETURN(policy::MatchFact fact, ReadMatch(match));
      facts.matches.push_back(std::move(fact));
    }
  }
  if (!facts.matches.empty()) {
    facts.assumptions = {
        "an answer does not say the trust and ceiling of a list: TRUSTED, BLOCK_AND_REPORT taken",
        "an answer does not say qualities: taken as unknown and not degenerate",
        "an answer does not say a list's scheme: rules and labels that name one do not fit",
        "an answer does not say whether only its nn512 hash matched: taken as not so"};
  }
  return facts;
}

}  // namespace hashgate::cli
