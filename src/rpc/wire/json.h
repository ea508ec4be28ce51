// The CLI's and the HTTP door's JSON: lowerCamelCase names, enum names without their prefix, hashes and other
// bytes in lower-case hex, integers of any width as numbers, zero values printed, absent messages and
// optionals left out.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace hashgate::rpc {

/// One line, no trailing newline. Durations are seconds as a number, timestamps RFC 3339 text.
std::string ToJson(const google::protobuf::Message& message);

}  // namespace hashgate::rpc
