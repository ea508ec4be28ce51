// Runs all tests of a binary and prints the seed that random tests draw from: repeat a failure with
// HASHGATE_SEED.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "testing/seed.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::cout << "HASHGATE_SEED=" << hashgate::testing::Seed() << '\n';
  return RUN_ALL_TESTS();
}
