// The kit that is built in is complete, agrees with itself, and its check finds faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hex.h"
#include "testkit/kit_builder.h"
#include "testkit/testkit.h"

namespace hashgate::testkit {
namespace {

using Json = nlohmann::json;

class KitTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (const KitFile& file : Files()) {
      files_[std::string(file.name)] = std::string(file.bytes.begin(), file.bytes.end());
    }
  }
  static void TearDownTestSuite() { files_.clear(); }

  static Json Parse(const std::string& name) { return Json::parse(files_.at(name)); }
  // By value: a loop over part of a temporary would outlive it.
  static Json Answers() { return Parse("expected.json").at("files"); }
  static Json Lists() { return Parse("lists.json").at("lists"); }
  static std::vector<Json> Lines(const std::string& name) {
    std::vector<Json> lines;
    std::istringstream in(files_.at(name));
    for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
    return lines;
  }
  static Digests DigestsOf(const std::string& bytes) {
    DigestSet set;
    set.Update(AsBytes(bytes));
    return set.Finish();
  }

  inline static std::map<std::string, std::string> files_;
};

TEST_F(KitTest, NamesAreUniqueSortedAndTheKitIsSmall) {
  std::size_t size = 0;
  std::string before;
  for (const KitFile& file : Files()) {
    EXPECT_LT(before, file.name);
    before = file.name;
    size += file.bytes.size();
  }
  EXPECT_LT(size, 1'500'000U);
  EXPECT_FALSE(files_.at("README.txt").empty());
}

TEST_F(KitTest, EveryFileHasOneExpectedAnswer) {
  std::set<std::string> expected;
  for (const Json& row : Answers()) {
    EXPECT_TRUE(expected.insert(row["file"]).second) << row["file"];
    EXPECT_FALSE(row["why"].get<std::string>().empty());
  }
  std::set<std::string> present;
  for (const auto& [name, bytes] : files_) {
    if (name.starts_with("files/")) present.insert(name);
  }
  EXPECT_EQ(expected, present);
}

TEST_F(KitTest, EveryVerdictAndCauseHasAFileOrAReason) {
  std::set<std::string> verdicts;
  std::set<std::string> causes;
  const Json expected = Parse("expected.json");
  EXPECT_EQ(expected["policy"], "standard");
  for (const Json& row : expected["files"]) {
    ASSERT_TRUE(ParseVerdict(row["verdict"].get<std::string>())) << row;
    verdicts.insert(row["verdict"]);
    if (row["outcome"] != "MATCHED" && row["cause"] != "UNSPECIFIED") causes.insert(row["cause"]);
  }
  for (const Verdict verdict :
       {Verdict::kAllow, Verdict::kHold, Verdict::kReview, Verdict::kBlock, Verdict::kBlockAndReport}) {
    EXPECT_TRUE(verdicts.contains(std::string(Name(verdict)))) << Name(verdict);
  }
  for (const Json& row : expected["notCovered"]) {
    EXPECT_TRUE(causes.insert(row["cause"]).second) << "covered after all: " << row["cause"];
    EXPECT_FALSE(row["why"].get<std::string>().empty());
  }
  for (const Cause cause : AllCauses()) EXPECT_TRUE(causes.contains(std::string(Name(cause)))) << Name(cause);
}

TEST_F(KitTest, EveryPurposeAndTrustHasAList) {
  std::set<std::string> purposes;
  std::set<std::string> trusts;
  std::set<std::string> names;
  for (const Json& list : Lists()) {
    EXPECT_TRUE(names.insert(list["name"]).second);
    purposes.insert(list["purpose"]);
    trusts.insert(list["trust"]);
    EXPECT_TRUE(files_.contains(list["file"]));
    EXPECT_TRUE(list["maxDistanceBits"]["pdq"].is_number_integer());
    EXPECT_FALSE(list["source"].get<std::string>().empty());
    EXPECT_FALSE(list["legalBasis"].get<std::string>().empty());
  }
  EXPECT_THAT(purposes,
              testing::UnorderedElementsAre("CSAM", "EXPLOITATIVE", "NCII_ADULT", "OWN_RULES", "TEST"));
  EXPECT_THAT(trusts, testing::UnorderedElementsAre("TRUSTED", "LOCAL", "UNVERIFIED"));
  for (const Json& row : Answers()) {
    for (const Json& list : row["matchedLists"]) EXPECT_TRUE(names.contains(list)) << list;
  }
}

TEST_F(KitTest, EveryLineOfEveryListIsAnEntry) {
  static const std::map<std::string, Algorithm> kHashKeys = {{"md5", Algorithm::kMd5},
                                                             {"sha1", Algorithm::kSha1},
                                                             {"sha256", Algorithm::kSha256},
                                                             {"pdq", Algorithm::kPdq}};
  std::set<std::string> ids;
  for (const Json& list : Lists()) {
    const std::vector<Json> lines = Lines(list["file"]);
    EXPECT_FALSE(lines.empty()) << list["name"];
    for (const Json& line : lines) {
      EXPECT_TRUE(ids.insert(line["sourceId"]).second);
      int hashes = 0;
      for (const auto& [key, value] : line.items()) {
        if (const auto known = kHashKeys.find(key); known != kHashKeys.end()) {
          EXPECT_TRUE(ParseHashText(known->second, value.get<std::string>())) << line["sourceId"];
          ++hashes;
        } else if (key == "pdqQuality") {
          EXPECT_THAT(value.get<int>(), testing::AllOf(testing::Ge(0), testing::Le(100)));
        } else {
          EXPECT_THAT(key, testing::AnyOf("sourceId", "classification", "labels"));
        }
      }
      EXPECT_GT(hashes, 0) << line["sourceId"];
    }
  }
}

