#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <set>
#include <thread>
#include <utility>

#include "base/base64.h"
#include "base/checksum.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/net_address.h"
#include "base/process.h"
#include "base/random.h"
#include "base/signature.h"
#include "base/siphash.h"
#include "base/utf8.h"
#include "hashgate/verdict.h"
#include "testing/signing_keys.h"

namespace hashgate {
namespace {

TEST(Hex, RoundTripsAndRefusesAllElse) {
  const std::vector<std::uint8_t> bytes = {0x00, 0x7f, 0xff, 0xa5};
  EXPECT_EQ(HexEncode(bytes), "007fffa5");
  EXPECT_EQ(HexDecode("007FFFa5"), bytes);
  for (const char* bad : {"0", "0g", " 00", "+1", "0x", "00 "}) EXPECT_FALSE(HexDecode(bad)) << bad;
}

// Vectors: the authors' own (vectors_sip128, key 00 01 .. 0f, inputs 00 01 ..), as OpenSSL's
// SIPHASH gives them too.
TEST(Base64, PublishedVectorsAndNothingElse) {
  // RFC 4648, section 10.
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},    {"Zg==", "f"},       {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"},
      {"Zg", "f"}, {"Zm9vYmE", "fooba"}};
  for (const auto& [text, plain] : vectors) {
    const auto bytes = Base64Decode(text);
    ASSERT_TRUE(bytes.has_value()) << text;
    EXPECT_EQ(std::string(bytes->begin(), bytes->end()), plain);
    std::string padded = text;
    while (padded.size() % 4 != 0) padded += '=';
    EXPECT_EQ(Base64Encode(*bytes), padded);
  }
  const std::vector<std::uint8_t> high = {0xff, 0xef, 0xbe, 0xfb};
  EXPECT_EQ(Base64Encode(high), "/++++w==");
  for (const char* text :
       {"Z", "Zg=", "Zg===", "=", "====", "Z=g=", "Zm9v\n", "Zm 9v", "Zh==", "Zm9=", "Zm-_"}) {
    EXPECT_FALSE(Base64Decode(text).has_value()) << text;
  }
}

// RFC 8032, section 7.1, test 1: the signature of no bytes.
TEST(Signature, PublishedVector) {
  const auto key = SigningKey::FromPem(testing::PrivateKeyPem());
  ASSERT_TRUE(key.has_value());
  const Signature signature = key->Sign({});
  EXPECT_EQ(HexEncode(signature),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0"
            "595bbe24655141438e7a100b");
  const auto checker = VerifyingKey::FromPem(testing::PublicKeyPem());
  ASSERT_TRUE(checker.has_value());
  EXPECT_TRUE(checker->Verify({}, signature));
  EXPECT_TRUE(key->PublicKey().Verify({}, signature));
  EXPECT_FALSE(checker->Verify(AsBytes("x"), signature));
  EXPECT_FALSE(VerifyingKey::FromPem(testing::OtherPublicKeyPem())->Verify({}, signature));
  Signature changed = signature;
  changed[63] ^= 1;
  EXPECT_FALSE(checker->Verify({}, changed));
}

TEST(Signature, WhatIsNoKeyIsRefused) {
  // A key on another curve (P-256), made with `openssl ecparam -genkey` and then thrown away.
  const std::string p256 = testing::PemOf("PUBLIC",
                                          "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdIIMACpYCPReTyr0k5wuF9H+8TUO\n"
                                          "KEBOupyo+xNVvY+4+XquSUJ0traxpnSQV/cRcb2IvUyX99UUA/95JAFQPA==");
  for (const std::string& pem : {std::string(), std::string("text"), testing::PrivateKeyPem(), p256,
                                 testing::PemOf("PUBLIC", "AAAA")}) {
    EXPECT_FALSE(VerifyingKey::FromPem(pem).has_value()) << pem;
  }
  for (const std::string& pem : {std::string(), testing::PublicKeyPem(),
                                 testing::PemOf("ENCRYPTED PRIVATE", "AAAA"), std::string(100'000, 'x')}) {
    EXPECT_FALSE(SigningKey::FromPem(pem).has_value());
  }
}

TEST(SipHash, PublishedVectors) {
  SipHash::Key key{};
  std::vector<std::uint8_t> input(32);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint8_t>(i);
  const SipHash hash(key);
  const auto hex = [&](std::size_t size) {
    const auto halves = hash(std::span(input).first(size));
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), halves.data(), bytes.size());
    return HexEncode(bytes);
  };
  EXPECT_EQ(hex(0), "a3817f04ba25a8e66df67214c7550293");
  EXPECT_EQ(hex(1), "da87c1d86b99af44347659119b22fc45");
  EXPECT_EQ(hex(15), "5493e99933b0a8117e08ec0f97cfc3d9");
  EXPECT_EQ(hex(20), "9e25fc833f2290733e9344a5e83839eb");
  EXPECT_EQ(hex(32), "7c3956ca5eeafc3e363e9d556546eb68");
}

// Source: the specification's test vectors; the empty input.
TEST(Checksum, TellsBytesApart) {
  EXPECT_EQ(Checksum({}), 0x2d06800538d394c2U);
  std::vector<std::uint8_t> bytes(1'000, 7);
  const std::uint64_t before = Checksum(bytes);
  bytes[500] ^= 1;
  EXPECT_NE(Checksum(bytes), before);
}

// Vectors: RFC 1321 A.5, FIPS 180-4 examples, RFC 4231 case 2.
TEST(Digest, PublishedVectors) {
  std::array<std::uint8_t, 32> out{};
  DigestStream md5(DigestKind::kMd5);
  md5.Update(AsBytes("a"));
  md5.Update(AsBytes("bc"));
  md5.Finish(out);
  EXPECT_EQ(HexEncode(std::span(out).first(16)), "900150983cd24fb0d6963f7d28e17f72");
  DigestStream sha1(DigestKind::kSha1);
  sha1.Update(AsBytes("abc"));
  sha1.Finish(out);
  EXPECT_EQ(HexEncode(std::span(out).first(20)), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(HexEncode(Sha256Of(AsBytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(HexEncode(HmacSha256(AsBytes("Jefe"), AsBytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Utf8, AcceptsValidAndRefusesOverlongSurrogatesAndCuts) {
  const auto valid = [](std::string_view text) {
    Utf8Validator validator;
    for (char c : text) {
      const auto byte = static_cast<std::uint8_t>(c);
      if (!validator.Update({&byte, 1})) return false;
    }
    return validator.Complete();
  };
  EXPECT_TRUE(valid("plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80"));
  EXPECT_FALSE(valid("\xc0\xaf"));
  EXPECT_FALSE(valid("\xe0\x80\xaf"));
  EXPECT_FALSE(valid("\xed\xa0\x80"));
  EXPECT_FALSE(valid("\xf4\x90\x80\x80"));
  EXPECT_FALSE(valid("\xe2\x82"));
  EXPECT_FALSE(valid("\x80"));
}

TEST(Log, EscapesWhatWouldBreakTheLine) {
  EXPECT_EQ(log::EscapeJson("a\"b\\c\nd\x01"), "a\\\"b\\\\c\\u000ad\\u0001");
  EXPECT_EQ(log::EscapeJson("\xff\xc3\xa9"), "\\ufffd\xc3\xa9");
}

TEST(Clock, FormatsUtcWithMilliseconds) {
  EXPECT_EQ(FormatTime(FromUnixMillis(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(FromUnixMillis(1'795'367'380'123)), "2026-11-22T17:09:40.123Z");
  EXPECT_EQ(FormatTime(FromUnixMillis(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(FormatTime(FromUnixMillis(std::numeric_limits<std::int64_t>::max())), "2262-04-11T23:47:16.854Z");
  EXPECT_EQ(FormatTime(FromUnixMillis(std::numeric_limits<std::int64_t>::min())), "1677-09-21T00:12:43.146Z");
}

TEST(Random, UlidsSortByTimeAndDiffer) {
  EXPECT_LT(NewUlid(1'000), NewUlid(2'000));
  EXPECT_EQ(NewUlid(0).substr(0, 10), "0000000000");
  // 2^48 - 1 ms fills the ten digits of time: 7ZZZZZZZZZ.
  EXPECT_EQ(NewUlid((std::int64_t{1} << 48) - 1).substr(0, 10), "7ZZZZZZZZZ");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(NewUlid(5));
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(NetAddress, OnlyLiteralsAndLocalhostAreLoopback) {
  for (const char* yes : {"127.0.0.1:1", "127.9.8.7:1", "[::1]:1", "localhost:1"})
    EXPECT_TRUE(IsLoopbackAddress(yes));
  for (const char* no :
       {"127.example.org:1", "0.0.0.0:1", "[::]:1", "10.0.0.1:1", "localhost.example.org:1", ":1", "1"}) {
    EXPECT_FALSE(IsLoopbackAddress(no)) << no;
  }
}

struct Scheduling {
  int nice = 0;
  int policy = 0;
  std::uint64_t slice = 0;  // ns; 0 where the kernel has none
};

// Of the calling thread.
Scheduling ReadScheduling() {
  // struct sched_attr of sched_setattr(2), of which the slice is the fourth.
  struct {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } attributes{};
  EXPECT_EQ(::syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0), 0);
  return {attributes.nice, static_cast<int>(attributes.policy), attributes.runtime};
}

TEST(Process, SlicesAreShortAndThoseOfLowPriorityUsual) {
  std::thread([] {
    const Scheduling before = ReadScheduling();
    ShortenSlices();
    const Scheduling short_slices = ReadScheduling();
    EXPECT_EQ(short_slices.nice, before.nice);
    EXPECT_EQ(short_slices.policy, before.policy);
    LowerThreadPriority();
    const Scheduling low = ReadScheduling();
    EXPECT_EQ(low.nice, std::max(before.nice, 10));
    EXPECT_EQ(low.policy, before.policy);
    if (before.slice == 0 || before.policy != SCHED_OTHER) GTEST_SKIP() << "this kernel sets no slices";
    EXPECT_EQ(short_slices.slice, 100'000U);
    EXPECT_EQ(low.slice, 3'000'000U);
  }).join();
}

// In a child: the rest of the tests keep their rights.
TEST(ProcessDeathTest, NoCoreDumpsAfterwards) {
  const auto forbid_and_look = [] {
    ForbidCoreDumps();
    rlimit limit{1, 1};
    const bool forbidden = ::getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 &&
                           limit.rlim_max == 0 && ::prctl(PR_GET_DUMPABLE) == 0;
    std::_Exit(forbidden ? 0 : 1);
  };
  EXPECT_EXIT(forbid_and_look(), ::testing::ExitedWithCode(0), "");
}

TEST(Names, CausesAreUniqueAndParseBack) {
  std::set<std::string_view> names;
  for (const Cause cause : AllCauses()) {
    const auto parsed = ParseCause(Name(cause));
    ASSERT_TRUE(parsed) << Name(cause);
    EXPECT_EQ(*parsed, cause);
    EXPECT_NE(OutcomeOf(cause), Outcome::kUnspecified);
    names.insert(Name(cause));
  }
  EXPECT_EQ(names.size(), AllCauses().size());
  EXPECT_FALSE(ParseVerdict("UNSPECIFIED"));
  EXPECT_FALSE(ParseVerdict("allow"));
}

}  // namespace
}  // namespace hashgate
