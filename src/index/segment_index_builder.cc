#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/log.h"
#include "index/bands/band_index.h"
#include "index/merger.h"
#include "index/segment_index.h"

namespace hashgate::index {
namespace {

// Hashes gathered before they become a segment: 1 MiB of them.
constexpr std::size_t kMaxPending = (std::size_t{1} << 20) / sizeof(IndexedHash);
// A segment with at least one withdrawn row in so many is written anew.
constexpr std::size_t kDeadShare = 4;
// When all other segments together have this share of the largest one's rows, everything becomes one segment.
constexpr std::size_t kBaseShare = 8;
// More segments of middle size than this are merged with each other.
constexpr std::size_t kMaxMiddle = 3;
// Withdrawals that a merge under way keeps for its result, at most: 32 MiB of them.
constexpr std::size_t kMaxLoggedWithdrawals = std::size_t{1} << 20;
// Rows that came since the last snapshot and would be scanned: with more, they get their bands before they
// are published, while readers go on with what they have.
constexpr std::size_t kMostUnsettled = 65'536;

Status CheckRow(const IndexedHash& row) {
  if (StackOf(row.algorithm) == kIndexedAlgorithms.size()) {
    return Fail(
        Reason::kRequestInvalid,
        "the index holds no hashes of the algorithm '" + std::string(AlgorithmName(row.algorithm)) + "'",
        "algorithm");
  }
  if (row.pipeline > Pipeline::kNn512) {
    return Fail(Reason::kRequestInvalid, "unknown PDQ pipeline", "pipeline");
  }
  return {};
}

class SegmentIndexBuilder final : public IndexBuilder {
 public:
  explicit SegmentIndexBuilder(const SegmentIndexOptions& options)
      : options_(options),
        kernel_(options.kernel != nullptr ? Result<const Kernel*>(options.kernel) : SelectKernel()),
        permutation_(std::make_shared<const BitPermutation>(options.permutation_seed)) {
    if (!options.on_merged) return;
    for (Lane& lane : lanes_) lane.merger.emplace(permutation_, ledger_, options.on_merged);
  }

  Status Add(std::span<const IndexedHash> hashes) override {
    if (!kernel_) return std::unexpected(kernel_.error());
    for (const IndexedHash& row : hashes) HASHGATE_RETURN_IF_ERROR(CheckRow(row));
    HASHGATE_RETURN_IF_ERROR(CheckRoom(hashes));
    while (!hashes.empty()) {
      const std::size_t take = std::min(hashes.size(), kMaxPending - pending_.size());
      const std::size_t needed = pending_.size() + take;
      if (needed > pending_.capacity()) {
        pending_.reserve(std::min(kMaxPending, std::max(needed, 2 * pending_.capacity())));
      }
      for (const IndexedHash& row : hashes.first(take)) {
        pending_.push_back(row);
        // Only PDQ has pipelines; one value for the others keeps their rows in one run.
        if (row.algorithm != Algorithm::kPdq) pending_.back().pipeline = Pipeline::kUnspecified;
      }
      hashes = hashes.subspan(take);
      if (pending_.size() == kMaxPending) Flush();
    }
    return {};
  }

  void Withdraw(ListId list, EntryId entry) override { WithdrawAll(list, entry); }
  void WithdrawList(ListId list) override { WithdrawAll(list, std::nullopt); }

  std::shared_ptr<const HashIndex> Snapshot() override {
    Flush();
    Stack& pdq = stacks_[StackOf(Algorithm::kPdq)];
    std::size_t unsettled = 0;
    for (const Growing& growing : pdq)
      unsettled += growing.fresh && growing.bands == nullptr ? growing.size() : 0;
    if (unsettled > kMostUnsettled) SettleFresh(pdq);
    TakeMerged();
    StartMerges();
    SegmentStacks stacks;
    for (std::size_t i = 0; i < stacks_.size(); ++i) {
      for (Growing& growing : stacks_[i]) {
        growing.published = true;
        growing.fresh = false;
        stacks[i].push_back(growing.live());
      }
      stacks[i].shrink_to_fit();
    }
    return std::make_shared<SegmentIndex>(kernel_, std::move(stacks), options_.band_work_percent);
  }

