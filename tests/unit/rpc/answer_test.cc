// How much of an answer a caller sees depends on its role.
#include "rpc/answer.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "exchange/sync/runner.h"
#include "rpc/service_context.h"

namespace hashgate::rpc {
namespace {

constexpr const char* kSecret = "secret-list";

// An answer in which everything is set.
scan::ScanAnswer FullAnswer() {
  scan::ScanAnswer answer;
  answer.scan_id = "01HASHGATE";
  answer.verdict = Verdict::kBlockAndReport;
  answer.outcome = Outcome::kMatched;
  answer.cause = Cause::kTruncated;
  answer.harm_class = HarmClass::kCsam;
  answer.coverage.level = CoverageLevel::kPartial;
  answer.coverage.lists = {kSecret, "other-list"};
  answer.coverage.algorithms = {Algorithm::kMd5, Algorithm::kPdq};
  answer.coverage.views = 2;
  answer.coverage.frames_seen = 1;
  answer.coverage.frames_total = 3;
  answer.coverage.missing = {std::string("the list '") + kSecret + "' is disabled"};
  scan::MatchDetail match;
  match.fact.list = kSecret;
  match.fact.entry = 42;
  match.fact.classification = "secret-class";
  match.fact.algorithms = {Algorithm::kPdq};
  match.fact.identity = Identity::kStrong;
  match.fact.distance_bits = 7;
  match.fact.purpose = Purpose::kCsam;
  match.fact.distances = {{Algorithm::kPhotoDna, 1'234, 20'000}};
  match.source_id = "secret-source-id";
  match.max_distance_bits = 31;
  match.verdict = Verdict::kBlockAndReport;
  answer.matches = {match};
  answer.matches_truncated = true;
  answer.rule_id = "secret-rule";
  answer.policy = policy::LoadProfile("standard").value();
  answer.generation = 9;
  answer.timings.total = 1'234;
  answer.timings.match = 5;
  answer.retry_after = std::chrono::milliseconds(1'500);
  answer.retain_until = FromUnixMillis(1'795'000'000'000);
  answer.replayed = true;
  answer.image.width = 640;
  answer.image.height = 480;
  answer.image.frames_total = 3;
  decode::ViewHashes view;
  view.kind = ViewKind::kWhole;
  view.hashable = true;
  view.pdq.emplace_back();
  view.pdq[0].quality = 88;
  answer.image.views = {view};
  answer.format = decode::Format::kJpeg;
  answer.size = 777;
  answer.digests.emplace();
  return answer;
}

v1::ScanResult ResultOf(DetailLevel detail, bool include_hashes) {
  v1::ScanResult result;
  EXPECT_TRUE(FillResult(ServiceContext(), FullAnswer(), detail, include_hashes, result));
  return result;
}

TEST(AnswerTest, AdministratorsSeeEverything) {
  const v1::ScanResult result = ResultOf(DetailLevel::kFull, true);
  ASSERT_EQ(result.matches_size(), 1);
  const v1::Match& match = result.matches(0);
  EXPECT_EQ(match.list(), kSecret);
  EXPECT_EQ(match.entry_id(), 42);
  EXPECT_EQ(match.source_id(), "secret-source-id");
  EXPECT_EQ(match.distance_bits(), 7);
  EXPECT_EQ(match.max_distance_bits(), 31);
  ASSERT_EQ(match.distances_size(), 1);
  EXPECT_EQ(match.distances(0).algorithm(), v1::ALGORITHM_PHOTODNA);
  EXPECT_EQ(match.distances(0).distance(), 1'234);
  EXPECT_EQ(match.distances(0).max_distance(), 20'000);
  EXPECT_EQ(match.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  EXPECT_TRUE(result.matches_truncated());
  EXPECT_EQ(result.rule_id(), "secret-rule");
  EXPECT_EQ(result.coverage().lists_size(), 2);
  EXPECT_EQ(result.coverage().missing_size(), 1);
  EXPECT_EQ(result.hashes_size(), 4);
  EXPECT_EQ(result.hashes(3).algorithm(), v1::ALGORITHM_PDQ);
  EXPECT_EQ(result.hashes(3).value().size(), 32U);
  EXPECT_EQ(result.hashes(3).quality(), 88);
  EXPECT_EQ(result.timings().total_micros(), 1'234);
}

TEST(AnswerTest, EveryoneSeesWhichPolicyDecided) {
  const v1::ScanResult result = ResultOf(DetailLevel::kScanner, false);
  EXPECT_TRUE(result.versions().policy().starts_with("standard/"));
  EXPECT_TRUE(result.versions().policy_digest().starts_with("sha256:"));
}

TEST(AnswerTest, WhereNoBytesWereSeenThereAreNoFactsOfThem) {
  scan::ScanAnswer answer = FullAnswer();
  answer.digests.reset();
  v1::ScanResult result;
  EXPECT_TRUE(FillResult(ServiceContext(), answer, DetailLevel::kFull, true, result));
  EXPECT_FALSE(result.has_image());
}

TEST(AnswerTest, HashesComeOnlyWhenAskedFor) {
  EXPECT_EQ(ResultOf(DetailLevel::kFull, false).hashes_size(), 0);
}

TEST(AnswerTest, ScannersSeeWhatTheyMustActOnAndNothingOfTheLists) {
  const v1::ScanResult result = ResultOf(DetailLevel::kScanner, true);
  EXPECT_EQ(result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  EXPECT_EQ(result.outcome(), v1::OUTCOME_MATCHED);
  EXPECT_EQ(result.cause(), v1::CAUSE_TRUNCATED);
  EXPECT_EQ(result.harm_class(), v1::HARM_CLASS_CSAM);
  EXPECT_EQ(result.coverage().level(), v1::COVERAGE_LEVEL_PARTIAL);
  EXPECT_EQ(result.coverage().list_count(), 2);
  EXPECT_EQ(result.report().owner(), v1::Report::OWNER_CALLER);
  EXPECT_EQ(result.retry_after().seconds(), 1);
  EXPECT_EQ(result.retain_until().seconds(), 1'795'000'000);
  EXPECT_TRUE(result.replayed());
  EXPECT_EQ(result.image().size_bytes(), 777);
  EXPECT_EQ(result.versions().generation(), 9);

  EXPECT_EQ(result.matches_size(), 0);
  EXPECT_FALSE(result.matches_truncated());
  EXPECT_EQ(result.hashes_size(), 0);
  EXPECT_EQ(result.rule_id(), "");
  EXPECT_EQ(result.coverage().lists_size(), 0);
  EXPECT_EQ(result.coverage().missing_size(), 0);
  EXPECT_FALSE(result.has_timings()) << "timings tell how near a match was looked for";
  EXPECT_EQ(result.SerializeAsString().find("secret"), std::string::npos);
}

// A field that is added later reaches scanners only when somebody has put it on this list.
TEST(AnswerTest, ScannersGetNoFieldThatIsNotNamedHere) {
  const std::set<std::string> allowed = {"scan_id",     "verdict",      "outcome", "cause",
                                         "harm_class",  "coverage",     "image",   "versions",
                                         "retry_after", "retain_until", "report",  "replayed"};
  const v1::ScanResult result = ResultOf(DetailLevel::kScanner, true);
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  result.GetReflection()->ListFields(result, &fields);
  for (const auto* field : fields) EXPECT_TRUE(allowed.contains(field->name())) << field->name();
}

// Exchanges of which one list is stale.
class StaleRunner final : public exchange::ExchangeRunner {
 public:
  explicit StaleRunner(std::string list) : list_(std::move(list)) {}
  void Stop() override {}
  [[nodiscard]] bool IsStale(std::string_view list) const override { return list == list_; }
  [[nodiscard]] const exchange::ExchangeSettings* FeederOf(std::string_view) const override {
    return nullptr;
  }
  Result<std::vector<exchange::ExchangeStatus>> All() const override { return {}; }
  Result<exchange::ExchangeStatus> Get(std::string_view) const override { return {}; }
  Result<std::uint64_t> RequestSync(std::string_view, bool) override { return 0; }
  Result<std::string> Test(std::string_view, const std::stop_token&) override { return {}; }
  Status OverrideGate(std::string_view, exchange::Gate, std::string_view, std::string_view) override {
    return {};
  }
  void SendFeedbackSoon(std::string_view) override {}

 private:
  std::string list_;
};

TEST(AnswerTest, SaysWhereAConsultedListIsStale) {
  for (const auto& [stale, expected] : {std::pair("other-list", true), std::pair("not-consulted", false)}) {
    StaleRunner runner(stale);
    ServiceContext context;
    context.exchanges = &runner;
    v1::ScanResult result;
    EXPECT_TRUE(FillResult(context, FullAnswer(), DetailLevel::kScanner, false, result));
    EXPECT_EQ(result.lists_stale(), expected) << stale;
  }
}

TEST(AnswerTest, OnlyAReportSaysWhoReports) {
  scan::ScanAnswer answer = FullAnswer();
  answer.verdict = Verdict::kBlock;
  answer.retry_after.reset();
  answer.retain_until.reset();
  v1::ScanResult result;
  EXPECT_TRUE(FillResult(ServiceContext(), answer, DetailLevel::kFull, false, result));
  EXPECT_FALSE(result.has_report());
  EXPECT_FALSE(result.has_retry_after());
  EXPECT_FALSE(result.has_retain_until());
}

TEST(AnswerTest, DistancesAreAbsentWhereOnlyDigestsMatched) {
  scan::ScanAnswer answer = FullAnswer();
  answer.matches[0].fact.distance_bits = -1;
  v1::ScanResult result;
  EXPECT_TRUE(FillResult(ServiceContext(), answer, DetailLevel::kFull, false, result));
  EXPECT_FALSE(result.matches(0).has_distance_bits());
  EXPECT_FALSE(result.matches(0).has_max_distance_bits());
}

}  // namespace
}  // namespace hashgate::rpc
