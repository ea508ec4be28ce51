// The fake's windows and pages: whole when it behaves, wrong in the way that a switch says when it does not.
#include <algorithm>
#include <chrono>
#include <set>

#include "ncmec_fixture.h"

namespace hashgate::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Next = NcmecSwitches::Next;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(NcmecFakeTest, PagesCoverExactlyTheWindow) {
  environment().Add({.count = 5'000,
                     .seed = 7,
                     .from = kBegin,
                     .to = kBegin + hours(10),
                     .videos_per_1000 = 100,
                     .deleted_per_1000 = 100});
  environment().SetSwitches({.page_size = 300});
  for (const auto& [from, to] :
       {std::pair{hours(0), hours(10)}, {hours(2), hours(5)}, {hours(9), hours(20)}}) {
    Read read = ReadWindow(kBegin + from, kBegin + to);
    EXPECT_FALSE(std::ranges::is_sorted(read.entries, {}, &Seen::timestamp)) << "not in the order of time";
    std::ranges::sort(read.entries);
    const std::vector<Seen> wanted = Wanted(kBegin + from, kBegin + to);
    EXPECT_GT(wanted.size(), 300U);
    EXPECT_EQ(read.entries, wanted);
    EXPECT_EQ(read.page_sizes.size(), (wanted.size() + 299) / 300);
  }
}

TEST_F(NcmecFakeTest, FromIsExclusiveAndToInclusive) {
  for (int i = 0; i < 5; ++i) {
    environment().Put({.id = "at-" + std::to_string(i), .timestamp = kBegin + seconds(i)});
  }
  const Read read = ReadWindow(kBegin + seconds(1), kBegin + seconds(3));
  ASSERT_EQ(read.entries.size(), 2U);
  EXPECT_EQ(read.entries[0].id, "at-2");
  EXPECT_EQ(read.entries[1].id, "at-3");
  EXPECT_TRUE(ReadWindow(kBegin + hours(1), kBegin + hours(2)).entries.empty());
}

TEST_F(NcmecFakeTest, APageMayBeFullAndTheLast) {
  environment().Add({.count = 20, .from = kBegin, .to = kBegin + hours(1)});
  environment().SetSwitches({.page_size = 10});
  EXPECT_THAT(ReadWindow(kBegin, kBegin + hours(1)).page_sizes, ElementsAre(10, 10));
}

TEST_F(NcmecFakeTest, AnEntryShowsItsLatestState) {
  environment().Put({.id = "a", .timestamp = kBegin + seconds(1)});
  environment().Put({.id = "b", .timestamp = kBegin + seconds(1)});
  environment().Put({.member = 79, .id = "a", .timestamp = kBegin + seconds(1)});
  environment().Put({.id = "a", .timestamp = kBegin + seconds(5)});
  environment().Delete(77, "b", kBegin + seconds(6));
  environment().Delete(77, "never-seen", kBegin + seconds(7), true);
  Read read = ReadWindow(kBegin, kBegin + hours(1));
  std::ranges::sort(read.entries);
  EXPECT_THAT(read.entries, ElementsAre(Seen{77, "a", "image", "2026-02-03T00:00:05Z"},
                                        Seen{77, "b", "deletedImage", "2026-02-03T00:00:06Z"},
                                        Seen{77, "never-seen", "deletedVideo", "2026-02-03T00:00:07Z"},
                                        Seen{79, "a", "image", "2026-02-03T00:00:01Z"}));
}

TEST_F(NcmecFakeTest, SyntheticEntriesCanBeWithdrawn) {
  environment().Add({.count = 100, .from = kBegin, .to = kBegin + hours(1), .members = 1});
  environment().Delete(kFirstSyntheticMember, "s-42", kBegin + hours(2));
  EXPECT_EQ(environment().All().size(), 100U);
  EXPECT_EQ(ReadWindow(kBegin, kBegin + hours(1)).entries.size(), 99U);
  EXPECT_THAT(ReadWindow(kBegin + hours(1), kBegin + hours(2)).entries,
              ElementsAre(Seen{kFirstSyntheticMember, "s-42", "deletedImage", "2026-02-03T02:00:00Z"}));
}

TEST_F(NcmecFakeTest, ChangesWhilePagingHideNothingElse) {
  environment().Add({.count = 100, .from = kBegin, .to = kBegin + hours(1), .members = 1});
  environment().SetSwitches({.page_size = 10});
  environment().SetOnPage([&](std::size_t page) {
    if (page == 2) environment().Delete(kFirstSyntheticMember, "s-3", kBegin + hours(3));
    if (page == 3) environment().Delete(kFirstSyntheticMember, "s-90", kBegin + hours(3));
  });
  const Read read = ReadWindow(kBegin, kBegin + hours(1));
  std::set<std::string> ids;
  for (const Seen& seen : read.entries) ids.insert(seen.id);
  EXPECT_EQ(ids.size(), 99U);
  EXPECT_EQ(read.entries.size(), 99U);
  EXPECT_TRUE(ids.contains("s-3")) << "shown before it went";
  EXPECT_FALSE(ids.contains("s-90"));
}

