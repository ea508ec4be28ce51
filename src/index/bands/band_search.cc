#include <algorithm>
#include <array>

#include "index/bands/band_index.h"

namespace hashgate::index {
namespace {

// Postings that pass their signature test and wait for the closer look, at most.
constexpr std::size_t kMaxWaiting = 4096;
// Slots that a search remembers to have looked at: 32 KiB of them.
constexpr std::size_t kRemembered = 4096;
// What opening a bucket and comparing a hash cost, in postings looked through.
constexpr std::size_t kBucketWork = 8;
constexpr std::size_t kVerifyWork = 16;
constexpr std::size_t kCacheLine = 64;
// Longer ranges are left to the processor's own prefetching after so many lines.
constexpr std::uint32_t kPrefetchedPostings = 4 * kCacheLine / sizeof(std::uint16_t);

template <typename T>
void Prefetch(const T* at) {
  __builtin_prefetch(at, 0, 3);
}

void PrefetchRange(const std::uint16_t* first, std::uint32_t length) {
  constexpr std::uint32_t kLine = kCacheLine / sizeof(std::uint16_t);
  Prefetch(first);
  const std::uint32_t asked = std::min(length, kPrefetchedPostings);
  for (std::uint32_t at = kLine; at < asked; at += kLine) Prefetch(first + at);
  // Its last line is another one more often than not.
  if (asked > 1) Prefetch(first + asked - 1);
}

}  // namespace

// One search. The work is cut into units, one for each (query, band), and each unit goes through five stages;
// while one waits for its memory the others go on, so that reads of five units are under way at a time.
class BandIndex::Searcher {
 public:
  Searcher(const BandIndex& index, const Kernel& kernel, std::span<const PdqHash> hashes,
           std::span<const PdqHash> queries, const RadiusPlan& plan, std::size_t max_work, SlotSink& sink)
      : index_(index),
        kernel_(kernel),
        hashes_(hashes),
        queries_(queries),
        plan_(plan),
        max_work_(max_work),
        sink_(sink) {
    for (std::size_t band = 0; band < plan.allowance.size(); ++band) {
      if (plan.allowance[band] >= 0) bands_.push_back(band);
    }
    for (const PdqHash& query : queries) permuted_.push_back(index.permutation_->Apply(query));
    std::size_t most = 0;
    for (const int allowance : plan.allowance) {
      std::size_t buckets = 0;
      for (int flips = 0; flips <= allowance; ++flips)
        buckets += index.flips_[static_cast<std::size_t>(flips)].size();
      most = std::max(most, buckets);
    }
    // One more, because an empty bucket is written before it is known to be one.
    for (Unit& unit : units_) unit.ranges = FixedArray<PostingRange>(most + 1);
  }

  bool Run() {
    const std::size_t units = queries_.size() * bands_.size();
    for (std::size_t step = 0; step < units + kStages - 1; ++step) {
      // The last stage first: a unit moves on only after the one before it has left its place.
      if (step >= 4 && step - 4 < units) Verify(At(step - 4));
      if (step >= 3 && step - 3 < units) FetchHashes(At(step - 3));
      if (step >= 2 && step - 2 < units) Filter(At(step - 2));
      if (step >= 1 && step - 1 < units && !OpenBuckets(At(step - 1))) return false;
      if (step < units) Begin(At(step), step / bands_.size(), bands_[step % bands_.size()]);
    }
    return true;
  }

 private:
  static constexpr std::size_t kStages = 5;

  struct Unit {
    std::size_t query = 0;
    std::size_t band = 0;
    FixedArray<PostingRange> ranges;
    std::array<std::size_t, kMaxAllowance + 2> range_begins{};  // by flipped bits; the last is their end
    std::size_t waiting_count = 0;
    std::array<std::uint32_t, kMaxWaiting> waiting;  // postings, then their slots

    [[nodiscard]] std::span<std::uint32_t> Waiting() { return std::span(waiting).first(waiting_count); }
  };

  Unit& At(std::size_t unit) { return units_[unit % kStages]; }

  // Asks for the directory lines of all buckets of the unit.
  void Begin(Unit& unit, std::size_t query, std::size_t band) {
    unit.query = query;
    unit.band = band;
    unit.waiting_count = 0;
    const std::uint32_t* const begins = index_.tables_[band].begins.data();
    const std::uint32_t key = index_.layout_.KeyOf(band, permuted_[query]);
    for (int flips = 0; flips <= plan_.allowance[band]; ++flips) {
      for (const std::uint32_t flip : index_.flips_[static_cast<std::size_t>(flips)])
        Prefetch(begins + (key ^ flip));
    }
  }

