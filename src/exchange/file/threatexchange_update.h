// One indicator of ThreatExchange with what its members say of it, as answers of /threat_updates and saved
// files hold it. Private to the exchange modules. Sources: developers.facebook.com/docs/threat-exchange
// (threat-updates, threat-descriptor, status-type) and github.com/facebook/ThreatExchange
// (python-threatexchange: tombstones, opinions, both shapes of tags).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/file/record_builder.h"
#include "hashgate/hash.h"

namespace hashgate::exchange {

struct ThreatExchangeUpdate {
  std::string id;
  std::string indicator;
  std::string type;
  std::vector<std::string> statuses;  ///< one an opinion; empty where it gives none
  std::set<std::string> tags;         ///< sorted: the answer's order says nothing
  bool disagreed = false;
  bool deleted = false;
};

/// What an update comes to.
enum class ThreatExchangeMeaning : std::uint8_t {
  kEntry,      ///< somebody says that it is harmful
  kHarmless,   ///< all say that it is not
  kWithdrawn,  ///< nobody stands for it any more
  kLeftOut,    ///< of a kind that is not matched, or of a video
  kProblem,    ///< it cannot be told
};

/// The algorithm of an indicator's type; kUnspecified for types that are not matched.
Algorithm ThreatExchangeAlgorithm(std::string_view type);

/// The elements of a member that is an array, or an object with the array "data"; null where it is neither.
const nlohmann::json* ThreatExchangeArray(const nlohmann::json& object, const char* name);

/// False where the item is no update; `problem` then says why.
bool ParseThreatExchangeUpdate(const nlohmann::json& item, ThreatExchangeUpdate& update,
                               std::string& problem);

/// What the update comes to where its indicator is of `algorithm`; `problem` says why of kProblem.
ThreatExchangeMeaning ReadThreatExchangeUpdate(const ThreatExchangeUpdate& update, Algorithm algorithm,
                                               std::string& problem);

/// Fills the record of an update that is an entry, but for its source id: classification
/// "threatexchange:STATUS", with DISPUTED where some disagree; hash; tags as labels. How many tags were left
/// out.
std::uint64_t FillThreatExchangeRecord(const ThreatExchangeUpdate& update, Algorithm algorithm,
                                       RecordBuilder& record);

}  // namespace hashgate::exchange
