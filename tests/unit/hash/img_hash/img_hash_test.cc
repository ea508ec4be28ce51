#include "hash/img_hash/img_hash.h"

#include <gtest/gtest.h>

#include "testkit/edits.h"
#include "testkit/pictures.h"

namespace hashgate::img_hash {
namespace {

using testkit::Picture;
using testkit::PictureKind;

std::vector<std::uint8_t> FormsOf(Algorithm algorithm, const Picture& picture) {
  perceptual::StoredRows rows(picture.pixels.data(), picture.height, picture.width, picture.channels);
  return HashForms(algorithm, rows);
}

ByteSpan Form(Algorithm algorithm, const std::vector<std::uint8_t>& forms, int form) {
  return ByteSpan(forms).subspan(HashSize(algorithm) * static_cast<std::size_t>(form), HashSize(algorithm));
}

TEST(ImgHash, FormsAreThoseOfTurnedPictures) {
  int worst = 0;
  for (const auto& [width, height] : {std::pair{320, 240}, {257, 391}, {64, 640}, {1030, 515}, {5, 7}}) {
    const Picture picture = testkit::Draw(PictureKind::kPhoto, 77, width, height);
    for (const Algorithm algorithm : kImgHashes) {
      const std::vector<std::uint8_t> forms = FormsOf(algorithm, picture);
      ASSERT_EQ(forms.size(), HashSize(algorithm) * kDihedralCount);
      for (int form = 0; form < kDihedralCount; ++form) {
        const auto turned = FormsOf(algorithm, testkit::Turn(picture, static_cast<Dihedral>(form)));
        const int distance = Distance(algorithm, Form(algorithm, forms, form), Form(algorithm, turned, 0));
        if (algorithm == Algorithm::kMarrHildreth) {
          worst = std::max(worst, distance);
        } else {
          EXPECT_EQ(distance, 0) << AlgorithmName(algorithm) << ' ' << width << 'x' << height << " form "
                                 << form;
        }
        // A form that is another one's would be far off, where the picture is rich enough.
        if (form > 0 && width == 320) {
          EXPECT_GT(Distance(algorithm, Form(algorithm, forms, 0), Form(algorithm, turned, 0)),
                    GreatestMaxDistance(algorithm))
              << AlgorithmName(algorithm) << ' ' << width << 'x' << height << " form " << form;
        }
      }
    }
  }
  EXPECT_LE(worst, 6);
}

TEST(ImgHash, AlphaIsNotLookedAt) {
  const Picture picture = testkit::Draw(PictureKind::kPhoto, 3, 200, 150);
  Picture with_alpha = testkit::WithAlpha(picture);
  for (std::size_t i = 3; i < with_alpha.pixels.size(); i += 8) with_alpha.pixels[i] = 17;
  for (const Algorithm algorithm : kImgHashes) {
    EXPECT_EQ(FormsOf(algorithm, picture), FormsOf(algorithm, with_alpha)) << AlgorithmName(algorithm);
  }
}

TEST(ImgHash, PlainPicturesAreDegenerateInEveryForm) {
  for (const Algorithm algorithm : kImgHashes) {
    for (const int level : {0, 127, 255}) {
      Picture plain = testkit::MakePicture(90, 70);
      std::ranges::fill(plain.pixels, static_cast<std::uint8_t>(level));
      const auto forms = FormsOf(algorithm, plain);
      for (int form = 0; form < kDihedralCount; ++form) {
        EXPECT_TRUE(IsDegenerate(algorithm, Form(algorithm, forms, form)))
            << AlgorithmName(algorithm) << ' ' << level << " form " << form;
      }
    }
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto forms = FormsOf(algorithm, testkit::Draw(PictureKind::kPhoto, seed, 200, 150));
      EXPECT_FALSE(IsDegenerate(algorithm, Form(algorithm, forms, 0)))
          << AlgorithmName(algorithm) << ' ' << seed;
    }
  }
}

TEST(ImgHash, RampsAreDegenerateByMarrHildreth) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto forms =
        FormsOf(Algorithm::kMarrHildreth, testkit::Draw(PictureKind::kGradient, seed, 300, 200));
    EXPECT_TRUE(IsDegenerate(Algorithm::kMarrHildreth, Form(Algorithm::kMarrHildreth, forms, 0))) << seed;
  }
}

// What each is good for, in its default threshold: the figures of docs/img_hash.md rest on more pictures.
TEST(ImgHash, ShrunkAndPalerCopiesAreWithinTheDefault) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Picture picture = testkit::Draw(PictureKind::kPhoto, 500 + seed, 320, 240);
    const Picture other = testkit::Draw(PictureKind::kPhoto, 600 + seed, 320, 240);
    for (const Algorithm algorithm : {Algorithm::kPHash, Algorithm::kBlockMean, Algorithm::kMarrHildreth}) {
      const auto forms = FormsOf(algorithm, picture);
      const auto distance_to = [&](const Picture& to) {
        const auto others = FormsOf(algorithm, to);
        return Distance(algorithm, Form(algorithm, forms, 0), Form(algorithm, others, 0));
      };
      EXPECT_LE(distance_to(testkit::ResizeArea(picture, 160, 120)), DefaultMaxDistance(algorithm));
      EXPECT_LE(distance_to(testkit::LowerContrast(picture, 70)), DefaultMaxDistance(algorithm));
      EXPECT_GT(distance_to(other), GreatestMaxDistance(algorithm));
    }
  }
}

}  // namespace
}  // namespace hashgate::img_hash
