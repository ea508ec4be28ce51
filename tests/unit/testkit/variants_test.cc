// The variants repeat, and each JPEG among them shows the listed picture to whoever decodes all of it. Those
// that are traps for readers of less really are.
#include "testkit/variants/corpus.h"

#include <gtest/gtest.h>

#include <set>

#include "testkit/kit_builder.h"

namespace hashgate::testkit::variants {
namespace {

constexpr std::uint64_t kSeed = 7;
constexpr int kListBits = kDefaultPdqMaxDistanceBits;

Bytes Made(const Trick& trick, const Scene& scene) {
  auto bytes = trick.make(scene);
  EXPECT_TRUE(bytes) << trick.name << ": " << bytes.error().message;
  return bytes.value_or(Bytes{});
}

bool Has(const Trick& trick, std::string_view part) {
  return trick.name.find(part) != std::string_view::npos;
}

int BitsFrom(const PdqHash& listed, const Bytes& jpeg, const JpegReading& reading = {}) {
  const auto picture = DecodeJpeg(jpeg, reading);
  EXPECT_TRUE(picture);
  return picture ? NearestTurn(*picture, listed) : 0;
}

TEST(Variants, NamesAreUniqueAndFilesRepeat) {
  const std::vector<Trick> tricks = AllTricks();
  EXPECT_GE(tricks.size(), 25U);
  const Scene scene = DrawScene(kSeed, 3);
  const Scene again = DrawScene(kSeed, 3);
  EXPECT_EQ(scene.listed, again.listed);
  EXPECT_NE(scene.listed, DrawScene(kSeed + 1, 3).listed);
  EXPECT_NE(scene.listed, DrawScene(kSeed, 4).listed);
  std::set<std::string_view> names;
  for (const Trick& trick : tricks) {
    EXPECT_TRUE(names.insert(trick.name).second) << trick.name;
    EXPECT_EQ(Made(trick, scene), Made(trick, again)) << trick.name;
  }
  EXPECT_EQ(FileName(3, tricks[0]), "00003-jpeg-q90.jpg");
}

TEST(Variants, TheListHoldsThePicturesAsDrawn) {
  std::string expected = "sourceId,pdq,pdqQuality\n";
  for (int i = 0; i < 2; ++i) {
    const PictureHash hash = HashOf(DrawScene(kSeed, i).listed);
    expected += "picture-0000" + std::to_string(i) + "," + hash.hash.hex() + "," +
                std::to_string(hash.quality) + "\n";
  }
  EXPECT_EQ(ListCsv(kSeed, 2), expected);
  EXPECT_TRUE(ManifestCsv(1).starts_with("file,picture,trick\n00000-jpeg-q90.jpg,0,jpeg-q90\n"));
}

TEST(Variants, AFullDecodeOfAJpegShowsTheListedPicture) {
  for (int i = 0; i < 3; ++i) {
    const Scene scene = DrawScene(kSeed, i);
    const PdqHash listed = HashOf(scene.listed).hash;
    EXPECT_GT(Distance(listed, HashOf(scene.stranger).hash), 80);
    for (const Trick& trick : JpegTricks()) {
      // What libjpeg does not decode to colours, whose picture is further in, or that shows more than the
      // picture.
      if (Has(trick, "cmyk") || Has(trick, "ycck") || Has(trick, "mpo") || Has(trick, "border") ||
          Has(trick, "bars"))
        continue;
      if (Has(trick, "cut")) continue;
      EXPECT_LE(BitsFrom(listed, Made(trick, scene)), kListBits) << trick.name << " of picture " << i;
    }
  }
}

TEST(Variants, ClippedPicturesAppearOnlyWhereSamplesAreClamped) {
  for (int i = 0; i < 3; ++i) {
    const Scene scene = DrawScene(kSeed, i);
    const PdqHash listed = HashOf(scene.listed).hash;
    const PdqHash stranger = HashOf(scene.stranger).hash;
    for (const Trick& trick : ClippedTricks()) {
      SCOPED_TRACE(std::string(trick.name) + " of picture " + std::to_string(i));
      const Bytes jpeg = Made(trick, scene);
      const int seen = BitsFrom(listed, jpeg);
      const int careless = Has(trick, "frequencies") ? BitsFrom(listed, jpeg, {.denominator = 8})
                                                     : BitsFrom(listed, jpeg, {.luma_only = true});
      EXPECT_LE(seen, kListBits);
      EXPECT_GT(careless, 60);
      if (Has(trick, "other-luma")) {
        EXPECT_LE(BitsFrom(stranger, jpeg, {.luma_only = true}), kListBits);
      }
    }
  }
}

}  // namespace
}  // namespace hashgate::testkit::variants
