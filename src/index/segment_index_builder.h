// The builder behind NewIndexBuilder: what is pending, the stacks of segments, and their merging. Private to
// this module; segment_merging.cc has what decides on merges.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "index/bands/band_index.h"
#include "index/fingerprint.h"
#include "index/merger.h"
#include "index/segment_index.h"

namespace hashgate::index {

/// Threads: as IndexBuilder.
class SegmentIndexBuilder final : public IndexBuilder {
 public:
  explicit SegmentIndexBuilder(const SegmentIndexOptions& options);

  Status Add(std::span<const IndexedHash> hashes, std::span<const IndexedVector> vectors) override;
  using IndexBuilder::Add;

  void Withdraw(ListId list, EntryId entry) override { WithdrawAll(list, entry); }
  void WithdrawList(ListId list) override { WithdrawAll(list, std::nullopt); }

  std::shared_ptr<const HashIndex> Snapshot() override;

  void Settle() override;

  Status Restore(SnapshotReader& in) override;

 private:
  // Withdrawals that a merge under way keeps for its result, at most: 32 MiB of them.
  static constexpr std::size_t kMaxLoggedWithdrawals = std::size_t{1} << 20;

  struct Lane;

  // A segment and its tombstones, which are copied before they change once a snapshot or a merge holds them.
  struct Growing {
    std::shared_ptr<const Segment> segment;
    std::shared_ptr<Tombstones> dead;
    std::shared_ptr<const BandIndex> bands;
    bool published = false;
    bool fresh = true;              // its rows came since the last snapshot
    const Lane* merging = nullptr;  // whose source it is: stays in place until that merge is done

    [[nodiscard]] LiveSegment live() const { return {segment, dead, bands}; }
    [[nodiscard]] std::size_t size() const { return segment->size(); }
    [[nodiscard]] bool many_withdrawn() const;
  };
  using Stack = std::vector<Growing>;

  // A withdrawal that hashes not yet in a segment, if gathered before it, have to obey.
  struct PendingWithdrawal {
    ListId list;
    std::optional<EntryId> entry;  // none: the whole list
    std::size_t hashes_before;     // of pending_
    std::size_t vectors_before;

    [[nodiscard]] auto key() const { return std::make_pair(list, entry); }
  };

  static std::unexpected<Error> CutShort();

  Status RestoreSegment(SnapshotReader& in, std::size_t stack);

  Status CheckRoom(std::span<const IndexedHash> hashes, std::span<const IndexedVector> vectors) const;

  // Gathers rows in one half of pending_, and makes segments whenever that is full.
  template <typename Row>
  void Gather(std::span<const Row> rows, std::vector<Row>& pending);

  // What the band index of all rows will take beyond that of the rows that have one.
  [[nodiscard]] std::size_t BandBytesToCome(std::span<const IndexedHash> hashes) const;

  // Bytes that are gathered, with room to grow.
  [[nodiscard]] std::size_t PendingBytes() const;

  [[nodiscard]] std::size_t MemoryHeld() const;

  void WithdrawAll(ListId list, std::optional<EntryId> entry);

  void KillAll(Growing& growing, ListId list, std::optional<EntryId> entry);

  void Kill(Growing& growing, const Run& run, std::uint32_t slot);

  // Makes segments of what is pending and brings the stacks back into shape.
  void Flush();

  // Those gathered rows that were not withdrawn after they came, by stack. withdrawals_ is sorted.
  template <typename Row>
  std::array<std::vector<const Row*>, kIndexedAlgorithms.size()> LiveRows(
      const std::vector<Row>& pending, std::size_t PendingWithdrawal::* before) const;

  // Merging holds the old rows and the new ones at once: without room for that it waits.
  [[nodiscard]] bool HasRoomFor(const MergeJob& job) const;

  [[nodiscard]] MergeJob JobOf(std::span<const Growing> sources) const;

  static bool AnyMerging(std::span<const Growing> stack);

  static void SortBySize(Stack& stack);

  // Makes one segment, with bands, of what came since the last snapshot.
  void SettleFresh(Stack& stack, int threads);

  // Merges what is small where it stands, until each small segment has more than twice the rows of the next:
  // there are O(log n) of them, and a row is merged O(log n) times.
  void MergeSmall(Stack& stack);

  // Whether everything should become one segment. The stack is sorted.
  [[nodiscard]] bool NeedsWhole(const Stack& stack) const;

  // Which of the segments beside the largest should become one; none where they may stay. The stack is
  // sorted.
  [[nodiscard]] std::vector<std::size_t> PartsToMerge(const Stack& stack) const;

  // Gives the lanes their next jobs; without mergers, does all jobs here.
  void StartMerges();

  // True where it has done a job, and another may be due.
  bool StartMerge(Stack& stack);

  // What failed is not tried again before something has changed: it would most likely fail again.
  [[nodiscard]] bool MayStart(const Lane& lane) const { return !lane.running && lane.failed_at != changes_; }

  bool Start(Lane& lane, Stack& stack, std::span<const std::size_t> sources);

  void TakeMerged();

  // Puts the merged segment in the place of its sources, less what was withdrawn since. False where the merge
  // failed.
  bool Finish(Lane& lane, MergedSegment merged);

  // A merge under way, and what was withdrawn since it began.
  struct Running {
    Stack* stack;
    std::size_t bytes;  // that it will take on another thread, beside what is counted already
    std::vector<PendingWithdrawal> withdrawals;
  };
  // One merge at a time. The merge of everything, which takes seconds, has a lane of its own, so that what is
  // added meanwhile is merged all the same.
  struct Lane {
    std::optional<Running> running;
    std::optional<std::uint64_t> failed_at;  // changes_ when its last merge failed
    std::optional<Merger> merger;
  };
  Lane& whole() { return lanes_[0]; }
  Lane& parts() { return lanes_[1]; }

  const SegmentIndexOptions options_;
  const Result<const Kernel*> kernel_;
  const std::shared_ptr<const BitPermutation> permutation_;
  const std::shared_ptr<const Fingerprints> fingerprints_;
  const std::shared_ptr<MemoryLedger> ledger_ = std::make_shared<MemoryLedger>(0);
  std::array<Stack, kIndexedAlgorithms.size()> stacks_;
  IndexedRows pending_;
  std::vector<PendingWithdrawal> withdrawals_;
  std::uint64_t changes_ = 0;
  // Last, because the mergers' threads end before the rest goes.
  std::array<Lane, 2> lanes_;
};

}  // namespace hashgate::index
