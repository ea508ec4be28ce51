// Animations: every frame as a viewer shows it, and which of them are looked at.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "image/frame_chooser.h"
#include "image/frame_plan.h"
#include "unit/image/animations.h"
#include "unit/image/upload.h"

namespace hashgate::testing {
namespace {

constexpr int kHeight = 96;
constexpr int kWidth = 112;

struct Animation {
  std::string name;
  Bytes bytes;
};

const decode::ViewHashes* FindView(const decode::DecodeResult& result, ViewKind kind, std::uint32_t frame) {
  for (const auto& view : result.views) {
    if (view.kind == kind && view.frame == frame) return &view;
  }
  return nullptr;
}

int FormsApart(const decode::ViewHashes& view, const perceptual::PdqFormSet& expected) {
  int worst = 0;
  for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
    worst = std::max(worst, Distance(view.pdq.at(0).forms[turn], expected.forms[turn]));
  }
  return worst;
}

bool HasClearPixels(const Rgba& picture) {
  for (std::size_t i = 3; i < picture.samples.size(); i += 4) {
    if (picture.samples[i] != 255) return true;
  }
  return false;
}

void ExpectPassesTheServer(const decode::DecodeResult& result) {
  const auto reply = decode::DecodeReply(decode::EncodeReply(result, 3), 3, decode::Limits{});
  EXPECT_TRUE(reply.has_value());
}

/// Every frame is seen, and the views are those of what is shown.
void ExpectShown(const Bytes& file, const std::vector<Rgba>& shown) {
  const auto result = Process(file);
  ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
  EXPECT_FALSE(result.codec_warned);
  EXPECT_EQ(result.frames_total, shown.size());
  EXPECT_EQ(result.frames_seen, shown.size());
  ExpectPassesTheServer(result);
  std::size_t found = 1;
  for (std::uint32_t i = 1; i < shown.size(); ++i) {
    SCOPED_TRACE("frame " + std::to_string(i));
    const decode::ViewHashes* white = FindView(result, ViewKind::kFrame, i);
    if (white == nullptr) continue;
    ++found;
    EXPECT_EQ(white->width, static_cast<std::uint32_t>(shown[i].width));
    EXPECT_EQ(white->height, static_cast<std::uint32_t>(shown[i].height));
    EXPECT_LE(FormsApart(*white, ExpectedForms(shown[i], 255)), 2);
    const decode::ViewHashes* black = FindView(result, ViewKind::kOverBlack, i);
    ASSERT_EQ(black != nullptr, HasClearPixels(shown[i]));
    if (black != nullptr) {
      EXPECT_LE(FormsApart(*black, ExpectedForms(shown[i], 0)), 2);
    }
  }
  EXPECT_EQ(found, shown.size());
}

std::vector<AnimatedFrame> WholeFrames(int count, unsigned seed = 1) {
  std::vector<AnimatedFrame> frames;
  for (int i = 0; i < count; ++i) {
    frames.push_back({.picture = WavePicture(kHeight, kWidth, seed + static_cast<unsigned>(i))});
  }
  return frames;
}

std::vector<Animation> InEveryFormat(const std::vector<AnimatedFrame>& frames, bool restores = true) {
  std::vector<Animation> all = {{"gif", EncodeGifFrames(kWidth, kHeight, frames)},
                                {"apng", EncodeApng(frames)}};
  if (!restores) all.push_back({"webp", EncodeWebpFrames(kWidth, kHeight, frames)});
  return all;
}

TEST(Animation, WholeFramesAreShownAsTheyAre) {
  const auto frames = WholeFrames(5);
  for (const Animation& file : InEveryFormat(frames, false)) {
    SCOPED_TRACE(file.name);
    ExpectShown(file.bytes, ShownFrames(kWidth, kHeight, frames));
  }
}

TEST(Animation, PartsAreDrawnOverWhatIsThere) {
  for (const AfterFrame second : {AfterFrame::kKeep, AfterFrame::kClear, AfterFrame::kRestore}) {
    SCOPED_TRACE(static_cast<int>(second));
    const std::vector<AnimatedFrame> frames = {
        {.picture = WavePicture(kHeight, kWidth, 1)},
        {.picture = WithHoles(WavePicture(70, 80, 2), 5), .left = 20, .top = 10, .after = second},
        {.picture = WithHoles(WavePicture(60, 90, 3), 6), .left = 6, .top = 30, .after = AfterFrame::kClear},
        {.picture = WavePicture(80, 30, 4), .left = 60, .top = 4, .after = second},
        {.picture = WithHoles(WavePicture(50, 100, 7), 8), .left = 10, .top = 40}};
    for (const Animation& file : InEveryFormat(frames, second == AfterFrame::kRestore)) {
      SCOPED_TRACE(file.name);
      ExpectShown(file.bytes, ShownFrames(kWidth, kHeight, frames));
    }
  }
}

TEST(Animation, AFrameMayReplaceWhatIsThereWithClearPixels) {
  std::vector<AnimatedFrame> frames = {
      {.picture = WavePicture(kHeight, kWidth, 1)},
      {.picture = WithHoles(WavePicture(70, 80, 2), 5), .left = 20, .top = 10, .blends = false},
      {.picture = WithHoles(WavePicture(kHeight, kWidth, 3), 4), .blends = false}};
  ExpectShown(EncodeWebpFrames(kWidth, kHeight, frames), ShownFrames(kWidth, kHeight, frames));
  ExpectShown(EncodeApng(frames), ShownFrames(kWidth, kHeight, frames));
}

TEST(Animation, HalfClearPixelsAreMixed) {
  std::vector<AnimatedFrame> frames = WholeFrames(3);
  for (std::size_t i = 3; i < frames[1].picture.samples.size(); i += 4) frames[1].picture.samples[i] = 150;
  for (std::size_t i = 3; i < frames[2].picture.samples.size(); i += 4) {
    frames[2].picture.samples[i] = static_cast<std::uint8_t>(i / 4 % 256);
  }
  frames[0].after = AfterFrame::kClear;
  ExpectShown(EncodeWebpFrames(kWidth, kHeight, frames), ShownFrames(kWidth, kHeight, frames));
  ExpectShown(EncodeApng(frames), ShownFrames(kWidth, kHeight, frames));
}

/// Where the descriptors of a file of EncodeGifFrames begin.
std::vector<std::size_t> FindDescriptors(const Bytes& gif) {
  std::vector<std::size_t> places;
  std::size_t at = 13;
  const auto skip_blocks = [&] {
    while (gif.at(at) != 0) at += gif[at] + std::size_t{1};
    ++at;
  };
  while (gif.at(at) != 0x3b) {
    if (gif[at] == 0x2c) {
      places.push_back(at);
      const std::uint8_t packed = gif.at(at + 9);
      at += 11 + ((packed & 0x80) == 0 ? 0 : std::size_t{3} << ((packed & 7) + 1));
    } else {
      at += 2;
    }
    skip_blocks();
  }
  return places;
}

TEST(Animation, AGifFrameWithoutASideIsNotSeen) {
  // Firefox and WebKit show such a frame on the whole canvas, others not at all.
  const Bytes whole = EncodeGifFrames(kWidth, kHeight, WholeFrames(3));
  const std::vector<std::size_t> places = FindDescriptors(whole);
  ASSERT_EQ(places.size(), 3U);
  for (const std::vector<std::size_t>& zeroed : {std::vector<std::size_t>{5, 6}, {7, 8}, {5, 6, 7, 8}}) {
    for (const std::size_t frame : {1U, 2U}) {
      SCOPED_TRACE(frame);
      Bytes gif = whole;
      for (const std::size_t offset : zeroed) gif.at(places[frame] + offset) = 0;
      const auto result = Process(gif);
      EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
      EXPECT_EQ(result.frames_total, 3U);
      EXPECT_EQ(result.frames_seen, 2U);
      EXPECT_TRUE(result.codec_warned);
      EXPECT_NE(FindView(result, ViewKind::kFrame, frame == 1 ? 2 : 1), nullptr);
      ExpectPassesTheServer(result);
    }
  }
}

TEST(Animation, AFrameBehindJunkInAGifIsCountedAndNotSeen) {
  const Bytes whole = EncodeGifFrames(kWidth, kHeight, WholeFrames(3));
  const std::size_t descriptor = FindDescriptors(whole).at(2);
  // In front of the third frame's control block, and between that and the descriptor.
  for (const std::size_t at : {descriptor - 8, descriptor}) {
    for (const Bytes& junk : {Bytes{0}, Bytes{0, 0, 0}, Bytes{0x55, 0xff, 0}}) {
      Bytes gif = whole;
      gif.insert(gif.begin() + static_cast<std::ptrdiff_t>(at), junk.begin(), junk.end());
      const auto result = Process(gif);
      EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
      EXPECT_EQ(result.frames_total, 3U);
      EXPECT_EQ(result.frames_seen, 2U);
      EXPECT_TRUE(result.codec_warned);
      ExpectPassesTheServer(result);
    }
  }
  // A single picture in front of the junk.
  const std::vector<std::size_t> places = FindDescriptors(whole);
  Bytes gif = whole;
  gif.insert(gif.begin() + static_cast<std::ptrdiff_t>(places[1]) - 8, 0);
  const auto result = Process(gif);
  EXPECT_EQ(result.frames_total, 2U);
  EXPECT_EQ(result.frames_seen, 1U);
  ExpectPassesTheServer(result);
}

TEST(Animation, PaddingInPlaceOfAGifsTrailerIsNoFrame) {
  Bytes gif = EncodeGifFrames(kWidth, kHeight, WholeFrames(2));
  gif.pop_back();
  gif.insert(gif.end(), 40, 0);
  // What is left behind the last of these is too short to be a frame.
  gif.insert(gif.end(), {0x2c, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  const auto result = Process(gif);
  EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
  EXPECT_EQ(result.frames_total, 2U);
  EXPECT_EQ(result.frames_seen, 2U);
  EXPECT_TRUE(result.codec_warned);
}

TEST(Animation, AGifFrameOverTheEdgeIsCut) {
  std::vector<AnimatedFrame> frames = WholeFrames(3);
  frames[1].left = 30;
  frames[1].top = 50;
  frames[2].left = 500;
  const auto shown = ShownFrames(kWidth, kHeight, frames);
  const auto result = Process(EncodeGifFrames(kWidth, kHeight, frames));
  ASSERT_EQ(result.cause, Cause::kNone);
  EXPECT_EQ(result.frames_seen, 3U);
  const auto* view = FindView(result, ViewKind::kFrame, 1);
  ASSERT_NE(view, nullptr);
  EXPECT_LE(FormsApart(*view, ExpectedForms(shown[1])), 2);
  // Nothing of the third is on the canvas: it shows what the second did.
  EXPECT_EQ(FindView(result, ViewKind::kFrame, 2), nullptr);
}

TEST(Animation, ApngDataMayComeInManyChunks) {
  const auto frames = WholeFrames(3);
  for (const std::size_t bytes : {1U, 7U, 300U}) {
    ExpectShown(EncodeApng(frames, {.data_bytes = bytes}), ShownFrames(kWidth, kHeight, frames));
  }
  ExpectShown(EncodeApng(frames, {.interlaced = true}), ShownFrames(kWidth, kHeight, frames));
}

TEST(Animation, ApngFramesShareThePalette) {
  // Every frame has the same colours in the same order: the first row holds them all.
  auto frames = WholeFrames(3);
  for (AnimatedFrame& frame : frames) {
    for (int c = 0; c < kWidth; ++c) {
      for (int i = 0; i < 3; ++i) {
        frame.picture.At(0, c)[i] = static_cast<std::uint8_t>(85 * (c % 64 >> (2 * i) & 3));
      }
    }
  }
  ExpectShown(EncodeApng(frames, {.palette = true}), ShownFrames(kWidth, kHeight, frames));
}

TEST(Animation, ADefaultPictureOutsideTheAnimationIsOneMoreView) {
  const Rgba hidden = WavePicture(kHeight, kWidth, 50);
  const auto frames = WholeFrames(3);
  const auto result = Process(EncodeApng(frames, {.hidden = &hidden}));
  ASSERT_EQ(Name(result.cause), Name(Cause::kNone));
  EXPECT_EQ(result.frames_total, 4U);
  EXPECT_EQ(result.frames_seen, 4U);
  EXPECT_EQ(WorstDistance(result, 0, ExpectedForms(hidden)), 0);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto* view = FindView(result, ViewKind::kFrame, i + 1);
    ASSERT_NE(view, nullptr) << i;
    EXPECT_LE(FormsApart(*view, ExpectedForms(frames[i].picture)), 2);
  }
}

TEST(Animation, FramesThatLookAlikeAreSeenByOneView) {
  std::vector<AnimatedFrame> frames = WholeFrames(1);
  for (int i = 0; i < 200; ++i) {
    frames.push_back(
        {.picture = WavePicture(2, 2, static_cast<unsigned>(i)), .left = 2 * (i % 20), .top = 0});
  }
  // One that is shown for a moment, in the middle, and gone again.
  frames[90] = {.picture = WavePicture(kHeight, kWidth, 9), .after = AfterFrame::kRestore};
  const auto shown = ShownFrames(kWidth, kHeight, frames);
  for (const Animation& file : InEveryFormat(frames)) {
    SCOPED_TRACE(file.name);
    const auto result = Process(file.bytes);
    EXPECT_EQ(result.frames_total, 201U);
    EXPECT_EQ(result.frames_seen, 201U);
    EXPECT_LE(result.views.size(), 16U);
    const auto* view = FindView(result, ViewKind::kFrame, 90);
    ASSERT_NE(view, nullptr);
    EXPECT_LE(FormsApart(*view, ExpectedForms(shown[90])), 2);
  }
}

TEST(Animation, MoreFramesThanViewsLeaveTheNearestOut) {
  const auto frames = WholeFrames(250);
  for (const Animation& file : InEveryFormat(frames, false)) {
    SCOPED_TRACE(file.name);
    const auto result = Process(file.bytes);
    ASSERT_EQ(result.cause, Cause::kNone);
    EXPECT_EQ(result.views.size(), 1 + image::kFrameViews);
    EXPECT_EQ(result.frames_total, 250U);
    EXPECT_LT(result.frames_seen, 250U);
    EXPECT_GE(result.frames_seen, 1 + image::kFrameViews);
    for (const std::uint32_t spaced : {31U, 62U, 93U, 124U, 155U, 186U, 217U, 249U}) {
      EXPECT_NE(FindView(result, ViewKind::kFrame, spaced), nullptr) << spaced;
    }
    ExpectPassesTheServer(result);
    EXPECT_EQ(decode::EncodeReply(Process(file.bytes), 0).size(), decode::EncodeReply(result, 0).size());
  }
}

TEST(Animation, TheBudgetGoesToSpacedFramesFirst) {
  // Frames that cover the canvas can be shown without those before them.
  const auto frames = WholeFrames(41);
  constexpr std::uint64_t kPixels = std::uint64_t{kHeight} * kWidth;
  for (const Animation& file : InEveryFormat(frames, false)) {
    SCOPED_TRACE(file.name);
    decode::Limits limits;
    limits.max_frame_pixels = 9 * kPixels;
    auto result = Process(file.bytes, limits);
    if (file.name != "apng") {
      EXPECT_EQ(result.frames_seen, 9U);
      for (const std::uint32_t spaced : {5U, 10U, 15U, 20U, 25U, 30U, 35U, 40U}) {
        EXPECT_NE(FindView(result, ViewKind::kFrame, spaced), nullptr) << spaced;
      }
    }
    limits.max_frame_pixels = kPixels - 1;
    result = Process(file.bytes, limits);
    EXPECT_EQ(result.cause, Cause::kNone);
    EXPECT_EQ(result.frames_seen, 1U);
    limits.max_frame_pixels = 100 * kPixels;
    limits.memory_bytes = kPixels * 16 - 1;
    EXPECT_EQ(Process(file.bytes, limits).frames_seen, 1U);
  }
}

TEST(Animation, AFrameThatCannotBeDecodedIsNotSeen) {
  const auto frames = WholeFrames(4);
  Bytes gif = EncodeGifFrames(kWidth, kHeight, frames);
  // The third frame's code size.
  std::size_t at = 0;
  for (int seen = 0; seen < 3; ++at) {
    if (gif[at] == 0x21 && gif[at + 1] == 0xf9 && gif[at + 2] == 4) ++seen;
  }
  gif[at + 7 + 10 + 768] = 13;
  Bytes apng = EncodeApng(frames);
  const std::string text(apng.begin(), apng.end());
  std::size_t chunk = text.find("fdAT");
  chunk = text.find("fdAT", chunk + 4);
  apng[chunk + 8] ^= 0xff;  // deflate's header
  for (const Bytes& file : {gif, apng}) {
    const auto result = Process(file);
    SCOPED_TRACE(decode::FormatName(result.format));
    EXPECT_EQ(Name(result.cause), Name(Cause::kNone));
    EXPECT_TRUE(result.codec_warned);
    EXPECT_EQ(result.frames_total, 4U);
    EXPECT_EQ(result.frames_seen, 3U);
    EXPECT_EQ(FindView(result, ViewKind::kFrame, 2), nullptr);
    const auto* view = FindView(result, ViewKind::kFrame, 3);
    ASSERT_NE(view, nullptr);
    EXPECT_LE(FormsApart(*view, ExpectedForms(frames[3].picture)), 2);
  }
}

TEST(Animation, ACutFrameShowsItsRows) {
  const auto frames = WholeFrames(3);
  for (Animation& file : InEveryFormat(frames, false)) {
    SCOPED_TRACE(file.name);
    const std::size_t whole = file.bytes.size();
    file.bytes.resize(whole - whole / 7);
    const auto result = Process(file.bytes);
    EXPECT_EQ(Name(result.cause), Name(Cause::kTruncated));
    EXPECT_GE(result.frames_seen, 2U);
    EXPECT_NE(FindView(result, ViewKind::kFrame, 1), nullptr);
  }
}

class PlannedFrames final : public image::FrameSource {
 public:
  Cause Decode(std::size_t, image::Bitmap&, std::uint32_t&) override { return Cause::kCorrupt; }
};

TEST(FramePlan, RunsBeginWhereTheCanvasDoesNotMatter) {
  PlannedFrames source;
  source.width = 100;
  source.height = 100;
  for (int i = 0; i < 100; ++i) {
    image::FrameFact frame{.width = 100, .height = 100, .blends = i % 10 != 0, .cost = 10'000};
    source.frames.push_back(frame);
  }
  // The last one and the nine before it, back to where a frame replaces all.
  auto plan = image::PlanFrames(source, 100'000);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(plan.drawn[i], i >= 90) << i;
  EXPECT_TRUE(plan.spaced[99]);
  EXPECT_FALSE(plan.spaced[0]);
  // A frame that is put back afterwards starts nothing but itself.
  source.frames[90].disposal = image::Disposal::kRestore;
  plan = image::PlanFrames(source, 100'000);
  EXPECT_FALSE(plan.drawn[99]);
  EXPECT_TRUE(plan.drawn[0]);
  plan = image::PlanFrames(source, 200'000);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(plan.drawn[i], i >= 80) << i;
  // One that clears all of the canvas does.
  source.frames[94].disposal = image::Disposal::kClear;
  plan = image::PlanFrames(source, 50'000);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(plan.drawn[i], i >= 95) << i;
  plan = image::PlanFrames(source, 1'000'000);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_TRUE(plan.drawn[i]) << i;
}

}  // namespace
}  // namespace hashgate::testing
