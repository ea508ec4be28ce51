// How the records of a foreign CSV or JSON file become entries, as plain data: exchanges that publish no
// layout (the Internet Watch Foundation is one) are read by what their members write down here. The text form
// is described in docs/lists.md and read by the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hash/core/hash_text.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"

namespace hashgate::exchange {

struct Mapping {
  enum class Layout : std::uint8_t {
    kCsv,    ///< records with a header
    kJson,   ///< an array at `items`, one document or several behind each other
    kJsonl,  ///< one object a line
  };

  /// A value of a record: the name of a column, without regard to case, or a JSON pointer (RFC 6901) from the
  /// record.
  using Place = std::string;

  /// Holds where the text at a place is one of the values, without regard to ASCII case. Absent, null and
  /// empty are the value "".
  struct Condition {
    Place at;
    std::vector<std::string> values;
  };

  struct Hash {
    Algorithm algorithm = Algorithm::kUnspecified;
    Pipeline pipeline = Pipeline::kUnspecified;  ///< PDQ only
    HashEncoding encoding = HashEncoding::kHex;
    Place at;
    Place quality;                  ///< PDQ only; empty: none
    std::optional<Condition> when;  ///< the value is of this algorithm only where it holds
  };

  /// A text kept with the entry. Empty ones are none.
  struct Text {
    Place at;
    std::string prefix;     ///< stands before it
    std::string separator;  ///< labels only: between several in one text; empty: it is one
  };

  Layout layout = Layout::kCsv;
  char separator = 0;               ///< CSV: 0 finds it out from the header
  std::vector<std::string> header;  ///< CSV: names of the columns where the file has no header line
  Place items;                      ///< JSON: pointer to the array of records; empty: the root
  Place source_id;                  ///< empty: an entry is identified by its hashes
  std::vector<Hash> hashes;         ///< at least one
  std::optional<Text> classification;
  std::vector<Text> labels;
  /// Any holds: the source has withdrawn the record.
  std::vector<Condition> removed;
  /// Any holds: the record is known to be harmless, or of no use here. Never an entry.
  std::vector<Condition> skip;
};

/// The names and numbers that a JSON pointer leads through; none for "". Errors: kRequestInvalid.
Result<std::vector<std::string>> ParseJsonPointer(std::string_view pointer);

}  // namespace hashgate::exchange