TEST_F(NcmecFakeTest, LinksExpire) {
  environment().Add({.count = 30, .from = kBegin, .to = kBegin + hours(1)});
  environment().SetSwitches({.page_size = 10, .next_lifetime = hours(12), .expired_status = 410});
  const std::string next = Load(Window(kBegin, kBegin + hours(1))).child("paging").child("next").text().get();
  EXPECT_THAT(
      next,
      HasSubstr("/v2/entries?from=2026-02-03T00%3A00%3A00.000Z&to=2026-02-03T01%3A00%3A00.000Z&start="));
  EXPECT_THAT(next, HasSubstr("&size=10&max="));
  clock_.Advance(hours(12));
  EXPECT_EQ(StatusOf(next), 200);
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(StatusOf(next), 410);
  // A new first page opens the window anew.
  EXPECT_EQ(StatusOf(Window(kBegin, kBegin + hours(1))), 200);
  EXPECT_EQ(StatusOf(next), 200);
}

TEST_F(NcmecFakeTest, LinksBelongToTheirWindow) {
  EXPECT_EQ(StatusOf(Window(kBegin, kBegin + hours(1)) + "&start=11&size=10&max=20"), 400);
  EXPECT_EQ(StatusOf("/v2/entries"), 400);
  EXPECT_EQ(StatusOf("/v2/entries?from=yesterday&to=2026-02-03T00:00:00Z"), 400);
  EXPECT_EQ(StatusOf(Window(kBegin + hours(1), kBegin)), 400);
}

TEST_F(NcmecFakeTest, OnlyCallersWithCredentialsAreAnswered) {
  environment().Add({.count = 3, .from = kBegin, .to = kBegin + hours(1)});
  const std::string window = Window(kBegin, kBegin + hours(1));
  EXPECT_EQ(StatusOf(window), 200);
  environment().SetCredentials("a-user", "another");
  EXPECT_EQ(StatusOf(window), 401);
  UseCredentials("", "");
  for (const char* path :
       {"/v2/status", "/v2/members", "/v2/categorizations", "/v2/feedback/MD5/reasons", "/v2/nothing"}) {
    EXPECT_EQ(StatusOf(path), 401) << path;
  }
  UseCredentials("a-user", "another");
  EXPECT_EQ(StatusOf(window), 200);
  EXPECT_EQ(StatusOf("/v2/nothing"), 404);
}

TEST_F(NcmecFakeTest, EnvironmentsAreApart) {
  environment().Put({.id = "a", .timestamp = kBegin + seconds(1)});
  UseCredentials("a-user", "a-password", "/exploitative");
  EXPECT_TRUE(ReadWindow(kBegin, kBegin + hours(1)).entries.empty());
  server_.environment("/exploitative").SetCredentials("other", "other");
  EXPECT_EQ(StatusOf("/v2/status"), 401);
  UseCredentials("a-user", "a-password");
  EXPECT_EQ(StatusOf("/v2/status"), 200);
}

TEST_F(NcmecFakeTest, PagesRepeatAndAreSkipped) {
  environment().Add({.count = 40, .from = kBegin, .to = kBegin + hours(1)});
  environment().SetSwitches({.page_size = 10, .repeat_pages = true});
  EXPECT_EQ(ReadWindow(kBegin, kBegin + hours(1)).entries.size(), 70U) << "all but the last come twice";
  environment().SetSwitches({.page_size = 10, .endless_pages = true});
  EXPECT_EQ(ReadWindow(kBegin, kBegin + hours(1), 25).entries.size(), 250U);
  environment().SetSwitches({.page_size = 10, .skipped_page = 2});
  EXPECT_EQ(ReadWindow(kBegin, kBegin + hours(1)).entries.size(), 30U);
}

TEST_F(NcmecFakeTest, LinksLeadElsewhere) {
  environment().Add({.count = 40, .from = kBegin, .to = kBegin + hours(1)});
  for (const Next next :
       {Next::kAbsolute, Next::kOtherHost, Next::kNoScheme, Next::kOtherPath, Next::kClimbing}) {
    environment().SetSwitches({.page_size = 10, .next = next});
    const std::string link =
        Load(Window(kBegin, kBegin + hours(1))).child("paging").child("next").text().get();
    EXPECT_FALSE(exchange::PathUnder("/v2/entries", link)) << link;
  }
  environment().SetSwitches({.redirect = true});
  EXPECT_EQ(StatusOf("/v2/status"), 302);
}

TEST_F(NcmecFakeTest, TheLastPageFails) {
  environment().Add({.count = 25, .from = kBegin, .to = kBegin + hours(1)});
  environment().SetSwitches({.page_size = 10, .last_page_failures = 2});
  std::string path = Window(kBegin, kBegin + hours(1));
  for (int page = 0; page < 2; ++page) path = Load(path).child("paging").child("next").text().get();
  EXPECT_EQ(StatusOf(path), 500);
  EXPECT_EQ(StatusOf(path), 500);
  EXPECT_EQ(StatusOf(path), 200);
}

TEST_F(NcmecFakeTest, AShareOfAnswersFails) {
  environment().SetSwitches({.failure_share = 0.3});
  std::map<int, int> statuses;
  for (int i = 0; i < 300; ++i) ++statuses[StatusOf("/v2/status")];
  EXPECT_EQ(statuses.size(), 4U);
  EXPECT_NEAR(statuses[200], 210, 40);
  for (const int status : {429, 500, 503}) EXPECT_NEAR(statuses[status], 30, 20) << status;
}

TEST_F(NcmecFakeTest, OneSecondMayHoldMoreThanAPage) {
  environment().Add({.count = 2'500, .from = kBegin, .to = kBegin + seconds(1)});
  const Read read = ReadWindow(kBegin, kBegin + seconds(1));
  EXPECT_THAT(read.page_sizes, ElementsAre(1'000, 1'000, 500));
  EXPECT_EQ(read.entries[0].timestamp, "2026-02-03T00:00:01Z");
}

}  // namespace
}  // namespace hashgate::testing
