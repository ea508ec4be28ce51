// Between the wire and the domain: enums, hashes, lists, entries. Used by the server and the command line.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <string>

#include "base/clock.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/v1/hash_list_service.pb.h"
#include "hashgate/v1/types.pb.h"
#include "hashgate/verdict.h"
#include "lists/catalog.h"

namespace hashgate::rpc {

// Domain enums carry the wire's numbers; unknown wire values become the zero value.
v1::Verdict ToProto(Verdict value);
v1::OpinionKind ToProto(lists::OpinionKind value);
v1::Outcome ToProto(Outcome value);
v1::Cause ToProto(Cause value);
v1::HarmClass ToProto(HarmClass value);
v1::Trust ToProto(Trust value);
v1::CoverageLevel ToProto(CoverageLevel value);
v1::Identity ToProto(Identity value);
v1::ViewKind ToProto(ViewKind value);
v1::Algorithm ToProto(Algorithm value);
v1::Pipeline ToProto(Pipeline value);
v1::Dihedral ToProto(Dihedral value);
Verdict FromProto(v1::Verdict value);
lists::OpinionKind FromProto(v1::OpinionKind value);
Cause FromProto(v1::Cause value);
HarmClass FromProto(v1::HarmClass value);
Trust FromProto(v1::Trust value);
Algorithm FromProto(v1::Algorithm value);
Pipeline FromProto(v1::Pipeline value);

/// Checks algorithm, length, pipeline and quality. `field` names the message in errors
/// ("files[2].hashes[0]"). View, frame and turn are not part of a stored value and are ignored. Errors:
/// kAlgorithmUnknown, kUnsupported (no layout known here), kHashMalformed, kRequestInvalid.
Result<HashValue> FromProto(const v1::HashValue& value, const std::string& field);
v1::HashValue ToProto(const HashValue& value);

/// Checks what the catalog cannot see (unknown enum values); the rest is the catalog's. Errors:
/// kRequestInvalid.
Result<lists::ListConfig> FromProto(const v1::HashList& list);
v1::HashList ToProto(const lists::HashList& list);

/// Checks its hashes; the rest is the catalog's. Errors: as for a hash.
Result<lists::EntryRecord> FromProto(const v1::Entry& entry, const std::string& field);
v1::Entry ToProto(const lists::EntryRecord& record);
v1::Entry ToProto(const lists::Entry& entry);

google::protobuf::Timestamp ToProto(WallTime time);
/// To the millisecond. A time beyond the years 1 to 9999, which protobuf does not allow, becomes their end.
WallTime FromProto(const google::protobuf::Timestamp& time);
google::protobuf::Duration ToProto(std::chrono::milliseconds duration);

}  // namespace hashgate::rpc