TEST_F(KitTest, EveryListedDigestIsThatOfAFile) {
  std::set<std::string> digests;
  for (const auto& [name, bytes] : files_) {
    if (!name.starts_with("files/")) continue;
    const Digests all = DigestsOf(bytes);
    digests.insert({HexEncode(all.md5), HexEncode(all.sha1), HexEncode(all.sha256)});
  }
  int listed = 0;
  for (const Json& list : Lists()) {
    for (const Json& line : Lines(list["file"])) {
      for (const char* key : {"md5", "sha1", "sha256"}) {
        if (!line.contains(key)) continue;
        EXPECT_TRUE(digests.contains(line[key])) << line["sourceId"];
        ++listed;
      }
    }
  }
  EXPECT_GT(listed, 15);
}

TEST_F(KitTest, VerdictsFollowFromHowAFileIsListed) {
  // Reports come from strong identity on a trusted CSAM list only; nothing listed is let through.
  for (const Json& row : Answers()) {
    const std::string verdict = row["verdict"];
    const bool matched = row["outcome"] == "MATCHED";
    EXPECT_EQ(matched, !row["matchedLists"].empty()) << row["file"];
    EXPECT_EQ(matched, row["harmClass"] != "UNSPECIFIED") << row["file"];
    if (verdict == "BLOCK_AND_REPORT") {
      EXPECT_THAT(row["matchedLists"].get<std::set<std::string>>(), testing::Contains("testkit-csam"));
      EXPECT_EQ(row["harmClass"], "CSAM");
    }
    if (verdict == "HOLD") {
      EXPECT_EQ(row["outcome"], "UNSCANNABLE") << row["file"];
    }
    if (verdict == "ALLOW") {
      EXPECT_EQ(row["outcome"], "NOT_MATCHED") << row["file"];
    }
  }
}

TEST_F(KitTest, TheBuiltInKitIsWhatTheBuilderMakes) {
  const Result<Kit> kit = BuildKit();
  ASSERT_TRUE(kit) << kit.error().message;
  const std::map<std::string, Bytes> made = KitFiles(*kit);
  ASSERT_EQ(made.size(), files_.size());
  for (const auto& [name, bytes] : made) {
    EXPECT_TRUE(std::ranges::equal(bytes, AsBytes(files_.at(name)))) << name;
  }
}

TEST_F(KitTest, TheCheckFindsPlantedFaults) {
  Kit kit = *BuildKit();
  ASSERT_TRUE(CheckKit(kit));
  const auto by_name = [&kit](std::string_view name) -> KitCase& {
    return *std::ranges::find(kit.cases, name, &KitCase::file);
  };
  Kit untouched = kit;

  by_name("allow-photo.jpg").expected.matched_lists = {"testkit-csam"};
  EXPECT_FALSE(CheckKit(kit));
  kit = untouched;
  by_name("block-pdq-recompressed.jpg").views[0] = DrawPhoto(1, 200, 150);
  EXPECT_FALSE(CheckKit(kit));
  kit = untouched;
  by_name("report-sha256.jpg").bytes.push_back(0);
  EXPECT_FALSE(CheckKit(kit));
  kit = untouched;
  by_name("allow-flat.png").expected.coverage = CoverageLevel::kComplete;
  EXPECT_FALSE(CheckKit(kit));
  kit = untouched;
  for (KitList& list : kit.lists) list.max_distance_bits += 20;
  EXPECT_FALSE(CheckKit(kit));
}

TEST(CanaryTest, FactsAreThoseOfThePicture) {
  const ByteSpan file = CanaryPicture();
  EXPECT_LT(file.size(), 10'000U);
  EXPECT_EQ(CanarySha256(), Sha256Of(file));
  const Result<Picture> picture = DecodeJpeg(file);
  ASSERT_TRUE(picture);
  const PictureHash hash = HashOf(*picture);
  EXPECT_EQ(CanaryPdq(), hash.hash);
  EXPECT_EQ(CanaryPdqQuality(), hash.quality);
  EXPECT_GE(hash.quality, 80);
  EXPECT_FALSE(IsDegenerate(hash.hash));
}

class WriteKitTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "hashgate-kit-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::filesystem::path dir_;
};

TEST_F(WriteKitTest, WritesEveryByteAndReportsProgress) {
  std::vector<std::size_t> steps;
  const std::filesystem::path dir = dir_ / "new" / "kit";
  for (int round = 0; round < 2; ++round) {  // the second time over the first
    steps.clear();
    const Status written = WriteKit(dir, [&](std::size_t done, std::size_t total) {
      EXPECT_EQ(total, Files().size());
      steps.push_back(done);
    });
    ASSERT_TRUE(written) << written.error().message;
    ASSERT_EQ(steps.size(), Files().size());
    EXPECT_EQ(steps.back(), Files().size());
  }
  for (const KitFile& file : Files()) {
    std::ifstream in(dir / file.name, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    EXPECT_TRUE(std::ranges::equal(AsBytes(bytes), file.bytes)) << file.name;
  }
}

TEST_F(WriteKitTest, AFileInTheWayIsNamed) {
  std::ofstream(dir_ / "taken") << "x";
  const Status written = WriteKit(dir_ / "taken");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, Reason::kFileUnreadable);
  EXPECT_THAT(written.error().message, testing::HasSubstr("taken"));
}

}  // namespace
}  // namespace hashgate::testkit
