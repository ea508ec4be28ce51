#include "index/pdq_search.h"

#include <algorithm>
#include <array>
#include <string>

#include "index/bands/band_index.h"

namespace hashgate::index {
namespace {

constexpr int kMaxRadius = 63;
// Hashes that all queries pass over before the next ones are read: 256 KiB, which stays in a core's own
// cache.
constexpr std::size_t kBlockSlots = 8192;

// Pipelines that disagree never match; where either side does not know its own, both are tried.
bool Fits(Pipeline stored, Pipeline query) {
  return stored == query || stored == Pipeline::kUnspecified || query == Pipeline::kUnspecified;
}

}  // namespace

Result<std::vector<ListRadius>> SortedRadii(std::span<const ListRadius> lists) {
  std::vector<ListRadius> radii(lists.begin(), lists.end());
  std::ranges::sort(radii, {}, &ListRadius::list);
  for (std::size_t i = 0; i < radii.size(); ++i) {
    if (radii[i].max_distance_bits < 0 || radii[i].max_distance_bits > kMaxRadius) {
      return Fail(Reason::kRequestInvalid,
                  "a distance threshold of " + std::to_string(radii[i].max_distance_bits) +
                      " bits is outside 0 to " + std::to_string(kMaxRadius),
                  "max_distance_bits");
    }
    if (i > 0 && radii[i].list == radii[i - 1].list) {
      return Fail(Reason::kRequestInvalid, "a list is named twice in one search", "lists");
    }
  }
  return radii;
}

// Takes hits on distinct hashes apart into rows, and offers those that are asked for.
class PdqSearch::BandSink final : public SlotSink {
 public:
  BandSink(PdqSearch& search, const LiveSegment& live, std::span<const WantedRun> wanted, int max_radius)
      : search_(search), live_(live), max_radius_(max_radius) {
    for (const WantedRun& run : wanted) {
      if (run.radius <= max_radius) runs_.push_back({run.run, run.radius});
    }
  }

  void Take(std::size_t query, const SlotHit& hit) override {
    const Asked& asked = search_.all_.asked[query];
    if (asked.set != set_) {
      // Hits come query by query but for a few, so what is kept of one set is rarely looked up again.
      for (TakenRun& run : runs_) run.group = nullptr;
      set_ = asked.set;
      taken_ = 0;
    }
    ++taken_;
    Offer(asked, std::span(&hit.slot, 1), hit.distance_bits);
    const std::span<const std::uint32_t> repeats = live_.bands->RepeatsOf(hit.slot);
    if (!repeats.empty()) Offer(asked, repeats, hit.distance_bits);
  }

  int UsefulRadius(std::size_t query) override {
    const Asked& asked = search_.all_.asked[query];
    if (taken_ < kCrowd || asked.set != set_) return max_radius_;
    int useful = 0;
    for (const TakenRun& run : runs_) {
      if (!Fits(run.run->key.pipeline, asked.pipeline)) continue;
      const BoundedCandidates::Group* const group =
          run.group != nullptr ? run.group : search_.candidates_[set_].Find(GroupOf(run));
      if (group == nullptr) return max_radius_;
      useful = std::max(useful, static_cast<int>(std::min(static_cast<std::uint32_t>(run.radius),
                                                          group->max_useful_rank())));
      if (useful == max_radius_) break;
    }
    return useful;
  }

 private:
  // Hits after which it is worth a look whether nearer ones crowd out the rest.
  static constexpr std::size_t kCrowd = 16;

  struct TakenRun {
    const Run* run = nullptr;
    int radius = 0;
    BoundedCandidates::Group* group = nullptr;
  };

  static BoundedCandidates::GroupKey GroupOf(const TakenRun& run) {
    return {run.run->key.list, run.run->key.action_class, Algorithm::kPdq};
  }

  // `slots` ascend, so entries ascend in each run: once a group has no use for one, it has none for the run's
  // others. Where its distance alone makes it useless, the entry is not read: that is a wait for memory.
  void Offer(const Asked& query, std::span<const std::uint32_t> slots, int distance) {
    const auto rank = static_cast<std::uint32_t>(distance);
    auto slot = slots.begin();
    while (slot != slots.end()) {
      const auto at =
          std::ranges::upper_bound(runs_, *slot, {}, [](const TakenRun& r) { return r.run->end; });
      if (at == runs_.end()) return;
      const std::uint32_t begin = at->run->begin;
      const std::uint32_t end = at->run->end;
      slot = std::lower_bound(slot, slots.end(), begin);
      const bool useful = distance <= at->radius && Fits(at->run->key.pipeline, query.pipeline) &&
                          (at->group == nullptr || rank <= at->group->max_useful_rank());
      for (; useful && slot != slots.end() && *slot < end; ++slot) {
        if (live_.IsDead(*slot)) continue;
        const BoundedCandidates::Item item{rank, live_.segment->entry(*slot), query.tag};
        if (at->group == nullptr) {
          at->group = &search_.candidates_[set_].At(GroupOf(*at));
        }
        if (at->group->Rejects(item)) break;
        at->group->Offer(item);
      }
      slot = std::lower_bound(slot, slots.end(), end);
    }
  }

