// What a worker that was taken over would try.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hashgate::testing {

/// What must become of an attempt behind the lock.
enum class Fate : std::uint8_t {
  kKilled,   ///< the process ends there and then
  kRefused,  ///< the call fails; the process goes on
};

/// One attempt. Returns true where it succeeded, which no lock may let happen.
struct HostileAction {
  std::string_view name;
  bool (*attempt)(std::span<const unsigned char> upload);
  Fate fate = Fate::kKilled;
};

/// Every attempt there is.
std::span<const HostileAction> HostileActions();

/// Called before the lock, while processes can still be named: what attempts aim at.
void NameTargets();

}  // namespace hashgate::testing
