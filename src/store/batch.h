// Families of a store, and changes to them that are applied together.
#pragma once

#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

namespace hashgate::store {

/// Every column family, in the order of kFamilies. Numbers reach disk through the names: never reuse a name.
enum class Family : std::uint8_t {
  kMeta = 0,
  kLists = 1,
  kEntries = 2,
  kEntryKeys = 3,
  kQuarantine = 4,
  kRequests = 5,
  kExchanges = 6,
  kVerdicts = 7,
  kVerdictEntries = 8,
  kEvents = 9,
  kOpinions = 10,
};
inline constexpr int kFamilyCount = 11;

/// Changes applied together or not at all. Of two changes of one key the later one counts. Cost: 24 bytes a
/// change beside its key and value.
class Batch {
 public:
  void Put(Family family, std::string_view key, std::string_view value) {
    Append(family, false, key);
    bytes_.append(value);
    rows_.back().value_size = static_cast<std::uint32_t>(value.size());
  }
  void Delete(Family family, std::string_view key) { Append(family, true, key); }
  /// Makes room for so many more changes with so many bytes of keys and values together.
  void Reserve(std::size_t changes, std::size_t bytes) {
    rows_.reserve(rows_.size() + changes);
    bytes_.reserve(bytes_.size() + bytes);
  }
  /// The other batch's changes, after those that are here.
  void Append(const Batch& other) {
    const std::uint64_t moved = bytes_.size();
    rows_.reserve(rows_.size() + other.rows_.size());
    for (Row row : other.rows_) {
      row.offset += moved;
      rows_.push_back(row);
    }
    bytes_.append(other.bytes_);
  }
  /// Forgets all changes and keeps their memory for others.
  void Clear() { CutTo(0); }
  /// Forgets all changes after the first `changes`.
  void CutTo(std::size_t changes) {
    if (changes >= rows_.size()) return;
    bytes_.resize(rows_[changes].offset);
    rows_.resize(changes);
  }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

  struct Change {
    Family family;
    bool is_delete;
    std::string_view key;
    std::string_view value;
  };
  /// The change made as number `at`, counted from 0; valid until the batch changes.
  [[nodiscard]] Change operator[](std::size_t at) const {
    const Row& row = rows_[at];
    const std::string_view bytes(bytes_);
    return {row.family, row.is_delete, bytes.substr(row.offset, row.key_size),
            bytes.substr(row.offset + row.key_size, row.value_size)};
  }
  /// Brings the change's bytes near the processor, for a reader in an order of its own. Changes nothing.
  void Prefetch(std::size_t at) const { __builtin_prefetch(bytes_.data() + rows_[at].offset); }
  /// All of them, in order; valid until the batch changes.
  [[nodiscard]] auto changes() const {
    return std::views::iota(std::size_t{0}, rows_.size()) |
           std::views::transform([this](std::size_t at) { return (*this)[at]; });
  }

 private:
  // Keys and values stand in one string: an import's batch has hundreds of thousands of them.
  struct Row {
    std::uint64_t offset;
    std::uint32_t key_size;
    std::uint32_t value_size;
    Family family;
    bool is_delete;
  };

  void Append(Family family, bool is_delete, std::string_view key) {
    rows_.push_back({bytes_.size(), static_cast<std::uint32_t>(key.size()), 0, family, is_delete});
    bytes_.append(key);
  }

  std::vector<Row> rows_;
  std::string bytes_;
};

}  // namespace hashgate::store
