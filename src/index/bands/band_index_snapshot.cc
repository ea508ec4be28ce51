// The band index in an index snapshot.
#include "index/bands/band_index.h"
#include "index/snapshot_file.h"

namespace hashgate::index {
namespace {

std::unexpected<Error> DoesNotFit() {
  return Fail(Reason::kStoreCorrupt, "the index snapshot holds a band index that does not fit its segment");
}

Result<std::vector<std::uint32_t>> RestoreNumbers(SnapshotReader& in, std::size_t max) {
  HASHGATE_ASSIGN_OR_RETURN(const std::uint64_t bytes, in.NextArrayBytes());
  if (bytes % sizeof(std::uint32_t) != 0 || bytes / sizeof(std::uint32_t) > max) return DoesNotFit();
  std::vector<std::uint32_t> numbers(bytes / sizeof(std::uint32_t));
  BlockSums sums;
  HASHGATE_RETURN_IF_ERROR(in.Array({reinterpret_cast<std::uint8_t*>(numbers.data()), bytes}, sums));
  return numbers;
}

}  // namespace

Status BandIndex::Save(SnapshotWriter& out) const {
  out.values().Little(static_cast<std::uint32_t>(distinct_));
  out.values().Little(static_cast<std::uint8_t>(layout_.bands.size()));
  out.values().Little(static_cast<std::uint8_t>(layout_.bands.front().width));
  for (const BlockSums& array : sums_) HASHGATE_RETURN_IF_ERROR(out.Array(array));
  for (const BlockSums& array : repeat_sums_) HASHGATE_RETURN_IF_ERROR(out.Array(array));
  return {};
}

Result<std::shared_ptr<const BandIndex>> BandIndex::Restore(
    SnapshotReader& in, const Segment& segment, const std::shared_ptr<const BitPermutation>& permutation,
    const std::shared_ptr<MemoryLedger>& ledger) {
  std::shared_ptr<BandIndex> index(new BandIndex());
  const std::size_t rows = segment.size();
  index->distinct_ = in.values().Little<std::uint32_t>();
  const auto bands = in.values().Little<std::uint8_t>();
  const auto width = in.values().Little<std::uint8_t>();
  if (!in.values().ok() || index->distinct_ == 0 || index->distinct_ > rows) return DoesNotFit();
  index->layout_ = LayoutFor(index->distinct_);
  if (index->layout_.bands.size() != bands || index->layout_.bands.front().width != width) {
    return Fail(Reason::kSchemaUnknown, "the index snapshot has other bands than this program makes");
  }
  for (std::size_t band = 0; band < bands; ++band) {
    Table& table = index->tables_.emplace_back();
    std::array<BlockSums, kArraysPerTable> sums;
    table.lines = FixedArray<BucketLine>(index->layout_.buckets());
    HASHGATE_RETURN_IF_ERROR(in.Array(AsWritableBytes(table.lines), sums[0]));
    HASHGATE_ASSIGN_OR_RETURN(const std::uint64_t overflow, in.NextArrayBytes());
    if (overflow % sizeof(std::uint16_t) != 0 ||
        overflow / sizeof(std::uint16_t) > rows + kSignaturePadding / sizeof(std::uint16_t)) {
      return DoesNotFit();
    }
    table.overflow = FixedArray<std::uint16_t>(overflow / sizeof(std::uint16_t));
    HASHGATE_RETURN_IF_ERROR(in.Array(AsWritableBytes(table.overflow), sums[1]));
    table.slots = SlotArray(index->distinct_, rows);
    HASHGATE_RETURN_IF_ERROR(in.Array(table.slots.array().span(), sums[2]));
    for (BlockSums& array : sums) index->sums_.push_back(std::move(array));
  }
  HASHGATE_ASSIGN_OR_RETURN(index->repeated_, RestoreNumbers(in, rows));
  HASHGATE_ASSIGN_OR_RETURN(index->repeat_begins_, RestoreNumbers(in, rows + 1));
  HASHGATE_ASSIGN_OR_RETURN(index->repeats_, RestoreNumbers(in, rows));
  const bool repeats = !index->repeated_.empty();
  if (index->distinct_ + index->repeats_.size() != rows ||
      index->repeat_begins_.size() != (repeats ? index->repeated_.size() + 1 : 0)) {
    return DoesNotFit();
  }
  if (repeats) {
    index->has_repeats_.resize(rows);
    for (const std::uint32_t slot : index->repeated_) {
      if (slot >= rows) return DoesNotFit();
      index->has_repeats_[slot] = true;
    }
  }
  index->Finish(permutation, ledger);
  return index;
}

}  // namespace hashgate::index
