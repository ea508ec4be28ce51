#include "lists/keyed_digests.h"

#include <algorithm>

#include "base/byte_codec.h"
#include "base/digest.h"

namespace hashgate::lists {
namespace {

constexpr char kBySourceId = 'S';
constexpr char kByHashes = 'H';

KeyedDigest Digest(const KeyedSha256& key, std::string_view bytes) {
  const auto full = key.Of(AsBytes(bytes));
  KeyedDigest cut{};
  std::copy_n(full.begin(), cut.size(), cut.begin());
  return cut;
}

// One shape for both sources of hashes: bytes by span or by vector.
template <typename Hashes>
std::string IdentityBytes(ListId list, std::string_view source_id, const Hashes& hashes) {
  std::string bytes;
  bytes.reserve(192);
  ByteWriter writer(bytes);
  writer.Big(list);
  if (!source_id.empty()) {
    bytes.push_back(kBySourceId);
    writer.Raw(source_id);
    return bytes;
  }
  bytes.push_back(kByHashes);
  for (const auto& hash : hashes) {
    writer.Little(static_cast<std::uint8_t>(hash.algorithm));
    writer.Little(static_cast<std::uint8_t>(hash.pipeline));
    writer.template Text<std::uint16_t>(
        {reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size()});
  }
  return bytes;
}

}  // namespace

KeyedDigests::KeyedDigests(const Secret& secret)
    : identity_key_(HmacSha256(secret, AsBytes("hashgate lists identity"))),
      content_key_(HmacSha256(secret, AsBytes("hashgate lists content"))),
      file_key_(HmacSha256(secret, AsBytes("hashgate lists file"))),
      token_key_(HmacSha256(secret, AsBytes("hashgate lists token"))),
      index_seed_(HmacSha256(secret, AsBytes("hashgate index bits"))),
      snapshot_key_(HmacSha256(secret, AsBytes("hashgate index snapshot"))) {}

KeyedDigest KeyedDigests::Identity(ListId list, std::string_view source_id,
                                   std::span<const HashView> hashes) const {
  return Digest(identity_key_, IdentityBytes(list, source_id, hashes));
}

KeyedDigest KeyedDigests::Identity(ListId list, const EntryRecord& record) const {
  return Digest(identity_key_, IdentityBytes(list, record.source_id, record.hashes));
}

KeyedDigest KeyedDigests::Content(std::string_view body) const {
  return Digest(content_key_, body);
}

std::uint64_t KeyedDigests::File(std::string_view name) const {
  const KeyedDigest digest = Digest(file_key_, name);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(number); ++i) number = number << 8 | digest[i];
  return number;
}

KeyedDigest KeyedDigests::SnapshotOwner() const {
  return Digest(snapshot_key_, {});
}

KeyedDigest KeyedDigests::Token(std::string_view payload) const {
  return Digest(token_key_, payload);
}

}  // namespace hashgate::lists
