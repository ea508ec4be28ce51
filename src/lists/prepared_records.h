// Records of an import after everything that needs no lock: validated, encoded, digested. Private to this
// module.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lists/keyed_digests.h"
#include "lists/record_codec.h"

namespace hashgate::lists {

/// Where a record's body stands, and the digests by which it is compared.
struct PreparedRecord {
  std::size_t offset = 0;
  std::size_t size = 0;
  KeyedDigest identity{};
  KeyedDigest content{};
};

/// Records in the order in which they came, good ones apart from bad ones. Threads: confined.
class PreparedRecords {
 public:
  /// Of an import into `list` from `file`.
  PreparedRecords(const KeyedDigests& digests, ListId list, std::string file)
      : digests_(digests), list_(list), file_(std::move(file)) {}

  /// Takes more records; `number` is that of the first in the import, counted from 1. Cost: about 1 us each.
  void Append(std::span<const ImportRecord> records, std::uint64_t number);

  /// A place to go back to: what was appended after it is forgotten.
  struct Mark {
    std::size_t records = 0;
    std::size_t body_bytes = 0;
    std::size_t bad = 0;
    std::size_t received = 0;
  };
  [[nodiscard]] Mark End() const { return {records_.size(), bodies_.size(), bad_.size(), received_}; }
  void CutTo(const Mark& mark);
  void Clear() { CutTo({}); }

  /// Good and bad ones.
  [[nodiscard]] std::size_t received() const { return received_; }
  [[nodiscard]] std::span<const PreparedRecord> records() const { return records_; }
  [[nodiscard]] std::string_view Body(const PreparedRecord& record) const {
    return std::string_view(bodies_).substr(record.offset, record.size);
  }
  [[nodiscard]] std::size_t BodyBytes() const { return bodies_.size(); }
  [[nodiscard]] std::span<const Quarantined> bad() const { return bad_; }
  /// Approximate, of all that is held.
  [[nodiscard]] std::size_t MemoryBytes() const;

 private:
  const KeyedDigests& digests_;
  const ListId list_;
  const std::string file_;
  std::vector<PreparedRecord> records_;
  std::string bodies_;  // one after another: a string each would cost as much as preparing it
  std::vector<Quarantined> bad_;
  std::size_t received_ = 0;
};

}  // namespace hashgate::lists
