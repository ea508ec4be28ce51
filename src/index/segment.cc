#include "index/segment.h"

#include <bit>
#include <numeric>
#include <ranges>
#include <tuple>

namespace hashgate::index {
namespace {

// Rows between two looks at `cancelled`.
constexpr std::size_t kCancelEvery = std::size_t{1} << 20;

// Slots to a bucket on average.
constexpr std::size_t kSlotsPerBucket = 4;
std::size_t BucketCount(std::size_t rows) {
  return std::max<std::size_t>(1, rows / kSlotsPerBucket);
}

__extension__ using Uint128 = unsigned __int128;

}  // namespace

MemoryCharge::MemoryCharge(std::shared_ptr<MemoryLedger> ledger, std::size_t bytes)
    : ledger_(std::move(ledger)), bytes_(bytes) {
  ledger_->fetch_add(bytes_, std::memory_order_relaxed);
}

MemoryCharge::~MemoryCharge() {
  if (ledger_ != nullptr) ledger_->fetch_sub(bytes_, std::memory_order_relaxed);
}

MemoryCharge::MemoryCharge(MemoryCharge&& other) noexcept
    : ledger_(std::move(other.ledger_)), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryCharge& MemoryCharge::operator=(MemoryCharge&& other) noexcept {
  std::swap(ledger_, other.ledger_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Tombstones::Tombstones(std::size_t slots, const std::shared_ptr<MemoryLedger>& ledger)
    : words_((slots + 63) / 64), charge_(ledger, words_.bytes() + sizeof(*this)) {
  std::ranges::fill(words_.span(), 0);
}

Tombstones::Tombstones(const Tombstones& other, const std::shared_ptr<MemoryLedger>& ledger)
    : words_(other.words_.size()),
      count_(other.count_),
      tallies_(other.tallies_),
      charge_(ledger, words_.bytes() + sizeof(*this)) {
  std::ranges::copy(other.words_.span(), words_.data());
}

bool Tombstones::HasAll(std::uint32_t begin, std::uint32_t end) const {
  for (std::uint32_t slot = begin; slot < end;) {
    if (slot % 64 == 0 && end - slot >= 64) {
      if (words_[slot / 64] != ~std::uint64_t{0}) return false;
      slot += 64;
    } else if (!Has(slot++)) {
      return false;
    }
  }
  return true;
}

bool Tombstones::CheckMemory() const {
  std::size_t set = 0;
  for (const std::uint64_t word : words_.span()) set += static_cast<std::size_t>(std::popcount(word));
  return set == count_;
}

void Tombstones::Set(std::uint32_t slot, ListId list, std::uint64_t sum) {
  if (Has(slot)) return;
  words_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  ++count_;
  tallies_[list] += {1, sum};
}

Tally Tombstones::TallyOf(ListId list) const {
  const auto at = tallies_.find(list);
  return at == tallies_.end() ? Tally{} : at->second;
}

std::span<const Run> Segment::RunsOf(ListId list) const {
  const auto found = std::ranges::equal_range(runs_, list, {}, [](const Run& run) { return run.key.list; });
  return {found.begin(), found.end()};
}

const Run& Segment::RunOf(std::uint32_t slot) const {
  return *std::ranges::upper_bound(runs_, slot, {}, &Run::end);
}

std::pair<std::uint32_t, std::uint32_t> Segment::SlotsOf(const Run& run, EntryId entry) const {
  const auto slots = std::views::iota(run.begin, run.end);
  const auto found =
      std::ranges::equal_range(slots, entry, {}, [this](std::uint32_t slot) { return entries_[slot]; });
  const auto first = static_cast<std::uint32_t>(found.begin() - slots.begin()) + run.begin;
  return {first, first + static_cast<std::uint32_t>(found.size())};
}

std::size_t Segment::BucketOf(const Fingerprint& digest) const {
  // Scales to the number of buckets without a division, and in order.
  return static_cast<std::size_t>((static_cast<Uint128>(digest.head) * (buckets_.size() - 1)) >> 64);
}

void Segment::AllocateDirectory() {
  order_ = FixedArray<std::uint32_t>(size());
  buckets_ = FixedArray<std::uint32_t>(BucketCount(size()) + 1);
}

void Segment::BuildDirectory() {
  AllocateDirectory();
  const std::size_t rows = size();
  std::ranges::fill(buckets_.span(), 0);
  // Counting sort by bucket: first how many each has, then where each ends, then filled from the back, which
  // leaves every start in place.
  for (std::uint32_t slot = 0; slot < rows; ++slot) ++buckets_[BucketOf(FingerprintAt(slot))];
  std::partial_sum(buckets_.span().begin(), buckets_.span().end(), buckets_.span().begin());
  for (auto slot = static_cast<std::uint32_t>(rows); slot-- > 0;) {
    order_[--buckets_[BucketOf(FingerprintAt(slot))]] = slot;
  }
  for (std::size_t bucket = 0; bucket + 1 < buckets_.size(); ++bucket) {
    std::sort(order_.data() + buckets_[bucket], order_.data() + buckets_[bucket + 1],
              [this](std::uint32_t a, std::uint32_t b) {
                return std::pair(FingerprintAt(a), a) < std::pair(FingerprintAt(b), b);
              });
  }
}

std::span<const std::uint32_t> Segment::Find(const Fingerprint& digest) const {
  const std::size_t bucket = BucketOf(digest);
  const auto slots = order_.span().subspan(buckets_[bucket], buckets_[bucket + 1] - buckets_[bucket]);
  const auto found =
      std::ranges::equal_range(slots, digest, {}, [this](std::uint32_t slot) { return FingerprintAt(slot); });
  return {found.begin(), found.end()};
}

std::size_t Segment::BytesFor(Algorithm algorithm, std::size_t rows, std::size_t runs,
                              std::size_t entry_width) {
  std::size_t bytes = sizeof(Segment) + rows * (ValueSize(algorithm) + entry_width) + runs * sizeof(Run);
  if (IsFingerprinted(algorithm)) {
    bytes += (rows + BucketCount(rows) + 1) * sizeof(std::uint32_t);
  }
  return bytes;
}

void Segment::Charge(const std::shared_ptr<MemoryLedger>& ledger) {
  charge_ = MemoryCharge(ledger, sizeof(Segment) + values_.bytes() + entries_.bytes().bytes() +
                                     runs_.capacity() * sizeof(Run) + order_.bytes() + buckets_.bytes());
}

void Segment::TakeSums() {
  sums_ = {BlockSums(values_.span()), BlockSums(entries_.bytes().span()), BlockSums(AsBytes(order_)),
           BlockSums(AsBytes(buckets_))};
  TakeRunSums();
}

void Segment::TakeRunSums() {
  run_sums_ =
      BlockSums(std::span(reinterpret_cast<const std::uint8_t*>(runs_.data()), runs_.size() * sizeof(Run)));
}

bool Segment::CheckMemory(std::size_t parts) const {
  return run_sums_.CheckNext(parts) &&
         std::ranges::all_of(sums_, [parts](const BlockSums& sums) { return sums.CheckNext(parts); });
}

/// Fills a segment with rows in order of (run, entry). The number of rows is known beforehand, so that
/// nothing is allocated twice.
class SegmentMaker {
 public:
  SegmentMaker(Algorithm algorithm, std::size_t rows, const EntryRange& range) : segment_(new Segment()) {
    segment_->algorithm_ = algorithm;
    segment_->value_size_ = ValueSize(algorithm);
    segment_->values_ = FixedArray<std::uint8_t>(rows * segment_->value_size_);
    segment_->entries_ = EntryColumn(rows, range);
  }

  /// `value`: as the segment holds it.
  void Append(const RunKey& key, EntryId entry, const std::uint8_t* value) {
    if (segment_->runs_.empty() || segment_->runs_.back().key != key) {
      segment_->runs_.push_back({key, next_, next_, 0});
    }
    std::memcpy(segment_->values_.data() + std::size_t{next_} * segment_->value_size_, value,
                segment_->value_size_);
    segment_->entries_.Set(next_, entry);
    segment_->runs_.back().sum += RowSum(segment_->algorithm_, key.pipeline, entry, value);
    segment_->runs_.back().end = ++next_;
  }

  [[nodiscard]] std::size_t rows() const { return next_; }
  [[nodiscard]] bool full() const { return next_ == segment_->size(); }

  std::shared_ptr<const Segment> Finish(const std::shared_ptr<MemoryLedger>& ledger) {
    segment_->runs_.shrink_to_fit();
    if (IsFingerprinted(segment_->algorithm_)) segment_->BuildDirectory();
    segment_->TakeSums();
    segment_->Charge(ledger);
    return std::move(segment_);
  }

 private:
  std::unique_ptr<Segment> segment_;
  std::uint32_t next_ = 0;
};

namespace {

// `append(row, maker)` appends one.
template <typename Row, typename Append>
std::shared_ptr<const Segment> BuildOf(Algorithm algorithm, std::vector<const Row*> rows,
                                       const std::shared_ptr<MemoryLedger>& ledger, const Append& append) {
  std::ranges::stable_sort(rows, {}, [](const Row* row) { return std::make_pair(KeyOf(*row), row->entry); });
  EntryRange range;
  for (const Row* row : rows) range.Include(row->entry);
  SegmentMaker maker(algorithm, rows.size(), range);
  for (const Row* row : rows) append(*row, maker);
  return maker.Finish(ledger);
}

}  // namespace

std::shared_ptr<const Segment> BuildSegment(Algorithm algorithm, std::vector<const IndexedHash*> rows,
                                            const Fingerprints& fingerprints,
                                            const std::shared_ptr<MemoryLedger>& ledger) {
  return BuildOf(algorithm, std::move(rows), ledger, [&](const IndexedHash& row, SegmentMaker& maker) {
    const RowValue value(row, fingerprints);
    maker.Append(KeyOf(row), row.entry, value.data());
  });
}

std::shared_ptr<const Segment> BuildSegment(Algorithm algorithm, std::vector<const IndexedVector*> rows,
                                            const std::shared_ptr<MemoryLedger>& ledger) {
  return BuildOf(algorithm, std::move(rows), ledger, [](const IndexedVector& row, SegmentMaker& maker) {
    maker.Append(KeyOf(row), row.entry, row.bytes.data());
  });
}

std::shared_ptr<const Segment> MergeSegments(std::span<const LiveSegment> sources,
                                             const std::shared_ptr<MemoryLedger>& ledger,
                                             const std::function<bool()>& cancelled) {
  struct Cursor {
    const LiveSegment* source;
    std::size_t run = 0;
    std::uint32_t slot = 0;
    [[nodiscard]] bool done() const { return slot == source->segment->size(); }
    [[nodiscard]] const RunKey& key() const { return source->segment->runs()[run].key; }
    [[nodiscard]] EntryId entry() const { return source->segment->entry(slot); }
    void SkipDead() {
      while (!done() && source->IsDead(slot)) ++slot;
      while (!done() && source->segment->runs()[run].end <= slot) ++run;
    }
  };
  std::size_t rows = 0;
  EntryRange range;
  std::vector<Cursor> cursors;
  for (const LiveSegment& source : sources) {
    rows += source.live();
    range.Include(source.segment->entry_range());
    Cursor cursor{&source};
    cursor.SkipDead();
    if (!cursor.done()) cursors.push_back(cursor);
  }
  if (rows == 0) return nullptr;
  SegmentMaker maker(sources.front().segment->algorithm(), rows, range);
  // A heap with the least row in front. Rows that come before the next cursor's are taken in one go: sources
  // that do not overlap, as a load makes them, are copied rather than merged.
  const auto after = [](const Cursor& a, const Cursor& b) {
    const auto order = a.key() <=> b.key();
    return order > 0 || (order == 0 && a.entry() > b.entry());
  };
  std::ranges::make_heap(cursors, after);
  std::size_t next_look = kCancelEvery;
  while (!cursors.empty()) {
    // More rows than were counted: a bit of a tombstone has tipped over.
    if (maker.full()) return nullptr;
    if (maker.rows() >= next_look) {
      if (cancelled && cancelled()) return nullptr;
      next_look += kCancelEvery;
    }
    std::ranges::pop_heap(cursors, after);
    Cursor& cursor = cursors.back();
    const Cursor* const next = cursors.size() > 1 ? &cursors.front() : nullptr;
    do {
      maker.Append(cursor.key(), cursor.entry(), cursor.source->segment->value(cursor.slot));
      ++cursor.slot;
      cursor.SkipDead();
    } while (!cursor.done() && !maker.full() && (next == nullptr || !after(cursor, *next)) &&
             maker.rows() < next_look);
    if (cursor.done()) {
      cursors.pop_back();
    } else {
      std::ranges::push_heap(cursors, after);
    }
  }
  // Fewer, likewise.
  return maker.full() ? maker.Finish(ledger) : nullptr;
}

}  // namespace hashgate::index
