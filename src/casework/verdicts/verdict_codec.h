// Bytes of verdicts' records in the store. ../FORMAT.md gives each of them; tests pin them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "casework/verdicts/verdict_record.h"
#include "hashgate/error.h"

namespace hashgate::casework {

inline constexpr std::size_t kScanIdBytes = 26;

// Keys of Family::kVerdicts.
inline constexpr std::string_view kVerdictPrefix = "v";
inline constexpr std::string_view kListNamePrefix = "n";
/// A record. Sorts by tenant, then by scan id, which is by time.
std::string VerdictKey(const VerdictId& id);
/// What the keys of a tenant's records start with.
std::string TenantPrefix(std::string_view tenant);
/// Errors: kStoreCorrupt.
Result<VerdictId> ParseVerdictKey(std::string_view key);
/// That a list had a name.
std::string ListNameKey(std::string_view name, lists::ListId list);
Result<std::pair<std::string, lists::ListId>> ParseListNameKey(std::string_view key);

/// Finds the record of a request. Under a key of its own that is made from the store's secret, so that equal
/// inputs of other uses share nothing. Threads: thread-safe.
class RequestKeys {
 public:
  explicit RequestKeys(std::span<const std::uint8_t> store_key);
  /// Key of Family::kVerdicts.
  [[nodiscard]] std::string Of(const VerdictRecord& record) const;

 private:
  KeyedSha256 key_;
};

// Keys of Family::kVerdictEntries.
std::string EntryPrefix(const EntryRef& entry);
std::string VerdictEntryKey(const EntryRef& entry, const VerdictId& id);
/// The verdict that such a key leads to. Errors: kStoreCorrupt.
Result<VerdictId> ParseVerdictEntryKey(std::string_view key);

/// The first scan id that an answer of that time can have.
std::string FirstScanIdAt(WallTime time);

/// Tenant and scan id stand in the key. The record's texts have at most 65,535 bytes.
std::string EncodeVerdict(const VerdictRecord& record);
/// Errors: kStoreCorrupt, kSchemaTooNew.
Result<VerdictRecord> DecodeVerdict(const VerdictId& id, std::string_view bytes);

/// Value of a request's key. Errors: kStoreCorrupt, kSchemaTooNew.
std::string EncodeVerdictId(const VerdictId& id);
Result<VerdictId> DecodeVerdictId(std::string_view bytes);
/// Value of a key that says all.
std::string EncodePresent();

}  // namespace hashgate::casework
