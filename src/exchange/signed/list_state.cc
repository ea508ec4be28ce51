#include "exchange/signed/list_state.h"

#include <algorithm>
#include <vector>

#include "base/byte_codec.h"
#include "base/digest.h"
#include "lists/limits.h"

namespace hashgate::exchange {
namespace {

// What no other use of SHA-256 here begins with.
constexpr std::string_view kDomain = "hashgate entry 1\n";

// A little-endian number of 256 bits, the lowest part first.
std::array<std::uint64_t, 4> NumberOf(const ListDigest& digest) {
  std::array<std::uint64_t, 4> number{};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    number[i / 8] |= std::uint64_t{digest[i]} << (8 * (i % 8));
  }
  return number;
}

}  // namespace

void AppendEntryBytes(const lists::EntryRecord& record, std::string& out) {
  ByteWriter writer(out);
  writer.Text<std::uint16_t>(record.source_id);
  writer.Text<std::uint16_t>(record.classification);
  writer.Little(static_cast<std::uint8_t>(record.labels.size()));
  for (const std::string& label : record.labels) writer.Text<std::uint8_t>(label);
  std::vector<const HashValue*> hashes;
  hashes.reserve(record.hashes.size());
  for (const HashValue& hash : record.hashes) hashes.push_back(&hash);
  std::ranges::sort(hashes, {},
                    [](const HashValue* hash) { return std::pair(hash->algorithm, hash->pipeline); });
  writer.Little(static_cast<std::uint8_t>(hashes.size()));
  for (const HashValue* hash : hashes) {
    writer.Little(static_cast<std::uint8_t>(hash->algorithm));
    writer.Little(static_cast<std::uint8_t>(hash->pipeline));
    writer.Little(hash->quality);
    writer.Text<std::uint16_t>({reinterpret_cast<const char*>(hash->bytes.data()), hash->bytes.size()});
  }
}

Result<lists::EntryRecord> ParseEntryBytes(std::string_view bytes) {
  ByteReader reader(bytes);
  lists::EntryRecord record;
  record.source_id = reader.Text<std::uint16_t>(lists::kMaxSourceIdBytes);
  record.classification = reader.Text<std::uint16_t>(lists::kMaxClassificationBytes);
  for (int left = reader.Little<std::uint8_t>(); left > 0 && reader.ok(); --left) {
    record.labels.emplace_back(reader.Text<std::uint8_t>(lists::kMaxLabelBytes));
  }
  for (int left = reader.Little<std::uint8_t>(); left > 0 && reader.ok(); --left) {
    HashValue hash;
    hash.algorithm = static_cast<Algorithm>(reader.Little<std::uint8_t>());
    hash.pipeline = static_cast<Pipeline>(reader.Little<std::uint8_t>());
    hash.quality = reader.Little<std::int16_t>();
    const std::string_view value = reader.Text<std::uint16_t>(kMaxEntryBytes);
    hash.bytes.assign(value.begin(), value.end());
    record.hashes.push_back(std::move(hash));
  }
  if (!reader.Complete()) return Fail(Reason::kRequestInvalid, "the entry's bytes are cut or too long");
  HASHGATE_RETURN_IF_ERROR(lists::ValidateRecord(record));
  std::string again;
  AppendEntryBytes(record, again);
  if (again != bytes) return Fail(Reason::kRequestInvalid, "the entry's hashes are not in order");
  return record;
}

ListDigest EntryDigest(std::string_view entry_bytes) {
  DigestStream stream(DigestKind::kSha256);
  stream.Update(AsBytes(kDomain));
  stream.Update(AsBytes(entry_bytes));
  ListDigest digest{};
  stream.Finish(digest);
  return digest;
}

ListState::ListState(std::uint64_t count, const ListDigest& digest) : sum_(NumberOf(digest)), count_(count) {}

void ListState::Add(const ListDigest& entry) {
  const std::array<std::uint64_t, 4> term = NumberOf(entry);
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const std::uint64_t part = sum_[i] + carry;
    carry = part < carry ? 1 : 0;
    sum_[i] = part + term[i];
    if (sum_[i] < part) carry = 1;
  }
  ++count_;
}

void ListState::Remove(const ListDigest& entry) {
  const std::array<std::uint64_t, 4> term = NumberOf(entry);
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    const std::uint64_t part = sum_[i] - borrow;
    borrow = sum_[i] < borrow ? 1 : 0;
    if (part < term[i]) borrow = 1;
    sum_[i] = part - term[i];
  }
  --count_;
}

ListDigest ListState::digest() const {
  ListDigest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(sum_[i / 8] >> (8 * (i % 8)));
  }
  return digest;
}

}  // namespace hashgate::exchange
