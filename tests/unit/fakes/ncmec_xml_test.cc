// The fake's documents: as documented, and wrong in the way that a switch says.
#include <chrono>

#include "ncmec_fixture.h"

namespace hashgate::testing {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

class NcmecXmlTest : public NcmecFakeTest {
 protected:
  NcmecXmlTest() {
    environment().Put({.id = "entry <1>",
                       .timestamp = kBegin + seconds(2),
                       .classification = "A2",
                       .fingerprints = {{"md5", std::string(32, 'a')}, {"pdq", std::string(64, 'b')}}});
    environment().Put({.member = 79, .id = "entry-2", .timestamp = kBegin + seconds(1)});
    environment().Delete(77, "entry-3", kBegin + seconds(3));
    environment().Delete(77, "entry-4", kBegin + seconds(1));
  }
  std::string Body(const NcmecXmlSwitches& switches) {
    environment().SetSwitches({.xml = switches});
    const auto answer = Get(Window(kBegin, kBegin + hours(1)));
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? answer->body : "";
  }
  bool Parses(const std::string& body) {
    return static_cast<bool>(document_.load_buffer(body.data(), body.size()));
  }
};

TEST_F(NcmecXmlTest, EntriesAreAsDocumented) {
  const pugi::xml_node root = Load(Window(kBegin, kBegin + hours(1)));
  EXPECT_STREQ(root.name(), "queryResult");
  EXPECT_STREQ(root.attribute("xmlns").value(), "https://hashsharing.ncmec.org/hashsharing/v2");
  const pugi::xml_node images = root.child("images");
  EXPECT_EQ(images.attribute("count").as_int(), 4);
  EXPECT_STREQ(images.attribute("maxTimestamp").value(), "2026-02-03T00:00:03Z");
  const pugi::xml_node image = images.child("image");
  EXPECT_EQ(image.child("member").attribute("id").as_int(), 77);
  EXPECT_STREQ(image.child("timestamp").text().get(), "2026-02-03T00:00:02Z");
  EXPECT_STREQ(image.child("id").text().get(), "entry <1>");
  EXPECT_STREQ(image.child("classification").text().get(), "A2");
  EXPECT_EQ(image.child("fingerprints").child("md5").text().get(), std::string(32, 'a'));
  EXPECT_EQ(image.child("fingerprints").child("pdq").text().get(), std::string(64, 'b'));
  EXPECT_FALSE(image.child("feedback"));
  EXPECT_FALSE(image.next_sibling("image").child("classification"));
  EXPECT_EQ(root.child("videos").attribute("count").as_int(1), 0);
  EXPECT_FALSE(root.child("videos").attribute("maxTimestamp"));
  EXPECT_FALSE(root.child("paging"));
  // Tombstones come with the id before the timestamp, and behind it.
  const pugi::xml_node deleted = images.child("deletedImage");
  EXPECT_STREQ(deleted.first_child().next_sibling().name(), "id");
  EXPECT_STREQ(deleted.next_sibling("deletedImage").first_child().next_sibling().name(), "timestamp");
}

TEST_F(NcmecXmlTest, PrefixesAndNamespaces) {
  ASSERT_TRUE(Parses(Body({.prefixed = true})));
  const pugi::xml_node root = document_.document_element();
  EXPECT_STREQ(root.name(), "x:queryResult");
  EXPECT_STREQ(root.attribute("xmlns:x").value(), "https://hashsharing.ncmec.org/hashsharing/v2");
  EXPECT_STREQ(root.child("x:images").child("x:image").child("x:id").text().get(), "entry <1>");
  ASSERT_TRUE(Parses(Body({.wrong_namespace = true})));
  EXPECT_STREQ(document_.document_element().attribute("xmlns").value(), "https://example.test/other");
}

TEST_F(NcmecXmlTest, DocumentTypesAndBombs) {
  EXPECT_THAT(Body({}), Not(HasSubstr("<!")));
  EXPECT_THAT(Body({.document_type = true}), HasSubstr("<!DOCTYPE queryResult SYSTEM \"file:"));
  const std::string bomb = Body({.entity_bomb = true});
  EXPECT_THAT(bomb, HasSubstr("<!ENTITY i \"&h;&h;&h;&h;&h;&h;&h;&h;&h;&h;\">"));
  EXPECT_THAT(bomb, HasSubstr("<note>&i;</note>"));
  EXPECT_LT(bomb.size(), 10'000U);
}

TEST_F(NcmecXmlTest, BrokenDocuments) {
  EXPECT_FALSE(Parses(Body({.cut_short = true})));
  ASSERT_TRUE(Parses(Body({.wrong_count = true})));
  EXPECT_EQ(document_.document_element().child("images").attribute("count").as_int(), 5);
}

TEST_F(NcmecXmlTest, MissingAndUnknownElements) {
  ASSERT_TRUE(Parses(Body({.without_videos = true, .empty_feedback = true, .unknown_elements = true})));
  const pugi::xml_node root = document_.document_element();
  EXPECT_FALSE(root.child("videos"));
  EXPECT_TRUE(root.child("futureThing"));
  const pugi::xml_node image = root.child("images").child("image");
  EXPECT_TRUE(image.child("futureThing"));
  EXPECT_TRUE(image.child("feedback"));
  EXPECT_FALSE(image.child("feedback").first_child());
  environment().SetSwitches({.xml = {.without_images = true}});
  EXPECT_FALSE(Load(Window(kBegin + hours(1), kBegin + hours(2))).child("images"));
}

TEST_F(NcmecXmlTest, OddFeedback) {
  const std::string guid = Load("/v2/feedback/PDQ/reasons").child("reason").attribute("guid").value();
  ASSERT_TRUE(client_->Send({.method = "PUT",
                             .url = "/v2/entries/79/entry-2/PDQ/feedback",
                             .body = "<feedbackSubmission><negative><reasonIds><guid>" + guid +
                                     "</guid></reasonIds></negative></feedbackSubmission>"},
                            {}));
  const auto first_of_reasons = [&](const NcmecXmlSwitches& switches) {
    EXPECT_TRUE(Parses(Body(switches)));
    const pugi::xml_node image =
        document_.document_element().child("images").child("image").next_sibling("image");
    return std::string(
        image.child("feedback").child("negativeFeedback").child("reasons").first_child().name());
  };
  EXPECT_EQ(first_of_reasons({}), "reason");
  EXPECT_EQ(first_of_reasons({.odd_feedback_pairs = true}), "members");
  environment().SetSwitches({.xml = {.reason_as_root = true}});
  EXPECT_STREQ(Load("/v2/feedback/PDQ/reasons").name(), "reason");
}

}  // namespace
}  // namespace hashgate::testing
