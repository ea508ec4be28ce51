// Whether this build has a sanitizer, whose run-time needs more of the system than a worker's lock leaves.
// Private to this module.
#pragma once

namespace hashgate::decode {

#ifdef HASHGATE_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace hashgate::decode
