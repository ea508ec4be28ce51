#include "index/segment_index_builder.h"

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <tuple>

#include "index/snapshot_file.h"

namespace hashgate::index {
namespace {

// Rows gathered before they become a segment: 1 MiB of them.
template <typename Row>
constexpr std::size_t kMaxPending = (std::size_t{1} << 20) / sizeof(Row);
// Rows that came since the last snapshot and would be scanned: with more, they get their bands before they
// are published, while readers go on with what they have.
constexpr std::size_t kMostUnsettled = 65'536;
// Settle is for when nobody is served yet.
constexpr int kSettleThreads = 4;

std::unexpected<Error> NotHeld(Algorithm algorithm) {
  return Fail(
      Reason::kRequestInvalid,
      "the index holds no such hashes of the algorithm '" + std::string(AlgorithmName(algorithm)) + "'",
      "algorithm");
}

Status CheckRow(const IndexedVector& row) {
  return FindFlat(row.algorithm) != nullptr ? Status() : NotHeld(row.algorithm);
}

Status CheckRow(const IndexedHash& row) {
  if (StackOf(row.algorithm) == kIndexedAlgorithms.size() || FindFlat(row.algorithm) != nullptr) {
    return NotHeld(row.algorithm);
  }
  if (row.pipeline > Pipeline::kNn512) {
    return Fail(Reason::kRequestInvalid, "unknown PDQ pipeline", "pipeline");
  }
  return {};
}

// What rows are once they are taken: only PDQ has pipelines, and one value for the others keeps their rows in
// one run.
IndexedHash Taken(IndexedHash row) {
  if (row.algorithm != Algorithm::kPdq) row.pipeline = Pipeline::kUnspecified;
  return row;
}
const IndexedVector& Taken(const IndexedVector& row) {
  return row;
}

// Bytes of the segments that the rows become, headers included.
template <typename Row>
std::size_t SegmentBytes(std::span<const Row> rows) {
  std::array<std::size_t, kIndexedAlgorithms.size()> counts{};
  std::array<std::set<RunKey>, kIndexedAlgorithms.size()> runs;
  EntryRange range;
  for (const Row& row : rows) {
    const std::size_t stack = StackOf(row.algorithm);
    ++counts[stack];
    range.Include(row.entry);
    runs[stack].insert(KeyOf(row));
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    // Large additions become several segments before they merge; each can have every run.
    const std::size_t segments = 1 + rows.size() / kMaxPending<Row>;
    bytes += Segment::BytesFor(kIndexedAlgorithms[i], counts[i], segments * runs[i].size(), range.width()) +
             segments * sizeof(Segment);
  }
  return bytes;
}

// Bytes that rows take while they are gathered and once more as the segments that they become.
template <typename Row>
std::size_t BytesToGather(const std::vector<Row>& pending, std::span<const Row> rows) {
  return std::min(kMaxPending<Row>, 2 * (pending.size() + rows.size())) * sizeof(Row) +
         SegmentBytes(std::span<const Row>(pending)) + SegmentBytes(rows);
}

}  // namespace

SegmentIndexBuilder::SegmentIndexBuilder(const SegmentIndexOptions& options)
    : options_(options),
      kernel_(options.kernel != nullptr ? Result<const Kernel*>(options.kernel) : SelectKernel()),
      permutation_(std::make_shared<const BitPermutation>(options.seed)),
      fingerprints_(std::make_shared<const Fingerprints>(options.seed)) {
  if (!options.on_merged) return;
  for (Lane& lane : lanes_) lane.merger.emplace(permutation_, ledger_, options.on_merged);
}

Status SegmentIndexBuilder::Add(std::span<const IndexedHash> hashes, std::span<const IndexedVector> vectors) {
  if (!kernel_) return std::unexpected(kernel_.error());
  for (const IndexedHash& row : hashes) HASHGATE_RETURN_IF_ERROR(CheckRow(row));
  for (const IndexedVector& row : vectors) HASHGATE_RETURN_IF_ERROR(CheckRow(row));
  HASHGATE_RETURN_IF_ERROR(CheckRoom(hashes, vectors));
  Gather(hashes, pending_.hashes);
  Gather(vectors, pending_.vectors);
  return {};
}

template <typename Row>
void SegmentIndexBuilder::Gather(std::span<const Row> rows, std::vector<Row>& pending) {
  constexpr std::size_t kMost = kMaxPending<Row>;
  while (!rows.empty()) {
    const std::size_t take = std::min(rows.size(), kMost - pending.size());
    const std::size_t needed = pending.size() + take;
    if (needed > pending.capacity())
      pending.reserve(std::min(kMost, std::max(needed, 2 * pending.capacity())));
    for (const Row& row : rows.first(take)) pending.push_back(Taken(row));
    rows = rows.subspan(take);
    if (pending.size() == kMost) Flush();
  }
}

std::shared_ptr<const HashIndex> SegmentIndexBuilder::Snapshot() {
  Flush();
  Stack& pdq = stacks_[StackOf(Algorithm::kPdq)];
  std::size_t unsettled = 0;
  for (const Growing& growing : pdq)
    unsettled += growing.fresh && growing.bands == nullptr ? growing.size() : 0;
  if (unsettled > kMostUnsettled) SettleFresh(pdq, 1);
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
  return std::make_shared<SegmentIndex>(kernel_, fingerprints_, std::move(stacks),
                                        options_.band_work_percent);
}

void SegmentIndexBuilder::Settle() {
  Flush();
  const int threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kSettleThreads);
  for (Stack& stack : stacks_) SettleFresh(stack, threads);
}

