// A server is not ready before each of its checks has said so.
#include "app/server/readiness.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hashgate::app {
namespace {

bool Ready(const Readiness& readiness) {
  return std::ranges::all_of(readiness.Rows(), &Readiness::Row::ok);
}

TEST(ReadinessTest, EveryCheckMustBeWell) {
  Readiness readiness;
  EXPECT_FALSE(Ready(readiness)) << "nothing has been tried yet";
  readiness.Set(Check::kIndex, true, "");
  readiness.Set(Check::kStore, true, "");
  readiness.Set(Check::kDecoder, true, "");
  EXPECT_FALSE(Ready(readiness));
  readiness.Set(Check::kCanary, true, "");
  EXPECT_TRUE(Ready(readiness));
  for (const Check check :
       {Check::kIndex, Check::kStore, Check::kDecoder, Check::kCanary, Check::kDraining}) {
    readiness.Set(check, false, "no more");
    EXPECT_FALSE(Ready(readiness));
    const Readiness::Row row = readiness.Rows()[static_cast<std::size_t>(check)];
    EXPECT_EQ(row.detail, "no more");
    readiness.Set(check, true, "");
  }
  EXPECT_TRUE(Ready(readiness));
}

TEST(ReadinessTest, ChecksHaveTheNamesThatPagesAndMetricsShow) {
  const auto rows = Readiness().Rows();
  const std::string_view names[] = {"index", "store", "decoder", "canary", "draining"};
  EXPECT_TRUE(std::ranges::equal(rows, names, {}, &Readiness::Row::name));
}

}  // namespace
}  // namespace hashgate::app
