// Licensed hash libraries behind include/hashgate/plugin.h, loaded by the decoder's spawner and called by its
// workers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/plugin.h"

namespace hashgate::plugin {

/// Longest name and version, so that they fit the spawner's first message.
inline constexpr std::size_t kMaxText = 59;

/// One loaded plug-in; it stays loaded for the life of the process. Threads: confined to the process's only
/// one.
class Plugin {
 public:
  /// Loads the shared object, checks what it says of itself, calls its `init`, and hashes a small drawn
  /// picture twice: once so that what it does at its first call is done before the lock, and once more to see
  /// the same bytes. `expected` is the algorithm it must make; kUnspecified takes any that is compared. Runs
  /// the plug-in's code with all rights of this process. Errors: kConfigInvalid naming the path, with what
  /// the plug-in said.
  static Result<Plugin> Load(const std::string& path, Algorithm expected, const std::string& config);

  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& version() const { return version_; }
  /// Samples of a pixel that it wants: 1 grey, 3 red, green and blue.
  [[nodiscard]] std::uint32_t channels() const {
    return functions_->pixel_format == HASHGATE_PIXELS_GREY ? 1 : 3;
  }
  /// Whether it hashes turned pictures too.
  [[nodiscard]] bool turns() const { return functions_->hash_turned != nullptr; }

  /// The hash of one picture of channels() samples a pixel, HashSize(algorithm()) bytes; where it turns,
  /// those of all kDihedralCount forms one after the other. Empty where the plug-in has none. Throws
  /// std::bad_alloc.
  [[nodiscard]] std::vector<std::uint8_t> Hash(const hashgate_picture& picture) const;

 private:
  explicit Plugin(const hashgate_plugin& functions);

  const hashgate_plugin* functions_;
  Algorithm algorithm_;
  std::string name_;
  std::string version_;
};

/// The plug-ins of this process. Set in the spawner before workers are forked, and never afterwards.
void UsePlugins(std::vector<Plugin> plugins);
std::span<const Plugin> Plugins();

}  // namespace hashgate::plugin
