// The blur and the choice of samples of a picture of 8-bit samples, in whole numbers.
#pragma once

#include <optional>

#include "hash/perceptual/pdq_kernel.h"
#include "hash/perceptual/pdq_operator.h"
#include "hash/perceptual/pixel_rows.h"

namespace hashgate::perceptual {

/// A longer side is not summed in whole numbers of 32 bits: use DownsampleMirrored of its luma.
inline constexpr int kMaxRowsSide = 127 * 128;

/// The blocks that DownsampleMirrored would return for the picture's luma before that is rounded to single
/// precision. Each row is read once or twice (where two outputs share it) and adds to one or two of the 64
/// outputs, as it is and mirrored; colours are weighed last, on the 64 sums. All of it is exact but for the
/// division at the end, so every kernel returns the same bits. REQUIRES: both sides 5..kMaxRowsSide; the
/// kernel runs on this CPU and takes weights up to BoxWindow(rows). Cost: 0.05 ns a sample with AVX-512 and
/// 0.3 ns without, samples counted by channel; memory 40 bytes for each sample of a row.
MirroredBlocks DownsampleRows(PixelRows& pixels, const Kernel& kernel);

}  // namespace hashgate::perceptual
