// The 64x64 block of a turned picture, bit for bit as the textbook would compute it, without turning the
// picture and in little memory.
#pragma once

#include "hash/perceptual/pdq_textbook.h"
#include "hashgate/hash.h"

namespace hashgate::perceptual {

/// Returns TextbookDownsample(Turn(luma, turn)), equal in every bit.
///
/// Every value of the textbook is one running sum along a row or a column. Many such sums that do not depend
/// on each other are carried side by side, each in its own order of operations, and a turned picture is one
/// whose lines are walked from their other end, or whose columns are walked first. The four passes follow
/// each other strip by strip, so only a band of the picture as high as the filter is held.
/// REQUIRES: both sides >= 5. Cost: one read of the plane; memory about 150 rows at most.
Block64 ExactDownsample(const LumaView& luma, Dihedral turn);

}  // namespace hashgate::perceptual
