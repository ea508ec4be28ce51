// Lists as a table.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <iosfwd>
#include <string>

#include "hashgate/v1/hash_list_service.pb.h"

namespace hashgate::cli {

void PrintLists(const google::protobuf::RepeatedPtrField<v1::HashList>& lists, std::ostream& out);
/// One list, a field a line.
void PrintList(const v1::HashList& list, std::ostream& out);

}  // namespace hashgate::cli
