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
  std::size_t size = 0;  ///< 0: no entry has that, the record withdraws or keeps one
  KeyedDigest identity{};
  KeyedDigest content{};
  /// It could not be taken: the entry, if there is one, stays as it was.
  bool keeps = false;

  [[nodiscard]] bool withdraws() const { return size == 0 && !keeps; }
};

/// Records in the order in which they came, good ones apart from bad ones. Threads: confined.
class PreparedRecords {
 public:
  /// Of an import into `list` from `file`. `replaces`: bad records keep the entries that they are about.
  PreparedRecords(const KeyedDigests& digests, ListId list, std::string file, bool replaces)
      : digests_(&digests), list_(list), file_(std::move(file)), replaces_(replaces) {}

  /// Takes more records; `number` is that of the first in the import, counted from 1. Cost: about 1 us each.
  void Append(std::span<const ImportRecord> records, std::uint64_t number);

  /// Forgets what was appended last.
  void CutLastCall();
  void Clear();

  /// Whole calls from the first on.
  struct Part {
    std::span<const PreparedRecord> records;
    std::span<const Quarantined> bad;
    std::size_t received = 0;  ///< of both
    std::size_t calls = 0;
  };
  /// As many calls as have at most `most` records together, but at least one. Valid until something changes.
  [[nodiscard]] Part First(std::size_t most) const;
  /// Forgets a part that First gave.
  void DropFirst(const Part& part);

  /// Good and bad ones.
  [[nodiscard]] std::size_t received() const { return calls_.empty() ? 0 : calls_.back().received; }
  [[nodiscard]] std::string_view Body(const PreparedRecord& record) const {
    return std::string_view(bodies_).substr(record.offset, record.size);
  }
  /// Approximate, of all that is held.
  [[nodiscard]] std::size_t MemoryBytes() const;

 private:
  struct End {
    std::size_t records = 0;
    std::size_t body_bytes = 0;
    std::size_t bad = 0;
    std::size_t received = 0;
  };
  void AppendBad(std::uint64_t line, std::string_view why, std::string_view about);
  void CutTo(const End& end);

  const KeyedDigests* digests_;
  ListId list_;
  std::string file_;
  bool replaces_;
  std::vector<PreparedRecord> records_;
  std::string bodies_;  // one after another: a string each would cost as much as preparing it
  std::vector<Quarantined> bad_;
  std::vector<End> calls_;  // where each call's records end
};

}  // namespace hashgate::lists
