#include "app/cli/scan_state.h"

#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

v1::ScanResult Answer(v1::Verdict verdict) {
  v1::ScanResult result;
  result.set_verdict(verdict);
  result.mutable_versions()->set_generation(7);
  result.add_matches()->set_list("a\tb\n");
  return result;
}

class ScanStateTest : public CliTest {
 protected:
  static v1::Verdict VerdictOf(const std::optional<v1::ScanResult>& result) {
    return result ? result->verdict() : v1::VERDICT_UNSPECIFIED;
  }
  std::string Path() { return (folder_ / "state").string(); }
};

TEST_F(ScanStateTest, RemembersAcrossRunsAndOddNames) {
  const std::string name = "a\tb\\n\nc";
  {
    auto state = ScanState::Open(Path(), "request");
    ASSERT_TRUE(state.has_value());
    ASSERT_TRUE((*state)->Record(name, {10, 20, 30, 40}, Answer(v1::VERDICT_BLOCK)).has_value());
    ASSERT_TRUE((*state)->Record("p", {1, 2}, Answer(v1::VERDICT_HOLD)).has_value());
    ASSERT_TRUE((*state)->Record("p", {1, 3}, Answer(v1::VERDICT_ALLOW)).has_value());
    ASSERT_TRUE((*state)->Sync().has_value());
  }
  auto state = ScanState::Open(Path(), "request");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(VerdictOf((*state)->Find(name, {10, 20, 30, 40})), v1::VERDICT_BLOCK);
  EXPECT_EQ(VerdictOf((*state)->Find(name, {11, 20, 30, 40})), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ(VerdictOf((*state)->Find(name, {10, 21, 30, 40})), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ(VerdictOf((*state)->Find(name, {10, 20, 31, 40})), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ(VerdictOf((*state)->Find(name, {10, 20, 30, 41})), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ((*state)->Find(name, {10, 20, 30, 40})->SerializeAsString(),
            Answer(v1::VERDICT_BLOCK).SerializeAsString());
  EXPECT_EQ(VerdictOf((*state)->Find("p", {1, 3})), v1::VERDICT_ALLOW);
  EXPECT_EQ(VerdictOf((*state)->Find("q", {1, 3})), v1::VERDICT_UNSPECIFIED);
}

// Cut at every byte, the file opens, keeps its whole lines and takes new ones.
TEST_F(ScanStateTest, HalfLinesOfACrashAreCutOff) {
  {
    auto state = ScanState::Open(Path(), "r");
    ASSERT_TRUE((*state)->Record("first", {1, 1}, Answer(v1::VERDICT_ALLOW)).has_value());
    ASSERT_TRUE((*state)->Record("second", {2, 2}, Answer(v1::VERDICT_BLOCK)).has_value());
  }
  const std::string whole = Read(Path());
  const std::size_t first_end = whole.find('\n', whole.find("\tfirst\t")) + 1;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    Write("state", whole.substr(0, cut));
    {
      auto state = ScanState::Open(Path(), "r");
      ASSERT_TRUE(state.has_value()) << cut << ": " << state.error().message;
      EXPECT_EQ(VerdictOf((*state)->Find("first", {1, 1})),
                cut >= first_end ? v1::VERDICT_ALLOW : v1::VERDICT_UNSPECIFIED);
      EXPECT_EQ(VerdictOf((*state)->Find("second", {2, 2})),
                cut == whole.size() ? v1::VERDICT_BLOCK : v1::VERDICT_UNSPECIFIED);
      ASSERT_TRUE((*state)->Record("third", {3, 3}, Answer(v1::VERDICT_HOLD)).has_value());
    }
    auto again = ScanState::Open(Path(), "r");
    ASSERT_TRUE(again.has_value()) << cut;
    EXPECT_EQ(VerdictOf((*again)->Find("third", {3, 3})), v1::VERDICT_HOLD) << cut;
  }
}

// A damaged answer is no answer: its file is scanned again.
TEST_F(ScanStateTest, DamagedAnswersAreForgotten) {
  {
    auto state = ScanState::Open(Path(), "r");
    ASSERT_TRUE((*state)->Record("a", {1, 1}, Answer(v1::VERDICT_ALLOW)).has_value());
  }
  const std::string whole = Read(Path());
  for (const std::string& end : {std::string("zz"), std::string("0"), std::string("ff")}) {
    Write("state", whole.substr(0, whole.size() - 1) + end + "\n");
    auto state = ScanState::Open(Path(), "r");
    ASSERT_TRUE(state.has_value());
    EXPECT_FALSE((*state)->Find("a", {1, 1}).has_value()) << end;
  }
}

// Lines of the longest answers are read back; longer ones are not written.
TEST_F(ScanStateTest, AnswersAreBounded) {
  v1::ScanResult result = Answer(v1::VERDICT_REVIEW);
  result.set_rule_id(std::string(255 << 10, 'r'));
  {
    auto state = ScanState::Open(Path(), "r");
    ASSERT_TRUE((*state)->Record("long", {1, 1}, result).has_value());
    result.set_rule_id(std::string(257 << 10, 'r'));
    ASSERT_TRUE((*state)->Record("longer", {1, 1}, result).has_value());
    ASSERT_TRUE((*state)->Record("last", {1, 1}, Answer(v1::VERDICT_ALLOW)).has_value());
  }
  auto state = ScanState::Open(Path(), "r");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(VerdictOf((*state)->Find("long", {1, 1})), v1::VERDICT_REVIEW);
  EXPECT_FALSE((*state)->Find("longer", {1, 1}).has_value());
  EXPECT_EQ(VerdictOf((*state)->Find("last", {1, 1})), v1::VERDICT_ALLOW);
}

TEST_F(ScanStateTest, OneScanAtATime) {
  auto state = ScanState::Open(Path(), "r");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(ScanState::Open(Path(), "r").error().reason, Reason::kStoreInUse);
}

TEST_F(ScanStateTest, OtherRequestsAndOtherFilesAreRefused) {
  ASSERT_TRUE(ScanState::Open(Path(), "r").has_value());
  EXPECT_EQ(ScanState::Open(Path(), "other").error().reason, Reason::kRequestInvalid);
  Write("state", "hashgate scan state 1 r\n");
  EXPECT_NE(ScanState::Open(Path(), "r").error().message.find("another version"), std::string::npos);
  Write("state", "something else\n");
  EXPECT_EQ(ScanState::Open(Path(), "r").error().reason, Reason::kRequestInvalid);
  Write("state", "no line end");
  EXPECT_EQ(ScanState::Open(Path(), "r").error().reason, Reason::kRequestInvalid);
  EXPECT_EQ(ScanState::Open((folder_ / "no" / "such").string(), "r").error().reason, Reason::kFileUnreadable);
}

}  // namespace
}  // namespace hashgate::cli