Status SegmentIndexBuilder::Restore(SnapshotReader& in) {
  if (!kernel_) return std::unexpected(kernel_.error());
  // Nearly everything in the file is something that memory will hold.
  if (options_.max_bytes != 0 && in.file_bytes() > options_.max_bytes) {
    return Fail(Reason::kMemoryLimit, "the index snapshot holds " + std::to_string(in.file_bytes()) +
                                          " bytes, more than the index's bound of " +
                                          std::to_string(options_.max_bytes));
  }
  for (std::size_t i = 0; i < stacks_.size(); ++i) {
    const auto segments = in.values().Little<std::uint32_t>();
    for (std::uint32_t k = 0; in.values().ok() && k < segments; ++k) {
      HASHGATE_RETURN_IF_ERROR(RestoreSegment(in, i));
    }
  }
  return in.values().ok() ? Status() : CutShort();
}

std::unexpected<Error> SegmentIndexBuilder::CutShort() {
  return Fail(Reason::kStoreCorrupt, "the index snapshot lacks segments that it should hold");
}

Status SegmentIndexBuilder::RestoreSegment(SnapshotReader& in, std::size_t stack) {
  Growing& growing = stacks_[stack].emplace_back();
  growing.fresh = false;
  HASHGATE_ASSIGN_OR_RETURN(growing.segment, Segment::Restore(in, ledger_));
  if (growing.segment->algorithm() != kIndexedAlgorithms[stack]) return CutShort();
  if (in.values().Little<std::uint8_t>() != 0) {
    HASHGATE_ASSIGN_OR_RETURN(growing.dead, Tombstones::Restore(in, growing.size(), ledger_));
  }
  if (in.values().Little<std::uint8_t>() == 0) return {};
  if (growing.segment->algorithm() != Algorithm::kPdq) return CutShort();
  HASHGATE_ASSIGN_OR_RETURN(growing.bands, BandIndex::Restore(in, *growing.segment, permutation_, ledger_));
  return {};
}

Status SegmentIndexBuilder::CheckRoom(std::span<const IndexedHash> hashes,
                                      std::span<const IndexedVector> vectors) const {
  if (options_.max_bytes == 0) return {};
  const std::size_t needed = MemoryHeld() - PendingBytes() + BytesToGather(pending_.hashes, hashes) +
                             BytesToGather(pending_.vectors, vectors) + BandBytesToCome(hashes);
  if (needed <= options_.max_bytes) return {};
  return Fail(Reason::kMemoryLimit, "the index would need " + std::to_string(needed) +
                                        " bytes, more than its bound of " +
                                        std::to_string(options_.max_bytes));
}

std::size_t SegmentIndexBuilder::BandBytesToCome(std::span<const IndexedHash> hashes) const {
  const auto is_pdq = [](const IndexedHash& row) { return row.algorithm == Algorithm::kPdq; };
  std::size_t rows = static_cast<std::size_t>(std::ranges::count_if(hashes, is_pdq)) +
                     static_cast<std::size_t>(std::ranges::count_if(pending_.hashes, is_pdq));
  std::size_t held = 0;
  for (const Growing& growing : stacks_[StackOf(Algorithm::kPdq)]) {
    rows += growing.live().live();
    held += growing.bands == nullptr ? 0 : growing.bands->bytes();
  }
  const std::size_t needed = rows < options_.band_rows ? 0 : BandIndex::BytesFor(rows);
  return needed > held ? needed - held : 0;
}

std::size_t SegmentIndexBuilder::PendingBytes() const {
  return pending_.hashes.capacity() * sizeof(IndexedHash) +
         pending_.vectors.capacity() * sizeof(IndexedVector);
}

