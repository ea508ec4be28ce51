// Bytes of events in the store. ../FORMAT.md gives each of them; tests pin them.
#pragma once

#include <string>
#include <string_view>

#include "casework/events/event.h"
#include "hashgate/error.h"

namespace hashgate::casework {

inline constexpr std::string_view kEventPrefix = "e";
inline constexpr std::string_view kNextSequenceKey = "n";

std::string EventKey(Sequence sequence);
/// Errors: kStoreCorrupt.
Result<Sequence> ParseEventKey(std::string_view key);

std::string EncodeNextSequence(Sequence next);
/// Errors: kStoreCorrupt, kSchemaTooNew.
Result<Sequence> DecodeNextSequence(std::string_view bytes);

/// The event's texts are within their bounds.
std::string EncodeEvent(const Event& event);
/// Errors: kStoreCorrupt, kSchemaTooNew.
Result<Event> DecodeEvent(std::string_view bytes);

}  // namespace hashgate::casework
