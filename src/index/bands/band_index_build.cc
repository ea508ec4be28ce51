#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"
#include "index/bands/band_index.h"

namespace hashgate::index {
namespace {

constexpr int kMaxRadius = 63;
// Hashes between two looks at `cancelled`.
constexpr std::size_t kCancelEvery = std::size_t{1} << 20;
// Postings are brought near to their place by the first bits of their key before they are put there, so that
// what is written next to each other in time lies within a core's own cache.
constexpr int kPartBits = 8;
constexpr std::size_t kParts = std::size_t{1} << kPartBits;

std::size_t PaddedOverflow(std::size_t signatures) {
  return signatures + kSignaturePadding / sizeof(std::uint16_t);
}

// A posting on its way: the key's bits behind those of its part, the signature, the slot.
struct Posting {
  std::uint32_t slot;
  std::uint16_t signature;
  std::uint16_t key_rest;
};
static_assert(sizeof(Posting) == 8);

}  // namespace

class BandIndex::Builder {
 public:
  Builder(const Segment& segment, const BitPermutation& permutation, const Kernel& kernel, int threads,
          const std::function<bool()>& cancelled)
      : hashes_(segment.pdq()),
        permutation_(permutation),
        pick_bits_(kernel.postings->pick_bits),
        threads_(threads),
        cancelled_(cancelled) {}

  // False where cancelled.
  bool Run(BandIndex& index) {
    distinct_ = hashes_.size();
    index.layout_ = LayoutFor(distinct_);
    if (!CountParts(index.layout_)) return false;
    Scratch scratch(hashes_.size());
    index.tables_.resize(index.layout_.bands.size());
    Fill(index, 0, scratch);
    if (Cancelled(0)) return false;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs = FindRepeats(index);
    // The first table was made with the repeats in it, to find them.
    const bool keep_first = pairs.empty();
    if (!keep_first && !LeaveOut(index, pairs)) return false;
    if (!FillFrom(index, keep_first ? 1 : 0, scratch)) return false;
    index.distinct_ = distinct_;
    return true;
  }

 private:
  // Hashes of which bits are picked at a time: their words fit into the first cache.
  static constexpr std::size_t kBlock = 1024;

  // What a thread needs to make a table.
  struct Scratch {
    explicit Scratch(std::size_t hashes) : postings(hashes) {}
    FixedArray<Posting> postings;  // of one band
    std::array<std::size_t, kParts + 1> part_begins{};
    std::vector<std::uint32_t> counts;  // by the rest of the key, of one part
    std::array<std::uint64_t, kBlock> words{};
  };

  [[nodiscard]] bool Cancelled(std::size_t done) const {
    return done % kCancelEvery == 0 && cancelled_ && cancelled_();
  }

  void AddPicks(BitPicks& picks, int first, int count) const {
    for (int bit = first; bit < first + count; ++bit) {
      picks.positions[picks.count++] = permutation_.source(static_cast<std::size_t>(bit));
    }
  }

  // Calls visit(slot, word of its picked bits) for each distinct hash, in order.
  template <typename Visit>
  void ForEachHash(const BitPicks& picks, std::span<std::uint64_t, kBlock> words, const Visit& visit) const {
    for (std::size_t begin = 0; begin < hashes_.size(); begin += kBlock) {
      const std::size_t count = std::min(kBlock, hashes_.size() - begin);
      pick_bits_(picks, hashes_.subspan(begin, count), words.data());
      for (std::size_t i = 0; i < count; ++i) {
        if (!left_out_.empty() && left_out_[begin + i]) continue;
        visit(static_cast<std::uint32_t>(begin + i), words[i]);
      }
    }
  }

