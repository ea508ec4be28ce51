// Any bytes as a feed's manifest, and as a part: read or refused, and what is read has one form.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exchange/signed/feed.h"
#include "testing/signing_keys.h"

namespace {

using namespace hashgate::exchange;

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckPart(std::string_view bytes) {
  std::string again;
  for (std::string_view rest = bytes; !rest.empty();) {
    const auto record = TakeFeedRecord(rest);
    if (!record) {
      Check(!record.error().message.empty());
      break;
    }
    if (record->kind != FeedRecord::Kind::kGone) static_cast<void>(ParseEntryBytes(record->entry));
    AppendFeedRecord(*record, again);
  }
  Check(bytes.starts_with(again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  CheckPart(text);
  if (const auto manifest = ParseFeedManifestBody(text)) Check(EncodeFeedManifestBody(*manifest) == text);
  static const hashgate::VerifyingKey key =
      *hashgate::VerifyingKey::FromPem(hashgate::testing::PublicKeyPem());
  if (const auto manifest = ParseFeedManifest(text, key)) {
    Check(text.contains(EncodeFeedManifestBody(*manifest)));
  }
  return 0;
}
