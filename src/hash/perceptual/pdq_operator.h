// The blur and the choice of samples as one linear operator in double precision, for the four mirrorings of a
// picture at once.
#pragma once

#include <array>

#include "hash/perceptual/pdq_kernel.h"
#include "hash/perceptual/pdq_textbook.h"

namespace hashgate::perceptual {

/// The blocks of a picture and its mirrorings: index 1 * (columns reversed) + 2 * (rows reversed).
using MirroredBlocks = std::array<WideBlock64, 4>;

/// What TextbookDownsample would return for each mirroring, were its arithmetic exact.
/// Each side's two box filters and its sampling fold into 64 short rows of weights (128 with the mirrored
/// ones), so each sample of the plane is used four to six times and read from memory once.
/// REQUIRES: both sides >= 5. Cost: about 1 ns a sample; memory 1 KiB a column.
MirroredBlocks DownsampleMirrored(const LumaView& luma);

/// The same of a picture of `rows` x `cols` samples of which only the averages of squares of `factor` samples
/// a side are at hand: each average weighs as much as its samples. REQUIRES: both sides >= 5 and not 64x64;
/// `averages` has ceil(rows / factor) x ceil(cols / factor) of them.
MirroredBlocks DownsampleAverages(const LumaView& averages, int rows, int cols, int factor);

/// DctOf without rounding between the steps, with the same matrix.
WideBlock16 DctOf(const WideBlock64& block);

}  // namespace hashgate::perceptual
