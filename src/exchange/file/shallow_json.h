// JSON of somebody else's making, with a bound on what reading it costs.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

namespace hashgate::exchange {

/// Nothing that exchanges and feeds agree on nests deeper.
inline constexpr int kMaxJsonDepth = 32;

/// `text` read; discarded where it is not JSON, or nests deeper than kMaxJsonDepth. Private to the exchange
/// modules. Cost: memory of up to 30 times the text, so callers bound its length.
nlohmann::json ParseShallowJson(std::string_view text);

/// A member that is a text, or a whole number as text; empty where it is neither.
std::string JsonTextOf(const nlohmann::json& object, const char* name);

}  // namespace hashgate::exchange
