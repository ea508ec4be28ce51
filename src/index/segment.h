// Immutable blocks of hashes of one algorithm, and the tombstones over them. Indexes are stacks of these.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "index/block_sums.h"
#include "index/fingerprint.h"
#include "index/fixed_array.h"
#include "index/hash_index.h"

namespace hashgate::index {

/// Bytes that the segments and tombstones of one builder hold, old snapshots' included.
using MemoryLedger = std::atomic<std::size_t>;

/// A share of a ledger, given back when it goes. Threads: thread-compatible.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  MemoryCharge(std::shared_ptr<MemoryLedger> ledger, std::size_t bytes);
  ~MemoryCharge();
  MemoryCharge(MemoryCharge&& other) noexcept;
  MemoryCharge& operator=(MemoryCharge&& other) noexcept;
  MemoryCharge(const MemoryCharge&) = delete;
  MemoryCharge& operator=(const MemoryCharge&) = delete;
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<MemoryLedger> ledger_;
  std::size_t bytes_ = 0;
};

/// Rows that differ in nothing but entry and hash lie next to each other: what they share is stored once.
struct RunKey {
  ListId list = 0;
  ActionClass action_class = 0;
  Pipeline pipeline = Pipeline::kUnspecified;
  auto operator<=>(const RunKey&) const = default;
};

/// The run that a row belongs to.
inline RunKey KeyOf(const IndexedHash& row) {
  return {row.list, row.action_class, row.pipeline};
}
inline RunKey KeyOf(const IndexedVector& row) {
  return {row.list, row.action_class, Pipeline::kUnspecified};
}

/// Slots [begin, end) of a segment.
struct Run {
  RunKey key;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::uint64_t sum = 0;  ///< RowSum of all of them

  [[nodiscard]] Tally tally() const { return {end - begin, sum}; }
};

/// The entries that a segment's rows belong to lie within these bounds, inclusive.
struct EntryRange {
  EntryId least = std::numeric_limits<EntryId>::max();
  EntryId greatest = 0;

  void Include(EntryId entry) { Include({entry, entry}); }
  void Include(const EntryRange& other) {
    least = std::min(least, other.least);
    greatest = std::max(greatest, other.greatest);
  }
  /// Bytes that tell them apart.
  [[nodiscard]] std::size_t width() const {
    return greatest < least || greatest - least <= std::numeric_limits<std::uint32_t>::max() ? 4 : 8;
  }
};

/// A number for each row, in four bytes where they lie near enough to each other, else in eight.
class EntryColumn {
 public:
  EntryColumn() = default;
  EntryColumn(std::size_t rows, const EntryRange& range)
      : range_(range), width_(range.width()), size_(rows), bytes_(rows * width_) {}
  [[nodiscard]] EntryId operator[](std::size_t row) const {
    if (width_ == 4) {
      std::uint32_t beyond = 0;
      std::memcpy(&beyond, &bytes_[row * 4], sizeof(beyond));
      return range_.least + beyond;
    }
    std::uint64_t beyond = 0;
    std::memcpy(&beyond, &bytes_[row * 8], sizeof(beyond));
    return range_.least + beyond;
  }
  void Set(std::size_t row, EntryId entry) {
    const std::uint64_t beyond = entry - range_.least;
    std::memcpy(&bytes_[row * width_], &beyond, width_);
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const EntryRange& range() const { return range_; }
  /// The bytes behind it, for copies of the whole.
  [[nodiscard]] FixedArray<std::uint8_t>& bytes() { return bytes_; }
  [[nodiscard]] const FixedArray<std::uint8_t>& bytes() const { return bytes_; }

 private:
  EntryRange range_;
  std::size_t width_ = 4;
  std::size_t size_ = 0;
  FixedArray<std::uint8_t> bytes_;
};

/// Slots that are withdrawn. Threads: thread-compatible; those that a snapshot holds no longer change.
class Tombstones {
 public:
  Tombstones(std::size_t slots, const std::shared_ptr<MemoryLedger>& ledger);
  /// The same withdrawals, to add to.
  Tombstones(const Tombstones& other, const std::shared_ptr<MemoryLedger>& ledger);
  Tombstones(const Tombstones&) = delete;
  Tombstones& operator=(const Tombstones&) = delete;
  ~Tombstones() = default;

  [[nodiscard]] bool Has(std::uint32_t slot) const { return ((words_[slot / 64] >> (slot % 64)) & 1) != 0; }
  /// Whether every slot of [begin, end) is withdrawn. Cost: 64 slots at a time, up to the first that is not.
  [[nodiscard]] bool HasAll(std::uint32_t begin, std::uint32_t end) const;
  /// Withdraws a slot of the list; `sum` is its RowSum.
  void Set(std::uint32_t slot, ListId list, std::uint64_t sum);
  [[nodiscard]] std::size_t count() const { return count_; }
  /// The bits themselves, a slot each.
  [[nodiscard]] std::span<std::uint64_t> words() { return words_.span(); }
  /// What the list's withdrawn rows add up to.
  [[nodiscard]] Tally TallyOf(ListId list) const;
  [[nodiscard]] std::size_t bytes() const { return charge_.bytes(); }

  /// Whether as many are set as were withdrawn: false where a bit has tipped over.
  [[nodiscard]] bool CheckMemory() const;
  /// Errors: the writer's, kInvariantBroken where CheckMemory is false.
  Status Save(SnapshotWriter& out) const;
  static Result<std::shared_ptr<Tombstones>> Restore(SnapshotReader& in, std::size_t slots,
                                                     const std::shared_ptr<MemoryLedger>& ledger);