std::size_t SegmentIndexBuilder::MemoryHeld() const {
  std::size_t merging = 0;
  for (const Lane& lane : lanes_) merging += lane.running ? lane.running->bytes : 0;
  return merging + ledger_->load(std::memory_order_relaxed) + PendingBytes() +
         withdrawals_.capacity() * sizeof(PendingWithdrawal);
}

void SegmentIndexBuilder::WithdrawAll(ListId list, std::optional<EntryId> entry) {
  ++changes_;
  for (Lane& lane : lanes_) {
    // Beyond the bound the merge is given up: one more is kept, which says so.
    if (lane.running && lane.running->withdrawals.size() <= kMaxLoggedWithdrawals) {
      lane.running->withdrawals.push_back({list, entry, 0, 0});
    }
  }
  if (!pending_.empty()) {
    if (withdrawals_.size() == kMaxPending<IndexedHash>) {
      Flush();
    } else {
      withdrawals_.push_back({list, entry, pending_.hashes.size(), pending_.vectors.size()});
    }
  }
  for (Stack& stack : stacks_) {
    for (Growing& growing : stack) KillAll(growing, list, entry);
  }
}

void SegmentIndexBuilder::KillAll(Growing& growing, ListId list, std::optional<EntryId> entry) {
  for (const Run& run : growing.segment->RunsOf(list)) {
    auto slots = std::make_pair(run.begin, run.end);
    if (entry) slots = growing.segment->SlotsOf(run, *entry);
    for (std::uint32_t slot = slots.first; slot < slots.second; ++slot) Kill(growing, run, slot);
  }
}

void SegmentIndexBuilder::Kill(Growing& growing, const Run& run, std::uint32_t slot) {
  if (growing.dead != nullptr && growing.dead->Has(slot)) return;
  if (growing.dead == nullptr) {
    growing.dead = std::make_shared<Tombstones>(growing.segment->size(), ledger_);
  } else if (growing.published) {
    growing.dead = std::make_shared<Tombstones>(*growing.dead, ledger_);
  }
  growing.published = false;
  growing.dead->Set(slot, run.key.list, growing.segment->RowSumOf(run, slot));
}

void SegmentIndexBuilder::Flush() {
  if (!pending_.empty()) ++changes_;
  std::ranges::sort(withdrawals_, [](const PendingWithdrawal& a, const PendingWithdrawal& b) {
    return std::make_tuple(a.key(), a.hashes_before, a.vectors_before) <
           std::make_tuple(b.key(), b.hashes_before, b.vectors_before);
  });
  auto hashes = LiveRows(pending_.hashes, &PendingWithdrawal::hashes_before);
  auto vectors = LiveRows(pending_.vectors, &PendingWithdrawal::vectors_before);
  for (std::size_t i = 0; i < stacks_.size(); ++i) {
    const Algorithm algorithm = kIndexedAlgorithms[i];
    if (!hashes[i].empty()) {
      stacks_[i].push_back(
          {.segment = BuildSegment(algorithm, std::move(hashes[i]), *fingerprints_, ledger_)});
    }
    if (!vectors[i].empty()) {
      stacks_[i].push_back({.segment = BuildSegment(algorithm, std::move(vectors[i]), ledger_)});
    }
  }
  pending_ = {};
  withdrawals_ = {};
  for (Stack& stack : stacks_) MergeSmall(stack);
}

template <typename Row>
std::array<std::vector<const Row*>, kIndexedAlgorithms.size()> SegmentIndexBuilder::LiveRows(
    const std::vector<Row>& pending, std::size_t PendingWithdrawal::* before) const {
  const auto withdrawn_after = [&](const Row& row, std::size_t position) {
    for (const std::optional<EntryId> entry : {std::optional<EntryId>(), std::optional<EntryId>(row.entry)}) {
      const auto key = std::make_pair(row.list, entry);
      const auto after = std::ranges::upper_bound(withdrawals_, key, {}, &PendingWithdrawal::key);
      if (after == withdrawals_.begin()) continue;
      const PendingWithdrawal& last = *std::prev(after);
      if (last.key() == key && last.*before > position) return true;
    }
    return false;
  };
  std::array<std::vector<const Row*>, kIndexedAlgorithms.size()> rows;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (!withdrawn_after(pending[i], i)) rows[StackOf(pending[i].algorithm)].push_back(&pending[i]);
  }
  return rows;
}

std::unique_ptr<IndexBuilder> NewIndexBuilder(const SegmentIndexOptions& options) {
  return std::make_unique<SegmentIndexBuilder>(options);
}

std::unique_ptr<IndexBuilder> NewIndexBuilder(const IndexOptions& options) {
  return NewIndexBuilder(SegmentIndexOptions{options});
}

}  // namespace hashgate::index
