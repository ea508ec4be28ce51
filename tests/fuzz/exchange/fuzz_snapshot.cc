// Any bytes as a signed snapshot: it is read to an end or refused, what it holds has one form, and only bytes
// that the key has signed are ever believed.
#include "exchange/signed/snapshot.h"
#include "fuzz/exchange/import_checks.h"
#include "testing/signing_keys.h"

namespace {

using namespace hashgate::exchange;

void CheckEntry(std::string_view bytes) {
  const auto entry = ParseEntryBytes(bytes);
  if (!entry) return;
  std::string again;
  AppendEntryBytes(*entry, again);
  Require(again == bytes && again.size() <= kMaxEntryBytes);
}

/// Whether the file passed its checks; its entries are then in `entries`.
bool ReadAll(const std::string& text, SnapshotHeader& header,
             std::vector<hashgate::lists::EntryRecord>& entries) {
  Input input(MemorySource(text, 100));
  SnapshotReader reader(input);
  auto front = reader.ReadHeader();
  if (!front) return false;
  header = *front;
  hashgate::lists::EntryRecord entry;
  while (true) {
    const auto more = reader.Next(entry);
    if (!more) return false;
    if (!*more) break;
    entries.push_back(entry);
  }
  return reader.Verify(*hashgate::VerifyingKey::FromPem(hashgate::testing::PublicKeyPem())).has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  CheckEntry(text);
  SnapshotHeader header;
  std::vector<hashgate::lists::EntryRecord> entries;
  if (!ReadAll(text, header, entries)) return 0;
  // Signatures are deterministic, so a file that passes is the one that the key's owner would write.
  SnapshotWriter writer(header, *hashgate::SigningKey::FromPem(hashgate::testing::PrivateKeyPem()));
  std::string again = writer.Header();
  for (const auto& entry : entries) writer.Append(entry, again);
  Require(again + writer.Footer() == text);
  return 0;
}
