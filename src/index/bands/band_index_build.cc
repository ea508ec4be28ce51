#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <utility>

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
  Builder(const Segment& segment, const BitPermutation& permutation, const std::function<bool()>& cancelled)
      : hashes_(segment.pdq()), permutation_(permutation), cancelled_(cancelled) {}

  // False where cancelled.
  bool Run(BandIndex& index) {
    permuted_ = FixedArray<PdqHash>(hashes_.size());
    for (std::size_t slot = 0; slot < hashes_.size(); ++slot) {
      if (Cancelled(slot)) return false;
      permuted_[slot] = permutation_.Apply(hashes_[slot]);
    }
    slots_ = FixedArray<std::uint32_t>(hashes_.size());
    std::iota(slots_.span().begin(), slots_.span().end(), 0U);
    postings_ = FixedArray<Posting>(hashes_.size());
    distinct_ = hashes_.size();
    index.layout_ = LayoutFor(distinct_);
    Fill(index, 0);
    if (Cancelled(0) || !FindRepeats(index)) return false;
    // The first table was made with the repeats in it, to find them.
    for (std::size_t band = distinct_ == hashes_.size() ? 1 : 0; band < index.layout_.bands.size(); ++band) {
      if (Cancelled(0)) return false;
      Fill(index, band);
    }
    index.distinct_ = distinct_;
    for (int radius = 0; radius <= kMaxRadius; ++radius)
      index.plans_.push_back(PlanFor(index.layout_, radius));
    for (int ones = 0; ones <= kMaxAllowance; ++ones) {
      index.flips_.push_back(FlipsOf(index.layout_.bands.front().width, ones));
    }
    return true;
  }

 private:
  [[nodiscard]] bool Cancelled(std::size_t done) const {
    return done % kCancelEvery == 0 && cancelled_ && cancelled_();
  }

  void Fill(BandIndex& index, std::size_t band) {
    const BandLayout& layout = index.layout_;
    Partition(layout, band);
    const int rest_bits = layout.bands[band].width - kPartBits;
    const auto bucket_of = [&](std::size_t part, const Posting& posting) {
      return static_cast<std::uint32_t>(part) << rest_bits | posting.key_rest;
    };

    Table table;
    table.lines = FixedArray<BucketLine>(layout.buckets());
    std::memset(table.lines.data(), 0, table.lines.bytes());
    ForEach([&](std::size_t part, const Posting& posting) { ++table.lines[bucket_of(part, posting)].count; });
    std::uint32_t begin = 0;
    std::uint32_t overflow = 0;
    for (BucketLine& line : table.lines.span()) {
      line.begin = begin;
      begin += line.count;
      if (!line.is_long()) continue;
      line.set_overflow_begin(overflow);
      overflow += line.count - BucketLine::kInlineOfLong;
    }
    table.overflow = FixedArray<std::uint16_t>(PaddedOverflow(overflow));
    std::ranges::fill(table.overflow.span(), std::uint16_t{0});
    table.slots = SlotArray(distinct_, hashes_.size());
    std::vector<std::uint32_t> filled(layout.buckets());
    ForEach([&](std::size_t part, const Posting& posting) {
      const std::uint32_t bucket = bucket_of(part, posting);
      BucketLine& line = table.lines[bucket];
      const std::uint32_t at = filled[bucket]++;
      table.slots.Set(line.begin + at, posting.slot);
      if (at < line.inline_count()) {
        line.signatures[at] = posting.signature;
      } else {
        table.overflow[line.overflow_begin() + at - BucketLine::kInlineOfLong] = posting.signature;
      }
    });
    if (index.tables_.size() <= band) index.tables_.resize(band + 1);
    index.tables_[band] = std::move(table);
  }

  // Fills postings_ in order of the key's first bits.
  void Partition(const BandLayout& layout, std::size_t band) {
    const int rest_bits = layout.bands[band].width - kPartBits;
    const auto rest_mask = static_cast<std::uint32_t>((std::uint64_t{1} << rest_bits) - 1);
    part_begins_.fill(0);
    for (std::size_t i = 0; i < distinct_; ++i) {
      ++part_begins_[(layout.KeyOf(band, permuted_[i]) >> rest_bits) + 1];
    }
    std::partial_sum(part_begins_.begin(), part_begins_.end(), part_begins_.begin());
    std::array<std::size_t, kParts> next{};
    std::copy_n(part_begins_.begin(), kParts, next.begin());
    for (std::size_t i = 0; i < distinct_; ++i) {
      const std::uint32_t key = layout.KeyOf(band, permuted_[i]);
      postings_[next[key >> rest_bits]++] = {.slot = slots_[i],
                                             .signature = layout.SignatureOf(band, permuted_[i]),
                                             .key_rest = static_cast<std::uint16_t>(key & rest_mask)};
    }
  }

  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (std::size_t part = 0; part < kParts; ++part) {
      for (std::size_t i = part_begins_[part]; i < part_begins_[part + 1]; ++i) visit(part, postings_[i]);
    }
  }

  // Finds rows that hold the same hash: such rows share a bucket of the first band, and a signature. Leaves
  // the first row of each hash in permuted_ and slots_.
  bool FindRepeats(BandIndex& index) {
    const Table& table = index.tables_.front();
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;  // first slot, further slot
    std::vector<std::uint32_t> alike;
    for (std::size_t bucket = 0; bucket < table.lines.size(); ++bucket) {
      if (Cancelled(bucket)) return false;
      const BucketLine& line = table.lines[bucket];
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
    if (!pairs.empty()) LeaveOut(index, pairs);
    return true;
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

  void LeaveOut(BandIndex& index, std::vector<std::pair<std::uint32_t, std::uint32_t>>& pairs) {
    std::ranges::sort(pairs);
    std::vector<bool> repeats(hashes_.size());
    index.has_repeats_.resize(hashes_.size());
    index.repeats_.reserve(pairs.size());
    for (const auto& [first, further] : pairs) {
      if (index.repeated_.empty() || index.repeated_.back() != first) {
        index.repeated_.push_back(first);
        index.has_repeats_[first] = true;
        index.repeat_begins_.push_back(static_cast<std::uint32_t>(index.repeats_.size()));
      }
      index.repeats_.push_back(further);
      repeats[further] = true;
    }
    index.repeat_begins_.push_back(static_cast<std::uint32_t>(index.repeats_.size()));
    index.repeated_.shrink_to_fit();
    index.repeat_begins_.shrink_to_fit();
    std::size_t kept = 0;
    for (std::size_t slot = 0; slot < hashes_.size(); ++slot) {
      if (repeats[slot]) continue;
      permuted_[kept] = permuted_[slot];
      slots_[kept] = slots_[slot];
      ++kept;
    }
    distinct_ = kept;
    // Fewer hashes may want other bands: what was made to find the repeats is made anew.
    index.layout_ = LayoutFor(distinct_);
    index.tables_.clear();
  }

  const std::span<const PdqHash> hashes_;
  const BitPermutation& permutation_;
  const std::function<bool()>& cancelled_;
  FixedArray<PdqHash> permuted_;     // of the distinct hashes
  FixedArray<std::uint32_t> slots_;  // where each comes from
  FixedArray<Posting> postings_;     // of one band
  std::array<std::size_t, kParts + 1> part_begins_{};
  std::size_t distinct_ = 0;
};

std::shared_ptr<const BandIndex> BandIndex::Build(const Segment& segment,
                                                  const std::shared_ptr<const BitPermutation>& permutation,
                                                  const std::shared_ptr<MemoryLedger>& ledger,
                                                  const std::function<bool()>& cancelled) {
  std::shared_ptr<BandIndex> index(new BandIndex());
  if (!Builder(segment, *permutation, cancelled).Run(*index)) return nullptr;
  index->permutation_ = permutation;
  std::size_t bytes = sizeof(BandIndex);
  for (const Table& table : index->tables_) {
    bytes += sizeof(Table) + table.lines.bytes() + table.overflow.bytes() + table.slots.bytes();
  }
  for (const auto& flips : index->flips_) bytes += flips.capacity() * sizeof(std::uint32_t);
  bytes += (index->repeated_.capacity() + index->repeat_begins_.capacity() + index->repeats_.capacity()) *
               sizeof(std::uint32_t) +
           index->has_repeats_.capacity() / 8;
  index->charge_ = MemoryCharge(ledger, bytes);
  return index;
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
