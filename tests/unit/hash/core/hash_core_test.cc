#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cmath>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/hex.h"
#include "hash/core/digest_set.h"
#include "hash/core/hash_text.h"
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
  std::string upper(kPlaid);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_EQ(PdqHash::FromHex(upper).value(), *hash);
}

TEST(PdqHash, BitKIsBitKModSixtyFourOfWordKOverSixtyFour) {
  for (int k = 0; k < 256; ++k) {
    PdqHash hash;
    hash.set_bit(k);
    for (int other = 0; other < 256; ++other) ASSERT_EQ(hash.bit(other), other == k);
    ASSERT_EQ(hash.words[static_cast<std::size_t>(k) / 64], std::uint64_t{1} << (k % 64));
    // Big-endian: bit 0 is the last bit of the last byte.
    ASSERT_EQ(hash.bytes()[static_cast<std::size_t>(31 - k / 8)], 1U << (k % 8));
    ASSERT_EQ(Distance(hash, PdqHash{}), 1);
  }
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
  for (auto& word : b.words) word = ~std::uint64_t{0};
  EXPECT_EQ(Distance(a, b), 256);
  EXPECT_EQ(Distance(b, a), 256);
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

// The same by another way: power iteration from every unit vector, long enough to converge.
double RankOneShare(const PdqHash& hash) {
  double share = 0;
  for (std::size_t start = 0; start < 16; ++start) {
    std::array<double, 16> v{};
    v[start] = 1;
    for (int round = 0; round < 200; ++round) {
      std::array<double, 16> u{};
      std::array<double, 16> w{};
      for (std::size_t k = 0; k < 256; ++k) {
        u[k / 16] += (hash.bit(static_cast<int>(k)) ? 1 : -1) * v[k % 16];
      }
      for (std::size_t k = 0; k < 256; ++k) {
        w[k % 16] += (hash.bit(static_cast<int>(k)) ? 1 : -1) * u[k / 16];
      }
      const double uu = std::inner_product(u.begin(), u.end(), u.begin(), 0.0);
      const double vv = std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
      share = std::max(share, uu / vv / 256);
      const double length = std::sqrt(std::inner_product(w.begin(), w.end(), w.begin(), 0.0));
      if (length == 0) break;
      for (std::size_t i = 0; i < 16; ++i) v[i] = w[i] / length;
    }
  }
  return share;
}

// Every way to stripe a picture with as many light as dark stripes: a few of them once passed as structured.
TEST(Degenerate, FlagsAllStripes) {
  for (unsigned mask = 0; mask < 65536; ++mask) {
    if (std::popcount(mask) != 8) continue;
    PdqHash columns;
    PdqHash rows;
    for (int k = 0; k < 256; ++k) {
      if ((mask >> (k % 16) & 1) != 0) columns.set_bit(k);
      if ((mask >> (k / 16) & 1) != 0) rows.set_bit(k);
    }
    ASSERT_TRUE(IsDegenerate(columns)) << mask;
    ASSERT_TRUE(IsDegenerate(rows)) << mask;
  }
}

TEST(Degenerate, AgreesWithAnotherWayToComputeTheShare) {
  std::mt19937_64 random(testing::Seed());
  int flagged = 0;
  int passed = 0;
  for (int i = 0; i < 600; ++i) {
    // A separable pattern with noise, so that shares lie on both sides of the gate.
    const auto rows = static_cast<unsigned>(random());
    const auto columns = static_cast<unsigned>(random());
    const std::uint64_t noise = random() % 45;
    PdqHash hash;
    int ones = 0;
    for (int k = 0; k < 256; ++k) {
      const bool bit = ((rows >> (k / 16) ^ columns >> (k % 16)) & 1) != 0;
      if (bit != (random() % 100 < noise)) {
        hash.set_bit(k);
        ++ones;
      }
    }
    const double share = RankOneShare(hash);
    if (ones < 64 || ones > 192 || std::abs(share - 0.40) < 1e-3) continue;
    ASSERT_EQ(IsDegenerate(hash), share > 0.40) << share;
    ++(share > 0.40 ? flagged : passed);
  }
  EXPECT_GT(flagged, 30);
  EXPECT_GT(passed, 30);
}

TEST(Degenerate, FlagsFewOrManyBitsSet) {
  std::mt19937_64 random(testing::Seed());
  std::vector<int> order(256);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::shuffle(order, random);
  PdqHash hash;
  for (int ones = 0; ones <= 256; ++ones) {
    if (ones < 64 || ones > 192) {
      EXPECT_TRUE(IsDegenerate(hash)) << ones;
    }
    if (ones > 100 && ones < 156) {
      EXPECT_FALSE(IsDegenerate(hash)) << ones;
    }
    if (ones < 256) hash.set_bit(order[static_cast<std::size_t>(ones)]);
  }
}

TEST(Names, ReadBackAsWhatTheyWereWrittenFrom) {
  std::set<std::string_view> names;
  for (int number = 1; number < kAlgorithmCount; ++number) {
    const auto algorithm = static_cast<Algorithm>(number);
    const std::string_view name = AlgorithmName(algorithm);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(ParseAlgorithm(name).value(), algorithm);
  }
  EXPECT_EQ(AlgorithmName(static_cast<Algorithm>(kAlgorithmCount)), "unspecified");
  EXPECT_EQ(HashSize(static_cast<Algorithm>(kAlgorithmCount)), 0U);
  for (const std::string_view bad : {"", "unspecified", "MD5", "md5 ", "sha-1"}) {
    const auto parsed = ParseAlgorithm(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().reason, Reason::kAlgorithmUnknown);
  }
  for (const Pipeline pipeline : {Pipeline::kUnspecified, Pipeline::kFull, Pipeline::kNn512}) {
    EXPECT_EQ(ParsePipeline(PipelineName(pipeline)).value(), pipeline);
  }
  EXPECT_FALSE(ParsePipeline("FULL"));
  std::set<std::string_view> dihedrals;
  for (int number = 0; number < kDihedralCount; ++number) {
    dihedrals.insert(DihedralName(static_cast<Dihedral>(number)));
  }
  EXPECT_EQ(dihedrals.size(), static_cast<std::size_t>(kDihedralCount));
}

// Numbers and sizes reach disk and wire: a change here breaks stored data.
TEST(Names, NumbersAndSizesNeverChange) {
  EXPECT_EQ(static_cast<int>(Algorithm::kMd5), 1);
  EXPECT_EQ(static_cast<int>(Algorithm::kSha1), 2);
  EXPECT_EQ(static_cast<int>(Algorithm::kSha256), 3);
  EXPECT_EQ(static_cast<int>(Algorithm::kPdq), 4);
  EXPECT_EQ(static_cast<int>(Algorithm::kPhotoDna), 5);
  EXPECT_EQ(static_cast<int>(Algorithm::kColorMoment), 11);
  EXPECT_EQ(HashSize(Algorithm::kMd5), 16U);
  EXPECT_EQ(HashSize(Algorithm::kSha1), 20U);
  EXPECT_EQ(HashSize(Algorithm::kSha256), 32U);
  EXPECT_EQ(HashSize(Algorithm::kPdq), 32U);
  EXPECT_EQ(HashSize(Algorithm::kPhotoDna), 144U);
  EXPECT_EQ(HashSize(Algorithm::kPHash), 8U);
  EXPECT_EQ(HashSize(Algorithm::kBlockMean), 32U);
  EXPECT_EQ(HashSize(Algorithm::kMarrHildreth), 72U);
  EXPECT_EQ(HashSize(Algorithm::kAverage), 8U);
  EXPECT_EQ(static_cast<int>(Pipeline::kFull), 1);
  EXPECT_EQ(static_cast<int>(Pipeline::kNn512), 2);
}

TEST(ParseHashText, LengthsAndForms) {
  EXPECT_TRUE(ParseHashText(Algorithm::kMd5, std::string(32, 'a')));
  EXPECT_FALSE(ParseHashText(Algorithm::kMd5, std::string(40, 'a')));
  EXPECT_EQ(ParseHashText(Algorithm::kColorMoment, "00").error().reason, Reason::kUnsupported);
  EXPECT_EQ(ParseHashText(Algorithm::kPHash, "00").error().reason, Reason::kHashMalformed);
  EXPECT_EQ(ParseHashText(Algorithm::kPHash, "00000000000000Ff")->bytes.back(), 255);
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

// One vector in each of its text forms; the texts were made elsewhere (Python's base64 and hex).
TEST(ParseHashText, PhotoDnaInEachForm) {
  std::vector<std::uint8_t> bytes(144);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 250);
  const std::string hex =
      "fa01080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3dae1e8eff6fd040b121920272e353c43"
      "4a51585f666d747b828990979ea5acb3bac1c8cfd6dde4ebf2f900070e151c232a31383f464d545b626970777e858c93"
      "9aa1a8afb6bdc4cbd2d9e0e7eef5fc030a11181f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dce3";
  const std::string base64 =
      "+gEIDxYdJCsyOUBHTlVcY2pxeH+GjZSboqmwt77FzNPa4ejv9v0ECxIZICcuNTxDSlFYX2ZtdHuCiZCXnqWss7rByM/W3eTr"
      "8vkABw4VHCMqMTg/Rk1UW2JpcHd+hYyTmqGor7a9xMvS2eDn7vX8AwoRGB8mLTQ7QklQV15lbHN6gYiPlp2kq7K5wMfO1dzj";
  std::string upper = hex;
  for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  std::string decimal;
  std::string spaced;
  for (const std::uint8_t byte : bytes) {
    decimal += (decimal.empty() ? "" : ",") + std::to_string(byte);
    spaced += (spaced.empty() ? "" : ", ") + std::to_string(byte);
  }
  for (const std::string& text : {hex, upper, base64, decimal, spaced}) {
    const auto parsed = ParseHashText(Algorithm::kPhotoDna, text);
    ASSERT_TRUE(parsed) << text.size() << " characters";
    EXPECT_EQ(parsed->algorithm, Algorithm::kPhotoDna);
    EXPECT_EQ(parsed->bytes, bytes);
  }
  const auto refused = [](const std::string& text) {
    const auto parsed = ParseHashText(Algorithm::kPhotoDna, text);
    // The message gives the forms, never the value.
    return !parsed && parsed.error().reason == Reason::kHashMalformed &&
           parsed.error().message.find("192 base64 characters, 288 hex digits or 144 decimal numbers") !=
               std::string::npos;
  };
  for (const std::string& text : {hex, base64, decimal, spaced}) {
    EXPECT_TRUE(refused("," + text));
    EXPECT_TRUE(refused(text.substr(0, text.size() - 1) + "-"));
    EXPECT_TRUE(refused(text + " "));
    EXPECT_TRUE(refused(text + "\n"));
    EXPECT_TRUE(refused(text + "0," + "1"));
  }
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(hex.substr(1)));
  EXPECT_TRUE(refused(base64.substr(1)));
  EXPECT_TRUE(refused(base64.substr(0, 191) + "="));
  EXPECT_TRUE(refused(hex + hex));
  EXPECT_TRUE(refused("1," + decimal));
  EXPECT_TRUE(refused(decimal.substr(0, decimal.rfind(','))));
  EXPECT_TRUE(refused("-1" + decimal.substr(3)));
  EXPECT_TRUE(refused("99999999999999999999" + decimal.substr(3)));
  EXPECT_TRUE(refused(" " + decimal));
}

