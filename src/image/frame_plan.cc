#include "image/frame_plan.h"

#include <algorithm>
#include <array>

namespace hashgate::image {
namespace {

bool CoversCanvas(const FrameSource& source, const FrameFact& frame) {
  return frame.left == 0 && frame.top == 0 && frame.width == source.width && frame.height == source.height;
}

/// For each frame the one from which on drawing shows it as if everything before had been drawn.
std::vector<std::size_t> FindStarts(const FrameSource& source) {
  std::vector<std::size_t> starts(source.frames.size());
  std::size_t start = 0;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const FrameFact& frame = source.frames[i];
    const bool replaces = CoversCanvas(source, frame) && !frame.blends;
    const bool cleared = i > 0 && source.frames[i - 1].disposal == Disposal::kClear &&
                         CoversCanvas(source, source.frames[i - 1]);
    if (cleared) start = i;
    starts[i] = replaces ? i : start;
    // What a frame restores afterwards is what lay under it, so that the next one needs that too.
    if (replaces && frame.disposal != Disposal::kRestore) start = i;
  }
  return starts;
}

std::uint64_t CostOf(const FrameFact& frame) {
  return std::max(frame.cost, kLeastFrameCost);
}

/// Places among `count` frames, evenly spaced, the most telling first.
std::vector<std::size_t> SpacedPlaces(std::size_t count) {
  constexpr std::array<std::size_t, kSpacedFrames> kEighths = {8, 0, 4, 2, 6, 1, 3, 5, 7};
  std::vector<std::size_t> places;
  for (const std::size_t eighth : kEighths) {
    const std::size_t place = (count - 1) * eighth / 8;
    if (std::ranges::find(places, place) == places.end()) places.push_back(place);
  }
  return places;
}

}  // namespace

FramePlan PlanFrames(const FrameSource& source, std::uint64_t budget) {
  const std::size_t count = source.frames.size();
  FramePlan plan{.drawn = std::vector<bool>(count), .spaced = std::vector<bool>(count)};
  if (count == 0) return plan;
  const std::vector<std::size_t> starts = FindStarts(source);
  // Draws frame `last` and those it needs, all or none. Wherever a frame is drawn, so are those that it
  // needs: the walk back ends at the first of the same run.
  const auto draw = [&](std::size_t last) {
    std::uint64_t cost = 0;
    std::size_t from = last;
    for (;; --from) {
      if (plan.drawn[from]) {
        if (starts[from] == starts[last]) break;
      } else {
        cost += CostOf(source.frames[from]);
        if (cost > budget) return false;
      }
      if (from == starts[last]) break;
    }
    for (std::size_t i = from; i <= last; ++i) plan.drawn[i] = true;
    budget -= cost;
    return true;
  };
  for (const std::size_t place : SpacedPlaces(count)) plan.spaced[place] = draw(place);
  for (std::size_t i = 0; i < count; ++i) {
    // A frame whose own canvas is not drawn would take the whole run before it: one frame at a time.
    if (plan.drawn[i] || (starts[i] != i && !plan.drawn[i - 1])) continue;
    draw(i);
  }
  return plan;
}

}  // namespace hashgate::image