  PdqSearch& search_;
  const LiveSegment& live_;
  const int max_radius_;
  std::vector<TakenRun> runs_;  // ascending
  std::uint32_t set_ = 0;       // whose groups the runs know
  std::size_t taken_ = 0;       // hits of that set in a row
};

PdqSearch::PdqSearch(const Kernel& kernel, std::span<const PdqQuerySet> sets,
                     std::span<const ListRadius> radii, std::size_t band_work_percent,
                     const SearchBounds& bounds)
    : kernel_(kernel),
      radii_(radii),
      band_work_percent_(band_work_percent),
      candidates_(sets.size(), BoundedCandidates(bounds)) {
  std::size_t count = 0;
  for (const PdqQuerySet& set : sets) count += set.size();
  all_.hashes.reserve(count);
  all_.asked.reserve(count);
  for (std::uint32_t set = 0; set < sets.size(); ++set) {
    for (const PdqQuery& query : sets[set]) {
      all_.hashes.push_back(query.hash);
      all_.asked.push_back({query.pipeline, query.tag, set});
    }
  }
}

const PdqSearch::Compared& PdqSearch::QueriesFor(Pipeline stored) {
  std::optional<Compared>& compared = by_pipeline_[static_cast<std::size_t>(stored)];
  if (compared) return *compared;
  compared.emplace();
  for (std::size_t i = 0; i < all_.asked.size(); ++i) {
    if (!Fits(stored, all_.asked[i].pipeline)) continue;
    compared->hashes.push_back(all_.hashes[i]);
    compared->asked.push_back(all_.asked[i]);
  }
  return *compared;
}

std::vector<SearchResult> PdqSearch::Finish() {
  std::vector<SearchResult> results;
  results.reserve(candidates_.size());
  for (BoundedCandidates& candidates : candidates_) results.push_back(candidates.Finish(true));
  return results;
}

void PdqSearch::SearchSegment(const LiveSegment& live) {
  wanted_.clear();
  for (const ListRadius& radius : radii_) {
    for (const Run& run : live.segment->RunsOf(radius.list)) {
      wanted_.push_back({&run, radius.max_distance_bits});
    }
  }
  const int done = RunBands(live, wanted_);
  for (const WantedRun& wanted : wanted_) {
    if (wanted.radius > done) Scan(live, wanted);
  }
}

int PdqSearch::RunBands(const LiveSegment& live, std::span<const WantedRun> wanted) {
  if (live.bands == nullptr || all_.hashes.empty()) return -1;
  // The greatest radius whose rows are dearer to scan than to search for. Rows of greater radii are scanned:
  // one list that looks far must not make all others dear.
  std::vector<WantedRun> by_radius(wanted.begin(), wanted.end());
  std::ranges::sort(by_radius, {}, &WantedRun::radius);
  std::size_t rows = 0;
  std::size_t budget = 0;
  const RadiusPlan* chosen = nullptr;
  for (std::size_t i = 0; i < by_radius.size(); ++i) {
    rows += by_radius[i].run->end - by_radius[i].run->begin;
    if (i + 1 < by_radius.size() && by_radius[i + 1].radius == by_radius[i].radius) continue;
    const RadiusPlan* const plan = live.bands->plan(by_radius[i].radius);
    if (plan == nullptr) continue;
    const std::size_t scan = rows * all_.hashes.size();
    const std::size_t expected = live.bands->ExpectedWork(*plan) * all_.hashes.size();
    const std::size_t share = scan * band_work_percent_ / 100;
    if (expected > std::max(share, scan / 2)) continue;
    chosen = plan;
    budget = std::max(share, expected + expected / 2);
  }
  if (chosen == nullptr) return -1;
  BandSink sink(*this, live, wanted, chosen->radius);
  // What it found before it gave up is found again by the scan, which counts once.
  return live.bands->Search(kernel_, live.segment->pdq(), all_.hashes, *chosen, budget, sink) ? chosen->radius
                                                                                              : -1;
}

void PdqSearch::Scan(const LiveSegment& live, const WantedRun& wanted) {
  const Run& run = *wanted.run;
  const Compared& compared = QueriesFor(run.key.pipeline);
  std::array<Hit, 4 * kMinHitBuffer> hits;
  const BoundedCandidates::GroupKey key{run.key.list, run.key.action_class, Algorithm::kPdq};
  groups_.assign(candidates_.size(), nullptr);
  // Where every set of a pass is full of nearer candidates, it needs no farther ones.
  const auto useful_radius = [&](std::span<const Asked> pass) {
    std::uint32_t useful = 0;
    for (const Asked& asked : pass) {
      const BoundedCandidates::Group* const group = groups_[asked.set];
      useful = std::max(useful, group != nullptr ? group->max_useful_rank() : UINT32_MAX);
    }
    return static_cast<int>(std::min(useful, static_cast<std::uint32_t>(wanted.radius)));
  };
  for (std::size_t begin = run.begin; begin < run.end; begin += kBlockSlots) {
    const auto block =
        live.segment->pdq().subspan(begin, std::min<std::size_t>(kBlockSlots, run.end - begin));
    for (std::size_t q = 0; q < compared.hashes.size(); q += kMaxScanQueries) {
      const std::size_t count = std::min(kMaxScanQueries, compared.hashes.size() - q);
      const std::span<const Asked> pass = std::span(compared.asked).subspan(q, count);
      const ScanInput input{.hashes = block,
                            .queries = std::span(compared.hashes).subspan(q, count),
                            .max_distance_bits = useful_radius(pass)};
      for (std::size_t next = 0; next < block.size();) {
        const ScanStep step = kernel_.scan(input, next, hits);
        next = step.next;
        for (const Hit& hit : std::span(hits).first(step.hits)) {
          const auto slot = static_cast<std::uint32_t>(begin + hit.slot);
          if (live.IsDead(slot)) continue;
          const Asked& asked = pass[hit.query];
          BoundedCandidates::Group*& group = groups_[asked.set];
          if (group == nullptr) group = &candidates_[asked.set].At(key);
          group->Offer({hit.distance_bits, live.segment->entry(slot), asked.tag});
        }
      }
    }
  }
}

}  // namespace hashgate::index
