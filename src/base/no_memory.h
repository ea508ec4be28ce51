// Running out of memory as an error like others.
#pragma once

#include <new>
#include <utility>

#include "hashgate/error.h"

namespace hashgate {

/// kOverloaded. So short that it takes no memory itself.
inline std::unexpected<Error> NoMemory() {
  return Fail(Reason::kOverloaded, "no memory");
}

/// What `work` returns, a Result; NoMemory() where it throws std::bad_alloc.
template <typename Work>
auto OrNoMemory(Work&& work) -> decltype(work()) try {
  return std::forward<Work>(work)();
} catch (const std::bad_alloc&) {
  return NoMemory();
}

}  // namespace hashgate
