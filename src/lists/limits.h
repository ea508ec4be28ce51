// Bounds on lists and entries. Raising one keeps old records readable; lowering one does not.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hashgate::lists {

inline constexpr std::size_t kMaxHashes = 16;
inline constexpr std::size_t kMaxLabels = 32;
inline constexpr std::size_t kMaxLabelBytes = 128;
inline constexpr std::size_t kMaxClassificationBytes = 256;
inline constexpr std::size_t kMaxSourceIdBytes = 512;

inline constexpr std::size_t kMaxNameBytes = 63;
inline constexpr std::size_t kMaxTenantBytes = 63;
inline constexpr std::size_t kMaxSourceBytes = 256;
inline constexpr std::size_t kMaxLegalBasisBytes = 1024;
inline constexpr std::size_t kMaxDescriptionBytes = 4096;

/// Quarantined records kept for each list: the first ones; beyond, they are only counted.
inline constexpr std::uint32_t kMaxQuarantineKept = 10'000;
/// Files of a list of which records beyond those are counted; of further files they are not.
inline constexpr std::uint32_t kMaxQuarantineFiles = 1'000;
inline constexpr std::size_t kMaxFileBytes = 256;
inline constexpr std::size_t kMaxReasonBytes = 512;

/// Records of one Import::Add. 1,000 to 4,000 are quick.
inline constexpr std::size_t kMaxAddRecords = 16'384;
/// Withdrawn entries that an import which replaces a list remembers: some 20 MiB.
inline constexpr std::size_t kMaxWithdrawnKnown = 262'144;
/// Bytes of records that wait for their run, of all imports together; beyond, each call commits.
inline constexpr std::size_t kMaxWaitingBytes = std::size_t{128} << 20;
/// Bytes of records that an atomic import keeps; about 1.5 million entries of three hashes.
inline constexpr std::size_t kMaxDeltaBytes = std::size_t{256} << 20;
/// Keys looked up in the store at a time, so that what they lead to is bounded.
inline constexpr std::size_t kLookupKeys = 8'192;
inline constexpr int kMaxPageSize = 10'000;

/// Contents waiting to be removed; what comes beyond is removed at the next start.
inline constexpr std::size_t kMaxWaitingRemovals = 4'096;

/// Distinct (classification, degenerate, low quality) that the index keeps apart. Rarer ones beyond share the
/// class of entries without a classification.
inline constexpr std::size_t kMaxActionClasses = 65'535;

}  // namespace hashgate::lists
