// An APNG's default picture is for viewers that know no animations. Where no frame control stands in front of
// it, browsers never show it: a harmless one there must not stand for the frames.
#include <gtest/gtest.h>

#include <vector>

#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

Bytes Joined(std::vector<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes AnimationControl(std::uint8_t frames) {
  return PngChunk("acTL", {0, 0, 0, frames, 0, 0, 0, 0});
}

/// A PNG of 40x30 with `front` between its header and its data, and `back` in front of its end.
Bytes With(const Bytes& front, const Bytes& back = {}) {
  Bytes file = EncodePng(ColorPicture(30, 40), {});
  file.insert(file.end() - 12, back.begin(), back.end());
  file.insert(file.begin() + 33, front.begin(), front.end());
  return file;
}

void ExpectHidden(const Bytes& file, std::uint32_t frames) {
  const auto result = Process(file);
  EXPECT_EQ(Name(result.cause), Name(Cause::kUnsupportedFormat));
  EXPECT_TRUE(result.views.empty());
  EXPECT_EQ(result.frames_total, frames);
  EXPECT_EQ(result.frames_seen, 0U);
}

TEST(AnimatedPng, ADefaultPictureOutsideTheAnimationIsNotLookedAt) {
  const Bytes frame = Joined({PngFrameControl(0, 40, 30), PngChunk("fdAT", {0, 0, 0, 1, 0})});
  ExpectHidden(With(AnimationControl(1), frame), 2);
  ExpectHidden(With(AnimationControl(3), frame), 4);
  ExpectHidden(With(AnimationControl(0), frame), 2);
}

TEST(AnimatedPng, AFirstFrameThatViewersMayRefuseDoesNotOpenTheAnimation) {
  const Bytes good = PngFrameControl(0, 40, 30);
  Bytes wrong_sum = good;
  wrong_sum.at(37) ^= 1;
  for (const Bytes& control : {wrong_sum, PngFrameControl(1, 40, 30), PngFrameControl(0, 39, 30),
                               PngFrameControl(0, 40, 1), PngChunk("fcTL", {0, 0, 0, 0})}) {
    ExpectHidden(With(Joined({AnimationControl(2), control})), 3);
  }
  ExpectHidden(With(Joined({good, AnimationControl(2)})), 3);
  ExpectHidden(With(Joined({AnimationControl(2), good, good})), 3);
}

TEST(AnimatedPng, FramesAreCountedAsDeclaredOrAsStored) {
  const Bytes first = PngFrameControl(0, 40, 30);
  const Bytes further = Joined({PngFrameControl(1, 40, 30), PngChunk("fdAT", {0, 0, 0, 2, 0}),
                                PngFrameControl(3, 40, 30), PngChunk("fdAT", {0, 0, 0, 4, 0})});
  for (const std::uint8_t declared : {1, 2, 3, 9}) {
    const auto result = Process(With(Joined({AnimationControl(declared), first}), further));
    ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
    EXPECT_EQ(result.frames_total, std::max<std::uint32_t>(declared, 3));
    EXPECT_EQ(result.frames_seen, 1U);
    EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(ColorPicture(30, 40))), 0);
  }
}

TEST(AnimatedPng, AnimationOfOneFrameIsAPicture) {
  const auto result = Process(With(Joined({AnimationControl(1), PngFrameControl(0, 40, 30)})));
  EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
  EXPECT_EQ(result.frames_total, 1U);
}

// Without a declaration in front of the data browsers show the default picture and nothing else.
TEST(AnimatedPng, WithoutADeclarationItIsAPlainPicture) {
  for (const Bytes& file : {With({}, Joined({AnimationControl(5), PngFrameControl(0, 40, 30)})),
                            With(PngFrameControl(0, 40, 30)), With(AnimationControl(0))}) {
    const auto result = Process(file);
    EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
    EXPECT_EQ(result.frames_total, 1U);
  }
}

}  // namespace
}  // namespace hashgate::testing
