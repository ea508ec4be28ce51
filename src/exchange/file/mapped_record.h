// One record of a file with a mapping, from its texts to an entry. Knows nothing of CSV or JSON.
#pragma once

#include <string>
#include <vector>

#include "exchange/file/record_builder.h"
#include "exchange/mapping.h"

namespace hashgate::exchange {

/// A record of which places are asked for their texts. Threads: confined.
class MappedValues {
 public:
  virtual ~MappedValues() = default;
  /// The texts at `place`: none where it is absent or null; several where it is an array. False where what
  /// stands there is no text, number or truth value, nor an array of these, or for the source's id a
  /// number that is not an integer within 64 bits. `out` is cleared first.
  virtual bool Texts(const Mapping::Place& place, std::vector<std::string>& out) = 0;
};

enum class MappedFate : std::uint8_t {
  kEntry,    ///< an entry, or a problem
  kSkipped,  ///< a condition of `skip` holds
  kRemoved,  ///< a condition of `removed` holds
};

/// Fills `record` by the mapping, unless the record is to be passed over or is a removal.
MappedFate FillMapped(const Mapping& mapping, MappedValues& values, RecordBuilder& record);

}  // namespace hashgate::exchange
