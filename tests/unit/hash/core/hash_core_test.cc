#include <gtest/gtest.h>

#include <random>

#include "base/hex.h"
#include "hash/core/digest_set.h"
#include "hashgate/hash.h"
#include "testing/seed.h"

namespace hashgate {
namespace {

constexpr std::string_view kPlaid = "10192d99b2993f99b1112f7952262f777266277712256ff5d00acdd9c081cddd";

TEST(PdqHash, TextIsBigEndian) {
  const auto hash = PdqHash::FromHex(kPlaid);
  ASSERT_TRUE(hash);
  EXPECT_EQ(hash->hex(), kPlaid);
  EXPECT_EQ(hash->words[3], 0x10192d99b2993f99U);
  EXPECT_FALSE(hash->bit(255));
  EXPECT_TRUE(hash->bit(252));
  EXPECT_TRUE(hash->bit(0));
  EXPECT_EQ(PdqHash::FromBytes(hash->bytes()), *hash);
}

TEST(PdqHash, RefusesAllButSixtyFourHexDigits) {
  std::string text(kPlaid);
  EXPECT_FALSE(PdqHash::FromHex(text.substr(1)));
  EXPECT_FALSE(PdqHash::FromHex(text + "0"));
  for (const char bad : {' ', '+', '-', 'x', 'g', '\0'}) {
    std::string changed = text;
    changed[1] = bad;
    EXPECT_FALSE(PdqHash::FromHex(changed));
  }
}

TEST(PdqHash, DistanceCountsBits) {
  PdqHash a;
  PdqHash b;
  EXPECT_EQ(Distance(a, b), 0);
  for (int k = 0; k < 256; k += 5) b.set_bit(k);
  EXPECT_EQ(Distance(a, b), 52);
}

TEST(Degenerate, FlagsSeparableAndLopsidedHashesOnly) {
  PdqHash none;
  EXPECT_TRUE(IsDegenerate(none));
  PdqHash stripes;  // every row the same
  PdqHash checker;
  for (int k = 0; k < 256; ++k) {
    if (k % 2 == 0) stripes.set_bit(k);
    if ((k / 16 + k) % 2 == 0) checker.set_bit(k);
  }
  EXPECT_TRUE(IsDegenerate(stripes));
  EXPECT_TRUE(IsDegenerate(checker));
  EXPECT_FALSE(IsDegenerate(*PdqHash::FromHex(kPlaid)));
  std::mt19937_64 random(testing::Seed());
  for (int i = 0; i < 200; ++i) {
    PdqHash hash;
    for (auto& word : hash.words) word = random();
    EXPECT_FALSE(IsDegenerate(hash));
  }
}

TEST(ParseHashText, LengthsAndForms) {
  EXPECT_TRUE(ParseHashText(Algorithm::kMd5, std::string(32, 'a')));
  EXPECT_FALSE(ParseHashText(Algorithm::kMd5, std::string(40, 'a')));
  EXPECT_EQ(ParseHashText(Algorithm::kPHash, "00").error().reason, Reason::kUnsupported);
  std::string decimal = "0";
  for (int i = 1; i < 144; ++i) decimal += "," + std::to_string(i);
  const auto from_decimal = ParseHashText(Algorithm::kPhotoDna, decimal);
  ASSERT_TRUE(from_decimal);
  const auto from_hex = ParseHashText(Algorithm::kPhotoDna, HexEncode(from_decimal->bytes));
  ASSERT_TRUE(from_hex);
  EXPECT_EQ(from_hex->bytes, from_decimal->bytes);
  const auto from_base64 = ParseHashText(Algorithm::kPhotoDna, std::string(192, 'A'));
  ASSERT_TRUE(from_base64);
  EXPECT_EQ(from_base64->bytes, std::vector<std::uint8_t>(144, 0));
  EXPECT_FALSE(ParseHashText(Algorithm::kPhotoDna, decimal + ",7"));
  EXPECT_FALSE(ParseHashText(Algorithm::kPhotoDna, decimal + ","));
  EXPECT_FALSE(ParseHashText(Algorithm::kPhotoDna, "256" + decimal.substr(1)));
  EXPECT_FALSE(ParseHashText(Algorithm::kPhotoDna, std::string(192, '!')));
}

TEST(DigestSet, SplittingTheStreamChangesNothing) {
  std::vector<std::uint8_t> bytes(100'000);
  std::mt19937_64 random(testing::Seed());
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  DigestSet whole;
  whole.Update(bytes);
  const Digests expected = whole.Finish();
  DigestSet pieces;
  for (ByteSpan rest = bytes; !rest.empty();) {
    const std::size_t take = std::min<std::size_t>(rest.size(), random() % 40'000);
    pieces.Update(rest.first(take));
    rest = rest.subspan(take);
  }
  const Digests got = pieces.Finish();
  EXPECT_EQ(got.md5, expected.md5);
  EXPECT_EQ(got.sha1, expected.sha1);
  EXPECT_EQ(got.sha256, expected.sha256);
}

}  // namespace
}  // namespace hashgate
