#include "exchange/signed/feed.h"

#include <algorithm>

#include "base/byte_codec.h"
#include "base/digest.h"
#include "lists/limits.h"

namespace hashgate::exchange {
namespace {

constexpr std::string_view kMagic = "\x89HGF\r\n\x1a\n";
constexpr std::string_view kDomain = "hashgate feed manifest 1\n";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMaxSteps = 256;
/// Of the longest record: kind, digest and entry.
constexpr std::size_t kMaxRecordBytes = 1 + sizeof(ListDigest) + kMaxEntryBytes;

std::unexpected<Error> Refuse(std::string message) {
  return Fail(Reason::kRequestInvalid, std::move(message));
}

std::string_view AsText(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Beyond, the clock's numbers end.
constexpr std::int64_t kLatestMillis = 9'000'000'000'000;

WallTime ReadTime(ByteReader& reader) {
  const auto millis = reader.Little<std::int64_t>();
  reader.Require(millis >= 0 && millis <= kLatestMillis);
  return reader.ok() ? FromUnixMillis(millis) : WallTime();
}

void WriteState(const FeedState& state, ByteWriter& writer) {
  writer.Little(state.count);
  writer.Raw(AsText(state.digest));
}

FeedState ReadState(ByteReader& reader) {
  FeedState state;
  state.count = reader.Little<std::uint64_t>();
  std::ranges::copy(reader.Raw(state.digest.size()), state.digest.begin());
  return state;
}

void WriteParts(const std::vector<FeedPart>& parts, ByteWriter& writer) {
  writer.Little(static_cast<std::uint32_t>(parts.size()));
  for (const FeedPart& part : parts) {
    writer.Little(part.bytes);
    writer.Little(part.records);
    writer.Raw(AsText(part.sha256));
  }
}

std::vector<FeedPart> ReadParts(ByteReader& reader) {
  std::vector<FeedPart> parts;
  // Not reserved by what it says: the bytes that are there bound it.
  for (auto left = reader.Little<std::uint32_t>(); left > 0 && reader.ok(); --left) {
    FeedPart& part = parts.emplace_back();
    part.bytes = reader.Little<std::uint32_t>();
    part.records = reader.Little<std::uint32_t>();
    std::ranges::copy(reader.Raw(part.sha256.size()), part.sha256.begin());
    reader.Require(part.bytes > 0 && part.bytes <= kMaxFeedPartBytes && part.records > 0);
  }
  return parts;
}

// Whether the steps lead to the newest state without a gap.
bool IsChain(const FeedManifest& manifest) {
  for (std::size_t i = 0; i < manifest.steps.size(); ++i) {
    const FeedStep& step = manifest.steps[i];
    if (step.from >= step.to || (i > 0 && step.from != manifest.steps[i - 1].to)) return false;
  }
  return manifest.steps.empty() || (manifest.steps.back().to == manifest.header.sequence &&
                                    manifest.steps.back().state == manifest.state);
}

std::string FileName(std::string_view what, std::uint64_t sequence, std::size_t number) {
  return std::string(what) + "-" + std::to_string(sequence) + "-" + std::to_string(number) + ".hgp";
}

}  // namespace

std::string FeedSnapshotName(std::uint64_t sequence, std::size_t number) {
  return FileName("snapshot", sequence, number);
}

std::string FeedChangesName(std::uint64_t to, std::size_t number) {
  return FileName("changes", to, number);
}

bool IsFeedPartName(std::string_view name) {
  return name.ends_with(".hgp") && (name.starts_with("snapshot-") || name.starts_with("changes-"));
}

std::string EncodeFeedManifestBody(const FeedManifest& manifest) {
  std::string out;
  ByteWriter writer(out);
  const SnapshotHeader& header = manifest.header;
  writer.Little(kVersion);
  writer.Little(static_cast<std::uint8_t>(header.purpose));
  writer.Little(header.sequence);
  writer.Little(ToUnixMillis(header.created));
  writer.Little(ToUnixMillis(header.expires));
  writer.Text<std::uint16_t>(std::string_view(header.list).substr(0, lists::kMaxNameBytes));
  writer.Text<std::uint16_t>(std::string_view(header.source).substr(0, lists::kMaxSourceBytes));
  WriteState(manifest.state, writer);
  WriteParts(manifest.snapshot, writer);
  writer.Little(static_cast<std::uint16_t>(manifest.steps.size()));
  for (const FeedStep& step : manifest.steps) {
    writer.Little(step.from);
    writer.Little(step.to);
    WriteState(step.state, writer);
    WriteParts(step.parts, writer);
  }
  return out;
}

std::string EncodeFeedManifest(const FeedManifest& manifest, const SigningKey& key) {
  const std::string body = EncodeFeedManifestBody(manifest);
  const Signature signature = key.Sign(AsBytes(std::string(kDomain) + body));
  std::string out(kMagic);
  ByteWriter writer(out);
  writer.Text<std::uint32_t>(body);
  writer.Raw(AsText(signature));
  return out;
}

Result<FeedManifest> ParseFeedManifest(std::string_view bytes, const VerifyingKey& key) {
  if (bytes.size() > kMaxFeedManifestBytes) return Refuse("the manifest is longer than one may be");
  ByteReader file(bytes);
  file.Require(file.Raw(kMagic.size()) == kMagic);
  const std::string_view body = file.Text<std::uint32_t>(kMaxFeedManifestBytes);
  Signature signature{};
  const std::string_view signed_with = file.Raw(signature.size());
  if (!file.Complete()) return Refuse("this is no manifest of a feed, or not a whole one");
  std::ranges::copy(signed_with, signature.begin());
  if (!key.Verify(AsBytes(std::string(kDomain) + std::string(body)), signature)) {
    return Refuse("the manifest's signature is not that of the given key, or it was changed since");
  }
  return ParseFeedManifestBody(body);
}

Result<FeedManifest> ParseFeedManifestBody(std::string_view body) {
  ByteReader reader(body);
  const auto version = reader.Little<std::uint8_t>();
  if (reader.ok() && version != kVersion) {
    return Refuse("the manifest is of version " + std::to_string(version) +
                  ", which this program does not read");
  }
  FeedManifest manifest;
  SnapshotHeader& header = manifest.header;
  header.purpose = static_cast<Purpose>(reader.Little<std::uint8_t>());
  reader.Require(header.purpose > Purpose::kUnspecified && header.purpose <= Purpose::kTest);
  header.sequence = reader.Little<std::uint64_t>();
  header.created = ReadTime(reader);
  header.expires = ReadTime(reader);
  header.list = reader.Text<std::uint16_t>(lists::kMaxNameBytes);
  header.source = reader.Text<std::uint16_t>(lists::kMaxSourceBytes);
  manifest.state = ReadState(reader);
  manifest.snapshot = ReadParts(reader);
  const auto steps = reader.Little<std::uint16_t>();
  reader.Require(steps <= kMaxSteps);
  for (std::uint16_t i = 0; i < steps && reader.ok(); ++i) {
    FeedStep& step = manifest.steps.emplace_back();
    step.from = reader.Little<std::uint64_t>();
    step.to = reader.Little<std::uint64_t>();
    step.state = ReadState(reader);
    step.parts = ReadParts(reader);
  }
  if (!reader.Complete()) return Refuse("the manifest is damaged, or not as agreed");
  if (!IsChain(manifest)) return Refuse("the manifest's changes do not lead to its newest state");
  return manifest;
}

void AppendFeedRecord(const FeedRecord& record, std::string& part) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.Little(static_cast<std::uint8_t>(record.kind));
  if (record.kind != FeedRecord::Kind::kNew) writer.Raw(AsText(record.before));
  writer.Raw(record.kind == FeedRecord::Kind::kGone ? record.source_id : record.entry);
  ByteWriter(part).Text<std::uint32_t>(bytes);
}

Result<FeedRecord> TakeFeedRecord(std::string_view& rest) {
  ByteReader reader(rest);
  const std::string_view bytes = reader.Text<std::uint32_t>(kMaxRecordBytes);
  if (!reader.ok() || bytes.empty()) return Refuse("a record is cut or too long");
  rest.remove_prefix(sizeof(std::uint32_t) + bytes.size());
  ByteReader inner(bytes);
  FeedRecord record;
  record.kind = static_cast<FeedRecord::Kind>(inner.Little<std::uint8_t>());
  inner.Require(record.kind >= FeedRecord::Kind::kNew && record.kind <= FeedRecord::Kind::kGone);
  if (record.kind != FeedRecord::Kind::kNew) {
    std::ranges::copy(inner.Raw(record.before.size()), record.before.begin());
  }
  const std::string_view content = inner.Raw(inner.remaining());
  inner.Require(!content.empty());
  if (record.kind == FeedRecord::Kind::kGone) {
    record.source_id = content;
    inner.Require(content.size() <= lists::kMaxSourceIdBytes);
  } else {
    record.entry = content;
    inner.Require(content.size() <= kMaxEntryBytes);
  }
  if (!inner.Complete()) return Refuse("a record is of no known kind, or empty");
  return record;
}

}  // namespace hashgate::exchange