TEST(PhotoDnaVectors, Distance) {
  PhotoDna black{};
  PhotoDna white{};
  white.fill(255);
  EXPECT_EQ(Distance(black, white), 9'363'600);
  EXPECT_EQ(Distance(white, black), kMaxPhotoDnaDistance);
  EXPECT_EQ(Distance(white, white), 0);
  PhotoDna near = black;
  near[0] = 3;
  near[143] = 4;
  EXPECT_EQ(Distance(black, near), 25);
  EXPECT_EQ(Distance(Algorithm::kPhotoDna, black, near), 25);
  EXPECT_EQ(Distance(Algorithm::kPhotoDna, black, ByteSpan(near).first(143)), -1);
  const std::vector<std::uint8_t> zeros(32, 0);
  const std::vector<std::uint8_t> ones(32, 255);
  EXPECT_EQ(Distance(Algorithm::kPdq, zeros, ones), 256);
  EXPECT_EQ(Distance(Algorithm::kSha256, zeros, ones), -1);
  EXPECT_EQ(Distance(Algorithm::kPHash, {}, {}), -1);
  EXPECT_EQ(Distance(Algorithm::kColorMoment, {}, {}), -1);
}

TEST(ImgHashes, DistanceIsTheNumberOfDifferingBits) {
  for (const Algorithm algorithm : kImgHashes) {
    std::vector<std::uint8_t> a(HashSize(algorithm), 0);
    std::vector<std::uint8_t> b(HashSize(algorithm), 255);
    EXPECT_EQ(Distance(algorithm, a, b), static_cast<int>(8 * a.size()));
    b = a;
    b.front() = 0x80;
    b.back() = 0x03;
    EXPECT_EQ(Distance(algorithm, a, b), 3);
    EXPECT_EQ(Distance(algorithm, a, ByteSpan(b).first(b.size() - 1)), -1);
  }
}

