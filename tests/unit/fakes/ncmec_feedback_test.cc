// The fake's other resources, and feedback from one caller to all readers.
#include <chrono>

#include "ncmec_fixture.h"

namespace hashgate::testing {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr const char* kAffirmative =
    "<feedbackSubmission "
    "xmlns=\"https://hashsharing.ncmec.org/hashsharing/v2\"><affirmative/></feedbackSubmission>";

std::string Negative(const std::string& guid) {
  return "<feedbackSubmission "
         "xmlns=\"https://hashsharing.ncmec.org/hashsharing/v2\"><negative><reasonIds><guid>" +
         guid + "</guid></reasonIds></negative></feedbackSubmission>";
}

class NcmecFeedbackTest : public NcmecFakeTest {
 protected:
  NcmecFeedbackTest() {
    environment().Put({.id = "an/entry", .timestamp = kBegin + seconds(1), .fingerprints = {{"md5", "00"}}});
  }
  int Put(const std::string& entry_and_type, const std::string& body) {
    const auto answer = client_->Send({.method = "PUT",
                                       .url = "/v2/entries/" + entry_and_type + "/feedback",
                                       .headers = {{"Content-Type", "application/xml; charset=utf-8"}},
                                       .body = body},
                                      {});
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? answer->status : 0;
  }
  std::string FirstReason(const std::string& type) {
    return Load("/v2/feedback/" + type + "/reasons").child("reason").attribute("guid").value();
  }
};

TEST_F(NcmecFakeTest, SaysWhoIsWho) {
  const pugi::xml_node status = Load("/v2/status");
  EXPECT_STREQ(status.name(), "status");
  EXPECT_STREQ(status.child("username").text().get(), "a-user");
  EXPECT_EQ(status.child("member").attribute("id").as_int(), 78);
  environment().AddMember(80, "Take & Down");
  environment().Add({.count = 1, .from = kBegin, .to = kBegin + hours(1), .members = 2});
  std::map<int, std::string> members;
  for (const pugi::xml_node member : Load("/v2/members").children()) {
    members[member.attribute("id").as_int()] = member.text().get();
  }
  EXPECT_EQ(members.size(), 6U);
  EXPECT_EQ(members[80], "Take & Down");
  EXPECT_TRUE(Load("/v2/categorizations").child("group").child("categorization").attribute("guid"));
}

TEST_F(NcmecFakeTest, LargeFingerprintsAreFilesOfTheirOwn) {
  environment().Put({.id = "v",
                     .is_video = true,
                     .timestamp = kBegin + seconds(1),
                     .fingerprints = {{"md5", "00"}, {"tmk-pdqf", "", true}}});
  const pugi::xml_node root = Load(Window(kBegin, kBegin + hours(1)));
  const pugi::xml_node large = root.child("videos").child("video").child("fingerprints").child("tmk-pdqf");
  EXPECT_STREQ(large.attribute("rel").value(), "self");
  const auto answer = Get(large.attribute("href").value());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "large fingerprint 0");
  EXPECT_EQ(StatusOf("/v2/entries/0/fingerprints/MD5"), 404);
  EXPECT_EQ(StatusOf("/v2/entries/1/fingerprints/TMK_PDQF"), 404);
}

TEST_F(NcmecFeedbackTest, IsSeenByAllReaders) {
  const std::string guid = FirstReason("MD5");
  clock_.Advance(hours(1));
  EXPECT_EQ(Put("77/an%2Fentry/MD5", Negative(guid)), 200);
  EXPECT_EQ(Put("77/an%2Fentry/SHA1", kAffirmative), 200);
  const pugi::xml_node feedback =
      Load(Window(kBegin, kBegin + hours(1))).child("images").child("image").child("feedback");
  const pugi::xml_node negative = feedback.child("negativeFeedback");
  EXPECT_STREQ(negative.attribute("type").value(), "Md5");
  EXPECT_EQ(negative.attribute("lastUpdateTimestamp").value(), NcmecTime(clock_.Wall()));
  EXPECT_EQ(negative.child("reasons").child("reason").attribute("guid").value(), guid);
  EXPECT_EQ(negative.child("reasons").child("members").child("member").attribute("id").as_int(), 78);
  EXPECT_STREQ(feedback.child("affirmativeFeedback").attribute("type").value(), "Sha1");
  EXPECT_EQ(feedback.attribute("lastUpdateTimestamp").value(), NcmecTime(clock_.Wall()));
  ASSERT_EQ(environment().feedback().size(), 2U);
  EXPECT_EQ(environment().feedback()[0].id, "an/entry");
  // A member has one opinion of a fingerprint.
  EXPECT_EQ(Put("77/an%2Fentry/MD5", kAffirmative), 200);
  EXPECT_FALSE(Load(Window(kBegin, kBegin + hours(1)))
                   .child("images")
                   .child("image")
                   .child("feedback")
                   .child("negativeFeedback"));
}

TEST_F(NcmecFeedbackTest, IsChecked) {
  EXPECT_EQ(Put("77/an%2Fentry/MD5", Negative("ffffffff-ffff-ffff-ffff-ffffffffffff")), 400);
  EXPECT_EQ(Put("77/an%2Fentry/MD5", Negative(FirstReason("SHA1"))), 400) << "a reason of another type";
  EXPECT_EQ(Put("77/an%2Fentry/MD5", "<feedbackSubmission><negative/></feedbackSubmission>"), 400);
  EXPECT_EQ(Put("77/an%2Fentry/MD5", ""), 400);
  EXPECT_EQ(Put("78/an%2Fentry/MD5", kAffirmative), 404) << "another member's entry";
  EXPECT_EQ(Put("77/another/MD5", kAffirmative), 404);
  environment().Delete(77, "an/entry", kBegin + seconds(2));
  EXPECT_EQ(Put("77/an%2Fentry/MD5", kAffirmative), 404) << "a deleted entry";
  EXPECT_TRUE(environment().feedback().empty());
}

TEST_F(NcmecFeedbackTest, MovesTheEntryWhereSwitchedOn) {
  EXPECT_EQ(Put("77/an%2Fentry/MD5", kAffirmative), 200);
  EXPECT_EQ(ReadWindow(kBegin, kBegin + hours(1)).entries.size(), 1U);
  environment().SetSwitches({.feedback_moves_entry = true});
  EXPECT_EQ(Put("77/an%2Fentry/SHA1", kAffirmative), 200);
  EXPECT_TRUE(ReadWindow(kBegin, kBegin + hours(1)).entries.empty());
  EXPECT_EQ(ReadWindow(clock_.Wall() - seconds(1), clock_.Wall()).entries.size(), 1U);
}

}  // namespace
}  // namespace hashgate::testing
