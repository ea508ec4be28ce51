// A list's content as one signed file. The bytes are described in FORMAT.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/digest.h"
#include "base/signature.h"
#include "exchange/file/input.h"
#include "exchange/signed/list_state.h"
#include "exchange/signed/snapshot_header.h"

namespace hashgate::exchange {

/// The first bytes of every signed file.
inline constexpr std::string_view kSnapshotMagic = "\x89HGL\r\n\x1a\n";

/// Writes one; nothing is known of the number of entries before the end. Threads: confined.
class SnapshotWriter {
 public:
  /// Texts longer than lists take are cut.
  SnapshotWriter(const SnapshotHeader& header, SigningKey key);

  /// What stands before the first entry. Call it once, first.
  [[nodiscard]] std::string Header();
  void Append(const lists::EntryRecord& record, std::string& out);
  /// What stands behind the last entry. Call it once, last.
  [[nodiscard]] std::string Footer();
  /// As of Exporter: the format has a place for everything.
  [[nodiscard]] static std::uint64_t values_left_out() { return 0; }

 private:
  std::string header_;  // as signed
  SigningKey key_;
  DigestStream content_{DigestKind::kSha256};
  ListState state_;
};

/// Reads one from its first byte to its last. Threads: confined. Every error but kFileUnreadable is
/// kRequestInvalid and says what is wrong with the file.
class SnapshotReader {
 public:
  explicit SnapshotReader(Input& input) : input_(input) {}

  Result<SnapshotHeader> ReadHeader();
  /// The next entry; false at the end.
  Result<bool> Next(lists::EntryRecord& record);
  /// After the last entry: whether count, digests and signature are right and nothing follows. Until then
  /// nothing of the file can be believed.
  Status Verify(const VerifyingKey& key);

 private:
  Status Take(std::size_t count);

  Input& input_;
  std::string bytes_;   // taken last
  std::string header_;  // as signed
  DigestStream content_{DigestKind::kSha256};
  ListState state_;
};

}  // namespace hashgate::exchange
