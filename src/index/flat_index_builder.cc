#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "index/flat_index.h"

namespace hashgate::index {
namespace {

// Hashes gathered before they become a segment: 1 MiB of them.
constexpr std::size_t kMaxPending = (std::size_t{1} << 20) / sizeof(IndexedHash);
// A segment with at least one withdrawn row in so many is written anew.
constexpr std::size_t kDeadShare = 4;

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

class FlatIndexBuilder final : public IndexBuilder {
 public:
  explicit FlatIndexBuilder(const FlatIndexOptions& options)
      : max_bytes_(options.max_bytes),
        kernel_(options.kernel != nullptr ? Result<const Kernel*>(options.kernel) : SelectKernel()) {}

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
    SegmentStacks stacks;
    for (std::size_t i = 0; i < stacks_.size(); ++i) {
      for (Growing& growing : stacks_[i]) {
        growing.published = true;
        stacks[i].push_back({growing.segment, growing.dead});
      }
      stacks[i].shrink_to_fit();
    }
    return std::make_shared<FlatIndex>(kernel_, std::move(stacks));
  }

 private:
  // A segment and its tombstones, which are copied before they change once a snapshot holds them.
  struct Growing {
    std::shared_ptr<const Segment> segment;
    std::shared_ptr<Tombstones> dead;
    bool published = false;

    [[nodiscard]] LiveSegment live() const { return {segment, dead}; }
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
    if (max_bytes_ == 0) return {};
    // What is pending holds memory twice for a moment: as it is, and as the segments that it becomes.
    const std::size_t gathered = pending_.size() + hashes.size();
    const std::size_t needed = MemoryHeld() - pending_.capacity() * sizeof(IndexedHash) +
                               std::min(kMaxPending, 2 * gathered) * sizeof(IndexedHash) +
                               SegmentBytes(pending_) + SegmentBytes(hashes);
    if (needed <= max_bytes_) return {};
    return Fail(Reason::kMemoryLimit, "the index would need " + std::to_string(needed) +
                                          " bytes, more than its bound of " + std::to_string(max_bytes_));
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
    return ledger_->load(std::memory_order_relaxed) + pending_.capacity() * sizeof(IndexedHash) +
           withdrawals_.capacity() * sizeof(PendingWithdrawal);
  }

  void WithdrawAll(ListId list, std::optional<EntryId> entry) {
    if (!pending_.empty()) {
      if (withdrawals_.size() == kMaxPending) {
        Flush();
      } else {
        withdrawals_.push_back({list, entry, pending_.size()});
      }
    }
    for (Stack& stack : stacks_) {
      for (Growing& growing : stack) {
        for (const Run& run : growing.segment->RunsOf(list)) {
          auto slots = std::make_pair(run.begin, run.end);
          if (entry) slots = growing.segment->SlotsOf(run, *entry);
          for (std::uint32_t slot = slots.first; slot < slots.second; ++slot) Kill(growing, slot);
        }
      }
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
      stacks_[i].push_back({BuildSegment(kIndexedAlgorithms[i], std::move(rows[i]), ledger_), nullptr});
    }
    pending_ = {};
    withdrawals_ = {};
    for (Stack& stack : stacks_) {
      DropWithdrawn(stack);
      MergeSmall(stack);
    }
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
  [[nodiscard]] bool CanMerge(std::span<const LiveSegment> sources) const {
    std::size_t rows = 0;
    std::size_t runs = 0;
    for (const LiveSegment& source : sources) {
      rows += source.live();
      runs += source.segment->runs().size();
    }
    if (rows >= Segment::kMaxRows) return false;
    return max_bytes_ == 0 ||
           MemoryHeld() + Segment::BytesFor(sources.front().segment->algorithm(), rows, runs) <= max_bytes_;
  }

  // Writes segments with many withdrawn rows anew. Each writing is paid for by the withdrawals before it.
  void DropWithdrawn(Stack& stack) {
    for (Growing& growing : stack) {
      if (growing.dead == nullptr || growing.dead->count() * kDeadShare < growing.segment->size()) continue;
      const LiveSegment source = growing.live();
      if (CanMerge(std::span(&source, 1))) growing = {MergeSegments(std::span(&source, 1), ledger_), nullptr};
    }
    std::erase_if(stack, [](const Growing& growing) { return growing.segment == nullptr; });
  }

  // Merges until each segment has more than twice the rows of the next, so that there are O(log n) of them; a
  // row is merged O(log n) times on its way to the largest.
  void MergeSmall(Stack& stack) {
    while (true) {
      std::ranges::stable_sort(stack, std::ranges::greater{},
                               [](const Growing& growing) { return growing.segment->size(); });
      std::size_t last = stack.size();
      while (last > 1 && stack[last - 2].segment->size() > 2 * stack[last - 1].segment->size()) --last;
      if (last <= 1) return;
      std::size_t first = last - 1;
      std::size_t rows = stack[first].segment->size();
      while (first > 0 && stack[first - 1].segment->size() <= 2 * rows) {
        rows += stack[--first].segment->size();
      }
      std::vector<LiveSegment> sources;
      for (std::size_t i = first; i < last; ++i) sources.push_back(stack[i].live());
      if (!CanMerge(sources)) return;
      std::shared_ptr<const Segment> merged = MergeSegments(sources, ledger_);
      stack.erase(stack.begin() + static_cast<std::ptrdiff_t>(first),
                  stack.begin() + static_cast<std::ptrdiff_t>(last));
      if (merged != nullptr) stack.push_back({std::move(merged), nullptr});
    }
  }

  const std::size_t max_bytes_;
  const Result<const Kernel*> kernel_;
  const std::shared_ptr<MemoryLedger> ledger_ = std::make_shared<MemoryLedger>(0);
  std::array<Stack, kIndexedAlgorithms.size()> stacks_;
  std::vector<IndexedHash> pending_;
  std::vector<PendingWithdrawal> withdrawals_;
};

}  // namespace

std::unique_ptr<IndexBuilder> NewFlatIndexBuilder(const FlatIndexOptions& options) {
  return std::make_unique<FlatIndexBuilder>(options);
}

std::unique_ptr<IndexBuilder> NewFlatIndexBuilder(std::size_t max_bytes) {
  return NewFlatIndexBuilder(FlatIndexOptions{.max_bytes = max_bytes});
}

}  // namespace hashgate::index
