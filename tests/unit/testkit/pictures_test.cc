// The generator draws the same pixels everywhere, and its photographs are as far apart as real ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/digest.h"
#include "base/hex.h"
#include "hash/perceptual/pdq_textbook.h"
#include "testkit/edits.h"
#include "testkit/kit_builder.h"
#include "testkit/pictures.h"
#include "testkit/random_source.h"

namespace hashgate::testkit {
namespace {

std::string PixelDigest(const Picture& picture) {
  return HexEncode(Sha256Of(picture.pixels)).substr(0, 16);
}

// Pinned: a build that draws other pixels changes every list and expected answer of the test kit.
TEST(PicturesGolden, EachKindDrawsThePinnedPixels) {
  EXPECT_EQ(PixelDigest(Draw(PictureKind::kPhoto, 1, 200, 150)), "383654375db5e052");
  EXPECT_EQ(PixelDigest(DrawPhoto(2, 90, 160, {.noise = 0})), "92d5980b9a51ac6f");
  EXPECT_EQ(PixelDigest(Draw(PictureKind::kScreenshot, 1, 320, 240)), "d3154f49f1eeefc4");
  EXPECT_EQ(PixelDigest(Draw(PictureKind::kEmoji, 1, 96, 96)), "004620485cf79bf8");
  EXPECT_EQ(PixelDigest(Draw(PictureKind::kTextPage, 1, 300, 420)), "0a3f161dd1ab50d8");
  EXPECT_EQ(PixelDigest(Draw(PictureKind::kGradient, 1, 100, 80)), "d9046633bdd6fd51");
  EXPECT_EQ(PixelDigest(Draw(PictureKind::kFlat, 1, 100, 80)), "bca584a216a04993");
  EXPECT_EQ(PixelDigest(Draw(PictureKind::kLattice, 1, 160, 120)), "b1ba0ec89953baed");
  EXPECT_EQ(PixelDigest(DrawAnimation(1, 80, 60, 4)[3]), "f556d536416857e6");
}

TEST(PicturesGolden, EditsGiveThePinnedPixels) {
  const Picture photo = Draw(PictureKind::kPhoto, 1, 200, 150);
  EXPECT_EQ(PixelDigest(ResizeArea(photo, 77, 91)), "d75b81719f084ee7");
  EXPECT_EQ(PixelDigest(Expand(ReduceColours(photo))), "23f4c44e5c3f5aa0");
}

TEST(Pictures, SeedsAreIndependentSequences) {
  // Neighbouring seeds, and seeds one generator step apart, must not share a shifted sequence.
  for (const std::uint64_t step : {std::uint64_t{1}, std::uint64_t{0x9e3779b97f4a7c15}}) {
    RandomSource first(5);
    RandomSource second(5 + step);
    std::vector<std::uint64_t> a;
    std::vector<std::uint64_t> b;
    for (int i = 0; i < 50; ++i) {
      a.push_back(first.Next());
      b.push_back(second.Next());
    }
    for (const std::uint64_t value : b) EXPECT_THAT(a, testing::Not(testing::Contains(value)));
  }
}

TEST(Pictures, RangeReachesBothEndsAndNothingElse) {
  RandomSource random(1);
  int low = 0;
  int high = 0;
  for (int i = 0; i < 2000; ++i) {
    const int value = random.Range(-3, 4);
    ASSERT_GE(value, -3);
    ASSERT_LE(value, 4);
    low += value == -3 ? 1 : 0;
    high += value == 4 ? 1 : 0;
  }
  EXPECT_GT(low, 150);
  EXPECT_GT(high, 150);
}

TEST(Pictures, PhotographsAreFarApartAndOfGoodQuality) {
#ifdef HASHGATE_SANITIZED
  constexpr int kCount = 200;
#else
  constexpr int kCount = 2000;
#endif
  std::vector<PdqHash> hashes;
  int good = 0;
  int degenerate = 0;
  for (int i = 0; i < kCount; ++i) {
    const PictureHash hash = HashOf(DrawPhoto(static_cast<std::uint64_t>(i), 160, 120));
    hashes.push_back(hash.hash);
    good += hash.quality >= 80 ? 1 : 0;
    degenerate += IsDegenerate(hash.hash) ? 1 : 0;
  }
  int nearest = 256;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) nearest = std::min(nearest, Distance(hashes[i], hashes[j]));
  }
  EXPECT_GT(nearest, 60);
  EXPECT_GE(good, kCount * 95 / 100);
  EXPECT_LE(degenerate, kCount / 100);
}

