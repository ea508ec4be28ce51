// Whatever a worker sends is refused, or lies within every bound the server counts on and survives a round
// trip.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "decode/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hashgate::decode;
  const Limits limits;
  constexpr std::uint64_t kJob = 0x0123456789abcdef;
  const hashgate::ByteSpan bytes(data, size);
  AlgorithmSet wanted;
  wanted.Add(hashgate::Algorithm::kPhotoDna);
  for (const hashgate::Algorithm algorithm : hashgate::kImgHashes) wanted.Add(algorithm);
  const auto result = DecodeReply(bytes, kJob, limits, wanted);
  if (!result) {
    if (result.error().reason != hashgate::Reason::kDecoderProtocol) std::abort();
    return 0;
  }
  if (result->views.size() > static_cast<std::size_t>(kMaxViews)) std::abort();
  for (const ViewHashes& view : result->views) {
    if (std::uint64_t{view.width} * view.height > limits.max_pixels || view.pdq.size() > 2) std::abort();
    for (const PdqForms& forms : view.pdq) {
      if (forms.quality < 0 || forms.quality > 100) std::abort();
    }
    AlgorithmSet seen;
    for (const VectorForms& vector : view.vectors) {
      if (seen.Has(vector.algorithm) || !wanted.Has(vector.algorithm)) std::abort();
      seen.Add(vector.algorithm);
      if (vector.count() != 1 && vector.count() != hashgate::kDihedralCount) std::abort();
    }
  }
  const std::vector<std::uint8_t> again = EncodeReply(*result, kJob);
  if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) std::abort();
  return 0;
}
