// The table of families is on disk by its names, and the one source of the data map.
#include <gtest/gtest.h>

#include <set>

#include "store/store.h"

namespace hashgate::store {
namespace {

TEST(Families, StandInOrderWithStableNames) {
  const std::vector<std::string> names = {
      "meta",      "lists",    "entries",         "entry_keys", "quarantine", "requests",
      "exchanges", "verdicts", "verdict_entries", "events",     "opinions"};
  ASSERT_EQ(Families().size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const FamilyInfo& row = Families()[i];
    EXPECT_EQ(static_cast<std::size_t>(row.family), i);
    EXPECT_EQ(row.name, names[i]);
    EXPECT_FALSE(row.key.empty());
    EXPECT_FALSE(row.value.empty());
    EXPECT_FALSE(row.keeps.empty());
  }
}

}  // namespace
}  // namespace hashgate::store