TEST(ImgHashes, DegenerateByTheShareOfOnes) {
  // Bits of their own for each group of nine, so that marr_hildreth sees enough patterns.
  const auto with_ones = [](Algorithm algorithm, std::size_t ones) {
    std::vector<std::uint8_t> value(HashSize(algorithm), 0);
    const std::size_t bits = 8 * value.size();
    std::size_t at = 0;
    for (std::size_t i = 0; i < ones; ++i) {
      while ((value[at / 8] >> (at % 8) & 1) != 0) at = (at + 1) % bits;
      value[at / 8] = static_cast<std::uint8_t>(value[at / 8] | 1U << (at % 8));
      at = (at * 5 + 7 + i) % bits;
    }
    return value;
  };
  for (const Algorithm algorithm : kImgHashes) {
    const std::size_t bits = 8 * HashSize(algorithm);
    EXPECT_TRUE(IsDegenerate(algorithm, with_ones(algorithm, bits / 4 - 1))) << AlgorithmName(algorithm);
    EXPECT_FALSE(IsDegenerate(algorithm, with_ones(algorithm, bits / 4))) << AlgorithmName(algorithm);
    EXPECT_FALSE(IsDegenerate(algorithm, with_ones(algorithm, 3 * bits / 4))) << AlgorithmName(algorithm);
    EXPECT_TRUE(IsDegenerate(algorithm, with_ones(algorithm, 3 * bits / 4 + 1))) << AlgorithmName(algorithm);
  }
}

