#include "unit/exchange/read_all.h"

namespace hashgate::exchange {
namespace {

const std::string kHead = R"(<?xml version="1.0" encoding="UTF-8"?><!-- saved -->
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2"><images count="2">)";
const std::string kTail = "</images><videos count=\"0\"/></queryResult>\n";

std::string Image(const std::string& inner) {
  return "<image><member id=\"77\">Example</member><id>entry-1</id>" + inner + "</image>";
}

TEST(NcmecImporter, ReadsEntries) {
  const Read read = ReadAll(kHead +
                            Image("<classification>A2</classification><fingerprints><md5>" + Hex(32, '1') +
                                  "</md5><sha1>" + Hex(40, '2') + "</sha1><pdq>" + Hex(64, '3') +
                                  "</pdq><netclean>x</netclean></fingerprints><feedback/>") +
                            kTail);
  EXPECT_EQ(read.format, FileFormat::kNcmec);
  ASSERT_FALSE(read.error.has_value()) << read.error->message;
  ASSERT_EQ(read.records.size(), 1U);
  ASSERT_TRUE(read.records[0].record.has_value()) << read.Problems();
  const lists::EntryRecord& record = *read.records[0].record;
  EXPECT_EQ(record.source_id, "77-entry-1");
  EXPECT_EQ(record.classification, "A2");
  EXPECT_EQ(record.hashes.size(), 3U);
  EXPECT_EQ(read.notes.values_left_out, 1U);
}

TEST(NcmecImporter, PrefixesAndVideos) {
  const Read read =
      ReadAll("<n:queryResult xmlns:n='u'><n:videos><n:video><n:id>v</n:id><n:fingerprints><n:md5>" +
              Hex(32, '1') + "</n:md5></n:fingerprints></n:video></n:videos></n:queryResult>");
  ASSERT_EQ(read.records.size(), 1U);
  ASSERT_TRUE(read.records[0].record.has_value()) << read.Problems();
  EXPECT_EQ(read.records[0].record->source_id, "v");
  EXPECT_EQ(read.records[0].record->labels, (std::vector<std::string>{"video"}));
}

TEST(NcmecImporter, DeletionsAreProblemsBecauseImportsNeverRemove) {
  const Read read = ReadAll(kHead + "<deletedImage><id>x</id></deletedImage><deletedVideo/>" + kTail);
  EXPECT_EQ(read.Problems(),
            "1: a deletion: importing a file never removes entries\n"
            "2: the element has no id\n");
}

TEST(NcmecImporter, EntitiesAndDocumentTypesAreRefused) {
  EXPECT_TRUE(ReadAll("<!DOCTYPE queryResult [<!ENTITY a \"b\">]><queryResult/>").error.has_value());
  EXPECT_TRUE(ReadAll(kHead + "<!ENTITY x 'y'>" + kTail).error.has_value());
  EXPECT_TRUE(ReadAll("<rss><image/></rss>").error.has_value());
}

TEST(NcmecImporter, EndTagsInsideCommentsAndCdataDoNotCount) {
  const Read read =
      ReadAll(kHead +
              Image("<!-- </image> --><note><![CDATA[</image>]]></note><x y='</image>'/><fingerprints><md5>" +
                    Hex(32, '1') + "</md5></fingerprints>") +
              kTail);
  EXPECT_EQ(read.records.size(), 1U);
  EXPECT_EQ(read.Problems(), "");
}

TEST(NcmecImporter, ProblemsByElement) {
  ImporterOptions options;
  options.max_record_bytes = 400;
  const std::string good = Image("<fingerprints><md5>" + Hex(32, '1') + "</md5></fingerprints>");
  const Read read = ReadAll(kHead + Image("") + "<image><id/></image>" +
                                Image("<fingerprints><md5>1</md5></fingerprints>") + Image("<a><b></a></b>") +
                                Image("<p>" + std::string(500, 'x') + "</p>") + good + "<image><id>",
                            options);
  EXPECT_EQ(read.records.size(), 7U);
  EXPECT_TRUE(read.records[5].record.has_value());
  EXPECT_EQ(read.notes.values_left_out, 1U);
  const std::string problems = read.Problems();
  EXPECT_NE(problems.find("1: no hash"), std::string::npos);
  EXPECT_NE(problems.find("2: the element has no id"), std::string::npos);
  EXPECT_NE(problems.find("': md5: "), std::string::npos);
  EXPECT_NE(problems.find("4: the element is not well-formed XML"), std::string::npos);
  EXPECT_NE(problems.find("5: the element is too long"), std::string::npos);
  EXPECT_NE(problems.find("7: the file breaks off"), std::string::npos);
}

TEST(NcmecImporter, WhatBreaksOffReplacesNothing) {
  const std::string good = Image("<fingerprints><md5>" + Hex(32, '1') + "</md5></fingerprints>");
  for (const char* const rest : {"", "<image><id>", "<image", "</images></queryRes"}) {
    EXPECT_NE(RefusalOfReplacing(kHead + good + rest).find("element 2: what is missing"), std::string::npos)
        << rest;
  }
}

TEST(NcmecImporter, WhatTakesBackItsOwnEntriesReplacesNothing) {
  const std::string given = Image("<fingerprints><md5>" + Hex(32, '1') + "</md5></fingerprints>");
  for (const char* const back :
       {"<deletedImage><member id=\"77\">Example</member><id>entry-1</id></deletedImage>",
        "<image><member "
        "id=\"77\">Example</member><id>entry-1</id><fingerprints><md5/></fingerprints></image>"}) {
    EXPECT_NE(RefusalOfReplacing(kHead + given + back + kTail).find("element 2 says"), std::string::npos)
        << back;
    EXPECT_EQ(RefusalOfReplacing(kHead + back + given + kTail), "") << back;
  }
  EXPECT_EQ(
      RefusalOfReplacing(kHead + given +
                         "<deletedImage><member id=\"78\">E</member><id>entry-1</id></deletedImage>" + kTail),
      "")
      << "of another member";
}

}  // namespace
}  // namespace hashgate::exchange