  // Counts what lies in each part of each band. False where cancelled.
  bool CountParts(const BandLayout& layout) {
    // Several bands at a time, because reading the hashes takes longer than counting.
    constexpr std::size_t kAtOnce = 64 / kPartBits;
    part_sizes_.assign(layout.bands.size(), {});
    std::array<std::uint64_t, kBlock> words{};
    for (std::size_t first = 0; first < layout.bands.size(); first += kAtOnce) {
      if (Cancelled(0)) return false;
      const auto sizes = std::span(part_sizes_).subspan(first, std::min(kAtOnce, part_sizes_.size() - first));
      BitPicks picks;
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        const Band& band = layout.bands[first + i];
        AddPicks(picks, band.first + band.width - kPartBits, kPartBits);
      }
      ForEachHash(picks, words, [&](std::uint32_t /*slot*/, std::uint64_t word) {
        for (std::array<std::size_t, kParts>& of_band : sizes) {
          ++of_band[word % kParts];
          word /= kParts;
        }
      });
    }
    return true;
  }

  // Makes the tables from band `first` on, each by one thread. False where cancelled.
  bool FillFrom(BandIndex& index, std::size_t first, Scratch& scratch) {
    // Of the first table too, where it stays.
    index.sums_.resize(kArraysPerTable * index.tables_.size());
    for (std::size_t band = 0; band < first; ++band) TakeSums(index, band);
    std::atomic<std::size_t> next = first;
    std::atomic<bool> cancelled = false;
    std::atomic<bool> out_of_memory = false;
    const auto fill = [&](Scratch& own) {
      for (std::size_t band = next.fetch_add(1); band < index.tables_.size(); band = next.fetch_add(1)) {
        if (out_of_memory.load() || cancelled.load()) return;
        if (Cancelled(0)) cancelled.store(true);
        if (cancelled.load()) return;
        Fill(index, band, own);
        TakeSums(index, band);
      }
    };
    const auto help = [&]() noexcept {
      try {
        Scratch own(distinct_);
        fill(own);
      } catch (const std::bad_alloc&) {
        out_of_memory.store(true);
      }
    };
    {
      std::vector<std::jthread> others;
      try {
        for (int i = 1; i < threads_; ++i) others.emplace_back(help);
      } catch (const std::system_error&) {
        // Fewer will do.
        log::Warning("index_fewer_threads", "not all threads could be made: the index is built more slowly");
      }
      try {
        fill(scratch);
      } catch (const std::bad_alloc&) {
        out_of_memory.store(true);
      }
    }
    if (out_of_memory.load()) throw std::bad_alloc();
    return !cancelled.load();
  }

  static void TakeSums(BandIndex& index, std::size_t band) {
    const Table& table = index.tables_[band];
    BlockSums* const sums = &index.sums_[kArraysPerTable * band];
    sums[0] = BlockSums(AsBytes(table.lines));
    sums[1] = BlockSums(AsBytes(table.overflow));
    sums[2] = BlockSums(table.slots.array().span());
  }

  void Fill(BandIndex& index, std::size_t band, Scratch& scratch) const {
    const BandLayout& layout = index.layout_;
    Partition(layout, band, scratch);
    Table table;
    table.lines = FixedArray<BucketLine>(layout.buckets());
    const std::size_t per_part = layout.buckets() / kParts;
    std::uint32_t begin = 0;
    std::uint32_t overflow = 0;
    for (std::size_t part = 0; part < kParts; ++part) {
      scratch.counts.assign(per_part, 0);
      for (const Posting& posting : PartOf(scratch, part)) ++scratch.counts[posting.key_rest];
      for (std::size_t i = 0; i < per_part; ++i) {
        BucketLine& line = table.lines[part * per_part + i];
        line = {.begin = begin, .count = scratch.counts[i], .signatures = {}};
        begin += line.count;
        if (!line.is_long()) continue;
        line.set_overflow_begin(overflow);
        overflow += line.count - BucketLine::kInlineOfLong;
      }
    }
    table.overflow = FixedArray<std::uint16_t>(PaddedOverflow(overflow));
    std::ranges::fill(table.overflow.span(), std::uint16_t{0});
    table.slots = SlotArray(distinct_, hashes_.size());
    for (std::size_t part = 0; part < kParts; ++part) {
      std::vector<std::uint32_t>& filled = scratch.counts;
      filled.assign(per_part, 0);
      for (const Posting& posting : PartOf(scratch, part)) {
        BucketLine& line = table.lines[part * per_part + posting.key_rest];
        const std::uint32_t at = filled[posting.key_rest]++;
        table.slots.Set(line.begin + at, posting.slot);
        if (at < line.inline_count()) {
          line.signatures[at] = posting.signature;
        } else {
          table.overflow[line.overflow_begin() + at - BucketLine::kInlineOfLong] = posting.signature;
        }
      }
    }
    index.tables_[band] = std::move(table);
  }

