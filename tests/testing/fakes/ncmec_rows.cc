#include "testing/fakes/ncmec_rows.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/hex.h"

namespace hashgate::testing {
namespace {

// Synthetic ids are this and their row.
constexpr std::string_view kSyntheticId = "s-";

std::int64_t ToSeconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// Source: splitmix64, public domain, prng.di.unimi.it/splitmix64.c.
class Noise {
 public:
  Noise(std::uint64_t seed, std::uint64_t row)
      : state_(seed * 0xd1342543de82ef95U + row * 0x9e3779b97f4a7c15U) {}
  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  std::string Hex(std::size_t size) {
    std::array<std::uint8_t, 32> bytes{};
    for (std::size_t i = 0; i < size; i += 8) {
      const std::uint64_t word = Next();
      for (std::size_t k = 0; k < 8 && i + k < size; ++k)
        bytes[i + k] = static_cast<std::uint8_t>(word >> (8 * k));
    }
    return HexEncode(std::span(bytes).first(size));
  }

 private:
  std::uint64_t state_;
};

std::int64_t SyntheticSeconds(const NcmecSynthetic& what, std::size_t row) {
  const std::int64_t from = ToSeconds(what.from);
  const std::int64_t span = std::max<std::int64_t>(1, ToSeconds(what.to) - from);
  return from + 1 +
         static_cast<std::int64_t>(Noise(~what.seed, row).Next() % static_cast<std::uint64_t>(span));
}

}  // namespace

void NcmecRows::Put(NcmecEntry entry) {
  const std::int64_t seconds = ToSeconds(entry.timestamp);
  if (const std::optional<std::size_t> row = Find(entry.member, entry.id)) {
    seconds_[*row] = seconds;
    if (explicit_[*row] >= 0) {
      entries_[static_cast<std::size_t>(explicit_[*row])] = std::move(entry);
      return;
    }
    explicit_[*row] = static_cast<std::int32_t>(entries_.size());
  } else {
    row_of_[{entry.member, entry.id}] = size();
    seconds_.push_back(seconds);
    explicit_.push_back(static_cast<std::int32_t>(entries_.size()));
  }
  entries_.push_back(std::move(entry));
}

void NcmecRows::Add(const NcmecSynthetic& synthetic) {
  const std::size_t first = size();
  batches_.push_back({first, synthetic});
  seconds_.reserve(first + synthetic.count);
  for (std::size_t row = first; row < first + synthetic.count; ++row) {
    seconds_.push_back(SyntheticSeconds(synthetic, row));
  }
  explicit_.resize(size(), -1);
}

NcmecEntry NcmecRows::Get(std::size_t row) const {
  if (explicit_[row] >= 0) return entries_[static_cast<std::size_t>(explicit_[row])];
  return Synthetic(row);
}

NcmecEntry NcmecRows::Synthetic(std::size_t row) const {
  constexpr std::array<const char*, 5> kClasses = {"A1", "A2", "B1", "B2", ""};
  const auto after = std::ranges::upper_bound(batches_, row, {}, &Batch::first);
  const NcmecSynthetic& what = std::prev(after)->what;
  Noise noise(what.seed, row);
  const std::uint64_t bits = noise.Next();
  NcmecEntry entry;
  entry.member =
      kFirstSyntheticMember + static_cast<std::int64_t>(bits % static_cast<std::uint64_t>(what.members));
  entry.id = std::string(kSyntheticId) + std::to_string(row);
  entry.is_video = static_cast<int>((bits >> 8) % 1000) < what.videos_per_1000;
  entry.is_deleted = static_cast<int>((bits >> 20) % 1000) < what.deleted_per_1000;
  entry.timestamp = WallTime(std::chrono::seconds(seconds_[row]));
  if (entry.is_deleted) return entry;
  entry.classification = kClasses[(bits >> 32) % kClasses.size()];
  entry.fingerprints = {{"md5", noise.Hex(16)}, {"sha1", noise.Hex(20)}};
  if (entry.is_video) {
    entry.fingerprints.push_back({"tmk-pdqf", "", true});
  } else {
    entry.fingerprints.push_back({"pdq", noise.Hex(32)});
  }
  return entry;
}

std::optional<std::size_t> NcmecRows::Find(std::int64_t member, const std::string& id) const {
  if (const auto found = row_of_.find({member, id}); found != row_of_.end()) return found->second;
  if (!id.starts_with(kSyntheticId)) return std::nullopt;
  std::size_t row = 0;
  const auto end = std::from_chars(id.data() + kSyntheticId.size(), id.data() + id.size(), row).ptr;
  const bool is_row =
      end == id.data() + id.size() && row < size() && !batches_.empty() && row >= batches_.front().first;
  if (!is_row) return std::nullopt;
  const NcmecEntry entry = Get(row);
  return entry.id == id && entry.member == member ? std::optional(row) : std::nullopt;
}

std::vector<std::size_t> NcmecRows::Select(WallTime from, WallTime to, std::size_t start,
                                           std::size_t limit) const {
  // Whole seconds are exclusive and inclusive as the instants are: s > from where s > floor(from).
  const std::int64_t after = ToSeconds(from);
  const std::int64_t last = ToSeconds(to);
  std::vector<std::size_t> rows;
  for (std::size_t row = start; row < size() && rows.size() < limit; ++row) {
    if (seconds_[row] > after && seconds_[row] <= last) rows.push_back(row);
  }
  return rows;
}

}  // namespace hashgate::testing
