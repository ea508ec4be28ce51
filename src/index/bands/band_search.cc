#include <algorithm>
#include <array>

#include "index/bands/band_index.h"

namespace hashgate::index {
namespace {

// Postings that pass their signature test and wait for the closer look, at most.
constexpr std::size_t kMaxWaiting = 4096;
// The same of postings from beyond the line of a long bucket: many of these are a crowd, and the sooner it is
// seen the sooner the search narrows.
constexpr std::size_t kMaxWaitingOfLong = 512;
// Slots that a search remembers to have looked at: 32 KiB of them, and 1 MiB where a query meets a crowd.
constexpr std::size_t kRemembered = 4096;
constexpr std::size_t kRememberedOfCrowd = 131'072;
// Slots that a query looks at before that is worth its memory.
constexpr std::size_t kCrowd = 2048;
// What opening a bucket and comparing a hash cost, in comparisons of a scan. At a million hashes a query
// opens 1,164 buckets in 17 us, 15 ns each with all that follows, where a scan compares in 1.1 ns
// (bench/RESULTS.md, match).
constexpr std::size_t kBucketWork = 12;
constexpr std::size_t kVerifyWork = 16;

void Prefetch(const void* at) {
  __builtin_prefetch(at, 0, 3);
}

}  // namespace

// One search. The work is cut into units, one for each (query, band), and each unit goes through four stages
// in five steps; while one waits for its memory the others go on, so that reads of several units are under
// way at a time.
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
  }

  bool Run() {
    const std::size_t units = queries_.size() * bands_.size();
    for (std::size_t step = 0; step < units + kSteps - 1; ++step) {
      // The last stage first: a unit moves on only after the one before it has left its place. Between asking
      // for a unit's lines and reading them lies the asking for the next unit's, which takes as long as they
      // need to come.
      if (step >= 4 && step - 4 < units) Verify(At(step - 4));
      if (step >= 3 && step - 3 < units && !FetchHashes(At(step - 3))) return false;
      if (step >= 2 && step - 2 < units && !Filter(At(step - 2))) return false;
      if (step < units) Begin(At(step), step / bands_.size(), bands_[step % bands_.size()]);
    }
    return true;
  }

 private:
  static constexpr std::size_t kSteps = 5;  // steps from a unit's begin to its end
  static constexpr std::size_t kFlipsAtOnce = kMaxWaiting / BucketLine::kInline;

  // A bucket whose further signatures are still to be looked through.
  struct LongBucket {
    std::uint32_t bucket = 0;
    int flips = 0;
  };

  struct Unit {
    std::size_t query = 0;
    std::size_t band = 0;
    const RadiusPlan* plan = nullptr;
    std::vector<LongBucket> long_buckets;
    std::size_t waiting_count = 0;
    std::array<std::uint32_t, kMaxWaiting> waiting;  // postings, then their slots

    [[nodiscard]] std::span<std::uint32_t> Waiting() { return std::span(waiting).first(waiting_count); }
    [[nodiscard]] int allowance() const { return plan->allowance[band]; }
  };

  Unit& At(std::size_t unit) { return units_[unit % kSteps]; }

  [[nodiscard]] BucketFilter FilterOf(const Unit& unit) const {
    const BandLayout& layout = index_.layout_;
    const PdqHash& permuted = permuted_[unit.query];
    return {.lines = index_.tables_[unit.band].lines.data(),
            .key = layout.KeyOf(unit.band, permuted),
            .signature = layout.SignatureOf(unit.band, permuted)};
  }

  // Takes the plan for what is still of use to the query. Plans take their steps in the same order, so that
  // of a smaller radius allows no band more bits: what it would have found in the bands behind, the plan so
  // far has found there.
  void Narrow(Unit& unit) {
    const int radius = sink_.UsefulRadius(unit.query);
    if (radius < unit.plan->radius) unit.plan = index_.plan(radius);
  }

  // Asks for the lines of all buckets of the unit.
  void Begin(Unit& unit, std::size_t query, std::size_t band) {
    unit.query = query;
    unit.band = band;
    unit.plan = &plan_;
    unit.waiting_count = 0;
    unit.long_buckets.clear();
    Narrow(unit);
    const BucketFilter filter = FilterOf(unit);
    for (int flips = 0; flips <= unit.allowance(); ++flips) {
      for (const std::uint32_t flip : index_.flips_[static_cast<std::size_t>(flips)]) {
        Prefetch(filter.lines + (filter.key ^ flip));
      }
    }
  }

  // Keeps the postings whose next band is near enough, and asks for their slots. False where the work is more
  // than a scan's.
  bool Filter(Unit& unit) {
    Narrow(unit);
    BucketFilter filter = FilterOf(unit);
    std::array<std::uint32_t, kFlipsAtOnce> long_buckets;
    for (int flips = 0; flips <= unit.allowance(); ++flips) {
      const std::vector<std::uint32_t>& masks = index_.flips_[static_cast<std::size_t>(flips)];
      work_ += masks.size() * kBucketWork;
      for (std::size_t first = 0; first < masks.size() && flips <= unit.allowance();) {
        const std::size_t room = (kMaxWaiting - unit.waiting_count) / BucketLine::kInline;
        if (room == 0) {
          if (!VerifyNow(unit)) return false;
          continue;
        }
        const std::size_t count = std::min({room, kFlipsAtOnce, masks.size() - first});
        filter.max_bits = unit.plan->MaxSignatureBits(index_.layout_, unit.band, flips);
        const Filtered found =
            kernel_.postings->filter_buckets(filter, std::span(masks).subspan(first, count),
                                             unit.waiting.data() + unit.waiting_count, long_buckets.data());
        unit.waiting_count += found.postings;
        for (const std::uint32_t bucket : std::span(long_buckets).first(found.long_buckets)) {
          work_ += filter.lines[bucket].count;
          unit.long_buckets.push_back({bucket, flips});
          Prefetch(index_.tables_[unit.band].overflow.data() + filter.lines[bucket].overflow_begin());
        }
        first += count;
      }
      if (work_ > max_work_) return false;
    }
    const SlotArray& slots = index_.tables_[unit.band].slots;
    for (const std::uint32_t posting : unit.Waiting()) Prefetch(slots.at(posting));
    return true;
  }

  // Looks through what did not fit into the lines of long buckets. False where the work is more than it may
  // be.
  bool FilterLong(Unit& unit) {
    const Table& table = index_.tables_[unit.band];
    const std::uint16_t signature = index_.layout_.SignatureOf(unit.band, permuted_[unit.query]);
    for (std::size_t i = 0; i < unit.long_buckets.size(); ++i) {
      const LongBucket bucket = unit.long_buckets[i];
      const BucketLine& line = table.lines[bucket.bucket];
      const std::span<const std::uint16_t> further =
          table.overflow.span().subspan(line.overflow_begin(), line.count - BucketLine::kInlineOfLong);
      for (std::size_t first = 0; first < further.size() && bucket.flips <= unit.allowance();) {
        if (unit.waiting_count >= kMaxWaitingOfLong) {
          if (!VerifyNow(unit)) return false;
          continue;
        }
        const std::size_t count = std::min(kMaxWaitingOfLong - unit.waiting_count, further.size() - first);
        unit.waiting_count += kernel_.postings->filter_signatures(
            further.subspan(first, count), signature,
            unit.plan->MaxSignatureBits(index_.layout_, unit.band, bucket.flips),
            line.begin + BucketLine::kInlineOfLong + static_cast<std::uint32_t>(first),
            unit.waiting.data() + unit.waiting_count);
        first += count;
      }
    }
    unit.long_buckets.clear();
    return true;
  }

  // Empties a full buffer without the other units' company. False as above.
  bool VerifyNow(Unit& unit) {
    if (!Resolve(unit)) return false;
    Verify(unit);
    Narrow(unit);
    return true;
  }

  // As the two below, false where the work is more than it may be.
  bool FetchHashes(Unit& unit) {
    Narrow(unit);
    return (unit.long_buckets.empty() || FilterLong(unit)) && Resolve(unit);
  }

  // Turns postings into slots and asks for their hashes. What another band has brought to this query already
  // is left out, as far as the table of those remembers: a hash that is near to the query is in most bands'
  // buckets.
  bool Resolve(Unit& unit) {
    const SlotArray& slots = index_.tables_[unit.band].slots;
    if (unit.query != looking_for_) {
      looking_for_ = unit.query;
      looked_at_ = 0;
    }
    // A crowd that narrows the search is soon done with.
    const bool crowd = looked_at_ > kCrowd && unit.plan->radius == plan_.radius;
    if (crowd && crowd_.empty()) crowd_.resize(kRememberedOfCrowd);
    const std::span<std::uint64_t> seen = crowd ? std::span(crowd_) : std::span(seen_);
    // The bands behind have found what is still of use.
    if (unit.allowance() < 0) unit.waiting_count = 0;
    std::size_t kept = 0;
    for (const std::uint32_t posting : unit.Waiting()) {
      const std::uint32_t slot = slots.Get(posting);
      const std::uint64_t pair = (std::uint64_t{unit.query} + 1) << 32 | slot;
      // Both sizes are powers of two.
      std::uint64_t& last = seen[slot & (seen.size() - 1)];
      if (last == pair) continue;
      last = pair;
      unit.waiting[kept++] = slot;
      Prefetch(&hashes_[slot]);
    }
    looked_at_ += kept;
    unit.waiting_count = kept;
    work_ += kept * kVerifyWork;
    return work_ <= max_work_;
  }

  void Verify(Unit& unit) {
    const std::size_t found = kernel_.postings->verify(hashes_.data(), unit.Waiting(), queries_[unit.query],
                                                       unit.plan->radius, hits_.data());
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
  std::array<Unit, kSteps> units_;
  std::array<SlotHit, kMaxWaiting> hits_;
  // (query, slot) that were looked at, the last of each remainder.
  std::array<std::uint64_t, kRemembered> seen_{};
  std::vector<std::uint64_t> crowd_;
  std::size_t looking_for_ = 0;
  std::size_t looked_at_ = 0;
  std::size_t work_ = 0;
};

std::size_t BandIndex::ExpectedWork(const RadiusPlan& plan) const {
  return plan.buckets * kBucketWork;
}

bool BandIndex::Search(const Kernel& kernel, std::span<const PdqHash> hashes,
                       std::span<const PdqHash> queries, const RadiusPlan& plan, std::size_t max_work,
                       SlotSink& sink) const {
  // Too large for a stack.
  return std::make_unique<Searcher>(*this, kernel, hashes, queries, plan, max_work, sink)->Run();
}

}  // namespace hashgate::index
