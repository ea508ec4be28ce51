// What may be stored: rules for lists, entries and the texts in them.
#pragma once

#include <string>
#include <string_view>

#include "hashgate/error.h"
#include "lists/catalog.h"

namespace hashgate::lists {

inline constexpr std::string_view kSystemPrefix = "hashgate-";

/// Checks a configuration: name, tenant, purpose, source, legal basis, ranges. `system` says whether names of
/// the system are required or refused. Errors: kRequestInvalid with the field, "list.<field>".
Status ValidateConfig(const ListConfig& config, bool system);

/// The configuration with what it leaves out filled in: PDQ's default threshold.
ListConfig WithDefaults(ListConfig config);

/// Exchanges are named as lists are. Errors: kRequestInvalid.
Status ValidateExchangeName(std::string_view name);

/// Text that somebody has to have written: at least a byte, at most `max`, UTF-8. Errors: kRequestInvalid
/// with the field.
Status ValidateText(std::string_view text, std::size_t max, const char* field);

/// Checks what a withdrawal needs: the source's id. Errors: kRequestInvalid.
Status ValidateWithdrawal(const EntryRecord& record);

/// Hashes in order of algorithm and pipeline, so that the order in which a source gives them changes nothing.
void Canonicalise(EntryRecord& record);
bool IsCanonical(const EntryRecord& record);

/// At most `max` bytes of `text`, cut between characters, with bytes that are no UTF-8 replaced.
std::string Bounded(std::string_view text, std::size_t max);

}  // namespace hashgate::lists
