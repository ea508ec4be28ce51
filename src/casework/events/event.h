// Events: what somebody has to be told after an answer has left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "base/clock.h"
#include "hashgate/verdict.h"
#include "lists/catalog.h"

namespace hashgate::casework {

/// Number of an event: from 1, in the order in which they became durable, without gaps, never given out
/// twice.
using Sequence = std::uint64_t;

// Bounds on the texts of events, in bytes. Longer ones are refused.
inline constexpr std::size_t kMaxAuthorBytes = 128;
inline constexpr std::size_t kMaxReasonBytes = 1'024;
inline constexpr std::size_t kMaxAlarmBytes = 64;
inline constexpr std::size_t kMaxDetailBytes = 1'024;

/// Kinds as they stand in records and labels. Never renumber.
enum class EventKind : std::uint8_t { kVerdictReversed = 1, kListAlarm = 2 };
/// "VERDICT_REVERSED", "LIST_ALARM".
std::string_view EventKindName(EventKind kind);

/// A verdict that was given is now a laxer one.
struct VerdictReversed {
  std::string scan_id;  ///< of the answer
  std::string content_id;
  std::string request_id;
  WallTime given{};  ///< when it was answered
  Verdict from = Verdict::kUnspecified;
  Verdict to = Verdict::kUnspecified;
  std::string list;  ///< as it was called then
  lists::EntryId entry = 0;
  std::string author;  ///< at most kMaxAuthorBytes
  std::string reason;  ///< at most kMaxReasonBytes

  bool operator==(const VerdictReversed&) const = default;
};

/// Something about a list needs a person.
struct ListAlarm {
  std::string list;
  lists::EntryId entry = 0;  ///< 0: it is about the list as a whole
  std::string alarm;         ///< its kind, upper snake case, at most kMaxAlarmBytes
  std::string detail;        ///< a sentence, at most kMaxDetailBytes, without hash values

  bool operator==(const ListAlarm&) const = default;
};

struct Event {
  WallTime time{};     ///< when it was written
  std::string tenant;  ///< whom it concerns; empty: all
  std::variant<VerdictReversed, ListAlarm> what;

  [[nodiscard]] EventKind kind() const {
    return std::holds_alternative<VerdictReversed>(what) ? EventKind::kVerdictReversed
                                                         : EventKind::kListAlarm;
  }
  bool operator==(const Event&) const = default;
};

struct NumberedEvent {
  Sequence sequence = 0;
  Event event;
};

}  // namespace hashgate::casework
