// What the server tells its spawners of hash plug-ins: which files, with which configuration. The server
// itself never loads one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/hash.h"

namespace hashgate::decode {

/// One algorithm each, and no plug-in for an algorithm that nothing compares.
inline constexpr std::size_t kMaxPlugins = 6;
inline constexpr std::size_t kMaxPluginPath = 4'095;
inline constexpr std::size_t kMaxPluginConfig = 16'384;

/// A plug-in as it is configured.
struct PluginSetup {
  std::string path;
  /// What it must say it makes; kUnspecified takes whatever it says.
  Algorithm algorithm = Algorithm::kUnspecified;
  std::string config;  ///< handed to it as it is, without zeros; may hold secrets: never logged

  bool operator==(const PluginSetup&) const = default;
};

/// Refuses a file that another user than root and this process's own could exchange: `path` is absolute; the
/// file, a regular one, and every folder above it, links followed, belong to one of the two and are not
/// writable by everybody, nor by any group but root's (folders may be, where they are sticky as /tmp is).
/// Returns the path without links, which is the one to load. Errors: kConfigInvalid naming the path. Call it
/// before namespaces are entered, which hide who owns a file.
Result<std::string> CheckPluginFile(const std::string& path);

/// A plug-in as somebody named it, its file and its configuration checked. Errors: CheckPluginFile's, and
/// kConfigInvalid for a configuration that is longer than kMaxPluginConfig or holds zeros, naming the path.
Result<PluginSetup> MakePluginSetup(const std::string& path, Algorithm algorithm, std::string config);

/// The message that opens a spawner's control socket. REQUIRES: at most kMaxPlugins, each within its bounds.
std::string EncodeSetup(std::span<const PluginSetup> plugins);
/// Its most bytes, a byte more than the longest, so that longer ones show.
inline constexpr std::size_t kMaxSetupBytes = 64 + kMaxPlugins * (kMaxPluginPath + kMaxPluginConfig + 16);
/// Empty where the bytes are no setup of this protocol version.
std::optional<std::vector<PluginSetup>> DecodeSetup(std::string_view bytes);

}  // namespace hashgate::decode
