// What the decoder makes of each file of the kit: its cause where there is one, else hashes near the pixels
// the file was made from.
#include <gtest/gtest.h>

#include <algorithm>

#include "image/process.h"
#include "testkit/kit_builder.h"

namespace hashgate::testkit {
namespace {

decode::DecodeResult Process(const Bytes& bytes) {
  return image::ProcessUpload(bytes, decode::Format::kUnknown, decode::Wanted{}, decode::Limits{});
}

TEST(KitDecode, EveryUnscannableFileHasItsCause) {
  const Result<Kit> kit = BuildKit();
  ASSERT_TRUE(kit) << kit.error().message;
  for (const KitCase& kit_case : kit->cases) {
    if (OutcomeOf(kit_case.expected.cause) != Outcome::kUnscannable) continue;
    EXPECT_EQ(Name(Process(kit_case.bytes).cause), Name(kit_case.expected.cause)) << kit_case.file;
  }
}

TEST(KitDecode, EveryPictureHashesLikeItsPixels) {
  const Result<Kit> kit = BuildKit();
  ASSERT_TRUE(kit) << kit.error().message;
  for (const KitCase& kit_case : kit->cases) {
    if (kit_case.views.empty()) continue;
    decode::DecodeResult result = Process(kit_case.bytes);
    // Pages and symbols have plain margins: what those leave is no case of the kit.
    std::erase_if(result.views, [](const auto& view) { return view.kind == ViewKind::kTrimmed; });
    EXPECT_EQ(result.cause, Cause::kNone) << kit_case.file << ": " << Name(result.cause);
    EXPECT_EQ(result.views.size(), kit_case.views.size()) << kit_case.file;
    for (std::size_t i = 0; i < std::min(result.views.size(), kit_case.views.size()); ++i) {
      const PictureHash hash = HashOf(kit_case.views[i]);
      ASSERT_EQ(result.views[i].pdq.size(), 1U) << kit_case.file;
      const decode::PdqForms& forms = result.views[i].pdq[0];
      EXPECT_NEAR(forms.quality, hash.quality, 2) << kit_case.file;
      // Too plain a picture has no hash worth comparing; a CMYK file's pixels are known before compression.
      if (hash.quality < 20) continue;
      EXPECT_LE(Distance(forms.forms[0], hash.hash), kit_case.file.contains("cmyk") ? 10 : 4)
          << kit_case.file;
    }
  }
}

}  // namespace
}  // namespace hashgate::testkit
