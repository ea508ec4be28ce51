#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

#include "index/bands/band_index.h"

namespace hashgate::index {
namespace {

constexpr int kMaxRadius = 63;
// Hashes between two looks at `cancelled`.
constexpr std::size_t kCancelEvery = std::size_t{1} << 20;
// Up to so many signatures of one bucket are compared each with each; beyond, sorting is cheaper.
constexpr std::size_t kPairwise = 24;

std::size_t PaddedPostings(std::size_t postings) {
  return postings + kSignaturePadding / sizeof(std::uint16_t);
}

bool HashBefore(const PdqHash& a, const PdqHash& b) {
  return a.words < b.words;
}

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
    distinct_ = hashes_.size();
    index.layout_ = LayoutFor(distinct_);
    index.tables_.resize(index.layout_.bands.size());
    if (!Fill(index, 0) || !FindRepeats(index)) return false;
    // The first table was made with the repeats in it, to find them.
    for (std::size_t band = distinct_ == hashes_.size() ? 1 : 0; band < index.tables_.size(); ++band) {
      if (!Fill(index, band)) return false;
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

  // Counting sort by bucket: how many each has, where each ends, then filled from the back, which leaves
  // every start in place.
  bool Fill(BandIndex& index, std::size_t band) {
    const BandLayout& layout = index.layout_;
    const std::size_t buckets = std::size_t{1} << layout.bands[band].width;
    Table table{.begins = FixedArray<std::uint32_t>(buckets + 1),
                .signatures = FixedArray<std::uint16_t>(PaddedPostings(distinct_)),
                .slots = FixedArray<std::uint32_t>(distinct_)};
    const std::span<std::uint32_t> begins = table.begins.span();
    std::ranges::fill(begins, 0U);
    for (std::size_t i = 0; i < distinct_; ++i) ++begins[layout.KeyOf(band, permuted_[i])];
    if (Cancelled(0)) return false;
    std::partial_sum(begins.begin(), begins.end(), begins.begin());
    for (std::size_t i = distinct_; i-- > 0;) {
      const std::uint32_t posting = --begins[layout.KeyOf(band, permuted_[i])];
      table.signatures[posting] = layout.SignatureOf(band, permuted_[i]);
      table.slots[posting] = slots_[i];
    }
    std::fill(table.signatures.data() + distinct_, table.signatures.data() + table.signatures.size(),
              std::uint16_t{0});
    index.tables_[band] = std::move(table);
    return true;
  }

  // Finds rows that hold the same hash: such rows share a bucket of the first band, and a signature. Leaves
  // the first row of each hash in permuted_ and slots_.
  bool FindRepeats(BandIndex& index) {
    const Table& table = index.tables_.front();
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;  // first slot, further slot
    std::vector<std::uint32_t> alike;
    for (std::size_t bucket = 0; bucket + 1 < table.begins.size(); ++bucket) {
      if (Cancelled(bucket)) return false;
      const std::uint32_t begin = table.begins[bucket];
      const std::uint32_t end = table.begins[bucket + 1];
      if (end - begin < 2 || !MayRepeat(table, begin, end)) continue;
      alike.assign(table.slots.data() + begin, table.slots.data() + end);
      std::ranges::sort(alike, [&](std::uint32_t a, std::uint32_t b) {
        return hashes_[a] == hashes_[b] ? a < b : HashBefore(hashes_[a], hashes_[b]);
      });
      for (std::size_t i = 1, first = 0; i < alike.size(); ++i) {
        if (hashes_[alike[i]] == hashes_[alike[first]]) {
          pairs.emplace_back(alike[first], alike[i]);
        } else {
          first = i;
        }
      }
    }
    if (pairs.empty()) return true;
    Take(index, pairs);
    return true;
  }

  static bool MayRepeat(const Table& table, std::uint32_t begin, std::uint32_t end) {
    if (end - begin > kPairwise) return true;
    for (std::uint32_t i = begin + 1; i < end; ++i) {
      for (std::uint32_t k = begin; k < i; ++k) {
        if (table.signatures[i] == table.signatures[k]) return true;
      }
    }
    return false;
  }

  void Take(BandIndex& index, std::vector<std::pair<std::uint32_t, std::uint32_t>>& pairs) {
    std::ranges::sort(pairs);
    std::vector<bool> repeats(hashes_.size());
    index.repeats_.reserve(pairs.size());
    for (const auto& [first, further] : pairs) {
      if (index.repeated_.empty() || index.repeated_.back() != first) {
        index.repeated_.push_back(first);
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
    // Fewer hashes may want narrower bands: what was made to find the repeats is made anew.
    index.layout_ = LayoutFor(distinct_);
  }

  const std::span<const PdqHash> hashes_;
  const BitPermutation& permutation_;
  const std::function<bool()>& cancelled_;
  FixedArray<PdqHash> permuted_;     // of the distinct hashes
  FixedArray<std::uint32_t> slots_;  // where each comes from
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
    bytes += sizeof(Table) + table.begins.bytes() + table.signatures.bytes() + table.slots.bytes();
  }
  for (const auto& flips : index->flips_) bytes += flips.capacity() * sizeof(std::uint32_t);
  bytes += (index->repeated_.capacity() + index->repeat_begins_.capacity() + index->repeats_.capacity()) *
           sizeof(std::uint32_t);
  index->charge_ = MemoryCharge(ledger, bytes);
  return index;
}

std::span<const std::uint32_t> BandIndex::RepeatsOf(std::uint32_t slot) const {
  const auto at = std::ranges::lower_bound(repeated_, slot);
  if (at == repeated_.end() || *at != slot) return {};
  const auto i = static_cast<std::size_t>(at - repeated_.begin());
  return std::span(repeats_).subspan(repeat_begins_[i], repeat_begins_[i + 1] - repeat_begins_[i]);
}

std::size_t BandIndex::BytesFor(std::size_t distinct_hashes) {
  const BandLayout layout = LayoutFor(distinct_hashes);
  std::size_t bytes = sizeof(BandIndex);
  for (const Band& band : layout.bands) {
    bytes += sizeof(Table) + ((std::size_t{1} << band.width) + 1) * sizeof(std::uint32_t) +
             PaddedPostings(distinct_hashes) * sizeof(std::uint16_t) +
             distinct_hashes * sizeof(std::uint32_t);
  }
  for (int ones = 0; ones <= kMaxAllowance; ++ones) {
    bytes += Choose(layout.bands.front().width, ones) * sizeof(std::uint32_t);
  }
  return bytes;
}

}  // namespace hashgate::index
