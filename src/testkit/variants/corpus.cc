#include "testkit/variants/corpus.h"

#include <algorithm>

#include "testkit/kit_builder.h"
#include "testkit/random_source.h"

namespace hashgate::testkit::variants {
namespace {

std::string Numbered(int picture) {
  std::string number = std::to_string(picture);
  return number.insert(0, 5 - std::min<std::size_t>(5, number.size()), '0');
}

struct Sizes {
  int width;
  int height;
  std::uint64_t listed;  // seeds of the two pictures
  std::uint64_t stranger;
};

Sizes SizesOf(std::uint64_t seed, int picture) {
  RandomSource mixer(seed);
  RandomSource random(mixer.Next() + static_cast<std::uint64_t>(picture));
  const int longer = random.Range(200, 320) * 2;
  const int shorter = longer * random.Range(60, 95) / 200 * 2;
  const bool upright = random.Chance(40);
  return {upright ? shorter : longer, upright ? longer : shorter, random.Next(), random.Next()};
}

}  // namespace

std::vector<Trick> AllTricks() {
  std::vector<Trick> all;
  for (const auto tricks :
       {JpegTricks(), ClippedTricks(), PngTricks(), AnimatedTricks(), WebTricks(), ModernTricks()}) {
    all.insert(all.end(), tricks.begin(), tricks.end());
  }
  return all;
}

Scene DrawScene(std::uint64_t seed, int picture) {
  const Sizes sizes = SizesOf(seed, picture);
  return {DrawPhoto(sizes.listed, sizes.width, sizes.height),
          DrawPhoto(sizes.stranger, sizes.width, sizes.height)};
}

std::string SourceId(int picture) {
  return "picture-" + Numbered(picture);
}

std::string FileName(int picture, const Trick& trick) {
  return Numbered(picture) + "-" + std::string(trick.name) + "." + std::string(trick.extension);
}

std::string ListCsv(std::uint64_t seed, int pictures) {
  std::string csv = "sourceId,pdq,pdqQuality\n";
  for (int i = 0; i < pictures; ++i) {
    const Sizes sizes = SizesOf(seed, i);
    const PictureHash pdq = HashOf(DrawPhoto(sizes.listed, sizes.width, sizes.height));
    csv += SourceId(i) + "," + pdq.hash.hex() + "," + std::to_string(pdq.quality) + "\n";
  }
  return csv;
}

std::string ManifestCsv(int pictures) {
  std::string csv = "file,picture,trick\n";
  for (int i = 0; i < pictures; ++i) {
    for (const Trick& trick : AllTricks()) {
      csv += FileName(i, trick) + "," + std::to_string(i) + "," + std::string(trick.name) + "\n";
    }
  }
  return csv;
}

}  // namespace hashgate::testkit::variants
