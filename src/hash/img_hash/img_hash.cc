#include "hash/img_hash/img_hash.h"

#include "hash/img_hash/forms.h"

namespace hashgate::img_hash {

std::vector<std::uint8_t> HashForms(Algorithm algorithm, perceptual::PixelRows& pixels) {
  switch (algorithm) {
    case Algorithm::kAverage: return AverageForms(pixels);
    case Algorithm::kPHash: return PHashForms(pixels);
    case Algorithm::kBlockMean: return BlockMeanForms(pixels);
    case Algorithm::kMarrHildreth: return MarrHildrethForms(pixels);
    default: return {};
  }
}

}  // namespace hashgate::img_hash
