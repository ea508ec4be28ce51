// How far the hash of a large JPEG that is not decoded whole lies from that of a full decode: of every given
// photograph, cropped in several ways and stored anew by several qualities and samplings.
// Run: build/release/bench/reduced_hash JPEG...; prints JSON.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include "hash/perceptual/pdq.h"
#include "image/codec.h"
#include "image/jpeg_reduced.h"
#include "image/luma.h"
#include "testkit/edits.h"
#include "testkit/encode.h"

namespace hashgate {
namespace {

using Bytes = std::vector<std::uint8_t>;

[[noreturn]] void GiveUp(const char* what) {
  std::fprintf(stderr, "reduced_hash: cannot use %s\n", what);
  std::exit(1);
}

decode::Limits WideLimits() {
  return {.max_bytes = 256ULL << 20, .max_pixels = 250'000'000, .memory_bytes = 4ULL << 30};
}

struct Found {
  std::map<int, int> forms_by_bits;
  int files = 0;
  int left_to_codec = 0;
  int worst_quality = 0;  ///< difference of the two qualities
};

void Compare(const Bytes& file, Found& found) {
  ++found.files;
  const auto reduced = image::ReduceJpeg(file, WideLimits());
  const auto quick =
      reduced ? perceptual::ComputeReducedPdqForms(reduced->view(), static_cast<int>(reduced->height),
                                                   static_cast<int>(reduced->width), image::kReduction)
              : std::nullopt;
  if (!quick) {
    ++found.left_to_codec;
    return;
  }
  const image::Decoded decoded = image::DecodeJpeg(file, WideLimits());
  image::ViewRows rows(decoded.bitmap, {.opaque = true});
  const auto full = perceptual::ComputePdqForms(rows);
  for (std::size_t turn = 0; turn < full->forms.size(); ++turn) {
    ++found.forms_by_bits[Distance(quick->forms[turn], full->forms[turn])];
  }
  found.worst_quality = std::max(found.worst_quality, std::abs(quick->quality - full->quality));
}

void CompareParts(const testkit::Picture& picture, Found& found) {
  constexpr std::array<std::array<double, 4>, 5> kParts = {
      {{0, 0, 1, 1}, {0, 0, 0.8, 0.8}, {0.2, 0, 0.8, 0.9}, {0.1, 0.2, 0.9, 0.7}, {0.3, 0.3, 0.6, 0.6}}};
  for (const auto& [x, y, width, height] : kParts) {
    const auto part = [](double share, int side) { return static_cast<int>(share * side); };
    const testkit::Picture cropped = testkit::Crop(picture, part(x, picture.width), part(y, picture.height),
                                                   part(width, picture.width), part(height, picture.height));
    if (std::min(cropped.width, cropped.height) < static_cast<int>(image::kMinReducedSide)) continue;
    for (const int quality : {80, 85, 90, 95}) {
      for (const bool halved : {false, true}) {
        const auto file = testkit::EncodeJpeg(cropped, {.quality = quality, .halve_chroma = halved});
        if (!file) GiveUp("what was stored");
        Compare(*file, found);
      }
    }
  }
}

}  // namespace
}  // namespace hashgate

int main(int argc, char** argv) {
  hashgate::Found found;
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    const hashgate::Bytes file(std::istreambuf_iterator<char>(in), {});
    const auto picture = hashgate::testkit::DecodeJpeg(file);
    if (!picture) hashgate::GiveUp(argv[i]);
    hashgate::CompareParts(*picture, found);
  }
  std::printf("{\"files\": %d, \"left_to_codec\": %d, \"worst_quality\": %d, \"forms_by_bits\": {",
              found.files, found.left_to_codec, found.worst_quality);
  const char* comma = "";
  for (const auto& [bits, count] : found.forms_by_bits) {
    std::printf("%s\"%d\": %d", comma, bits, count);
    comma = ", ";
  }
  std::printf("}}\n");
  return 0;
}
