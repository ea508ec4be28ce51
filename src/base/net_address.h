// Addresses to listen on, as configurations write them.
#pragma once

#include <string_view>

namespace hashgate {

/// True where only this machine can reach "host:port": a literal in 127.0.0.0/8, ::1, or the name localhost.
/// Names that merely look like such a literal are not.
bool IsLoopbackAddress(std::string_view host_and_port);

}  // namespace hashgate
