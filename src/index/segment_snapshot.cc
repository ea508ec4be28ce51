// Segments and tombstones in an index snapshot.
#include "index/segment.h"
#include "index/segment_index.h"
#include "index/snapshot_file.h"

namespace hashgate::index {
namespace {

// More runs than lists, classes and pipelines make are a sign of damage.
constexpr std::uint32_t kMaxRuns = std::uint32_t{1} << 24;

std::unexpected<Error> DoesNotFit() {
  return Fail(Reason::kStoreCorrupt, "the index snapshot holds a segment that does not fit together");
}

std::unexpected<Error> Damaged() {
  return Fail(Reason::kInvariantBroken, "bytes of the index have changed in memory");
}

void SaveRun(const Run& run, ByteWriter& out) {
  out.Little(run.key.list);
  out.Little(run.key.action_class);
  out.Little(static_cast<std::uint8_t>(run.key.pipeline));
  out.Little(run.begin);
  out.Little(run.end);
  out.Little(run.sum);
}

Run RestoreRun(ByteReader& in) {
  Run run;
  run.key.list = in.Little<ListId>();
  run.key.action_class = in.Little<ActionClass>();
  const auto pipeline = in.Little<std::uint8_t>();
  if (pipeline <= static_cast<std::uint8_t>(Pipeline::kNn512)) {
    run.key.pipeline = static_cast<Pipeline>(pipeline);
  } else {
    in.Require(false);
  }
  run.begin = in.Little<std::uint32_t>();
  run.end = in.Little<std::uint32_t>();
  run.sum = in.Little<std::uint64_t>();
  return run;
}

// Whether the runs cover the rows without a gap, in order.
bool Cover(std::span<const Run> runs, std::size_t rows) {
  std::uint32_t begin = 0;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].begin != begin || runs[i].end <= begin) return false;
    if (i > 0 && runs[i - 1].key >= runs[i].key) return false;
    begin = runs[i].end;
  }
  return begin == rows;
}

}  // namespace

Status Tombstones::Save(SnapshotWriter& out) const {
  if (!CheckMemory()) return Damaged();
  out.values().Little(static_cast<std::uint32_t>(tallies_.size()));
  for (const auto& [list, tally] : tallies_) {
    out.values().Little(list);
    out.values().Little(tally.hashes);
    out.values().Little(tally.sum);
  }
  return out.Array(BlockSums(AsBytes(words_)));
}

Result<std::shared_ptr<Tombstones>> Tombstones::Restore(SnapshotReader& in, std::size_t slots,
                                                        const std::shared_ptr<MemoryLedger>& ledger) {
  auto dead = std::make_shared<Tombstones>(slots, ledger);
  const auto lists = in.values().Little<std::uint32_t>();
  for (std::uint32_t i = 0; in.values().ok() && i < lists; ++i) {
    const auto list = in.values().Little<ListId>();
    const auto hashes = in.values().Little<std::uint64_t>();
    dead->tallies_[list] = {hashes, in.values().Little<std::uint64_t>()};
    dead->count_ += hashes;
  }
  BlockSums sums;
  HASHGATE_RETURN_IF_ERROR(in.Array(AsWritableBytes(dead->words_), sums));
  if (!dead->CheckMemory()) return DoesNotFit();
  return dead;
}

Status Segment::Save(SnapshotWriter& out) const {
  if (!run_sums_.CheckNext(1)) return Damaged();
  ByteWriter& values = out.values();
  values.Little(static_cast<std::uint8_t>(algorithm_));
  values.Little(static_cast<std::uint32_t>(size()));
  values.Little(entries_.range().least);
  values.Little(entries_.range().greatest);
  values.Little(static_cast<std::uint32_t>(runs_.size()));
  for (const Run& run : runs_) SaveRun(run, values);
  for (const BlockSums& array : sums_) HASHGATE_RETURN_IF_ERROR(out.Array(array));
  return {};
}

Result<std::shared_ptr<const Segment>> Segment::Restore(SnapshotReader& in,
                                                        const std::shared_ptr<MemoryLedger>& ledger) {
  ByteReader& values = in.values();
  std::shared_ptr<Segment> segment(new Segment());
  segment->algorithm_ = static_cast<Algorithm>(values.Little<std::uint8_t>());
  const auto rows = values.Little<std::uint32_t>();
  EntryRange range;
  range.least = values.Little<EntryId>();
  range.greatest = values.Little<EntryId>();
  const auto runs = values.Little<std::uint32_t>();
  values.Require(StackOf(segment->algorithm_) < kIndexedAlgorithms.size() && rows > 0 && rows <= kMaxRows &&
                 runs > 0 && runs <= kMaxRuns && range.least <= range.greatest);
  for (std::uint32_t i = 0; values.ok() && i < runs; ++i) segment->runs_.push_back(RestoreRun(values));
  if (!values.ok() || !Cover(segment->runs_, rows)) return DoesNotFit();
  segment->runs_.shrink_to_fit();

  // Sizes are compared before anything is allocated.
  segment->value_size_ = ValueSize(segment->algorithm_);
  HASHGATE_ASSIGN_OR_RETURN(const std::uint64_t bytes, in.NextArrayBytes());
  if (bytes != std::size_t{rows} * segment->value_size_) return DoesNotFit();
  segment->values_ = FixedArray<std::uint8_t>(bytes);
  HASHGATE_RETURN_IF_ERROR(in.Array(segment->values_.span(), segment->sums_[0]));
  segment->entries_ = EntryColumn(rows, range);
  HASHGATE_RETURN_IF_ERROR(in.Array(segment->entries_.bytes().span(), segment->sums_[1]));
  if (IsFingerprinted(segment->algorithm_)) segment->AllocateDirectory();
  HASHGATE_RETURN_IF_ERROR(in.Array(AsWritableBytes(segment->order_), segment->sums_[2]));
  HASHGATE_RETURN_IF_ERROR(in.Array(AsWritableBytes(segment->buckets_), segment->sums_[3]));
  segment->TakeRunSums();
  segment->Charge(ledger);
  return segment;
}

}  // namespace hashgate::index
