#include "index/segment.h"

#include <array>
#include <cstring>
#include <numeric>
#include <tuple>

#include "base/random.h"

namespace hashgate::index {
namespace {

// Rows between two looks at `cancelled`.
constexpr std::size_t kCancelEvery = std::size_t{1} << 20;

// Two slots a bucket on average.
std::size_t BucketCount(std::size_t rows) {
  return std::max<std::size_t>(1, rows / 2);
}

__extension__ using Uint128 = unsigned __int128;

// A secret of this process: whoever chooses digests cannot tell which of them share a bucket.
const std::array<std::uint64_t, 2>& BucketSecret() {
  static const std::array<std::uint64_t, 2> secret = [] {
    std::array<std::uint8_t, 16> bytes{};
    FillRandom(bytes);
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), bytes.data(), bytes.size());
    return words;
  }();
  return secret;
}

std::uint64_t MultiplyFold(std::uint64_t a, std::uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

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
    : words_(other.words_.size()), count_(other.count_), charge_(ledger, words_.bytes() + sizeof(*this)) {
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

void Tombstones::Set(std::uint32_t slot) {
  const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
  count_ += (words_[slot / 64] & bit) == 0 ? 1 : 0;
  words_[slot / 64] |= bit;
}

std::span<const Run> Segment::RunsOf(ListId list) const {
  const auto found = std::ranges::equal_range(runs_, list, {}, [](const Run& run) { return run.key.list; });
  return {found.begin(), found.end()};
}

const Run& Segment::RunOf(std::uint32_t slot) const {
  return *std::ranges::upper_bound(runs_, slot, {}, &Run::end);
}

std::pair<std::uint32_t, std::uint32_t> Segment::SlotsOf(const Run& run, EntryId entry) const {
  const EntryId* const base = entries_.data();
  const auto [first, last] = std::equal_range(base + run.begin, base + run.end, entry);
  return {static_cast<std::uint32_t>(first - base), static_cast<std::uint32_t>(last - base)};
}

std::size_t Segment::BucketOf(const std::uint8_t* digest) const {
  // Every digest has at least 16 bytes, and any 16 of an unforged one identify it.
  std::uint64_t words[2];
  std::memcpy(words, digest, sizeof(words));
  const auto& secret = BucketSecret();
  const std::uint64_t mixed =
      MultiplyFold(MultiplyFold(words[0] ^ secret[0], words[1] ^ secret[1]) ^ secret[0], secret[1] | 1);
  // Scales to the number of buckets without a division.
  return static_cast<std::size_t>((static_cast<Uint128>(mixed) * (buckets_.size() - 1)) >> 64);
}

void Segment::BuildDirectory() {
  const std::size_t rows = size();
  order_ = FixedArray<std::uint32_t>(rows);
  buckets_ = FixedArray<std::uint32_t>(BucketCount(rows) + 1);
  std::ranges::fill(buckets_.span(), 0);
  // Counting sort by bucket: first how many each has, then where each ends, then filled from the back, which
  // leaves every start in place.
  for (std::size_t slot = 0; slot < rows; ++slot) ++buckets_[BucketOf(value(slot))];
  std::partial_sum(buckets_.span().begin(), buckets_.span().end(), buckets_.span().begin());
  for (std::size_t slot = rows; slot-- > 0;) {
    order_[--buckets_[BucketOf(value(slot))]] = static_cast<std::uint32_t>(slot);
  }
  const auto by_value = [this](std::uint32_t a, std::uint32_t b) {
    const int order = std::memcmp(value(a), value(b), value_size_);
    return order != 0 ? order < 0 : a < b;
  };
  for (std::size_t bucket = 0; bucket + 1 < buckets_.size(); ++bucket) {
    std::sort(order_.data() + buckets_[bucket], order_.data() + buckets_[bucket + 1], by_value);
  }
}

std::span<const std::uint32_t> Segment::Find(const std::uint8_t* digest) const {
  const std::size_t bucket = BucketOf(digest);
  const auto slots = order_.span().subspan(buckets_[bucket], buckets_[bucket + 1] - buckets_[bucket]);
  const auto first = std::ranges::partition_point(
      slots, [&](std::uint32_t slot) { return std::memcmp(value(slot), digest, value_size_) < 0; });
  const auto last = std::partition_point(first, slots.end(), [&](std::uint32_t slot) {
    return std::memcmp(value(slot), digest, value_size_) == 0;
  });
  return {first, last};
}

std::size_t Segment::BytesFor(Algorithm algorithm, std::size_t rows, std::size_t runs) {
  std::size_t bytes = sizeof(Segment) + rows * (HashSize(algorithm) + sizeof(EntryId)) + runs * sizeof(Run);
  if (algorithm != Algorithm::kPdq) {
    bytes += (rows + BucketCount(rows) + 1) * sizeof(std::uint32_t);
  }
  return bytes;
}

/// Fills a segment with rows in order of (run, entry). The number of rows is known beforehand, so that
/// nothing is allocated twice.
class SegmentWriter {
 public:
  SegmentWriter(Algorithm algorithm, std::size_t rows) : segment_(new Segment()) {
    segment_->algorithm_ = algorithm;
    segment_->value_size_ = HashSize(algorithm);
    segment_->values_ = FixedArray<std::uint8_t>(rows * segment_->value_size_);
    segment_->entries_ = FixedArray<EntryId>(rows);
  }

  /// `value`: in the segment's own layout.
  void Append(const RunKey& key, EntryId entry, const void* value) {
    if (segment_->runs_.empty() || segment_->runs_.back().key != key) {
      segment_->runs_.push_back({key, next_, next_});
    }
    std::memcpy(segment_->values_.data() + std::size_t{next_} * segment_->value_size_, value,
                segment_->value_size_);
    segment_->entries_[next_] = entry;
    segment_->runs_.back().end = ++next_;
  }

  [[nodiscard]] std::size_t rows() const { return next_; }

  std::shared_ptr<const Segment> Finish(const std::shared_ptr<MemoryLedger>& ledger) {
    segment_->runs_.shrink_to_fit();
    if (segment_->algorithm_ != Algorithm::kPdq) segment_->BuildDirectory();
    Segment& segment = *segment_;
    const std::size_t bytes = sizeof(Segment) + segment.values_.bytes() + segment.entries_.bytes() +
                              segment.runs_.capacity() * sizeof(Run) + segment.order_.bytes() +
                              segment.buckets_.bytes();
    segment.charge_ = MemoryCharge(ledger, bytes);
    return std::move(segment_);
  }

 private:
  std::unique_ptr<Segment> segment_;
  std::uint32_t next_ = 0;
};

std::shared_ptr<const Segment> BuildSegment(Algorithm algorithm, std::vector<const IndexedHash*> rows,
                                            const std::shared_ptr<MemoryLedger>& ledger) {
  std::ranges::stable_sort(rows, {}, [](const IndexedHash* row) {
    return std::make_tuple(row->list, row->action_class, row->pipeline, row->entry);
  });
  SegmentWriter writer(algorithm, rows.size());
  for (const IndexedHash* row : rows) {
    const RunKey key{row->list, row->action_class, row->pipeline};
    if (algorithm == Algorithm::kPdq) {
      const PdqHash hash = PdqHash::FromBytes(row->bytes);
      writer.Append(key, row->entry, &hash);
    } else {
      writer.Append(key, row->entry, row->bytes.data());
    }
  }
  return writer.Finish(ledger);
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
    [[nodiscard]] EntryId entry() const { return source->segment->entries()[slot]; }
    void SkipDead() {
      while (!done() && source->IsDead(slot)) ++slot;
      while (!done() && source->segment->runs()[run].end <= slot) ++run;
    }
  };
  std::size_t rows = 0;
  std::vector<Cursor> cursors;
  for (const LiveSegment& source : sources) {
    rows += source.live();
    Cursor cursor{&source};
    cursor.SkipDead();
    if (!cursor.done()) cursors.push_back(cursor);
  }
  if (rows == 0) return nullptr;
  SegmentWriter writer(sources.front().segment->algorithm(), rows);
  // A heap with the least row in front. Rows that come before the next cursor's are taken in one go: sources
  // that do not overlap, as a load makes them, are copied rather than merged.
  const auto after = [](const Cursor& a, const Cursor& b) {
    const auto order = a.key() <=> b.key();
    return order > 0 || (order == 0 && a.entry() > b.entry());
  };
  std::ranges::make_heap(cursors, after);
  std::size_t next_look = kCancelEvery;
  while (!cursors.empty()) {
    if (writer.rows() >= next_look) {
      if (cancelled && cancelled()) return nullptr;
      next_look += kCancelEvery;
    }
    std::ranges::pop_heap(cursors, after);
    Cursor& cursor = cursors.back();
    const Cursor* const next = cursors.size() > 1 ? &cursors.front() : nullptr;
    do {
      writer.Append(cursor.key(), cursor.entry(), cursor.source->segment->value(cursor.slot));
      ++cursor.slot;
      cursor.SkipDead();
    } while (!cursor.done() && (next == nullptr || !after(cursor, *next)) && writer.rows() < next_look);
    if (cursor.done()) {
      cursors.pop_back();
    } else {
      std::ranges::push_heap(cursors, after);
    }
  }
  return writer.Finish(ledger);
}

}  // namespace hashgate::index
