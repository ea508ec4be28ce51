#include "exchange/signed/snapshot.h"

#include <algorithm>

#include "base/byte_codec.h"
#include "lists/limits.h"

namespace hashgate::exchange {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kKindSnapshot = 1;
constexpr std::size_t kMaxHeaderBytes = 4096;
constexpr std::size_t kTrailerBytes = 8 + 32 + 32 + 64;
constexpr std::string_view kDomain = "hashgate signed list 1\n";

std::string_view AsText(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string EncodeHeader(const SnapshotHeader& header) {
  std::string out;
  ByteWriter writer(out);
  writer.Little(kVersion);
  writer.Little(kKindSnapshot);
  writer.Little(static_cast<std::uint8_t>(header.purpose));
  writer.Little(header.sequence);
  writer.Little(ToUnixMillis(header.created));
  writer.Little(ToUnixMillis(header.expires));
  writer.Text<std::uint16_t>(std::string_view(header.list).substr(0, lists::kMaxNameBytes));
  writer.Text<std::uint16_t>(std::string_view(header.source).substr(0, lists::kMaxSourceBytes));
  return out;
}

// What is signed: everything that the file claims, with the digest for what it holds.
std::string SignedBytes(std::string_view header, std::uint64_t count, const ListDigest& state,
                        const Sha256& content) {
  std::string out(kDomain);
  ByteWriter writer(out);
  writer.Raw(header);
  writer.Little(count);
  writer.Raw(AsText(state));
  writer.Raw(AsText(content));
  return out;
}

std::unexpected<Error> Refuse(std::string message) {
  return Fail(Reason::kRequestInvalid, std::move(message));
}

}  // namespace

SnapshotWriter::SnapshotWriter(const SnapshotHeader& header, SigningKey key)
    : header_(EncodeHeader(header)), key_(std::move(key)) {}

std::string SnapshotWriter::Header() {
  std::string out(kSnapshotMagic);
  ByteWriter(out).Text<std::uint32_t>(header_);
  content_.Update(AsBytes(out));
  return out;
}

void SnapshotWriter::Append(const lists::EntryRecord& record, std::string& out) {
  std::string entry;
  AppendEntryBytes(record, entry);
  state_.Add(entry);
  const std::size_t from = out.size();
  ByteWriter(out).Text<std::uint32_t>(entry);
  content_.Update(AsBytes(std::string_view(out).substr(from)));
}

std::string SnapshotWriter::Footer() {
  std::string out;
  ByteWriter writer(out);
  writer.Little(std::uint32_t{0});
  content_.Update(AsBytes(out));
  Sha256 content{};
  content_.Finish(content);
  const Signature signature =
      key_.Sign(AsBytes(SignedBytes(header_, state_.count(), state_.digest(), content)));
  writer.Little(state_.count());
  writer.Raw(AsText(state_.digest()));
  writer.Raw(AsText(content));
  writer.Raw(AsText(signature));
  return out;
}

Status SnapshotReader::Take(std::size_t count) {
  HASHGATE_RETURN_IF_ERROR(input_.Take(count, bytes_));
  if (bytes_.size() < count) return Refuse("the file breaks off: it is not whole");
  return {};
}

Result<SnapshotHeader> SnapshotReader::ReadHeader() {
  HASHGATE_RETURN_IF_ERROR(input_.Take(kSnapshotMagic.size(), bytes_));
  if (bytes_ != kSnapshotMagic) return Refuse("the file is not a signed snapshot");
  content_.Update(AsBytes(bytes_));
  HASHGATE_RETURN_IF_ERROR(Take(sizeof(std::uint32_t)));
  content_.Update(AsBytes(bytes_));
  const auto length = ByteReader(bytes_).Little<std::uint32_t>();
  if (length > kMaxHeaderBytes) return Refuse("the file's header is too long: it is damaged");
  HASHGATE_RETURN_IF_ERROR(Take(length));
  content_.Update(AsBytes(bytes_));
  header_ = bytes_;
  ByteReader reader(header_);
  const auto version = reader.Little<std::uint8_t>();
  if (reader.ok() && version != kVersion) {
    return Refuse("the file is of version " + std::to_string(version) + ", which this program does not read");
  }
  reader.Require(reader.Little<std::uint8_t>() == kKindSnapshot);
  SnapshotHeader header;
  header.purpose = static_cast<Purpose>(reader.Little<std::uint8_t>());
  reader.Require(header.purpose > Purpose::kUnspecified && header.purpose <= Purpose::kTest);
  header.sequence = reader.Little<std::uint64_t>();
  header.created = FromUnixMillis(reader.Little<std::int64_t>());
  header.expires = FromUnixMillis(reader.Little<std::int64_t>());
  header.list = reader.Text<std::uint16_t>(lists::kMaxNameBytes);
  header.source = reader.Text<std::uint16_t>(lists::kMaxSourceBytes);
  if (!reader.Complete()) return Refuse("the file's header is damaged, or not that of a snapshot");
  return header;
}

Result<bool> SnapshotReader::Next(lists::EntryRecord& record) {
  HASHGATE_RETURN_IF_ERROR(Take(sizeof(std::uint32_t)));
  content_.Update(AsBytes(bytes_));
  const auto length = ByteReader(bytes_).Little<std::uint32_t>();
  if (length == 0) return false;
  const std::string number = std::to_string(state_.count() + 1);
  if (length > kMaxEntryBytes) return Refuse("entry " + number + " is too long: the file is damaged");
  HASHGATE_RETURN_IF_ERROR(Take(length));
  content_.Update(AsBytes(bytes_));
  Result<lists::EntryRecord> entry = ParseEntryBytes(bytes_);
  if (!entry) return Refuse("entry " + number + " cannot be read: " + entry.error().message);
  state_.Add(bytes_);
  record = *std::move(entry);
  return true;
}

Status SnapshotReader::Verify(const VerifyingKey& key) {
  Sha256 content{};
  content_.Finish(content);
  HASHGATE_RETURN_IF_ERROR(Take(kTrailerBytes));
  ByteReader reader(bytes_);
  const auto count = reader.Little<std::uint64_t>();
  ListDigest state{};
  std::ranges::copy(reader.Raw(state.size()), state.begin());
  Sha256 stated_content{};
  std::ranges::copy(reader.Raw(stated_content.size()), stated_content.begin());
  Signature signature{};
  std::ranges::copy(reader.Raw(signature.size()), signature.begin());
  // The signature first: who damaged a file is told by it, and the rest only says where.
  if (!key.Verify(AsBytes(SignedBytes(header_, count, state, stated_content)), signature)) {
    return Refuse("the signature is not that of the given key, or the file was changed since it was signed");
  }
  if (stated_content != content)
    return Refuse("the file was changed since it was signed: its digest differs");
  if (count != state_.count()) {
    return Refuse("the file holds " + std::to_string(state_.count()) + " entries and states " +
                  std::to_string(count));
  }
  if (state != state_.digest()) return Refuse("the file's entries do not have the digest that it states");
  HASHGATE_RETURN_IF_ERROR(input_.Take(1, bytes_));
  if (!bytes_.empty()) return Refuse("something follows the signature");
  return {};
}

}  // namespace hashgate::exchange