  void Settle() override {
    Flush();
    for (Stack& stack : stacks_) SettleFresh(stack);
  }

 private:
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
    [[nodiscard]] bool many_withdrawn() const {
      return dead != nullptr && dead->count() * kDeadShare >= size();
    }
  };
  using Stack = std::vector<Growing>;

  // A withdrawal that hashes not yet in a segment, if gathered before it, have to obey.
  struct PendingWithdrawal {
    ListId list;
    std::optional<EntryId> entry;  // none: the whole list
    std::size_t position;          // rows of pending_ before it

    [[nodiscard]] auto key() const { return std::make_pair(list, entry); }
  };

  Status CheckRoom(std::span<const IndexedHash> hashes) const {
    if (options_.max_bytes == 0) return {};
    // What is pending holds memory twice for a moment: as it is, and as the segments that it becomes.
    const std::size_t gathered = pending_.size() + hashes.size();
    const std::size_t needed = MemoryHeld() - pending_.capacity() * sizeof(IndexedHash) +
                               std::min(kMaxPending, 2 * gathered) * sizeof(IndexedHash) +
                               SegmentBytes(pending_) + SegmentBytes(hashes) + BandBytesToCome(hashes);
    if (needed <= options_.max_bytes) return {};
    return Fail(Reason::kMemoryLimit, "the index would need " + std::to_string(needed) +
                                          " bytes, more than its bound of " +
                                          std::to_string(options_.max_bytes));
  }

  // What the band index of all rows will take beyond that of the rows that have one.
  [[nodiscard]] std::size_t BandBytesToCome(std::span<const IndexedHash> hashes) const {
    const auto is_pdq = [](const IndexedHash& row) { return row.algorithm == Algorithm::kPdq; };
    std::size_t rows = static_cast<std::size_t>(std::ranges::count_if(hashes, is_pdq)) +
                       static_cast<std::size_t>(std::ranges::count_if(pending_, is_pdq));
    std::size_t held = 0;
    for (const Growing& growing : stacks_[StackOf(Algorithm::kPdq)]) {
      rows += growing.live().live();
      held += growing.bands == nullptr ? 0 : growing.bands->bytes();
    }
    const std::size_t needed = rows < options_.band_rows ? 0 : BandIndex::BytesFor(rows);
    return needed > held ? needed - held : 0;
  }

  // Bytes of the segments that the rows become, headers included.
  static std::size_t SegmentBytes(std::span<const IndexedHash> rows) {
    std::array<std::size_t, kIndexedAlgorithms.size()> counts{};
    std::array<std::set<RunKey>, kIndexedAlgorithms.size()> runs;
    for (const IndexedHash& row : rows) {
      const std::size_t stack = StackOf(row.algorithm);
      ++counts[stack];
      runs[stack].insert({row.list, row.action_class, row.pipeline});
    }
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      // Large additions become several segments before they merge; each can have every run.
      const std::size_t segments = 1 + rows.size() / kMaxPending;
      bytes += Segment::BytesFor(kIndexedAlgorithms[i], counts[i], segments * runs[i].size()) +
               segments * sizeof(Segment);
    }
    return bytes;
  }

  [[nodiscard]] std::size_t MemoryHeld() const {
    std::size_t merging = 0;
    for (const Lane& lane : lanes_) merging += lane.running ? lane.running->bytes : 0;
    return merging + ledger_->load(std::memory_order_relaxed) + pending_.capacity() * sizeof(IndexedHash) +
           withdrawals_.capacity() * sizeof(PendingWithdrawal);
  }

  void WithdrawAll(ListId list, std::optional<EntryId> entry) {
    ++changes_;
    for (Lane& lane : lanes_) {
      // Beyond the bound the merge is given up: one more is kept, which says so.
      if (lane.running && lane.running->withdrawals.size() <= kMaxLoggedWithdrawals) {
        lane.running->withdrawals.push_back({list, entry, 0});
      }
    }
    if (!pending_.empty()) {
      if (withdrawals_.size() == kMaxPending) {
        Flush();
      } else {
        withdrawals_.push_back({list, entry, pending_.size()});
      }
    }
    for (Stack& stack : stacks_) {
      for (Growing& growing : stack) KillAll(growing, list, entry);
    }
  }

