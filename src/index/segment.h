// Immutable blocks of hashes of one algorithm, and the tombstones over them. Indexes are stacks of these.
#pragma once

#include <algorithm>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

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

/// Slots [begin, end) of a segment.
struct Run {
  RunKey key;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
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
  void Set(std::uint32_t slot);
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return charge_.bytes(); }

 private:
  FixedArray<std::uint64_t> words_;
  std::size_t count_ = 0;
  MemoryCharge charge_;
};

/// Rows sorted by (run, entry). Digests have a directory besides: slots in buckets by a hash under a secret
/// of this process, ordered by value inside a bucket, so that neither many copies of a digest nor digests
/// made to collide cost more than a binary search. Memory for each row: the hash, 8 bytes of entry, for
/// digests 6 bytes of directory; 24 bytes for each run. Threads: thread-safe, immutable.
class Segment {
 public:
  /// More rows do not go into one segment.
  static constexpr std::size_t kMaxRows = std::size_t{1} << 31;

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const { return charge_.bytes(); }
  [[nodiscard]] std::span<const Run> runs() const { return runs_; }
  [[nodiscard]] std::span<const EntryId> entries() const { return entries_.span(); }
  /// A slot's hash: HashSize(algorithm()) bytes, those of a PDQ hash in PdqHash's own layout.
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
  /// Slots that hold the digest, ascending. Shapes: HashSize(algorithm()) bytes. Digests only.
  [[nodiscard]] std::span<const std::uint32_t> Find(const std::uint8_t* digest) const;

  /// Bytes that a segment of so many rows and runs holds.
  static std::size_t BytesFor(Algorithm algorithm, std::size_t rows, std::size_t runs);

 private:
  friend class SegmentWriter;
  Segment() = default;
  [[nodiscard]] std::size_t BucketOf(const std::uint8_t* digest) const;
  void BuildDirectory();

  Algorithm algorithm_ = Algorithm::kUnspecified;
  std::size_t value_size_ = 0;
  FixedArray<std::uint8_t> values_;  // PDQ: PdqHash objects
  FixedArray<EntryId> entries_;
  std::vector<Run> runs_;
  FixedArray<std::uint32_t> order_;    // digests: slots by (bucket, value, slot)
  FixedArray<std::uint32_t> buckets_;  // digests: where each bucket begins in order_, and the end
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
                                            const std::shared_ptr<MemoryLedger>& ledger);

/// Makes one segment of all rows that are not withdrawn; null where none is left, and where `cancelled`
/// (asked now and then) says so. Shapes: at least one source, all of one algorithm, fewer than kMaxRows rows.
/// Cost: O(rows x sources).
std::shared_ptr<const Segment> MergeSegments(std::span<const LiveSegment> sources,
                                             const std::shared_ptr<MemoryLedger>& ledger,
                                             const std::function<bool()>& cancelled = {});

}  // namespace hashgate::index
