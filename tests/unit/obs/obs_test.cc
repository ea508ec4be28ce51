#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "obs/metrics.h"

namespace hashgate::obs {
namespace {

TEST(MetricTable, RowsStandInTheOrderOfTheEnumAndNamesAreUnique) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < MetricTable().size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(MetricTable()[i].metric), i);
    EXPECT_TRUE(MetricTable()[i].name.starts_with("hashgate_"));
    names.insert(MetricTable()[i].name);
  }
  EXPECT_EQ(names.size(), MetricTable().size());
}

TEST(MetricTable, TheDocumentationHasEveryRow) {
  const char* source = std::getenv("HASHGATE_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  std::ifstream file(std::string(source) + "/docs/metrics.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const MetricInfo& info : MetricTable()) {
    std::string labels(info.labels);
    const std::string row = "| `" + std::string(info.name) + "` | ";
    EXPECT_NE(text.str().find(row), std::string::npos) << info.name;
    EXPECT_NE(text.str().find(std::string(info.help)), std::string::npos) << info.name;
  }
}

TEST(Metrics, ManyValuesAtOnceCountAsOneByOne) {
  // At, below and above bounds, and beyond the last.
  const std::vector<double> values = {0, 0.00001, 0.000011, 0.002, 0.003, 0.0031, 30, 31, 1e6};
  const auto together = Metrics::Create();
  together->ObserveEach(Metric::kRpcSeconds, values, {{"method", "m"}});
  const auto apart = Metrics::Create();
  for (const double value : values) apart->Observe(Metric::kRpcSeconds, value, {{"method", "m"}});
  EXPECT_EQ(together->Exposition(), apart->Exposition());
}

TEST(Metrics, PrintsWhatWasCounted) {
  const auto metrics = Metrics::Create();
  metrics->Count(Metric::kScans,
                 {{"method", "ScanImage"}, {"verdict", "ALLOW"}, {"outcome", "NOT_MATCHED"}, {"cause", ""}},
                 2);
  metrics->Set(Metric::kGeneration, 7);
  metrics->Set(Metric::kEntries, 3, {{"list", "gone"}});
  metrics->Remove(Metric::kEntries, {{"list", "gone"}});
  metrics->Observe(Metric::kScanSeconds, 0.002, {{"method", "ScanImage"}});
  const std::string text = metrics->Exposition();
  EXPECT_NE(text.find("hashgate_scans_total{cause=\"\",method=\"ScanImage\",outcome=\"NOT_MATCHED\",verdict="
                      "\"ALLOW\"} 2"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("hashgate_generation 7"), std::string::npos);
  EXPECT_EQ(text.find("gone"), std::string::npos);
  EXPECT_NE(text.find("hashgate_scan_seconds_bucket{method=\"ScanImage\",le=\"0.003\"} 1"),
            std::string::npos);
}

}  // namespace
}  // namespace hashgate::obs
