// When the flood brake comes, and when not.
#include "scan/entry_watch.h"

#include <gmock/gmock.h>

#include <random>

#include "scan/matcher.h"
#include "testing/poll.h"
#include "testing/seed.h"
#include "unit/scan/scan_fixture.h"

namespace hashgate::testing {
namespace {

using lists::OpinionKind;
using ::testing::SizeIs;

const PdqHash kPicture = PdqOf(MakeHash(Algorithm::kPdq, 42));

class EntryWatchTest : public ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    AddList("csam");
    AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}});
    entry_ = catalog_->ListEntries("csam", "", 10)->entries.at(0).id;
    Watch({});
  }
  void Watch(scan::EntryWatchOptions options) {
    watch_.reset();
    options.clock = &clock_;
    watch_ = std::make_unique<scan::EntryWatch>(*catalog_, nullptr, options);
  }
  scan::MatchDetail MatchOf(const PdqHash& hash, Identity identity = Identity::kPerceptual) const {
    scan::MatchDetail match;
    match.fact.list = "csam";
    match.fact.entry = entry_;
    match.fact.identity = identity;
    match.fact.distance_bits = Distance(hash, kPicture);
    match.entry_version = 1;
    match.upload_hash = hash;
    return match;
  }
  void Observe(const std::string& account, const scan::MatchDetail& match) {
    watch_->Observe(account, {&match, 1});
  }
  // A picture that collides with the entry and with nothing else: 30 bits from it, at random.
  PdqHash Colliding() {
    PdqHash hash = kPicture;
    for (int changed = 0; changed < 30;) {
      const auto bit = static_cast<int>(random_() % 256);
      if (hash.bit(bit) != kPicture.bit(bit)) continue;
      hash.words[static_cast<std::size_t>(bit) / 64] ^= std::uint64_t{1} << (bit % 64);
      ++changed;
    }
    return hash;
  }
  // Ends the watch, which writes what waits.
  std::vector<lists::Opinion> Opinions() {
    watch_->Stop();
    return catalog_->Opinions("").value();
  }

  std::mt19937_64 random_{Seed()};
  std::unique_ptr<scan::EntryWatch> watch_;
  lists::EntryId entry_ = 0;
};

TEST_F(EntryWatchTest, ComesWithDissimilarPicturesOfManyAccounts) {
  for (int i = 0; i < 19; ++i) Observe("account-" + std::to_string(i), MatchOf(Colliding()));
  EXPECT_EQ(catalog_->Opinions("")->size(), 0U);
  Observe("account-19", MatchOf(Colliding()));
  const auto opinions = Opinions();
  ASSERT_THAT(opinions, SizeIs(1));
  EXPECT_EQ(opinions[0].kind, OpinionKind::kFlood);
  EXPECT_EQ(opinions[0].author, scan::kWatchAuthor);
  EXPECT_EQ(opinions[0].entry, entry_);
  EXPECT_FALSE(opinions[0].needs_second);
}

TEST_F(EntryWatchTest, ACopyThatSpreadsIsNoFlood) {
  // Re-encoded copies of one edited picture: far from the entry, near to each other.
  const PdqHash edited = Colliding();
  for (int i = 0; i < 500; ++i) Observe("account-" + std::to_string(i), MatchOf(Flip(edited, i % 9)));
  // And such as are near to the entry, however many.
  for (int i = 0; i < 500; ++i)
    Observe("other-" + std::to_string(i), MatchOf(Flip(kPicture, i % (scan::kCopyBits + 1))));
  EXPECT_THAT(Opinions(), SizeIs(0));
}

TEST_F(EntryWatchTest, OneAccountIsNoFlood) {
  for (int i = 0; i < 500; ++i) Observe("one", MatchOf(Colliding()));
  EXPECT_THAT(Opinions(), SizeIs(0));
}

TEST_F(EntryWatchTest, UploadsWithoutAnAccountCountOneByOne) {
  for (int i = 0; i < 20; ++i) Observe("", MatchOf(Colliding()));
  EXPECT_THAT(Opinions(), SizeIs(1));
}

