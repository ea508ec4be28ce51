// Which frames of an animation are worth their cost, decided before any of them is decoded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "image/frames.h"

namespace hashgate::image {

/// A frame of a few pixels costs about as much as decoding this many: tables are built for each.
inline constexpr std::uint64_t kLeastFrameCost = 1'024;
/// Frames that are hashed for where they stand: the first, the last and those evenly spaced between.
inline constexpr std::size_t kSpacedFrames = 9;

struct FramePlan {
  std::vector<bool> drawn;   ///< decoded and drawn on the canvas
  std::vector<bool> spaced;  ///< hashed and kept whatever it looks like; always drawn
};

/// Spends `budget` pixels of decoding. Where it is enough for all frames all are drawn. Else the evenly
/// spaced ones are, in the order last, first, middle, quarters ..., each with the frames it is drawn over, as
/// far as the budget goes, and what is left goes to further frames from the front. A run of drawn frames
/// always begins where what is on the canvas does not matter. Cost: linear in the frames.
FramePlan PlanFrames(const FrameSource& source, std::uint64_t budget);

}  // namespace hashgate::image