  // Reads where the buckets lie and asks for their signatures. False where that is more than a scan costs.
  bool OpenBuckets(Unit& unit) {
    const Table& table = index_.tables_[unit.band];
    const std::uint32_t* const begins = table.begins.data();
    const std::uint32_t key = index_.layout_.KeyOf(unit.band, permuted_[unit.query]);
    const int allowance = plan_.allowance[unit.band];
    PostingRange* out = unit.ranges.data();
    for (int flips = 0; flips <= allowance; ++flips) {
      const auto& masks = index_.flips_[static_cast<std::size_t>(flips)];
      unit.range_begins[static_cast<std::size_t>(flips)] = static_cast<std::size_t>(out - unit.ranges.data());
      for (const std::uint32_t flip : masks) {
        const std::uint32_t bucket = key ^ flip;
        const PostingRange range{begins[bucket], begins[bucket + 1]};
        *out = range;
        // Without a branch that cannot be foretold: the next bucket overwrites an empty one.
        out += range.begin != range.end ? 1 : 0;
        const std::uint32_t length = range.end - range.begin;
        work_ += length;
        PrefetchRange(table.signatures.data() + range.begin, length);
      }
      work_ += masks.size() * kBucketWork;
    }
    unit.range_begins[static_cast<std::size_t>(allowance) + 1] =
        static_cast<std::size_t>(out - unit.ranges.data());
    return work_ <= max_work_;
  }

  // Keeps the postings whose next band is near enough, and asks for their slots.
  void Filter(Unit& unit) {
    const Table& table = index_.tables_[unit.band];
    SignatureFilter filter{.signatures = table.signatures.data(),
                           .query = index_.layout_.SignatureOf(unit.band, permuted_[unit.query])};
    const int allowance = plan_.allowance[unit.band];
    for (int flips = 0; flips <= allowance; ++flips) {
      filter.max_bits = plan_.MaxSignatureBits(index_.layout_, unit.band, flips);
      const std::size_t first = unit.range_begins[static_cast<std::size_t>(flips)];
      const std::size_t last = unit.range_begins[static_cast<std::size_t>(flips) + 1];
      FilterRanges(unit, filter, unit.ranges.span().subspan(first, last - first));
    }
    for (const std::uint32_t posting : unit.Waiting()) Prefetch(table.slots.data() + posting);
  }

  // In portions that the buffer surely holds.
  void FilterRanges(Unit& unit, const SignatureFilter& filter, std::span<PostingRange> ranges) {
    while (!ranges.empty()) {
      std::size_t room = kMaxWaiting - unit.waiting_count;
      std::size_t count = 0;
      while (count < ranges.size() && ranges[count].end - ranges[count].begin <= room) {
        room -= ranges[count].end - ranges[count].begin;
        ++count;
      }
      if (count > 0) {
        Append(unit, filter, ranges.first(count));
        ranges = ranges.subspan(count);
      } else if (unit.waiting_count > 0) {
        FetchHashes(unit);
        Verify(unit);
      } else {
        const PostingRange part{ranges.front().begin,
                                ranges.front().begin + static_cast<std::uint32_t>(kMaxWaiting)};
        ranges.front().begin = part.end;
        Append(unit, filter, std::span(&part, 1));
      }
    }
  }

  void Append(Unit& unit, const SignatureFilter& filter, std::span<const PostingRange> ranges) const {
    unit.waiting_count += kernel_.filter(filter, ranges, unit.waiting.data() + unit.waiting_count);
  }

  // Turns postings into slots and asks for their hashes. What another band has brought to this query already is left
  // out, as far as the table of those remembers: a hash that is near to the query is in most bands' buckets.
  void FetchHashes(Unit& unit) {
    const std::uint32_t* const slots = index_.tables_[unit.band].slots.data();
    std::size_t kept = 0;
    for (const std::uint32_t posting : unit.Waiting()) {
      const std::uint32_t slot = slots[posting];
      const std::uint64_t pair = (std::uint64_t{unit.query} + 1) << 32 | slot;
      std::uint64_t& seen = seen_[slot % kRemembered];
      if (seen == pair) continue;
      seen = pair;
      unit.waiting[kept++] = slot;
      Prefetch(&hashes_[slot]);
    }
    unit.waiting_count = kept;
    work_ += kept * kVerifyWork;
  }

  void Verify(Unit& unit) {
    const std::size_t found =
        kernel_.verify(hashes_.data(), unit.Waiting(), queries_[unit.query], plan_.radius, hits_.data());
    for (const SlotHit& hit : std::span(hits_).first(found)) sink_.Take(unit.query, hit);
    unit.waiting_count = 0;
  }

  const BandIndex& index_;
  const Kernel& kernel_;
  const std::span<const PdqHash> hashes_;
  const std::span<const PdqHash> queries_;
  const RadiusPlan& plan_;
  const std::size_t max_work_;
  SlotSink& sink_;
  std::vector<std::size_t> bands_;
  std::vector<PdqHash> permuted_;
  std::array<Unit, kStages> units_;
  std::array<SlotHit, kMaxWaiting> hits_;
  std::array<std::uint64_t, kRemembered> seen_{};  // (query, slot) that were looked at, the last of each remainder
  std::size_t work_ = 0;
};

std::size_t BandIndex::ExpectedWork(const RadiusPlan& plan) const {
  // All bands are equally wide.
  return plan.buckets * (kBucketWork + (distinct_ >> layout_.bands.front().width));
}

bool BandIndex::Search(const Kernel& kernel, std::span<const PdqHash> hashes,
                       std::span<const PdqHash> queries, const RadiusPlan& plan, std::size_t max_work,
                       SlotSink& sink) const {
  // Too large for a stack.
  return std::make_unique<Searcher>(*this, kernel, hashes, queries, plan, max_work, sink)->Run();
}

}  // namespace hashgate::index
