// The quick look must give IsDegenerate's answer for every hash, at the gate above all.
#include "lists/structure.h"

#include <gtest/gtest.h>

#include <random>

#include "testing/seed.h"

namespace hashgate::lists {
namespace {

// A separable pattern (energy share 1) with each bit flipped with a probability: from fully degenerate down
// to random, so that many lie close to the gate.
PdqHash NoisySeparable(std::mt19937_64& random, int flips_per_thousand) {
  const std::uint64_t rows = random();
  const std::uint64_t columns = random();
  PdqHash hash;
  for (int k = 0; k < 256; ++k) {
    const bool pattern = ((rows >> (k / 16) ^ columns >> (k % 16)) & 1) != 0;
    const bool flip = static_cast<int>(random() % 1000) < flips_per_thousand;
    if (pattern != flip) hash.set_bit(k);
  }
  return hash;
}

TEST(HasTooLittleStructure, AgreesWithIsDegenerate) {
  std::mt19937_64 random(testing::Seed());
  int degenerate = 0;
  int total = 0;
  for (int flips = 0; flips <= 500; flips += 10) {
    for (int i = 0; i < 100; ++i, ++total) {
      const PdqHash hash = NoisySeparable(random, flips);
      const bool expected = IsDegenerate(hash);
      ASSERT_EQ(HasTooLittleStructure(hash), expected) << hash.hex();
      degenerate += expected ? 1 : 0;
    }
  }
  EXPECT_GT(degenerate, total / 10);
  EXPECT_LT(degenerate, total * 9 / 10);
  EXPECT_TRUE(HasTooLittleStructure(PdqHash{}));
}

}  // namespace
}  // namespace hashgate::lists
