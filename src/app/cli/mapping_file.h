// Mappings as YAML. The format is described in docs/lists.md.
#pragma once

#include <string>
#include <string_view>

#include "exchange/mapping.h"
#include "hashgate/error.h"

namespace hashgate::cli {

/// Reads a mapping; `source` names the text in problems. Errors: kRequestInvalid with every problem and its
/// line.
Result<exchange::Mapping> ParseMapping(std::string_view text, const std::string& source);

/// One character, or "tab". Errors: kRequestInvalid.
Result<char> ParseSeparator(std::string_view text);

}  // namespace hashgate::cli
