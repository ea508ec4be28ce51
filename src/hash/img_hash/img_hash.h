// The binary hashes of OpenCV's img_hash module, made from their definitions: the same bytes as OpenCV 4.6
// gives of the same pixels, but for what docs/img_hash.md says. OpenCV itself is not linked.
#pragma once

#include <cstdint>
#include <vector>

#include "hash/perceptual/pixel_rows.h"
#include "hashgate/hash.h"

namespace hashgate::img_hash {

/// Least side of a picture that is hashed, in pixels.
inline constexpr int kMinSide = 5;

/// The hash of the picture in all forms, each as if the turned picture had been hashed: kDihedralCount times
/// HashSize(algorithm) bytes in the order of Dihedral, each in OpenCV's order of bytes and bits. A form
/// differs from the hash of the turned picture where OpenCV's own rounding depends on the direction: only
/// marr_hildreth's does, by a few bits. REQUIRES: IsImgHash(algorithm), both sides at least kMinSide. Reads
/// rows from top to bottom, some more than once. Threads: confined. Throws std::bad_alloc. Cost: average and
/// phash look at 8 and 32 pairs of rows, block_mean at 256; marr_hildreth at up to 2,048 rows and their
/// neighbours. Memory: some rows.
std::vector<std::uint8_t> HashForms(Algorithm algorithm, perceptual::PixelRows& pixels);

}  // namespace hashgate::img_hash
