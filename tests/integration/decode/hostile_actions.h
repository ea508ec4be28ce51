// What a worker that was taken over would try.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace hashgate::testing {

/// One attempt. Returns true where it succeeded, which no lock may let happen.
struct HostileAction {
  std::string_view name;
  bool (*attempt)(std::span<const unsigned char> upload);
};

/// Every attempt there is.
std::span<const HostileAction> HostileActions();

}  // namespace hashgate::testing