 private:
  FixedArray<std::uint64_t> words_;
  std::size_t count_ = 0;
  std::map<ListId, Tally> tallies_;  // of lists with a withdrawn row
  MemoryCharge charge_;
};

/// Rows sorted by (run, entry). Digests, of which only fingerprints are kept, have a directory besides: slots
/// in order of fingerprint, and where each bucket of them begins, so that neither many copies of a digest nor
/// digests made to collide cost more than a binary search. Memory for each row: PDQ 36 bytes, digests 19; 32
/// bytes for each run; 4 more for each row where entries are numbered from too far apart. Threads:
/// thread-safe, immutable.
class Segment {
 public:
  /// More rows do not go into one segment.
  static constexpr std::size_t kMaxRows = std::size_t{1} << 31;

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const { return charge_.bytes(); }
  [[nodiscard]] std::span<const Run> runs() const { return runs_; }
  [[nodiscard]] EntryId entry(std::size_t slot) const { return entries_[slot]; }
  [[nodiscard]] const EntryRange& entry_range() const { return entries_.range(); }
  /// A slot's hash: ValueSize(algorithm()) bytes.
  [[nodiscard]] const std::uint8_t* value(std::size_t slot) const { return &values_[slot * value_size_]; }
  /// All hashes. PDQ only.
  [[nodiscard]] std::span<const PdqHash> pdq() const {
    return {reinterpret_cast<const PdqHash*>(values_.data()), size()};
  }

  /// The list's runs.
  [[nodiscard]] std::span<const Run> RunsOf(ListId list) const;
  /// The run that holds the slot.
  [[nodiscard]] const Run& RunOf(std::uint32_t slot) const;
  /// Slots of the entry in the run: [first, second).
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> SlotsOf(const Run& run, EntryId entry) const;
  [[nodiscard]] std::uint64_t RowSumOf(const Run& run, std::uint32_t slot) const {
    return RowSum(algorithm_, run.key.pipeline, entry(slot), value(slot));
  }
  /// Slots that hold the digest, ascending. Digests only.
  [[nodiscard]] std::span<const std::uint32_t> Find(const Fingerprint& digest) const;

  /// As HashIndex::CheckMemory.
  [[nodiscard]] bool CheckMemory(std::size_t parts) const;
  Status Save(SnapshotWriter& out) const;
  static Result<std::shared_ptr<const Segment>> Restore(SnapshotReader& in,
                                                        const std::shared_ptr<MemoryLedger>& ledger);

  /// Bytes that a segment of so many rows and runs holds.
  static std::size_t BytesFor(Algorithm algorithm, std::size_t rows, std::size_t runs,
                              std::size_t entry_width);

 private:
  friend class SegmentMaker;
  Segment() = default;
  [[nodiscard]] Fingerprint FingerprintAt(std::uint32_t slot) const { return Fingerprint::Read(value(slot)); }
  [[nodiscard]] std::size_t BucketOf(const Fingerprint& digest) const;
  void AllocateDirectory();
  void BuildDirectory();
  void TakeSums();
  void TakeRunSums();
  void Charge(const std::shared_ptr<MemoryLedger>& ledger);

  Algorithm algorithm_ = Algorithm::kUnspecified;
  std::size_t value_size_ = 0;
  FixedArray<std::uint8_t> values_;  // PDQ: PdqHash objects; vectors one after another
  EntryColumn entries_;
  std::vector<Run> runs_;
  FixedArray<std::uint32_t> order_;    // digests: slots by (fingerprint, slot)
  FixedArray<std::uint32_t> buckets_;  // digests: where each bucket begins in order_, and the end
  std::array<BlockSums, 4> sums_;      // of values_, entries_, order_, buckets_
  BlockSums run_sums_;
  MemoryCharge charge_;
};

class BandIndex;

/// A segment, its tombstones (null: none), and the quick way to its PDQ hashes (null: they are scanned).
struct LiveSegment {
  std::shared_ptr<const Segment> segment;
  std::shared_ptr<const Tombstones> dead;
  std::shared_ptr<const BandIndex> bands;

  [[nodiscard]] bool IsDead(std::uint32_t slot) const { return dead != nullptr && dead->Has(slot); }
  [[nodiscard]] std::size_t live() const { return segment->size() - (dead == nullptr ? 0 : dead->count()); }
};

/// Makes a segment of rows, all of one algorithm, in any order. Cost: O(rows log rows).
std::shared_ptr<const Segment> BuildSegment(Algorithm algorithm, std::vector<const IndexedHash*> rows,
                                            const Fingerprints& fingerprints,
                                            const std::shared_ptr<MemoryLedger>& ledger);
std::shared_ptr<const Segment> BuildSegment(Algorithm algorithm, std::vector<const IndexedVector*> rows,
                                            const std::shared_ptr<MemoryLedger>& ledger);

/// Makes one segment of all rows that are not withdrawn; null where none is left, and where `cancelled`
/// (asked now and then) says so. Shapes: at least one source, all of one algorithm, fewer than kMaxRows rows.
/// Cost: O(rows x sources).
std::shared_ptr<const Segment> MergeSegments(std::span<const LiveSegment> sources,
                                             const std::shared_ptr<MemoryLedger>& ledger,
                                             const std::function<bool()>& cancelled = {});

}  // namespace hashgate::index
