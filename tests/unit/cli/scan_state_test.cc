#include "app/cli/scan_state.h"

#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

class ScanStateTest : public CliTest {
 protected:
  std::string Path() { return (folder_ / "state").string(); }
};

TEST_F(ScanStateTest, RemembersAcrossRunsAndOddNames) {
  const std::string name = "a\tb\\n\nc";
  {
    auto state = ScanState::Open(Path(), "request");
    ASSERT_TRUE(state.has_value());
    ASSERT_TRUE((*state)->Record(name, {10, 20}, Verdict::kBlock).has_value());
    ASSERT_TRUE((*state)->Record("p", {1, 2}, Verdict::kHold).has_value());
    ASSERT_TRUE((*state)->Record("p", {1, 3}, Verdict::kAllow).has_value());
    ASSERT_TRUE((*state)->Sync().has_value());
  }
  auto state = ScanState::Open(Path(), "request");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ((*state)->Find(name, {10, 20}), Verdict::kBlock);
  EXPECT_EQ((*state)->Find(name, {11, 20}), Verdict::kUnspecified);
  EXPECT_EQ((*state)->Find(name, {10, 21}), Verdict::kUnspecified);
  EXPECT_EQ((*state)->Find("p", {1, 3}), Verdict::kAllow);
  EXPECT_EQ((*state)->Find("q", {1, 3}), Verdict::kUnspecified);
}

// Cut at every byte, the file opens, keeps its whole lines and takes new ones.
TEST_F(ScanStateTest, HalfLinesOfACrashAreCutOff) {
  {
    auto state = ScanState::Open(Path(), "r");
    ASSERT_TRUE((*state)->Record("first", {1, 1}, Verdict::kAllow).has_value());
    ASSERT_TRUE((*state)->Record("second", {2, 2}, Verdict::kBlock).has_value());
  }
  const std::string whole = Read(Path());
  const std::size_t first_end = whole.find("first\n") + 6;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    Write("state", whole.substr(0, cut));
    {
      auto state = ScanState::Open(Path(), "r");
      ASSERT_TRUE(state.has_value()) << cut << ": " << state.error().message;
      EXPECT_EQ((*state)->Find("first", {1, 1}), cut >= first_end ? Verdict::kAllow : Verdict::kUnspecified);
      EXPECT_EQ((*state)->Find("second", {2, 2}),
                cut == whole.size() ? Verdict::kBlock : Verdict::kUnspecified);
      ASSERT_TRUE((*state)->Record("third", {3, 3}, Verdict::kHold).has_value());
    }
    auto again = ScanState::Open(Path(), "r");
    ASSERT_TRUE(again.has_value()) << cut;
    EXPECT_EQ((*again)->Find("third", {3, 3}), Verdict::kHold) << cut;
  }
}

TEST_F(ScanStateTest, OneScanAtATime) {
  auto state = ScanState::Open(Path(), "r");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(ScanState::Open(Path(), "r").error().reason, Reason::kStoreInUse);
}

TEST_F(ScanStateTest, OtherRequestsAndOtherFilesAreRefused) {
  ASSERT_TRUE(ScanState::Open(Path(), "r").has_value());
  EXPECT_EQ(ScanState::Open(Path(), "other").error().reason, Reason::kRequestInvalid);
  Write("state", "something else\n");
  EXPECT_EQ(ScanState::Open(Path(), "r").error().reason, Reason::kRequestInvalid);
  Write("state", "no line end");
  EXPECT_EQ(ScanState::Open(Path(), "r").error().reason, Reason::kRequestInvalid);
  EXPECT_EQ(ScanState::Open((folder_ / "no" / "such").string(), "r").error().reason, Reason::kFileUnreadable);
}

}  // namespace
}  // namespace hashgate::cli
