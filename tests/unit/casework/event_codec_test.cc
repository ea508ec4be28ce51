// Bytes of events, as src/casework/FORMAT.md gives them. A change here is a change of every store on disk.
#include "casework/events/event_codec.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/hex.h"

namespace hashgate::casework {
namespace {

std::string Hex(std::string_view bytes) {
  return HexEncode(AsBytes(bytes));
}

Event Reversal() {
  return {.time = FromUnixMillis(1'000),
          .tenant = "acme",
          .what = VerdictReversed{.scan_id = "s",
                                  .content_id = "c",
                                  .request_id = "r",
                                  .given = FromUnixMillis(500),
                                  .from = Verdict::kBlock,
                                  .to = Verdict::kAllow,
                                  .list = "l",
                                  .entry = 258,
                                  .author = "jo",
                                  .reason = "x"}};
}

Event Alarm() {
  return {.time = FromUnixMillis(2), .what = ListAlarm{"demo", 3, "FLOOD", "too many"}};
}

TEST(EventCodecGolden, KeysAndNumbers) {
  EXPECT_EQ(Hex(EventKey(0x0102)), "650000000000000102");
  EXPECT_EQ(Hex(EncodeNextSequence(258)), "010201000000000000");
}

TEST(EventCodecGolden, Events) {
  EXPECT_EQ(Hex(EncodeEvent(Reversal())),
            "0101e803000000000000"
            "040061636d65"
            "010073"
            "010063"
            "010072"
            "f401000000000000"
            "0401"
            "01006c"
            "0201000000000000"
            "02006a6f"
            "010078");
  EXPECT_EQ(Hex(EncodeEvent(Alarm())),
            "01020200000000000000"
            "0000"
            "040064656d6f"
            "0300000000000000"
            "0500464c4f4f44"
            "0800746f6f206d616e79");
}

TEST(EventCodec, ReadsBackWhatItWrote) {
  for (const Event& event : {Reversal(), Alarm()}) {
    const auto read = DecodeEvent(EncodeEvent(event));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, event);
  }
  EXPECT_EQ(ParseEventKey(EventKey(77)).value(), 77U);
  EXPECT_EQ(DecodeNextSequence(EncodeNextSequence(77)).value(), 77U);
}

TEST(EventCodec, DamagedBytesAreRefused) {
  for (const Event& event : {Reversal(), Alarm()}) {
    const std::string bytes = EncodeEvent(event);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_EQ(DecodeEvent(bytes.substr(0, cut)).error().reason, Reason::kStoreCorrupt) << cut;
    }
    EXPECT_FALSE(DecodeEvent(bytes + "x"));
    std::string newer = bytes;
    newer[0] = 2;
    EXPECT_EQ(DecodeEvent(newer).error().reason, Reason::kSchemaTooNew);
    std::string unknown = bytes;
    unknown[1] = 9;
    EXPECT_EQ(DecodeEvent(unknown).error().reason, Reason::kStoreCorrupt);
  }
  std::string verdict = EncodeEvent(Reversal());
  verdict[verdict.size() - 19] = 6;  // the verdict that stands now
  EXPECT_FALSE(DecodeEvent(verdict));
  EXPECT_FALSE(ParseEventKey("e"));
  EXPECT_FALSE(ParseEventKey("x12345678"));
  EXPECT_FALSE(DecodeNextSequence(EncodeNextSequence(0)));
  EXPECT_FALSE(DecodeNextSequence("\x01"));
}

}  // namespace
}  // namespace hashgate::casework
