// What a list finds: in numbers, and in a sentence that cannot be read as more.
#pragma once

#include <string>

#include "lists/catalog.h"

namespace hashgate::lists {

/// Counts the entries of rows that stand entry by entry, as AppendIndexed leaves them.
KindCounts CountKinds(const index::IndexedRows& rows);

/// "3,200,000 entries: exact copies of 100 % are found; edited copies of none: the list has no PDQ."
std::string DescribeProtection(const HashList& list);

}  // namespace hashgate::lists
