// The version of this build.
#pragma once

#include <string_view>

namespace hashgate {
/// Semantic version, as CMakeLists.txt states it.
std::string_view EngineVersion();
}  // namespace hashgate
