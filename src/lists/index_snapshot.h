// What the catalogue says of itself at the head of an index snapshot: which state of the store it stands for.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/byte_codec.h"
#include "hashgate/error.h"
#include "lists/catalog.h"
#include "lists/record_codec.h"

namespace hashgate::lists {

/// A list as it stood then. Where it stands otherwise now, its entries are read from the store.
struct SnapshotList {
  ContentId content = 0;
  Pipeline pdq_pipeline = Pipeline::kUnspecified;

  bool operator==(const SnapshotList&) const = default;
};

struct SnapshotHead {
  std::int64_t generation = 0;
  EntryId next_entry = 0;  ///< entries from here on came later
  std::map<ListId, SnapshotList> lists;
  std::vector<ActionClassInfo> action_classes;
};

void WriteHead(const SnapshotHead& head, ByteWriter& out);
/// Errors: kStoreCorrupt.
Result<SnapshotHead> ReadHead(ByteReader& in);

}  // namespace hashgate::lists
