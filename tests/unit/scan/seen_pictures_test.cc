#include "scan/seen_pictures.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "unit/scan/scan_fixture.h"

namespace hashgate::scan {
namespace {

using testing::PictureWith;

SeenPictures::Sha256 Content(std::uint32_t number) {
  SeenPictures::Sha256 digest{};
  std::memcpy(digest.data(), &number, sizeof(number));
  return digest;
}

constexpr decode::Wanted kFull{};
constexpr decode::Wanted kBoth{.pdq_full = true, .pdq_nn512 = true};

class SeenPicturesTest : public ::testing::Test {
 protected:
  testing::FakeClock clock_;
};

TEST_F(SeenPicturesTest, GivesBackWhatWasHashedOfTheSameBytesOnly) {
  SeenPictures seen({}, clock_);
  EXPECT_EQ(seen.Find(Content(1), kFull), nullptr);
  PdqHash hash;
  hash.set_bit(77);
  seen.Remember(Content(1), kFull, PictureWith(hash, 63));
  const auto found = seen.Find(Content(1), kFull);
  ASSERT_NE(found, nullptr);
  ASSERT_EQ(found->views.size(), 1U);
  EXPECT_EQ(found->views[0].pdq[0].forms[0], hash);
  EXPECT_EQ(found->views[0].pdq[0].quality, 63);
  EXPECT_EQ(seen.Find(Content(2), kFull), nullptr);
}

TEST_F(SeenPicturesTest, WhatHasLessOrMoreThanIsWantedIsNoAnswer) {
  SeenPictures seen({}, clock_);
  seen.Remember(Content(1), kFull, PictureWith({}));
  EXPECT_EQ(seen.Find(Content(1), kBoth), nullptr);
  seen.Remember(Content(1), kBoth, testing::WithNn512(PictureWith({})));
  EXPECT_NE(seen.Find(Content(1), kBoth), nullptr);
  EXPECT_EQ(seen.Count(), 2U);
  seen.Remember(Content(2), kBoth, testing::WithNn512(PictureWith({})));
  EXPECT_EQ(seen.Find(Content(2), kFull), nullptr);
}

TEST_F(SeenPicturesTest, EndsWithItsTimeHoweverOftenItIsAskedFor) {
  SeenPictures seen({.keep = std::chrono::seconds(10)}, clock_);
  seen.Remember(Content(1), kFull, PictureWith({}));
  for (int i = 0; i < 9; ++i) {
    clock_.Advance(std::chrono::seconds(1));
    EXPECT_NE(seen.Find(Content(1), kFull), nullptr) << i;
  }
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(seen.Find(Content(1), kFull), nullptr);
  EXPECT_EQ(seen.Count(), 0U);
}

TEST_F(SeenPicturesTest, KeepsWithinItsMemoryWhatWasUsedLast) {
  constexpr std::size_t kBytes = 64 << 10;
  SeenPictures seen({.max_bytes = kBytes}, clock_);
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    seen.Remember(Content(i), kFull, PictureWith({}));
    EXPECT_NE(seen.Find(Content(0), kFull), nullptr) << i;
  }
  // What one takes is no less than its forms.
  EXPECT_LE(seen.Count(), kBytes / sizeof(decode::PdqForms));
  EXPECT_GE(seen.Count(), 10U);
  EXPECT_NE(seen.Find(Content(999), kFull), nullptr);
  EXPECT_EQ(seen.Find(Content(1), kFull), nullptr);
}

TEST_F(SeenPicturesTest, AResultTooLargeForAllOfItIsNotKept) {
  SeenPictures seen({.max_bytes = 4 << 10}, clock_);
  seen.Remember(Content(1), kFull, PictureWith({}));
  decode::DecodeResult large = PictureWith({});
  large.views.resize(16, large.views.front());
  seen.Remember(Content(2), kFull, large);
  EXPECT_EQ(seen.Find(Content(2), kFull), nullptr);
  EXPECT_NE(seen.Find(Content(1), kFull), nullptr) << "it drove out another for nothing";
}

TEST_F(SeenPicturesTest, WhatCouldNotBeShownIsTriedAnew) {
  SeenPictures seen({}, clock_);
  for (const Cause cause :
       {Cause::kCorrupt, Cause::kTooCostly, Cause::kTooManyPixels, Cause::kDecoderCrashed}) {
    decode::DecodeResult result;
    result.cause = cause;
    seen.Remember(Content(1), kFull, result);
    EXPECT_EQ(seen.Find(Content(1), kFull), nullptr) << Name(cause);
  }
  decode::DecodeResult truncated = PictureWith({});
  truncated.cause = Cause::kTruncated;
  seen.Remember(Content(1), kFull, truncated);
  ASSERT_NE(seen.Find(Content(1), kFull), nullptr);
  EXPECT_EQ(seen.Find(Content(1), kFull)->cause, Cause::kTruncated);
}

TEST_F(SeenPicturesTest, NoMemoryMeansNone) {
  SeenPictures seen({.max_bytes = 0}, clock_);
  seen.Remember(Content(1), kFull, PictureWith({}));
  EXPECT_EQ(seen.Find(Content(1), kFull), nullptr);
  EXPECT_EQ(seen.Count(), 0U);
}

TEST_F(SeenPicturesTest, ManyThreadsAtOnce) {
  SeenPictures seen({.max_bytes = 32 << 10}, clock_);
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t t = 0; t < 4; ++t) {
      threads.emplace_back([&seen, t] {
        for (std::uint32_t i = 0; i < 2'000; ++i) {
          PdqHash hash;
          hash.words[0] = (i + t) % 50;
          seen.Remember(Content((i + t) % 50), kFull, PictureWith(hash));
          const auto found = seen.Find(Content(i % 50), kFull);
          if (found != nullptr) {
            EXPECT_EQ(found->views[0].pdq[0].forms[0].words[0], i % 50);
          }
        }
      });
    }
  }
  EXPECT_LE(seen.Count(), 50U);
}

}  // namespace
}  // namespace hashgate::scan
