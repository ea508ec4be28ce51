#include "lists/identity_filter.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "testing/seed.h"

namespace hashgate::lists {
namespace {

KeyedDigest Draw(std::mt19937_64& random) {
  KeyedDigest digest{};
  for (std::size_t at = 0; at < digest.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t bits = random();
    std::memcpy(digest.data() + at, &bits, sizeof(bits));
  }
  return digest;
}

TEST(IdentityFilter, AnEmptyOneHoldsNothing) {
  std::mt19937_64 random(testing::Seed());
  EXPECT_FALSE(IdentityFilter().MayHold(Draw(random)));
}

// Across several layers, each of which is asked.
TEST(IdentityFilter, WhatWasAddedIsNeverDenied) {
  const std::uint64_t seed = testing::Seed();
  constexpr int kAdded = 1'000'000;
  IdentityFilter filter;
  std::mt19937_64 random(seed);
  for (int i = 0; i < kAdded; ++i) filter.Add(Draw(random));
  std::mt19937_64 again(seed);
  for (int i = 0; i < kAdded; ++i) ASSERT_TRUE(filter.MayHold(Draw(again))) << i;
  int wrong = 0;
  constexpr int kOthers = 100'000;
  for (int i = 0; i < kOthers; ++i) wrong += filter.MayHold(Draw(random)) ? 1 : 0;
  EXPECT_LT(wrong, kOthers / 20) << "it would be of little use";
}

TEST(IdentityFilter, IsBounded) {
  IdentityFilter filter;
  const KeyedDigest digest{};
  std::uint64_t added = 0;
  for (; !filter.IsFull(); ++added) filter.Add(digest);
  EXPECT_EQ(added, std::uint64_t{1} << 24);
}

}  // namespace
}  // namespace hashgate::lists
