#include "store/stamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/hex.h"
#include "store/store.h"

namespace hashgate::store {
namespace {

using ::testing::HasSubstr;

TEST(Stamp, GoldenBytes) {
  EXPECT_EQ(HexEncode(AsBytes(EncodeStamp({1, "identity", "ab"}))),
            "4847535401000000086964656e74697479026162");
}

TEST(Stamp, ReadsBackAndRefusesCuts) {
  const std::string bytes = EncodeStamp({1, "identity", "0011"});
  const Stamp stamp = DecodeStamp(bytes).value();
  EXPECT_EQ(stamp.schema, 1U);
  EXPECT_EQ(stamp.sealer, "identity");
  EXPECT_EQ(stamp.store_id, "0011");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeStamp(bytes.substr(0, size)).error().reason, Reason::kSchemaUnknown) << size;
  }
  EXPECT_FALSE(DecodeStamp(bytes + "x"));
}

TEST(Stamp, ANewerOneIsReadAsFarAsItsNumber) {
  const Stamp stamp = DecodeStamp(EncodeStamp({kSchemaVersion + 1, "x", "y"}) + "and more").value();
  EXPECT_EQ(stamp.schema, kSchemaVersion + 1);
  const Status status = CheckStamp(stamp, "identity", "/data");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, Reason::kSchemaTooNew);
  EXPECT_THAT(status.error().message, HasSubstr("/data"));
  EXPECT_THAT(status.error().message, HasSubstr("start that version again"));
}

TEST(Stamp, AnotherSealerIsRefusedByName) {
  const Status status = CheckStamp({kSchemaVersion, "aes", "id"}, "identity", "/data");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().reason, Reason::kConfigInvalid);
  EXPECT_THAT(status.error().message, HasSubstr("'aes'"));
  EXPECT_TRUE(CheckStamp({kSchemaVersion, "identity", "id"}, "identity", "/data"));
  EXPECT_EQ(CheckStamp({0, "identity", "id"}, "identity", "/data").error().reason, Reason::kSchemaUnknown);
}

}  // namespace
}  // namespace hashgate::store
