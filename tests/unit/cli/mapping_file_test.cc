#include "app/cli/mapping_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace hashgate::cli {
namespace {

using exchange::Mapping;

std::string Problems(const std::string& text) {
  const auto mapping = ParseMapping(text, "m.yaml");
  return mapping ? "" : mapping.error().message + "\n";
}

TEST(MappingFile, HashesOfImgHash) {
  for (const Algorithm algorithm : kImgHashes) {
    const auto mapping = ParseMapping(
        "format: csv\nhashes:\n  - {algorithm: " + std::string(AlgorithmName(algorithm)) + ", at: H}\n",
        "m.yaml");
    ASSERT_TRUE(mapping.has_value()) << mapping.error().message;
    EXPECT_EQ(mapping->hashes[0].algorithm, algorithm);
  }
  EXPECT_FALSE(ParseMapping("format: csv\nhashes:\n  - {algorithm: color_moment, at: H}\n", "m.yaml"));
}

TEST(MappingFile, ReadsEveryField) {
  const auto mapping = ParseMapping(R"(
format: csv
separator: tab
header: [Ref, MD5, Vector, PDQ, Quality, Kind, Category, Age, Status]
sourceId: Ref
hashes:
  - {algorithm: md5, at: MD5}
  - {algorithm: photodna, at: Vector, encoding: decimal}
  - {algorithm: pdq, at: PDQ, quality: Quality, pipeline: nn512, when: {at: Kind, is: [pdq, "1"]}}
classification: {at: Category, prefix: "iwf:"}
labels:
  - {at: Age, prefix: "age:", separator: "|"}
removed:
  - {at: Status, is: removed}
skip:
  - {at: Category, is: ["0", ""]}
)",
                                    "m.yaml");
  ASSERT_TRUE(mapping.has_value()) << mapping.error().message;
  EXPECT_EQ(mapping->layout, Mapping::Layout::kCsv);
  EXPECT_EQ(mapping->separator, '\t');
  EXPECT_EQ(mapping->header.size(), 9U);
  EXPECT_EQ(mapping->source_id, "Ref");
  ASSERT_EQ(mapping->hashes.size(), 3U);
  EXPECT_EQ(mapping->hashes[0].algorithm, Algorithm::kMd5);
  EXPECT_EQ(mapping->hashes[0].encoding, HashEncoding::kHex);
  EXPECT_EQ(mapping->hashes[1].algorithm, Algorithm::kPhotoDna);
  EXPECT_EQ(mapping->hashes[1].encoding, HashEncoding::kDecimal);
  EXPECT_EQ(mapping->hashes[2].pipeline, Pipeline::kNn512);
  EXPECT_EQ(mapping->hashes[2].quality, "Quality");
  ASSERT_TRUE(mapping->hashes[2].when.has_value());
  EXPECT_EQ(mapping->hashes[2].when->values, (std::vector<std::string>{"pdq", "1"}));
  EXPECT_EQ(mapping->classification->prefix, "iwf:");
  EXPECT_EQ(mapping->labels.at(0).separator, "|");
  EXPECT_EQ(mapping->removed.at(0).values, (std::vector<std::string>{"removed"}));
  EXPECT_EQ(mapping->skip.at(0).values, (std::vector<std::string>{"0", ""}));
}

TEST(MappingFile, ReadsPointers) {
  const auto mapping = ParseMapping(
      "format: json\nitems: /data/list\nsourceId: /id\nhashes: [{algorithm: sha256, at: /h/0, encoding: "
      "base64}]\n",
      "m.yaml");
  ASSERT_TRUE(mapping.has_value()) << mapping.error().message;
  EXPECT_EQ(mapping->layout, Mapping::Layout::kJson);
  EXPECT_EQ(mapping->items, "/data/list");
  EXPECT_EQ(mapping->hashes[0].encoding, HashEncoding::kBase64);
}

TEST(MappingFile, EveryProblemIsNamedWithItsLine) {
  const std::string problems = Problems(R"(format: csv
items: /x
separator: "ab"
hashes:
  - {algorithm: md6, at: MD5}
  - {algorithm: md5, quality: Q}
  - {algorithm: pdq, at: PDQ, encoding: octal, when: {at: X}}
classification: A
labels: []
remove: 1
)");
  for (const char* line :
       {"m.yaml:2: items: is for JSON", "m.yaml:3: separator: ", "m.yaml:5: hashes[0].algorithm",
        "m.yaml:6: hashes[1]: key 'at'", "m.yaml:6: hashes[1].quality: is for pdq",
        "m.yaml:7: hashes[2].encoding", "m.yaml:7: hashes[2].when: key 'is'", "m.yaml:8: classification",
        "m.yaml:9: labels: must be a list", "m.yaml:10: unknown key 'remove': did you mean 'removed'?"}) {
    EXPECT_NE(problems.find(line), std::string::npos) << line << " in\n" << problems;
  }
  EXPECT_NE(Problems("format: jsonl\nseparator: ;\nitems: /x\nhashes: [{algorithm: md5, at: md5}]\n")
                .find("m.yaml:4: hashes[0].at: 'md5' is not a JSON pointer"),
            std::string::npos);
  EXPECT_NE(Problems("sourceId: x\n").find("key 'format' is missing"), std::string::npos);
  EXPECT_NE(Problems("format: csv\n").find("key 'hashes' is missing"), std::string::npos);
  EXPECT_NE(Problems("{").find("m.yaml:"), std::string::npos);
}

TEST(MappingFile, AMisspeltKeyIsRefusedWhereverItStandsInYamlOrJson) {
  const std::string problems = Problems(R"({"format": "json",
"sourceid": "/id",
"hashes": [{"algorithm": "pdq", "at": "/h", "qualty": "/q",
  "when": {"at": "/k", "is": "pdq", "iss": "x"}}],
"classification": {"at": "/c", "prefx": "c:"},
"labels": [{"at": "/l", "seperator": ","}],
"removed": [{"at": "/s", "is": "gone", "at2": "/t"}],
"skip": [{"at": "/s", "is": "none", "or": "x"}]
})");
  for (const char* line :
       {"m.yaml:2: unknown key 'sourceid': did you mean 'sourceId'?",
        "m.yaml:3: hashes[0]: unknown key 'qualty'", "m.yaml:4: hashes[0].when: unknown key 'iss'",
        "m.yaml:5: classification: unknown key 'prefx'", "m.yaml:6: labels[0]: unknown key 'seperator'",
        "m.yaml:7: removed[0]: unknown key 'at2'", "m.yaml:8: skip[0]: unknown key 'or'"}) {
    EXPECT_NE(problems.find(line), std::string::npos) << line << " in\n" << problems;
  }
}

TEST(MappingFile, Separators) {
  EXPECT_EQ(ParseSeparator("tab"), '\t');
  EXPECT_EQ(ParseSeparator("|"), '|');
  for (const char* text : {"", "ab", "\"", "\n"}) EXPECT_FALSE(ParseSeparator(text).has_value());
}

}  // namespace
}  // namespace hashgate::cli