// Groups of nine bits with `patterns` different patterns, each with four or five ones.
TEST(ImgHashes, MarrHildrethNeedsSixteenPatterns) {
  const auto with_patterns = [](unsigned patterns) {
    std::vector<unsigned> choice;
    for (unsigned pattern = 0; choice.size() < patterns; ++pattern) {
      const int ones = std::popcount(pattern);
      if (ones == 4 || ones == 5) choice.push_back(pattern);
    }
    std::vector<std::uint8_t> value(HashSize(Algorithm::kMarrHildreth), 0);
    for (std::size_t bit = 0; bit < 576; ++bit) {
      if ((choice[bit / 9 % choice.size()] >> (8 - bit % 9) & 1) == 0) continue;
      value[bit / 8] = static_cast<std::uint8_t>(value[bit / 8] | 0x80U >> (bit % 8));
    }
    return value;
  };
  EXPECT_TRUE(IsDegenerate(Algorithm::kMarrHildreth, with_patterns(1)));
  EXPECT_TRUE(IsDegenerate(Algorithm::kMarrHildreth, with_patterns(15)));
  EXPECT_FALSE(IsDegenerate(Algorithm::kMarrHildreth, with_patterns(16)));
  EXPECT_FALSE(IsDegenerate(Algorithm::kMarrHildreth, with_patterns(40)));
}

TEST(Algorithms, WhichIdentifyAlone) {
  for (int i = 0; i < kAlgorithmCount; ++i) {
    const auto algorithm = static_cast<Algorithm>(i);
    const bool expected = algorithm == Algorithm::kPdq || algorithm == Algorithm::kPhotoDna ||
                          algorithm == Algorithm::kMarrHildreth;
    EXPECT_EQ(IdentifiesAlone(algorithm), expected) << AlgorithmName(algorithm);
  }
}

TEST(Algorithms, DefaultsAreWithinWhatAListMayAskFor) {
  for (int i = 0; i < kAlgorithmCount; ++i) {
    const auto algorithm = static_cast<Algorithm>(i);
    EXPECT_LE(DefaultMaxDistance(algorithm), GreatestMaxDistance(algorithm)) << AlgorithmName(algorithm);
  }
  EXPECT_EQ(DefaultMaxDistance(Algorithm::kPdq), 31);
  EXPECT_EQ(DefaultMaxDistance(Algorithm::kMarrHildreth), 57);
  EXPECT_EQ(DefaultMaxDistance(Algorithm::kMd5), -1);
}