TEST(Pictures, OneSeedShowsOneSceneAtEverySize) {
  for (const std::uint64_t seed : {3U, 4U, 5U}) {
    const PdqHash small = HashOf(DrawPhoto(seed, 256, 192)).hash;
    EXPECT_LE(Distance(small, HashOf(DrawPhoto(seed, 512, 384)).hash), 40) << seed;
  }
}

TEST(Pictures, DegenerateKindsAreDegenerate) {
  EXPECT_EQ(HashOf(Draw(PictureKind::kFlat, 9, 120, 90)).quality, 0);
  EXPECT_LT(HashOf(Draw(PictureKind::kGradient, 9, 120, 90)).quality, kMinUsablePdqQuality);
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    const PictureHash lattice = HashOf(Draw(PictureKind::kLattice, seed, 320, 240));
    EXPECT_TRUE(IsDegenerate(lattice.hash)) << seed;
    EXPECT_GE(lattice.quality, kMinUsablePdqQuality) << seed;
  }
}

TEST(Pictures, OddSizesAreDrawn) {
  for (const PictureKind kind :
       {PictureKind::kPhoto, PictureKind::kScreenshot, PictureKind::kEmoji, PictureKind::kTextPage,
        PictureKind::kGradient, PictureKind::kFlat, PictureKind::kLattice}) {
    for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {3, 200}, {257, 31}}) {
      const Picture picture = Draw(kind, 11, width, height);
      EXPECT_EQ(picture.pixels.size(), picture.offset(0, height)) << PictureKindName(kind);
      EXPECT_EQ(picture.width, width);
    }
  }
}

TEST(Pictures, EmojiIsTransparentAroundItsSymbol) {
  const Picture emoji = Draw(PictureKind::kEmoji, 2, 96, 96);
  ASSERT_EQ(emoji.channels, 4);
  EXPECT_EQ(emoji.pixels[emoji.offset(0, 0) + 3], 0);
  EXPECT_EQ(emoji.pixels[emoji.offset(48, 48) + 3], 255);
}

TEST(Pictures, AnimationMoves) {
  const std::vector<Picture> frames = DrawAnimation(6, 120, 90, 5);
  ASSERT_EQ(frames.size(), 5U);
  for (std::size_t i = 1; i < frames.size(); ++i) EXPECT_NE(frames[i], frames[i - 1]);
}

perceptual::LumaPlane RedPlane(const Picture& picture) {
  perceptual::LumaPlane plane{{}, picture.height, picture.width};
  for (std::size_t i = 0; i < picture.pixels.size(); i += 3) plane.samples.push_back(picture.pixels[i]);
  return plane;
}

TEST(Edits, TurnsAsTheHashTurns) {
  const Picture photo = DrawPhoto(12, 40, 29);
  const perceptual::LumaPlane plane = RedPlane(photo);
  for (int turn = 0; turn < kDihedralCount; ++turn) {
    const auto dihedral = static_cast<Dihedral>(turn);
    const perceptual::LumaPlane turned = perceptual::Turn(plane.view(), dihedral);
    const perceptual::LumaPlane ours = RedPlane(Turn(photo, dihedral));
    EXPECT_EQ(ours.rows, turned.rows);
    EXPECT_EQ(ours.samples, turned.samples) << DihedralName(dihedral);
  }
}

TEST(Edits, ResizeAreaAveragesWhatAPixelCovers) {
  Picture picture = MakePicture(4, 2);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
    picture.pixels[i] = static_cast<std::uint8_t>(i / 3 * 10);
  }
  EXPECT_EQ(ResizeArea(picture, 4, 2), picture);
  const Picture half = ResizeArea(picture, 2, 1);
  EXPECT_EQ(half.pixels[0], (0 + 10 + 40 + 50) / 4);
  EXPECT_EQ(half.pixels[3], (20 + 30 + 60 + 70) / 4);
  // Three columns out of four: the first covers one and a third.
  EXPECT_EQ(ResizeArea(picture, 3, 2).pixels[0], 3);
}

TEST(Edits, ReducedColoursStayNearThePicture) {
  const Picture photo = DrawPhoto(13, 320, 240, {.noise = 0});
  const IndexedPicture indexed = ReduceColours(photo);
  EXPECT_LE(indexed.palette.size(), 253U);
  EXPECT_LE(Distance(HashOf(photo).hash, HashOf(Expand(indexed)).hash), 10);
}

TEST(Edits, AlphaGoesOverTheGivenGrey) {
  Picture picture = MakePicture(1, 1, 4);
  picture.pixels = {200, 100, 0, 51};
  EXPECT_THAT(OverGrey(picture, 255).pixels, testing::ElementsAre(244, 224, 204));
  EXPECT_THAT(OverGrey(picture, 0).pixels, testing::ElementsAre(40, 20, 0));
}

}  // namespace
}  // namespace hashgate::testkit
