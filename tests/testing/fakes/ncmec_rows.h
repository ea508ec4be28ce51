// The entries that a fake NCMEC server holds: those a test writes down, and as many synthetic ones as a
// benchmark needs, whose hashes are made up from their number when they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace hashgate::testing {

/// Synthetic entries are of members from this one on.
constexpr std::int64_t kFirstSyntheticMember = 100;

struct NcmecFingerprint {
  std::string element;    ///< as in `entries`: "md5", "sha1", "pdna", "pdq", "tmk-pdqf" ...
  std::string value;      ///< any text; not checked
  bool is_large = false;  ///< given by reference only
};

struct NcmecEntry {
  std::int64_t member = 77;  ///< who submitted it
  std::string id;            ///< unique for its member
  bool is_video = false;
  bool is_deleted = false;
  WallTime timestamp;  ///< whole seconds count
  std::string classification;
  std::vector<NcmecFingerprint> fingerprints;
};

struct NcmecSynthetic {
  std::size_t count = 0;
  std::uint64_t seed = 1;
  /// Timestamps are spread over (from, to], in no order.
  WallTime from;
  WallTime to;
  int members = 3;
  int videos_per_1000 = 0;
  int deleted_per_1000 = 0;
};

/// Threads: confined.
class NcmecRows {
 public:
  /// Adds an entry, or takes the place of the one with its member and id.
  void Put(NcmecEntry entry);
  void Add(const NcmecSynthetic& synthetic);

  [[nodiscard]] std::size_t size() const { return seconds_.size(); }
  [[nodiscard]] NcmecEntry Get(std::size_t row) const;
  [[nodiscard]] std::optional<std::size_t> Find(std::int64_t member, const std::string& id) const;
  /// At most `limit` rows from `start` on with from < timestamp <= to, in the order in which they were added.
  [[nodiscard]] std::vector<std::size_t> Select(WallTime from, WallTime to, std::size_t start,
                                                std::size_t limit) const;

 private:
  struct Batch {
    std::size_t first;
    NcmecSynthetic what;
  };
  [[nodiscard]] NcmecEntry Synthetic(std::size_t row) const;

  std::vector<std::int64_t> seconds_;   // of a row's timestamp
  std::vector<std::int32_t> explicit_;  // where it lies in entries_; -1: synthetic
  std::vector<NcmecEntry> entries_;
  std::map<std::pair<std::int64_t, std::string>, std::size_t> row_of_;
  std::vector<Batch> batches_;
};

}  // namespace hashgate::testing
