// When segments are merged, and how what comes of it takes their place.
#include <algorithm>
#include <iterator>
#include <numeric>

#include "base/log.h"
#include "index/segment_index_builder.h"

namespace hashgate::index {
namespace {

// A segment with at least one withdrawn row in so many is written anew.
constexpr std::size_t kDeadShare = 4;
// When all other segments together have this share of the largest one's rows, everything becomes one segment.
constexpr std::size_t kBaseShare = 8;
// More segments of middle size than this are merged with each other.
constexpr std::size_t kMaxMiddle = 3;

}  // namespace

bool SegmentIndexBuilder::Growing::many_withdrawn() const {
  return dead != nullptr && dead->count() * kDeadShare >= size();
}

bool SegmentIndexBuilder::AnyMerging(std::span<const Growing> stack) {
  return std::ranges::any_of(stack, [](const Growing& growing) { return growing.merging != nullptr; });
}

void SegmentIndexBuilder::SortBySize(Stack& stack) {
  std::ranges::stable_sort(stack, std::ranges::greater{}, &Growing::size);
}

bool SegmentIndexBuilder::HasRoomFor(const MergeJob& job) const {
  std::size_t rows = 0;
  for (const LiveSegment& source : job.sources) rows += source.live();
  if (rows >= Segment::kMaxRows) return false;
  return options_.max_bytes == 0 || MemoryHeld() + MergeBytes(job) <= options_.max_bytes;
}

MergeJob SegmentIndexBuilder::JobOf(std::span<const Growing> sources) const {
  MergeJob job;
  std::size_t rows = 0;
  for (const Growing& source : sources) {
    job.sources.push_back(source.live());
    rows += job.sources.back().live();
  }
  const bool bands = sources.front().segment->algorithm() == Algorithm::kPdq && rows >= options_.band_rows;
  if (bands && kernel_) job.band_kernel = *kernel_;
  return job;
}

void SegmentIndexBuilder::SettleFresh(Stack& stack, int threads) {
  const auto begin = std::ranges::stable_partition(stack, [](const Growing& growing) {
                       return growing.merging != nullptr || !growing.fresh;
                     }).begin();
  if (begin == stack.end()) return;
  const auto fresh = std::span(stack).last(static_cast<std::size_t>(stack.end() - begin));
  // The rows first, so that the sources are gone before the band index takes its room.
  MergeJob job = JobOf(fresh);
  const Kernel* const band_kernel = std::exchange(job.band_kernel, nullptr);
  if (!HasRoomFor(job)) return;
  MergedSegment merged = Merge(job, permutation_, ledger_);
  if (merged.failed) return;
  job.sources.clear();
  stack.erase(begin, stack.end());
  if (merged.segment == nullptr) return;
  Growing& settled = stack.emplace_back();
  settled.segment = std::move(merged.segment);
  job = {.sources = {settled.live()}, .band_kernel = band_kernel, .threads = threads};
  if (band_kernel != nullptr && HasRoomFor(job)) settled.bands = Merge(job, permutation_, ledger_).bands;
}

void SegmentIndexBuilder::MergeSmall(Stack& stack) {
  const auto begin = std::ranges::stable_partition(stack, [this](const Growing& growing) {
                       return growing.merging != nullptr || growing.size() > options_.small_rows;
                     }).begin();
  Stack small(std::make_move_iterator(begin), std::make_move_iterator(stack.end()));
  stack.erase(begin, stack.end());
  for (Growing& growing : small) {
    if (!growing.many_withdrawn()) continue;
    const MergeJob job = {.sources = {growing.live()}};
    if (!HasRoomFor(job)) continue;
    MergedSegment merged = Merge(job, permutation_, ledger_);
    if (!merged.failed) growing = {.segment = std::move(merged.segment)};
  }
  std::erase_if(small, [](const Growing& growing) { return growing.segment == nullptr; });
  while (true) {
    SortBySize(small);
    std::size_t last = small.size();
    while (last > 1 && small[last - 2].size() > 2 * small[last - 1].size()) --last;
    if (last <= 1) break;
    std::size_t first = last - 1;
    std::size_t rows = small[first].size();
    while (first > 0 && small[first - 1].size() <= 2 * rows) rows += small[--first].size();
    MergeJob job = JobOf(std::span(small).subspan(first, last - first));
    job.band_kernel = nullptr;
    if (!HasRoomFor(job)) break;
    MergedSegment merged = Merge(job, permutation_, ledger_);
    if (merged.failed) break;
    small.erase(small.begin() + static_cast<std::ptrdiff_t>(first),
                small.begin() + static_cast<std::ptrdiff_t>(last));
    if (merged.segment == nullptr) continue;
    (merged.segment->size() > options_.small_rows ? stack : small)
        .push_back({.segment = std::move(merged.segment)});
  }
  std::ranges::move(small, std::back_inserter(stack));
}

bool SegmentIndexBuilder::NeedsWhole(const Stack& stack) const {
  std::size_t others = 0;
  for (std::size_t i = 1; i < stack.size(); ++i) others += stack[i].size();
  const Growing& base = stack.front();
  const bool lacks_bands = base.segment->algorithm() == Algorithm::kPdq && base.bands == nullptr &&
                           base.live().live() >= options_.band_rows;
  return lacks_bands || (base.size() > options_.small_rows && base.many_withdrawn()) ||
         (others > options_.small_rows && others * kBaseShare >= base.size());
}

std::vector<std::size_t> SegmentIndexBuilder::PartsToMerge(const Stack& stack) const {
  std::vector<std::size_t> middle;
  std::vector<std::size_t> small;
  std::size_t small_rows = 0;
  // While the largest is being merged, the largest of the others is one of them.
  for (std::size_t i = AnyMerging(stack) ? 0 : 1; i < stack.size(); ++i) {
    if (stack[i].merging != nullptr) continue;
    if (stack[i].size() > options_.small_rows) {
      if (stack[i].many_withdrawn()) return {i};
      middle.push_back(i);
    } else {
      small.push_back(i);
      small_rows += stack[i].size();
    }
  }
  if (middle.size() > kMaxMiddle) {
    middle.insert(middle.end(), small.begin(), small.end());
    return middle;
  }
  return small_rows > options_.small_rows ? small : std::vector<std::size_t>{};
}

void SegmentIndexBuilder::StartMerges() {
  for (Stack& stack : stacks_) {
    // What is withdrawn as a whole takes no merge to go.
    std::erase_if(stack, [](const Growing& growing) {
      return growing.merging == nullptr && growing.dead != nullptr && growing.dead->count() == growing.size();
    });
    while (StartMerge(stack)) {
    }
  }
}

bool SegmentIndexBuilder::StartMerge(Stack& stack) {
  SortBySize(stack);
  if (stack.empty()) return false;
  std::vector<std::size_t> sources;
  if (MayStart(whole()) && !AnyMerging(stack) && NeedsWhole(stack)) {
    sources.resize(stack.size());
    std::iota(sources.begin(), sources.end(), std::size_t{0});
    if (Start(whole(), stack, sources)) return true;
  }
  // Where there is no room for everything, the parts may still find some.
  if (!MayStart(parts())) return false;
  sources = PartsToMerge(stack);
  return !sources.empty() && Start(parts(), stack, sources);
}

bool SegmentIndexBuilder::Start(Lane& lane, Stack& stack, std::span<const std::size_t> sources) {
  std::vector<Growing> chosen;
  for (const std::size_t i : sources) chosen.push_back(stack[i]);
  MergeJob job = JobOf(chosen);
  // Without room for it the rows stay as they are, searched more slowly.
  if (!HasRoomFor(job)) return false;
  lane.running = Running{&stack, lane.merger ? MergeBytes(job) : 0, {}};
  for (const std::size_t i : sources) {
    stack[i].merging = &lane;
    stack[i].published = true;
  }
  if (!lane.merger) return Finish(lane, Merge(job, permutation_, ledger_));
  chosen.clear();
  lane.merger->Start(std::move(job));
  return false;
}

void SegmentIndexBuilder::TakeMerged() {
  for (Lane& lane : lanes_) {
    if (!lane.merger) continue;
    if (std::optional<MergedSegment> merged = lane.merger->Take()) Finish(lane, *std::move(merged));
  }
}

bool SegmentIndexBuilder::Finish(Lane& lane, MergedSegment merged) {
  if (!lane.running) return false;
  const Running running = *std::move(lane.running);
  lane.running.reset();
  Stack& stack = *running.stack;
  const bool too_much_changed = running.withdrawals.size() > kMaxLoggedWithdrawals;
  if (merged.failed || too_much_changed) {
    if (merged.failed) {
      lane.failed_at = changes_;
      log::Warning("index_merge_failed", "segments could not be merged and are searched as they are");
    }
    for (Growing& growing : stack) {
      if (growing.merging == &lane) growing.merging = nullptr;
    }
    return false;
  }
  std::erase_if(stack, [&lane](const Growing& growing) { return growing.merging == &lane; });
  if (merged.segment == nullptr) return true;
  Growing& growing = stack.emplace_back();
  growing.fresh = false;
  growing.segment = std::move(merged.segment);
  growing.bands = std::move(merged.bands);
  // All its rows were there when the merge began, so each withdrawal since then means all that it names.
  for (const PendingWithdrawal& withdrawal : running.withdrawals) {
    KillAll(growing, withdrawal.list, withdrawal.entry);
  }
  return true;
}

}  // namespace hashgate::index
