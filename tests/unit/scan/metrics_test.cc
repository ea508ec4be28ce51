// What answered scans add to the metrics.
#include "scan/scan_metrics.h"

#include <gmock/gmock.h>

#include <vector>

namespace hashgate::scan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ScanAnswer Covered(CoverageLevel level) {
  ScanAnswer answer;
  answer.coverage.level = level;
  return answer;
}

TEST(ScanMetrics, CoverageIsCountedByLevel) {
  const auto metrics = obs::Metrics::Create();
  std::vector<ScanAnswer> answers = {Covered(CoverageLevel::kComplete), Covered(CoverageLevel::kPartial),
                                     Covered(CoverageLevel::kComplete), Covered(CoverageLevel::kNone)};
  // Lists that only test count nowhere.
  answers.push_back(Covered(CoverageLevel::kExactOnly));
  answers.back().harm_class = HarmClass::kTest;
  RecordScans(*metrics, answers, "upload");
  RecordScans(*metrics, std::vector{Covered(CoverageLevel::kPartial)}, "match");
  const std::string text = metrics->Exposition();
  EXPECT_THAT(text, HasSubstr(R"(hashgate_scan_coverage_total{level="COMPLETE",method="upload"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(hashgate_scan_coverage_total{level="PARTIAL",method="upload"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(hashgate_scan_coverage_total{level="NONE",method="upload"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(hashgate_scan_coverage_total{level="PARTIAL",method="match"} 1)"));
  EXPECT_THAT(text, Not(HasSubstr(R"(level="EXACT_ONLY")")));
}

}  // namespace
}  // namespace hashgate::scan