TEST_F(EntryWatchTest, WhatIsSpreadOverTimeIsNoFlood) {
  for (int i = 0; i < 40; ++i) {
    Observe("account-" + std::to_string(i), MatchOf(Colliding()));
    clock_.Advance(std::chrono::minutes(4));
  }
  EXPECT_THAT(Opinions(), SizeIs(0));
}

TEST_F(EntryWatchTest, IdentifiedCopiesAreKeptForIt) {
  const PdqHash copy = Colliding();
  Observe("source", MatchOf(copy, Identity::kStrong));
  Observe("source", MatchOf(Flip(copy, 2), Identity::kStrong));
  for (int i = 0; i < 25; ++i) Observe("account-" + std::to_string(i), MatchOf(Flip(copy, 3)));
  EXPECT_EQ(catalog_->Opinions("")->size(), 0U);
  for (int i = 0; i < 20; ++i) Observe("flood-" + std::to_string(i), MatchOf(Colliding()));
  const auto opinions = Opinions();
  ASSERT_THAT(opinions, SizeIs(1));
  EXPECT_EQ(opinions[0].copies, std::vector{copy}) << "one of each look";
}

TEST_F(EntryWatchTest, AConflictFlagsTheEntryOnce) {
  scan::MatchDetail match = MatchOf(kPicture, Identity::kWeakDigest);
  match.fact.digest_conflict = true;
  for (int i = 0; i < 5; ++i) Observe("a", match);
  const auto opinions = Opinions();
  ASSERT_THAT(opinions, SizeIs(1));
  EXPECT_EQ(opinions[0].kind, OpinionKind::kConflict);
}

TEST_F(EntryWatchTest, AnotherVersionBeginsAnew) {
  for (int i = 0; i < 19; ++i) Observe("account-" + std::to_string(i), MatchOf(Colliding()));
  AddEntry("csam", {.source_id = "a", .hashes = {PdqValue(kPicture)}, .classification = "A1"});
  scan::MatchDetail match = MatchOf(Colliding());
  match.entry_version = 2;
  Observe("account-19", match);
  EXPECT_THAT(Opinions(), SizeIs(0));
}

TEST_F(EntryWatchTest, CanBeOff) {
  Watch({.flood_accounts = 0});
  for (int i = 0; i < 50; ++i) Observe("account-" + std::to_string(i), MatchOf(Colliding()));
  EXPECT_THAT(Opinions(), SizeIs(0));
}

TEST_F(EntryWatchTest, IsBounded) {
  Watch({.max_entries = 10, .max_waiting = 4});
  for (std::uint64_t number = 1; number <= 1'000; ++number) {
    scan::MatchDetail match = MatchOf(Colliding());
    match.fact.entry = 1'000 + number;
    Observe("account", match);
  }
  // The entry is watched still where it is matched again, and forgotten where others came.
  for (int i = 0; i < 20; ++i) Observe("account-" + std::to_string(i), MatchOf(Colliding()));
  EXPECT_THAT(Opinions(), SizeIs(1));
}

// All the way through a scanner: within fifty uploads the rest goes to people.
TEST_F(EntryWatchTest, AScannerBrakesWithinFiftyHits) {
  scan::Scanner scanner(
      {.catalog = catalog_.get(), .decoder = &decoder_, .watch = watch_.get(), .clock = &clock_},
      {.max_decode_bytes = 1'000}, policy::LoadProfile("standard").value());
  const auto scan_one = [&](int number) {
    decoder_.answer = PictureWith(Colliding());
    scan::ScanRequest request = Request();
    request.account_id = "account-" + std::to_string(number);
    const auto bytes = PngBytes(static_cast<std::uint8_t>(number));
    scan::UploadReader reader(1'000);
    reader.Update(bytes);
    return scanner.Scan(request, reader.Finish())->verdict;
  };
  for (int i = 0; i < 20; ++i) EXPECT_EQ(scan_one(i), Verdict::kBlock) << i;
  // It is written beside the scans.
  ASSERT_TRUE(PollUntil([&] { return catalog_->Current()->opinions->Count(OpinionKind::kFlood) == 1; },
                        std::chrono::seconds(20)));
  for (int i = 20; i < 50; ++i) EXPECT_EQ(scan_one(i), Verdict::kReview) << i;
}

}  // namespace
}  // namespace hashgate::testing
