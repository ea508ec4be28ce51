// Block mean hash, mode 0: which of 16 x 16 blocks are at least as light as the whole, row by row. Source:
// OpenCV 4.6 img_hash, BlockMeanHash; Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash
// Functions".
#include <numeric>

#include "hash/img_hash/bit_packer.h"
#include "hash/img_hash/forms.h"
#include "hash/img_hash/resize.h"

namespace hashgate::img_hash {
namespace {

constexpr std::size_t kBlockSide = 16;
constexpr std::size_t kBlocks = 16;  // in a row, and in a column

Square<std::uint32_t> BlockSums(const Square<std::uint8_t>& square) {
  Square<std::uint32_t> sums(kBlocks);
  for (std::size_t r = 0; r < square.side; ++r) {
    for (std::size_t c = 0; c < square.side; ++c) sums.At(r / kBlockSide, c / kBlockSide) += square.At(r, c);
  }
  return sums;
}

}  // namespace

std::vector<std::uint8_t> BlockMeanForms(perceptual::PixelRows& pixels) {
  const Square<std::uint32_t> sums = BlockSums(GreySquare(pixels, kBlocks * kBlockSide));
  const std::uint32_t total = std::accumulate(sums.values.begin(), sums.values.end(), 0U);
  std::vector<std::uint8_t> hashes;
  ForEachForm(sums, [&](const Square<std::uint32_t>& turned) {
    BitPacker bits(BitOrder::kLowestFirst, hashes);
    for (const std::uint32_t sum : turned.values) bits.Append(sum * kBlocks * kBlocks >= total);
  });
  return hashes;
}

}  // namespace hashgate::img_hash
