#include "lists/page_token.h"

#include "base/byte_codec.h"
#include "base/digest.h"
#include "base/hex.h"

namespace hashgate::lists {
namespace {

constexpr std::size_t kPayloadBytes = 4 + 4 + 8;

std::unexpected<Error> Foreign() {
  return Fail(Reason::kRequestInvalid,
              "the page token is not one of this server's for this list: start again without one",
              "page_token");
}

}  // namespace

std::string EncodePageToken(const PagePosition& position, const KeyedDigests& digests) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.Big(position.list);
  writer.Big(position.content);
  writer.Big(position.after);
  const KeyedDigest seal = digests.Token(bytes);
  bytes.append(reinterpret_cast<const char*>(seal.data()), seal.size());
  return HexEncode(AsBytes(bytes));
}

Result<PagePosition> DecodePageToken(std::string_view token, const KeyedDigests& digests) {
  std::string bytes(kPayloadBytes + KeyedDigest{}.size(), '\0');
  if (!HexDecodeInto(token, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()})) return Foreign();
  const std::string_view payload = std::string_view(bytes).substr(0, kPayloadBytes);
  const KeyedDigest seal = digests.Token(payload);
  // The seal keeps honest callers from mixing tokens up; it guards no secret, so its comparison may stop
  // early.
  if (std::string_view(bytes).substr(kPayloadBytes) !=
      std::string_view(reinterpret_cast<const char*>(seal.data()), seal.size())) {
    return Foreign();
  }
  ByteReader reader(payload);
  PagePosition position;
  position.list = reader.Big<ListId>();
  position.content = reader.Big<ContentId>();
  position.after = reader.Big<EntryId>();
  return position;
}

}  // namespace hashgate::lists
