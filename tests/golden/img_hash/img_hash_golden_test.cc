// Hashes of generated pictures are those that OpenCV 4.6 makes of them (docs/img_hash.md tells how opencv.txt
// is made).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "base/hex.h"
#include "golden/img_hash/pictures.h"
#include "hash/img_hash/img_hash.h"

namespace hashgate::img_hash {
namespace {

using Goldens = std::map<std::pair<std::string, Algorithm>, std::vector<std::uint8_t>>;

Goldens ReadGoldens() {
  const char* const source = std::getenv("HASHGATE_SOURCE_DIR");
  std::ifstream in(std::string(source != nullptr ? source : ".") + "/tests/golden/img_hash/opencv.txt");
  Goldens goldens;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string picture;
    std::string name;
    std::string hex;
    words >> picture >> name >> hex;
    const auto algorithm = ParseAlgorithm(name);
    const auto bytes = HexDecode(hex);
    if (!algorithm || !bytes || bytes->size() != HashSize(*algorithm)) {
      ADD_FAILURE() << "a line that says nothing: " << line;
      continue;
    }
    goldens[{picture, *algorithm}] = *bytes;
  }
  return goldens;
}

// Where groups of blocks show one colour, OpenCV's bits are the rounding of its Fourier transform, and ours
// are 0.
bool HasPlainAreas(const std::string& picture) {
  return picture.starts_with("emoji") || picture.starts_with("screenshot") || picture.starts_with("flat");
}

TEST(ImgHashGolden, AreOpenCvs) {
  const Goldens goldens = ReadGoldens();
  std::size_t compared = 0;
  int worst_plain = 0;
  int worst_other = 0;
  golden::ForEachGolden([&](const golden::GoldenPicture& picture) {
    for (const Algorithm algorithm : kImgHashes) {
      const auto at = goldens.find({picture.name, algorithm});
      ASSERT_NE(at, goldens.end()) << picture.name << ' ' << AlgorithmName(algorithm);
      perceptual::StoredRows rows(picture.samples.data(), static_cast<int>(picture.height),
                                  static_cast<int>(picture.width), static_cast<int>(picture.channels));
      const std::vector<std::uint8_t> forms = HashForms(algorithm, rows);
      ASSERT_EQ(forms.size(), HashSize(algorithm) * kDihedralCount);
      const int distance = Distance(algorithm, ByteSpan(forms).first(HashSize(algorithm)), at->second);
      ++compared;
      if (algorithm != Algorithm::kMarrHildreth) {
        EXPECT_EQ(distance, 0) << picture.name << ' ' << AlgorithmName(algorithm);
        continue;
      }
      int& worst = HasPlainAreas(picture.name) ? worst_plain : worst_other;
      worst = std::max(worst, distance);
    }
  });
  EXPECT_EQ(compared, goldens.size());
  // These figures stand in docs/img_hash.md.
  EXPECT_EQ(worst_other, 1);
  EXPECT_EQ(worst_plain, 37);
}

}  // namespace
}  // namespace hashgate::img_hash