TEST(PhotoDnaVectors, DegenerateByTheEntropyOfTheirComponents) {
  PhotoDna vector{};
  EXPECT_TRUE(IsDegenerate(vector)) << "all equal";
  // 144 different values have all the entropy there is, 72 pairs 0.861 of it, 24 sixes 0.639.
  const auto of = [](std::size_t equal) {
    PhotoDna made{};
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<std::uint8_t>(i / equal);
    return made;
  };
  EXPECT_FALSE(IsDegenerate(of(1)));
  EXPECT_FALSE(IsDegenerate(of(2)));
  EXPECT_FALSE(IsDegenerate(of(4))) << "36 values, 0.721";
  EXPECT_TRUE(IsDegenerate(of(6)));
  EXPECT_TRUE(IsDegenerate(of(72)));
  // Where the values stand does not matter.
  vector = of(1);
  std::ranges::reverse(vector);
  EXPECT_FALSE(IsDegenerate(vector));
  EXPECT_TRUE(IsDegenerate(Algorithm::kPhotoDna, of(6)));
  EXPECT_FALSE(IsDegenerate(Algorithm::kPhotoDna, of(1)));
  EXPECT_FALSE(IsDegenerate(Algorithm::kPhotoDna, ByteSpan()));
  EXPECT_FALSE(IsDegenerate(Algorithm::kMd5, std::vector<std::uint8_t>(16, 0)));
  EXPECT_TRUE(IsDegenerate(Algorithm::kPdq, std::vector<std::uint8_t>(32, 0)));
}

TEST(Algorithms, GreatestDistanceThatAListMayAskFor) {
  EXPECT_EQ(GreatestMaxDistance(Algorithm::kPdq), 63);
  EXPECT_EQ(GreatestMaxDistance(Algorithm::kPhotoDna), 9'363'600);
  EXPECT_EQ(GreatestMaxDistance(Algorithm::kMarrHildreth), 115);
  EXPECT_EQ(GreatestMaxDistance(Algorithm::kBlockMean), 10);
  EXPECT_EQ(GreatestMaxDistance(Algorithm::kPHash), 10);
  EXPECT_EQ(GreatestMaxDistance(Algorithm::kAverage), 3);
  EXPECT_EQ(GreatestMaxDistance(Algorithm::kColorMoment), 65'535);
  for (const Algorithm algorithm : {Algorithm::kUnspecified, Algorithm::kMd5, Algorithm::kSha1,
                                    Algorithm::kSha256, static_cast<Algorithm>(200)}) {
    EXPECT_EQ(GreatestMaxDistance(algorithm), -1);
  }
}

// The answers of FIPS 180-4 and RFC 1321 for "abc" and for nothing.
TEST(DigestSet, PublishedAnswers) {
  DigestSet empty;
  const Digests none = empty.Finish();
  EXPECT_EQ(HexEncode(none.md5), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(HexEncode(none.sha1), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(HexEncode(none.sha256), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  DigestSet stream;
  const std::array<std::uint8_t, 3> abc = {'a', 'b', 'c'};
  stream.Update(abc);
  const Digests digests = stream.Finish();
  EXPECT_EQ(HexEncode(digests.md5), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(HexEncode(digests.sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(HexEncode(digests.sha256), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
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

TEST(HashText, EncodingsOfOneValue) {
  const std::vector<std::uint8_t> value = {0, 1, 254, 255};
  EXPECT_EQ(DecodeHashBytes("0001FEff", HashEncoding::kHex, 4), value);
  EXPECT_EQ(DecodeHashBytes("AAH+/w==", HashEncoding::kBase64, 4), value);
  EXPECT_EQ(DecodeHashBytes("AAH+/w", HashEncoding::kBase64, 4), value);
  EXPECT_EQ(DecodeHashBytes("0,1,254,255", HashEncoding::kDecimal, 4), value);
  for (const HashEncoding encoding : {HashEncoding::kHex, HashEncoding::kBase64, HashEncoding::kDecimal}) {
    for (const char* text :
         {"", "00", "0,1,254", "0,1,254,255,1", "0,1,254,256", "0,1,254,", "0,1,,255", " 0,1,2,3"}) {
      EXPECT_FALSE(DecodeHashBytes(text, encoding, 4).has_value()) << text;
    }
  }
}

}  // namespace
}  // namespace hashgate
