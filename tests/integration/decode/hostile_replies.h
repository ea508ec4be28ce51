// Answers that a worker could forge.
#pragma once

#include <span>
#include <string_view>

#include "decode/record.h"

namespace hashgate::testing {

/// A well-formed answer with one view and one hash, of which one thing is changed.
struct ForgedField {
  std::string_view name;
  void (*change)(decode::ReplyRecord& reply, decode::ViewRecord& view);
};
/// The server must refuse each of them.
std::span<const ForgedField> ForgedFields();

}  // namespace hashgate::testing
