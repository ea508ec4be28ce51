// What people, and the service's own brakes, think of an entry: opinions, which of them are in force, and
// what is kept of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "index/hash_index.h"

namespace hashgate::lists {

/// Never renumber.
enum class OpinionKind : std::uint8_t {
  kUnspecified = 0,
  kConfirm = 1,   ///< looked at, and it is what the list says
  kDispute = 2,   ///< doubtful: no match of it leads to more than REVIEW
  kSuppress = 3,  ///< wrong: it no longer matches. Until a second person agrees, where one has to: kDispute
  kFlood = 4,     ///< the service's own: too many dissimilar pictures match it (scan/entry_watch.h)
  kConflict = 5,  ///< the service's own: a digest of it matched another picture. Changes no verdict
};
inline constexpr int kOpinionKindCount = 6;

/// Names are the proto enum names without their prefix: "SUPPRESS". Zero gives "UNSPECIFIED".
std::string_view Name(OpinionKind kind);
/// Whether people give opinions of that kind.
constexpr bool IsOfPeople(OpinionKind kind) {
  return kind >= OpinionKind::kConfirm && kind <= OpinionKind::kSuppress;
}

/// Whether the entry's source is to hear of it. Never renumber.
enum class FeedbackState : std::uint8_t {
  kNone = 0,         ///< it is not
  kQueued = 1,       ///< it will
  kSent = 2,         ///< it has
  kRefused = 3,      ///< it does not take it
  kWithdrawing = 4,  ///< the opinion was taken back, and it will hear of that; then the opinion is gone
};

inline constexpr std::size_t kMaxOpinions = 100'000;  ///< of a store
inline constexpr std::size_t kMaxOpinionAuthorBytes = 128;
inline constexpr std::size_t kMaxOpinionReasonBytes = 1'024;
inline constexpr std::size_t kMaxOpinionCopies = 16;

/// One opinion of an entry. There is at most one of each kind.
struct Opinion {
  index::ListId list = 0;
  index::EntryId entry = 0;
  OpinionKind kind = OpinionKind::kUnspecified;
  /// Of the entry when it was given. Of an entry that has changed since it says nothing.
  std::uint32_t entry_version = 0;
  std::string author;
  std::string reason;
  WallTime created{};
  WallTime expires{};         ///< WallTime(): never
  bool needs_second = false;  ///< a second person has to agree
  std::string second_author;  ///< who agreed; empty: nobody yet
  WallTime agreed{};
  bool ended = false;  ///< it expired
  FeedbackState feedback = FeedbackState::kNone;
  /// kFlood: what identified copies of the entry look like.
  std::vector<PdqHash> copies;

  [[nodiscard]] bool IsPending() const { return needs_second && second_author.empty(); }
  bool operator==(const Opinion&) const = default;
};

/// Bytes of an opinion in the store (lists/FORMAT.md). The kind, list and entry are its key.
std::string OpinionKey(index::ListId list, index::EntryId entry, OpinionKind kind);
std::string EncodeOpinion(const Opinion& opinion);
/// Errors: kStoreCorrupt, kSchemaTooNew.
Result<Opinion> DecodeOpinion(std::string_view key, std::string_view bytes);

/// What of an entry's opinions counts. Versions of the entry; 0: no such opinion is in force.
struct EntryOpinions {
  std::uint32_t confirmed = 0;
  std::uint32_t disputed = 0;
  std::uint32_t suppressed = 0;
  std::uint32_t flooded = 0;
  std::vector<PdqHash> copies;
};

/// The opinions that count in one generation. Immutable once published. Threads: thread-compatible.
class OpinionsInForce {
 public:
  OpinionsInForce() = default;
  /// Takes those that count of `all`.
  explicit OpinionsInForce(const std::map<std::string, Opinion>& all);
  /// Null where nobody has said anything that counts.
  [[nodiscard]] const EntryOpinions* Find(index::EntryId entry) const;
  /// Opinions of that kind that have not ended.
  [[nodiscard]] std::size_t Count(OpinionKind kind) const { return counts_[static_cast<std::size_t>(kind)]; }

 private:
  // An entry's number is unique in the store.
  std::unordered_map<index::EntryId, EntryOpinions> entries_;
  std::array<std::size_t, kOpinionKindCount> counts_{};
};

/// An operator's emergency stop of a list.
struct Brake {
  Verdict max_verdict = Verdict::kReview;  ///< kReview or kBlock: no match of the list leads to more
  WallTime until{};
  WallTime made{};
  std::string author;
  std::string reason;

  bool operator==(const Brake&) const = default;
};

}  // namespace hashgate::lists
