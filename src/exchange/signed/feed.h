// A list's content as a folder of files that any web server can give: what a reader has to fetch after what
// it has, signed. The bytes are described in FORMAT.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/signature.h"
#include "exchange/signed/list_state.h"
#include "exchange/signed/snapshot_header.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

inline constexpr std::string_view kFeedManifestName = "manifest.hgf";
inline constexpr std::size_t kMaxFeedManifestBytes = std::size_t{1} << 20;
/// Of a part; writers end one sooner.
inline constexpr std::size_t kMaxFeedPartBytes = std::size_t{16} << 20;

/// What a list holds, in brief.
struct FeedState {
  std::uint64_t count = 0;
  ListDigest digest{};
  bool operator==(const FeedState&) const = default;
};

/// One file of records.
struct FeedPart {
  std::uint32_t bytes = 0;    ///< 1 to kMaxFeedPartBytes
  std::uint32_t records = 0;  ///< at least 1
  std::array<std::uint8_t, 32> sha256{};
  bool operator==(const FeedPart&) const = default;
};

/// The changes from one number of the list to a later one.
struct FeedStep {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  FeedState state;  ///< after it
  std::vector<FeedPart> parts;
  bool operator==(const FeedStep&) const = default;
};

struct FeedManifest {
  SnapshotHeader header;           ///< its sequence is that of the newest state
  FeedState state;                 ///< the newest
  std::vector<FeedPart> snapshot;  ///< all entries of it
  /// Each begins where the one before ends, and the last ends at the header's sequence.
  std::vector<FeedStep> steps;
  bool operator==(const FeedManifest&) const = default;
};

/// The name of a part, `number` from 1.
std::string FeedSnapshotName(std::uint64_t sequence, std::size_t number);
std::string FeedChangesName(std::uint64_t to, std::size_t number);
/// Whether it is a name of either kind.
bool IsFeedPartName(std::string_view name);

/// The manifest with its signature. It must be within the bounds that ParseFeedManifest holds it to.
std::string EncodeFeedManifest(const FeedManifest& manifest, const SigningKey& key);
/// Errors: kRequestInvalid where it is not whole, not signed by that key, or not as described.
Result<FeedManifest> ParseFeedManifest(std::string_view bytes, const VerifyingKey& key);

/// What stands under the signature. Its errors are kRequestInvalid, too.
std::string EncodeFeedManifestBody(const FeedManifest& manifest);
Result<FeedManifest> ParseFeedManifestBody(std::string_view body);

/// One record of a part.
struct FeedRecord {
  enum class Kind : std::uint8_t { kNew = 1, kChanged = 2, kGone = 3 };
  Kind kind = Kind::kNew;
  ListDigest before{};         ///< of kChanged and kGone: EntryDigest of what was there
  std::string_view entry;      ///< of kNew and kChanged: the entry's bytes
  std::string_view source_id;  ///< of kGone
};

void AppendFeedRecord(const FeedRecord& record, std::string& part);
/// Takes the record off the front of `rest`. Errors: kRequestInvalid where there is none.
Result<FeedRecord> TakeFeedRecord(std::string_view& rest);

}  // namespace hashgate::exchange