  void KillAll(Growing& growing, ListId list, std::optional<EntryId> entry) {
    for (const Run& run : growing.segment->RunsOf(list)) {
      auto slots = std::make_pair(run.begin, run.end);
      if (entry) slots = growing.segment->SlotsOf(run, *entry);
      for (std::uint32_t slot = slots.first; slot < slots.second; ++slot) Kill(growing, slot);
    }
  }

  void Kill(Growing& growing, std::uint32_t slot) {
    if (growing.dead != nullptr && growing.dead->Has(slot)) return;
    if (growing.dead == nullptr) {
      growing.dead = std::make_shared<Tombstones>(growing.segment->size(), ledger_);
    } else if (growing.published) {
      growing.dead = std::make_shared<Tombstones>(*growing.dead, ledger_);
    }
    growing.published = false;
    growing.dead->Set(slot);
  }

  // Makes segments of what is pending and brings the stacks back into shape.
  void Flush() {
    if (!pending_.empty()) ++changes_;
    std::ranges::sort(withdrawals_, [](const PendingWithdrawal& a, const PendingWithdrawal& b) {
      return std::make_pair(a.key(), a.position) < std::make_pair(b.key(), b.position);
    });
    std::array<std::vector<const IndexedHash*>, kIndexedAlgorithms.size()> rows;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if (WithdrawnAfter(pending_[i], i)) continue;
      rows[StackOf(pending_[i].algorithm)].push_back(&pending_[i]);
    }
    for (std::size_t i = 0; i < stacks_.size(); ++i) {
      if (rows[i].empty()) continue;
      stacks_[i].push_back({.segment = BuildSegment(kIndexedAlgorithms[i], std::move(rows[i]), ledger_)});
    }
    pending_ = {};
    withdrawals_ = {};
    for (Stack& stack : stacks_) MergeSmall(stack);
  }

  // True where the row's entry or list was withdrawn after the row at this position came. withdrawals_ is
  // sorted.
  [[nodiscard]] bool WithdrawnAfter(const IndexedHash& row, std::size_t position) const {
    for (const std::optional<EntryId> entry : {std::optional<EntryId>(), std::optional<EntryId>(row.entry)}) {
      const auto key = std::make_pair(row.list, entry);
      const auto after = std::ranges::upper_bound(withdrawals_, key, {}, &PendingWithdrawal::key);
      if (after == withdrawals_.begin()) continue;
      const PendingWithdrawal& last = *std::prev(after);
      if (last.key() == key && last.position > position) return true;
    }
    return false;
  }

  // Merging holds the old rows and the new ones at once: without room for that it waits.
  [[nodiscard]] bool HasRoomFor(const MergeJob& job) const {
    std::size_t rows = 0;
    for (const LiveSegment& source : job.sources) rows += source.live();
    if (rows >= Segment::kMaxRows) return false;
    return options_.max_bytes == 0 || MemoryHeld() + MergeBytes(job) <= options_.max_bytes;
  }

  [[nodiscard]] MergeJob JobOf(std::span<const Growing> sources) const {
    MergeJob job;
    std::size_t rows = 0;
    for (const Growing& source : sources) {
      job.sources.push_back(source.live());
      rows += job.sources.back().live();
    }
    job.bands = sources.front().segment->algorithm() == Algorithm::kPdq && rows >= options_.band_rows;
    return job;
  }

  static bool AnyMerging(std::span<const Growing> stack) {
    return std::ranges::any_of(stack, [](const Growing& growing) { return growing.merging != nullptr; });
  }

  static void SortBySize(Stack& stack) {
    std::ranges::stable_sort(stack, std::ranges::greater{}, &Growing::size);
  }

  // Makes one segment, with bands, of what came since the last snapshot.
  void SettleFresh(Stack& stack) {
    const auto begin = std::ranges::stable_partition(stack, [](const Growing& growing) {
                         return growing.merging != nullptr || !growing.fresh;
                       }).begin();
    if (begin == stack.end()) return;
    const auto fresh = std::span(stack).last(static_cast<std::size_t>(stack.end() - begin));
    // The rows first, so that the sources are gone before the band index takes its room.
    MergeJob job = JobOf(fresh);
    const bool bands = std::exchange(job.bands, false);
    if (!HasRoomFor(job)) return;
    MergedSegment merged = Merge(job, permutation_, ledger_);
    if (merged.failed) return;
    job.sources.clear();
    stack.erase(begin, stack.end());
    if (merged.segment == nullptr) return;
    Growing& settled = stack.emplace_back();
    settled.segment = std::move(merged.segment);
    job = {.sources = {settled.live()}, .bands = bands};
    if (bands && HasRoomFor(job)) settled.bands = Merge(job, permutation_, ledger_).bands;
  }

  // Merges what is small where it stands, until each small segment has more than twice the rows of the next:
  // there are O(log n) of them, and a row is merged O(log n) times.
  void MergeSmall(Stack& stack) {
    const auto begin = std::ranges::stable_partition(stack, [this](const Growing& growing) {
                         return growing.merging != nullptr || growing.size() > options_.small_rows;
                       }).begin();
    Stack small(std::make_move_iterator(begin), std::make_move_iterator(stack.end()));
    stack.erase(begin, stack.end());
    for (Growing& growing : small) {
      if (!growing.many_withdrawn()) continue;
      const MergeJob job = {.sources = {growing.live()}, .bands = false};
      if (!HasRoomFor(job)) continue;
      MergedSegment merged = Merge(job, permutation_, ledger_);
      if (!merged.failed) growing = {.segment = std::move(merged.segment)};
    }
    std::erase_if(small, [](const Growing& growing) { return growing.segment == nullptr; });
    while (true) {
      SortBySize(small);
      std::size_t last = small.size();
      while (last > 1 && small[last - 2].size() > 2 * small[last - 1].size()) --last;
      if (last <= 1) break;
      std::size_t first = last - 1;
      std::size_t rows = small[first].size();
      while (first > 0 && small[first - 1].size() <= 2 * rows) rows += small[--first].size();
      MergeJob job = JobOf(std::span(small).subspan(first, last - first));
      job.bands = false;
      if (!HasRoomFor(job)) break;
      MergedSegment merged = Merge(job, permutation_, ledger_);
      if (merged.failed) break;
      small.erase(small.begin() + static_cast<std::ptrdiff_t>(first),
                  small.begin() + static_cast<std::ptrdiff_t>(last));
      if (merged.segment == nullptr) continue;
      (merged.segment->size() > options_.small_rows ? stack : small)
          .push_back({.segment = std::move(merged.segment)});
    }
    std::ranges::move(small, std::back_inserter(stack));
  }

  // Whether everything should become one segment. The stack is sorted.
  [[nodiscard]] bool NeedsWhole(const Stack& stack) const {
    std::size_t others = 0;
    for (std::size_t i = 1; i < stack.size(); ++i) others += stack[i].size();
    const Growing& base = stack.front();
    const bool lacks_bands = base.segment->algorithm() == Algorithm::kPdq && base.bands == nullptr &&
                             base.live().live() >= options_.band_rows;
    return lacks_bands || (base.size() > options_.small_rows && base.many_withdrawn()) ||
           (others > options_.small_rows && others * kBaseShare >= base.size());
  }

  // Which of the segments beside the largest should become one; none where they may stay. The stack is
  // sorted.
  [[nodiscard]] std::vector<std::size_t> PartsToMerge(const Stack& stack) const {
    std::vector<std::size_t> middle;
    std::vector<std::size_t> small;
    std::size_t small_rows = 0;
    // While the largest is being merged, the largest of the others is one of them.
    for (std::size_t i = AnyMerging(stack) ? 0 : 1; i < stack.size(); ++i) {
      if (stack[i].merging != nullptr) continue;
      if (stack[i].size() > options_.small_rows) {
        if (stack[i].many_withdrawn()) return {i};
        middle.push_back(i);
      } else {
        small.push_back(i);
        small_rows += stack[i].size();
      }
    }
    if (middle.size() > kMaxMiddle) {
      middle.insert(middle.end(), small.begin(), small.end());
      return middle;
    }
    return small_rows > options_.small_rows ? small : std::vector<std::size_t>{};
  }

  // Gives the lanes their next jobs; without mergers, does all jobs here.
  void StartMerges() {
    for (Stack& stack : stacks_) {
      // What is withdrawn as a whole takes no merge to go.
      std::erase_if(stack, [](const Growing& growing) {
        return growing.merging == nullptr && growing.dead != nullptr &&
               growing.dead->count() == growing.size();
      });
      while (StartMerge(stack)) {
      }
    }
  }

  // True where it has done a job, and another may be due.
  bool StartMerge(Stack& stack) {
    SortBySize(stack);
    if (stack.empty()) return false;
    std::vector<std::size_t> sources;
    if (MayStart(whole()) && !AnyMerging(stack) && NeedsWhole(stack)) {
      sources.resize(stack.size());
      std::iota(sources.begin(), sources.end(), std::size_t{0});
      if (Start(whole(), stack, sources)) return true;
    }
    // Where there is no room for everything, the parts may still find some.
    if (!MayStart(parts())) return false;
    sources = PartsToMerge(stack);
    return !sources.empty() && Start(parts(), stack, sources);
  }

  // What failed is not tried again before something has changed: it would most likely fail again.
  [[nodiscard]] bool MayStart(const Lane& lane) const { return !lane.running && lane.failed_at != changes_; }

  bool Start(Lane& lane, Stack& stack, std::span<const std::size_t> sources) {
    std::vector<Growing> chosen;
    for (const std::size_t i : sources) chosen.push_back(stack[i]);
    MergeJob job = JobOf(chosen);
    // Without room for it the rows stay as they are, searched more slowly.
    if (!HasRoomFor(job)) return false;
    lane.running = Running{&stack, lane.merger ? MergeBytes(job) : 0, {}};
    for (const std::size_t i : sources) {
      stack[i].merging = &lane;
      stack[i].published = true;
    }
    if (!lane.merger) return Finish(lane, Merge(job, permutation_, ledger_));
    chosen.clear();
    lane.merger->Start(std::move(job));
    return false;
  }

  void TakeMerged() {
    for (Lane& lane : lanes_) {
      if (!lane.merger) continue;
      if (std::optional<MergedSegment> merged = lane.merger->Take()) Finish(lane, *std::move(merged));
    }
  }

  // Puts the merged segment in the place of its sources, less what was withdrawn since. False where the merge
  // failed.
  bool Finish(Lane& lane, MergedSegment merged) {
    if (!lane.running) return false;
    const Running running = *std::move(lane.running);
    lane.running.reset();
    Stack& stack = *running.stack;
    const bool too_much_changed = running.withdrawals.size() > kMaxLoggedWithdrawals;
    if (merged.failed || too_much_changed) {
      if (merged.failed) {
        lane.failed_at = changes_;
        log::Warning("index_merge_failed", "segments could not be merged and are searched as they are");
      }
      for (Growing& growing : stack) {
        if (growing.merging == &lane) growing.merging = nullptr;
      }
      return false;
    }
    std::erase_if(stack, [&lane](const Growing& growing) { return growing.merging == &lane; });
    if (merged.segment == nullptr) return true;
    Growing& growing = stack.emplace_back();
    growing.fresh = false;
    growing.segment = std::move(merged.segment);
    growing.bands = std::move(merged.bands);
    // All its rows were there when the merge began, so each withdrawal since then means all that it names.
    for (const PendingWithdrawal& withdrawal : running.withdrawals) {
      KillAll(growing, withdrawal.list, withdrawal.entry);
    }
    return true;
  }

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
  const std::shared_ptr<MemoryLedger> ledger_ = std::make_shared<MemoryLedger>(0);
  std::array<Stack, kIndexedAlgorithms.size()> stacks_;
  std::vector<IndexedHash> pending_;
  std::vector<PendingWithdrawal> withdrawals_;
  std::uint64_t changes_ = 0;
  // Last, because the mergers' threads end before the rest goes.
  std::array<Lane, 2> lanes_;
};

}  // namespace

std::unique_ptr<IndexBuilder> NewIndexBuilder(const SegmentIndexOptions& options) {
  return std::make_unique<SegmentIndexBuilder>(options);
}

std::unique_ptr<IndexBuilder> NewIndexBuilder(const IndexOptions& options) {
  return NewIndexBuilder(SegmentIndexOptions{options});
}

}  // namespace hashgate::index
