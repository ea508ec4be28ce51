#include "exchange/shield/scanned_hashes.h"

#include <gmock/gmock.h>

#include "exchange/shield/shield_client.h"

namespace hashgate::exchange {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSha256 = "B5BB9D8014A0F9B1D61E21E796D78DCCDF1352F23CD32812F4850B878AE4944C";

// The answer to one hash, whose entry is `entry`.
std::optional<RemoteAnswer> Read(const std::string& entry) {
  const std::string sent[] = {"key"};
  const auto answers = ParseScannedHashes(R"({"scanned_hashes": {"key": )" + entry + "}}", sent);
  EXPECT_TRUE(answers) << answers.error().message;
  return answers && answers->size() == 1 ? answers->front() : std::nullopt;
}

TEST(ScannedHashes, ClassesLeadToWhatTheyMay) {
  const auto csam = Read(R"({"classification": "csam", "match_type": "near", "near_match_details": null})");
  ASSERT_TRUE(csam && csam->listed);
  EXPECT_EQ(csam->classification, "csam");
  EXPECT_EQ(csam->purpose, Purpose::kUnspecified) << "what the list is for";
  EXPECT_EQ(csam->ceiling, Verdict::kBlockAndReport) << "the list's own ceiling counts";
  const auto harmful = Read(R"({"classification": "harmful-abusive-material"})");
  ASSERT_TRUE(harmful && harmful->listed);
  EXPECT_EQ(harmful->purpose, Purpose::kExploitative);
  EXPECT_EQ(harmful->ceiling, Verdict::kReview);
  const auto test = Read(R"({"classification": "test"})");
  ASSERT_TRUE(test && test->listed);
  EXPECT_EQ(test->purpose, Purpose::kTest);
  for (const char* name : {"a-new-class", "CSAM", "", "harmful-to-children"}) {
    const auto unknown = Read(std::string(R"({"classification": ")") + name + "\"}");
    ASSERT_TRUE(unknown && unknown->listed) << name << " is not clean";
    EXPECT_EQ(unknown->ceiling, Verdict::kReview);
    EXPECT_EQ(unknown->purpose, Purpose::kUnspecified);
  }
}

TEST(ScannedHashes, NothingKnownIsSaidInTwoWays) {
  EXPECT_EQ(Read("null"), RemoteAnswer());
  EXPECT_EQ(Read(R"({"classification": "no-known-match", "match_type": null, "near_match_details": null})"),
            RemoteAnswer());
  EXPECT_EQ(Read(R"({"classification": "no-known-match", "near_match_details": []})"), RemoteAnswer());
}

TEST(ScannedHashes, WhatSaysNothingIsNoAnswer) {
  for (const char* entry : {"{}", "7", "\"csam\"", "[]", R"({"classification": null})",
                            R"({"classification": null, "match_type": null, "near_match_details": null})"}) {
    EXPECT_FALSE(Read(entry).has_value()) << entry;
  }
  // A match without a class is one of an unknown class.
  for (const char* entry : {R"({"classification": null, "match_type": "near"})", R"({"classification": 7})",
                            R"({"classification": null, "near_match_details": {"classification": null}})"}) {
    const auto answer = Read(entry);
    ASSERT_TRUE(answer && answer->listed) << entry;
    EXPECT_EQ(answer->ceiling, Verdict::kReview) << entry;
  }
}

TEST(ScannedHashes, DetailsMayBeOneOrSeveralAndTheGravestDecides) {
  const std::string one = std::string(R"({"sha256_hex": ")") + kSha256 + R"(", "classification": "csam"})";
  const std::string other =
      R"({"sha1_base32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "classification": "test"})";
  const auto single = Read(R"({"classification": "csam", "near_match_details": )" + one + "}");
  const auto list = Read(R"({"classification": "csam", "near_match_details": [)" + one + "]}");
  ASSERT_TRUE(single && list);
  EXPECT_EQ(*single, *list);
  EXPECT_THAT(single->source_id, ::testing::StartsWith("shield-"));
  EXPECT_THAT(single->source_id, Not(HasSubstr("b5bb9d80"))) << "ids do not show hashes";
  const auto several =
      Read(R"({"classification": "test", "near_match_details": [)" + other + "," + one + "]}");
  ASSERT_TRUE(several);
  EXPECT_EQ(several->classification, "csam");
  EXPECT_EQ(several->source_id, single->source_id) << "of the item that decides";
  const auto graver = Read(R"({"classification": "csam", "near_match_details": [)" + other + "]}");
  ASSERT_TRUE(graver);
  EXPECT_EQ(graver->classification, "csam");
  EXPECT_NE(graver->source_id, "");
  EXPECT_NE(graver->source_id, single->source_id);
}

TEST(ScannedHashes, TextOfTheServersIsBounded) {
  const auto answer = Read(R"({"classification": ")" + std::string(5'000, 'x') + "\"}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->classification, "unreadable");
  EXPECT_EQ(Read("{\"classification\": \"a\\nb\"}")->classification, "unreadable");
}

TEST(ScannedHashes, AnswersAreFoundByWhatWasSent) {
  const std::string sent[] = {"b", "missing", "a"};
  const auto answers = ParseScannedHashes(
      R"({"more": 1, "scanned_hashes": {"a": null, "c": {"classification": "csam"}, "b": {"classification": "csam"}}})",
      sent);
  ASSERT_TRUE(answers);
  EXPECT_TRUE((*answers)[0]->listed);
  EXPECT_FALSE((*answers)[1].has_value());
  EXPECT_FALSE((*answers)[2]->listed);
}

TEST(ScannedHashes, WhatIsNotAnAnswerIsRefused) {
  const std::string sent[] = {"a"};
  for (const char* text : {"", "null", "[]", "{}", R"({"scanned_hashes": []})", R"({"scanned_hashes": null})",
                           R"({"scanned_hashes": {"a": {"classification": "csam")", "<html>"}) {
    const auto answers = ParseScannedHashes(text, sent);
    ASSERT_FALSE(answers) << text;
    EXPECT_EQ(answers.error().reason, Reason::kExchangeProtocol);
  }
  EXPECT_FALSE(ParseScannedHashes(std::string(100, '['), sent));
}

TEST(RateLimit, AsksForAPauseWhereNothingRemains) {
  const auto pause = [](int status, const char* header) {
    return PauseAskedFor({.status = status, .headers = {{"ratelimit", header}}, .body = {}});
  };
  EXPECT_EQ(pause(200, "\"default\";r=0;t=17"), seconds(17));
  EXPECT_EQ(pause(200, "r=0; t=17"), seconds(17));
  EXPECT_EQ(pause(200, "\"default\";r=3;t=17"), seconds(0));
  EXPECT_EQ(pause(429, "\"default\";r=3;t=17"), seconds(17));
  EXPECT_EQ(pause(429, "\"default\";t=99999999"), std::chrono::hours(1));
  for (const char* bad : {"", "r=0", "t=17", "r=0;t=", "r=0;t=x", "r=0;t=-5", "r=0;t=1e9", "xr=0;xt=5"}) {
    EXPECT_EQ(pause(200, bad), milliseconds(0)) << bad;
    EXPECT_GE(pause(429, bad), seconds(1)) << bad;
  }
}

}  // namespace
}  // namespace hashgate::exchange
