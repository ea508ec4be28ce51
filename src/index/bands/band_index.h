// The exact sublinear search over the PDQ hashes of one segment: every hash within the radius, in time that
// grows far slower than their number. docs/matching.md explains it with figures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "hashgate/hash.h"
#include "index/bands/band_plan.h"
#include "index/bands/bit_permutation.h"
#include "index/block_sums.h"
#include "index/kernels/kernel.h"
#include "index/segment.h"

namespace hashgate::index {

/// Takes what a search finds.
class SlotSink {
 public:
  SlotSink() = default;
  SlotSink(const SlotSink&) = delete;
  SlotSink& operator=(const SlotSink&) = delete;
  virtual ~SlotSink() = default;
  /// A distinct hash lies within the radius of a query: `slot` is the first that holds it. The same pair may
  /// come more than once.
  virtual void Take(std::size_t query, const SlotHit& hit) = 0;
  /// What lies farther from the query than this is of no use any more, whatever comes yet. May be asked for
  /// every band.
  [[nodiscard]] virtual int UsefulRadius(std::size_t query) = 0;
};

/// Postings of the distinct hashes of one segment in the buckets of each band. Immutable. Memory for each
/// band: a line of 64 bytes for every bucket, and 3 or 4 bytes for each distinct hash (68 to 105 a hash in
/// all, by how full the buckets are); 4 bytes for each further row of the same hash. Threads: thread-safe.
class BandIndex {
 public:
  /// What building takes for each hash besides the result, on so many threads.
  static constexpr std::size_t BuildBytesPerHash(int threads) {
    return 1 + static_cast<std::size_t>(threads) * sizeof(std::uint64_t);
  }

  /// Builds the index of the segment's hashes. `cancelled` is asked now and then; null where it said so.
  /// Shapes: a PDQ segment. Cost: with its segment 0.5 us a hash at ten million (bench/RESULTS.md), more
  /// than half of it for the first touch of the memory; besides the result BuildBytesPerHash for the time it
  /// takes.
  static std::shared_ptr<const BandIndex> Build(const Segment& segment,
                                                const std::shared_ptr<const BitPermutation>& permutation,
                                                const std::shared_ptr<MemoryLedger>& ledger,
                                                const Kernel& kernel, int threads = 1,
                                                const std::function<bool()>& cancelled = {});

  /// Finds every distinct hash within the plan's radius of each query, but for those of no use to the sink,
  /// of which it may find some. `hashes` are the segment's. Stops
  /// where the work exceeds `max_work` (about the postings looked at) and returns false: what was found so
  /// far is in the sink, and a scan is the cheaper way. Range: any number of queries; their memory waits
  /// overlap.
  [[nodiscard]] bool Search(const Kernel& kernel, std::span<const PdqHash> hashes,
                            std::span<const PdqHash> queries, const RadiusPlan& plan, std::size_t max_work,
                            SlotSink& sink) const;

  /// The other slots that hold the same hash as `slot`, ascending.
  [[nodiscard]] std::span<const std::uint32_t> RepeatsOf(std::uint32_t slot) const;

  /// Work (as `max_work` counts it) that a query costs where hashes lie evenly.
  [[nodiscard]] std::size_t ExpectedWork(const RadiusPlan& plan) const;

  [[nodiscard]] const BandLayout& layout() const { return layout_; }
  /// The plan for a radius of 0..63, or null where there is none.
  [[nodiscard]] const RadiusPlan* plan(int radius) const {
    const auto& plan = plans_[static_cast<std::size_t>(radius)];
    return plan ? &*plan : nullptr;
  }
  [[nodiscard]] std::size_t distinct_hashes() const { return distinct_; }
  [[nodiscard]] std::size_t bytes() const { return charge_.bytes(); }

  /// As HashIndex::CheckMemory.
  [[nodiscard]] bool CheckMemory(std::size_t parts) const;
  Status Save(SnapshotWriter& out) const;
  /// What was saved of this segment. Errors: the reader's, kStoreCorrupt, and kSchemaUnknown where bands are
  /// laid out otherwise today.
  static Result<std::shared_ptr<const BandIndex>> Restore(
      SnapshotReader& in, const Segment& segment, const std::shared_ptr<const BitPermutation>& permutation,
      const std::shared_ptr<MemoryLedger>& ledger);

  /// Bytes that the index of so many distinct hashes holds, unless most of them crowd into few buckets (then
  /// up to 24 more a hash).
  static std::size_t BytesFor(std::size_t hashes);

 private:
  class Searcher;
  class Builder;
  // Slots by posting, in 3 bytes each where that is enough.
  class SlotArray {
   public:
    SlotArray() = default;
    SlotArray(std::size_t postings, std::size_t slots)
        : width_(BytesFor(slots)), bytes_(postings * width_ + kPadding) {}
    static std::size_t BytesFor(std::size_t slots) { return slots <= (std::size_t{1} << 24) ? 3 : 4; }
    [[nodiscard]] std::uint32_t Get(std::size_t posting) const {
      std::uint32_t slot = 0;
      std::memcpy(&slot, at(posting), sizeof(slot));
      return width_ == 3 ? slot & 0xff'ffff : slot;
    }
    void Set(std::size_t posting, std::uint32_t slot) {
      std::uint8_t* const at = &bytes_[posting * width_];
      // Not one copy of a length that is known at run time only: that would be a call.
      if (width_ == 3) {
        std::memcpy(at, &slot, 3);
      } else {
        std::memcpy(at, &slot, 4);
      }
    }
    [[nodiscard]] const std::uint8_t* at(std::size_t posting) const { return &bytes_[posting * width_]; }
    [[nodiscard]] std::size_t bytes() const { return bytes_.bytes(); }
    [[nodiscard]] FixedArray<std::uint8_t>& array() { return bytes_; }
    [[nodiscard]] const FixedArray<std::uint8_t>& array() const { return bytes_; }

    static constexpr std::size_t kPadding = 4;  // four bytes are read of each

   private:
    std::size_t width_ = 0;
    FixedArray<std::uint8_t> bytes_;
  };
  static constexpr std::size_t kArraysPerTable = 3;
  // One band. Postings lie bucket by bucket.
  struct Table {
    FixedArray<BucketLine> lines;
    FixedArray<std::uint16_t> overflow;  // signatures that their lines have no room for, then padding
    SlotArray slots;
  };

  BandIndex() = default;
  // The rest of building and restoring, once tables and repeats are there.
  void Finish(const std::shared_ptr<const BitPermutation>& permutation,
              const std::shared_ptr<MemoryLedger>& ledger);

  std::shared_ptr<const BitPermutation> permutation_;
  BandLayout layout_;
  std::vector<std::optional<RadiusPlan>> plans_;
  std::vector<std::vector<std::uint32_t>>
      flips_;  // by number of flipped bits: buckets to open beside one's own
  std::vector<Table> tables_;
  std::vector<BlockSums> sums_;  // of each table's lines, overflow, slots
  std::size_t distinct_ = 0;
  // Rows that repeat a hash, by the first slot that holds it.
  std::vector<bool> has_repeats_;             // by slot; empty where no hash repeats
  std::vector<std::uint32_t> repeated_;       // those first slots, ascending
  std::vector<std::uint32_t> repeat_begins_;  // one more than repeated_
  std::vector<std::uint32_t> repeats_;
  std::array<BlockSums, 3> repeat_sums_;  // of repeated_, repeat_begins_, repeats_
  MemoryCharge charge_;
};

}  // namespace hashgate::index
