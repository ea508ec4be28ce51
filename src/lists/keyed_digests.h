// Keyed digests under the store's secret: what stands in keys in place of ids and hash values.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/digest.h"
#include "lists/record_codec.h"

namespace hashgate::lists {

/// Each use has a key of its own, derived from the secret, so that equal inputs of different uses share
/// nothing. Source of the keyed digest: RFC 2104 over SHA-256, cut to 16 bytes. Threads: thread-safe.
class KeyedDigests {
 public:
  explicit KeyedDigests(const Secret& secret);

  /// Of what makes an entry the same entry of its list: the source's id, else its set of hash values (in
  /// canonical order; quality is not part of it).
  [[nodiscard]] KeyedDigest Identity(ListId list, std::string_view source_id,
                                     std::span<const HashView> hashes) const;
  [[nodiscard]] KeyedDigest Identity(ListId list, const EntryRecord& record) const;
  /// Of an entry's encoded body.
  [[nodiscard]] KeyedDigest Content(std::string_view body) const;
  /// Of a file's name.
  [[nodiscard]] std::uint64_t File(std::string_view name) const;
  /// What the index shuffles bits by.
  [[nodiscard]] Secret IndexSeed() const { return index_seed_; }
  /// What an index snapshot says of the store that it belongs to.
  [[nodiscard]] KeyedDigest SnapshotOwner() const;
  /// Of a page token's payload.
  [[nodiscard]] KeyedDigest Token(std::string_view payload) const;

 private:
  KeyedSha256 identity_key_;
  KeyedSha256 content_key_;
  KeyedSha256 file_key_;
  KeyedSha256 token_key_;
  Secret index_seed_;
  KeyedSha256 snapshot_key_;
};

}  // namespace hashgate::lists
