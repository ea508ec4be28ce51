// Average hash: which of the 8 x 8 cells are lighter than their mean, row by row. Source: OpenCV 4.6
// img_hash, AverageHash; Krawetz, "Looks Like It", 2011.
#include <numeric>

#include "hash/img_hash/bit_packer.h"
#include "hash/img_hash/forms.h"
#include "hash/img_hash/resize.h"

namespace hashgate::img_hash {
namespace {

constexpr std::size_t kSide = 8;
constexpr unsigned kCells = kSide * kSide;

// Of a whole number of 64ths, halves to the even neighbour.
unsigned RoundedMean(unsigned sum) {
  const unsigned down = sum / kCells;
  const unsigned rest = sum % kCells;
  const bool up = rest > kCells / 2 || (rest == kCells / 2 && down % 2 == 1);
  return down + (up ? 1 : 0);
}

}  // namespace

std::vector<std::uint8_t> AverageForms(perceptual::PixelRows& pixels) {
  const Square<std::uint8_t> square = GreySquare(pixels, kSide);
  const unsigned mean = RoundedMean(std::accumulate(square.values.begin(), square.values.end(), 0U));
  std::vector<std::uint8_t> hashes;
  ForEachForm(square, [&](const Square<std::uint8_t>& turned) {
    BitPacker bits(BitOrder::kLowestFirst, hashes);
    for (const std::uint8_t value : turned.values) bits.Append(value > mean);
  });
  return hashes;
}

}  // namespace hashgate::img_hash