  // Fills the postings in order of the key's first bits.
  void Partition(const BandLayout& layout, std::size_t band, Scratch& scratch) const {
    scratch.part_begins.front() = 0;
    std::ranges::copy(part_sizes_[band], scratch.part_begins.begin() + 1);
    std::partial_sum(scratch.part_begins.begin(), scratch.part_begins.end(), scratch.part_begins.begin());
    std::array<Posting*, kParts> next{};
    for (std::size_t part = 0; part < kParts; ++part) {
      next[part] = scratch.postings.data() + scratch.part_begins[part];
    }
    const Band& key = layout.bands[band];
    BitPicks picks;
    AddPicks(picks, key.first, key.width);
    AddPicks(picks, layout.bands[layout.next(band)].first, layout.signature_bits(band));
    const int rest_bits = key.width - kPartBits;
    const std::uint64_t rest_mask = (std::uint64_t{1} << rest_bits) - 1;
    ForEachHash(picks, scratch.words, [&](std::uint32_t slot, std::uint64_t word) {
      *next[(word >> rest_bits) % kParts]++ = {.slot = slot,
                                               .signature = static_cast<std::uint16_t>(word >> key.width),
                                               .key_rest = static_cast<std::uint16_t>(word & rest_mask)};
    });
  }

  static std::span<const Posting> PartOf(const Scratch& scratch, std::size_t part) {
    return scratch.postings.span().subspan(scratch.part_begins[part],
                                           scratch.part_begins[part + 1] - scratch.part_begins[part]);
  }

  // Pairs of rows that hold the same hash, the first such row and a further one: they share a bucket of the
  // first band, and a signature.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> FindRepeats(const BandIndex& index) const {
    const Table& table = index.tables_.front();
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
    std::vector<std::uint32_t> alike;
    for (const BucketLine& line : table.lines.span()) {
      if (!MayRepeat(line)) continue;
      alike.clear();
      for (std::uint32_t i = 0; i < line.count; ++i) alike.push_back(table.slots.Get(line.begin + i));
      std::ranges::sort(alike, [&](std::uint32_t a, std::uint32_t b) {
        return hashes_[a] == hashes_[b] ? a < b : hashes_[a].words < hashes_[b].words;
      });
      for (std::size_t i = 1, first = 0; i < alike.size(); ++i) {
        if (hashes_[alike[i]] == hashes_[alike[first]]) {
          pairs.emplace_back(alike[first], alike[i]);
        } else {
          first = i;
        }
      }
    }
    return pairs;
  }

  // What lies in one line is compared each with each. Longer buckets are sorted without a look.
  static bool MayRepeat(const BucketLine& line) {
    if (line.is_long()) return true;
    for (std::uint32_t i = 1; i < line.count; ++i) {
      for (std::uint32_t k = 0; k < i; ++k) {
        if (line.signatures[i] == line.signatures[k]) return true;
      }
    }
    return false;
  }

  // False where cancelled.
  bool LeaveOut(BandIndex& index, std::vector<std::pair<std::uint32_t, std::uint32_t>>& pairs) {
    std::ranges::sort(pairs);
    left_out_.resize(hashes_.size());
    index.has_repeats_.resize(hashes_.size());
    index.repeats_.reserve(pairs.size());
    for (const auto& [first, further] : pairs) {
      if (index.repeated_.empty() || index.repeated_.back() != first) {
        index.repeated_.push_back(first);
        index.has_repeats_[first] = true;
        index.repeat_begins_.push_back(static_cast<std::uint32_t>(index.repeats_.size()));
      }
      index.repeats_.push_back(further);
      left_out_[further] = true;
    }
    index.repeat_begins_.push_back(static_cast<std::uint32_t>(index.repeats_.size()));
    index.repeated_.shrink_to_fit();
    index.repeat_begins_.shrink_to_fit();
    distinct_ = hashes_.size() - pairs.size();
    // Fewer hashes may want other bands: what was made to find the repeats is made anew.
    index.layout_ = LayoutFor(distinct_);
    index.tables_.clear();
    index.tables_.resize(index.layout_.bands.size());
    return CountParts(index.layout_);
  }

  const std::span<const PdqHash> hashes_;
  const BitPermutation& permutation_;
  const PickBitsFunction pick_bits_;
  const int threads_;
  const std::function<bool()>& cancelled_;
  std::vector<bool> left_out_;                               // rows that repeat a hash; empty where none does
  std::vector<std::array<std::size_t, kParts>> part_sizes_;  // of each band
  std::size_t distinct_ = 0;
};

