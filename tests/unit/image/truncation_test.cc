// What a cut file still shows is what is hashed.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "unit/image/animations.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

Bytes Front(const Bytes& file, std::size_t size) {
  return {file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)};
}

TEST(Truncation, ABottomUpBmpShowsItsLowestRows) {
  const Rgba picture = WavePicture(90, 64, 3);
  const Bytes file = EncodeBmp(picture, {});
  const auto result = Process(Front(file, file.size() - std::size_t{30} * 64 * 3 - 5));
  ASSERT_EQ(Name(result.cause), Name(Cause::kTruncated));
  ASSERT_EQ(result.views.size(), 1U);
  ASSERT_EQ(result.views[0].height, 59U);
  Rgba low{64, 59, {}};
  low.samples.assign(picture.samples.end() - std::ptrdiff_t{59} * 64 * 4, picture.samples.end());
  EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(low)), 0);
}

TEST(Truncation, AnInterlacedPngShowsItsFirstPassesAtFullSize) {
  const Rgba picture = WavePicture(160, 200, 3);
  const Bytes file = EncodePng(picture, {.interlaced = true});
  const auto result = Process(Front(file, file.size() / 3));
  ASSERT_EQ(Name(result.cause), Name(Cause::kTruncated));
  ASSERT_EQ(result.views.size(), 1U);
  EXPECT_EQ(result.views[0].height, 160U);
  EXPECT_LE(WorstDistance(result, 0, ExpectedForms(picture)), 31);
}

TEST(Truncation, AProgressiveJpegShowsItsFirstScansAtFullSize) {
  const Rgba picture = WavePicture(240, 320, 3);
  const Bytes file = EncodeJpeg(picture, {.quality = 95, .progressive = true});
  int shown = 0;
  for (std::size_t size = file.size() / 2; size < file.size() - 2; size += file.size() / 20) {
    const auto result = Process(Front(file, size));
    ASSERT_EQ(Name(result.cause), Name(Cause::kTruncated)) << size;
    ASSERT_EQ(result.views.size(), 1U);
    EXPECT_EQ(result.views[0].kind, ViewKind::kTruncatedPart);
    EXPECT_EQ(result.views[0].height, 240U);
    EXPECT_LE(WorstDistance(result, 0, ExpectedForms(picture)), 16);
    ++shown;
  }
  EXPECT_GE(shown, 9);
}

TEST(Truncation, ACutFrameOfAnAnimationIsDrawnAsFarAsItGoes) {
  const int height = 90;
  const int width = 100;
  const std::vector<AnimatedFrame> frames = {{.picture = WavePicture(height, width, 1)},
                                             {.picture = WavePicture(height, width, 2)}};
  const Rgba hidden = WavePicture(height, width, 3);
  for (const Bytes& file :
       {EncodeGifFrames(width, height, frames), EncodeApng(frames), EncodeApng(frames, {.hidden = &hidden}),
        EncodeWebpFrames(width, height, frames)}) {
    // A third of the last frame is missing.
    const std::size_t pictures =
        file.size() > 8 && file[0] == 0x89 && Process(file).frames_total == 3 ? 3 : 2;
    const auto result = Process(Front(file, file.size() - file.size() / pictures / 3));
    SCOPED_TRACE(decode::FormatName(result.format));
    EXPECT_EQ(Name(result.cause), Name(Cause::kTruncated));
    ASSERT_FALSE(result.views.empty());
    EXPECT_EQ(result.views[0].kind, ViewKind::kWhole);
    EXPECT_EQ(result.views[0].height, static_cast<std::uint32_t>(height));
    const auto cut = std::ranges::find_if(result.views, [&](const decode::ViewHashes& view) {
      return view.kind == ViewKind::kFrame && view.frame == pictures - 1;
    });
    ASSERT_NE(cut, result.views.end());
    int nearest = 256;
    for (int rows = 5; rows < height; ++rows) {
      Rgba shown = frames[0].picture;
      const auto drawn = std::ptrdiff_t{rows} * width * 4;
      std::copy_n(frames[1].picture.samples.begin(), drawn, shown.samples.begin());
      nearest = std::min(nearest, Distance(cut->pdq.at(0).forms[0], ExpectedForms(shown).forms[0]));
    }
    EXPECT_EQ(nearest, 0);
  }
}

}  // namespace
}  // namespace hashgate::testing