std::shared_ptr<const BandIndex> BandIndex::Build(const Segment& segment,
                                                  const std::shared_ptr<const BitPermutation>& permutation,
                                                  const std::shared_ptr<MemoryLedger>& ledger,
                                                  const Kernel& kernel, int threads,
                                                  const std::function<bool()>& cancelled) {
  std::shared_ptr<BandIndex> index(new BandIndex());
  if (!Builder(segment, *permutation, kernel, threads, cancelled).Run(*index)) return nullptr;
  index->Finish(permutation, ledger);
  return index;
}

void BandIndex::Finish(const std::shared_ptr<const BitPermutation>& permutation,
                       const std::shared_ptr<MemoryLedger>& ledger) {
  permutation_ = permutation;
  for (int radius = 0; radius <= kMaxRadius; ++radius) plans_.push_back(PlanFor(layout_, radius));
  for (int ones = 0; ones <= kMaxAllowance; ++ones) {
    flips_.push_back(FlipsOf(layout_.bands.front().width, ones));
  }
  for (std::size_t i = 0; const auto* numbers : {&repeated_, &repeat_begins_, &repeats_}) {
    repeat_sums_[i++] = BlockSums(std::span(reinterpret_cast<const std::uint8_t*>(numbers->data()),
                                            numbers->size() * sizeof(std::uint32_t)));
  }
  std::size_t bytes = sizeof(BandIndex);
  for (const Table& table : tables_) {
    bytes += sizeof(Table) + table.lines.bytes() + table.overflow.bytes() + table.slots.bytes();
  }
  for (const auto& flips : flips_) bytes += flips.capacity() * sizeof(std::uint32_t);
  bytes += (repeated_.capacity() + repeat_begins_.capacity() + repeats_.capacity()) * sizeof(std::uint32_t) +
           has_repeats_.capacity() / 8;
  charge_ = MemoryCharge(ledger, bytes);
}

bool BandIndex::CheckMemory(std::size_t parts) const {
  const auto whole = [parts](const BlockSums& sums) { return sums.CheckNext(parts); };
  return std::ranges::all_of(sums_, whole) && std::ranges::all_of(repeat_sums_, whole);
}

std::span<const std::uint32_t> BandIndex::RepeatsOf(std::uint32_t slot) const {
  if (has_repeats_.empty() || !has_repeats_[slot]) return {};
  const auto i = static_cast<std::size_t>(std::ranges::lower_bound(repeated_, slot) - repeated_.begin());
  return std::span(repeats_).subspan(repeat_begins_[i], repeat_begins_[i + 1] - repeat_begins_[i]);
}

std::size_t BandIndex::BytesFor(std::size_t hashes) {
  const BandLayout layout = LayoutFor(hashes);
  // Real lists fill their buckets nearly as evenly as chance does, which leaves one signature in fifty to the
  // overflow.
  const std::size_t band = sizeof(Table) + layout.buckets() * sizeof(BucketLine) +
                           PaddedOverflow(hashes / 16) * sizeof(std::uint16_t) +
                           hashes * SlotArray::BytesFor(hashes) + SlotArray::kPadding;
  std::size_t bytes = sizeof(BandIndex) + layout.bands.size() * band;
  for (int ones = 0; ones <= kMaxAllowance; ++ones) {
    bytes += Choose(layout.bands.front().width, ones) * sizeof(std::uint32_t);
  }
  return bytes;
}

}  // namespace hashgate::index
