#include "decode/plugin_setup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "base/byte_codec.h"
#include "decode/protocol.h"

namespace hashgate::decode {
namespace {

constexpr std::uint32_t kSetupMagic = 0x31535048;  // "HPS1"

std::unexpected<Error> Refuse(const std::string& path, const std::string& why) {
  return Fail(Reason::kConfigInvalid, "the plug-in " + path.substr(0, kMaxPluginPath) + " " + why,
              "decoder.plugins");
}

// What is wrong with who may change `path`; empty where nothing is.
std::string WrongWith(const std::string& path, bool is_file) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return std::string("cannot be looked at: ") + std::strerror(errno);
  if (is_file && !S_ISREG(info.st_mode)) return "is not a regular file";
  if (!is_file && !S_ISDIR(info.st_mode)) return "is not a folder";
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    return "belongs to the user " + std::to_string(info.st_uid) +
           ", neither to root nor to the service's own";
  }
  const bool sticky_folder = !is_file && (info.st_mode & S_ISVTX) != 0;
  if (sticky_folder) return {};
  if ((info.st_mode & S_IWOTH) != 0) return "can be written by everybody";
  if ((info.st_mode & S_IWGRP) != 0 && info.st_gid != 0) {
    return "can be written by the group " + std::to_string(info.st_gid) +
           ": take that right away (chmod g-w), or put the plug-in where only root can write, such as in a "
           "folder below /opt (/usr/local belongs to the group staff on Debian)";
  }
  return {};
}

}  // namespace

Result<std::string> CheckPluginFile(const std::string& path) {
  if (!path.starts_with('/')) return Refuse(path, "is not an absolute path");
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return Refuse(path, std::string("cannot be found: ") + std::strerror(errno));
  std::string file = real.get();
  if (file.size() > kMaxPluginPath) return Refuse(path, "has too long a path");
  if (const std::string wrong = WrongWith(file, true); !wrong.empty()) return Refuse(path, wrong);
  for (std::size_t end = file.rfind('/'); end != std::string::npos;
       end = end == 0 ? end : file.rfind('/', end - 1)) {
    const std::string folder = end == 0 ? "/" : file.substr(0, end);
    if (const std::string wrong = WrongWith(folder, false); !wrong.empty()) {
      std::string why = "lies in a folder that others could change: ";
      why.append(folder).append(" ").append(wrong);
      return Refuse(path, why);
    }
    if (end == 0) break;
  }
  return file;
}

Result<PluginSetup> MakePluginSetup(const std::string& path, Algorithm algorithm, std::string config) {
  HASHGATE_ASSIGN_OR_RETURN(std::string file, CheckPluginFile(path));
  if (config.size() > kMaxPluginConfig) {
    return Refuse(path, "has a configuration of more than " + std::to_string(kMaxPluginConfig) + " bytes");
  }
  if (config.find('\0') != std::string::npos) return Refuse(path, "has zeros in its configuration");
  return PluginSetup{.path = std::move(file), .algorithm = algorithm, .config = std::move(config)};
}

std::string EncodeSetup(std::span<const PluginSetup> plugins) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.Little(kSetupMagic);
  writer.Little(kProtocolVersion);
  writer.Little(static_cast<std::uint32_t>(plugins.size()));
  for (const PluginSetup& plugin : plugins) {
    writer.Little(static_cast<std::uint8_t>(plugin.algorithm));
    writer.Text<std::uint32_t>(plugin.path);
    writer.Text<std::uint32_t>(plugin.config);
  }
  return bytes;
}

std::optional<std::vector<PluginSetup>> DecodeSetup(std::string_view bytes) {
  ByteReader reader(bytes);
  reader.Require(reader.Little<std::uint32_t>() == kSetupMagic);
  reader.Require(reader.Little<std::uint32_t>() == kProtocolVersion);
  const auto count = reader.Little<std::uint32_t>();
  reader.Require(count <= kMaxPlugins);
  std::vector<PluginSetup> plugins;
  for (std::uint32_t i = 0; reader.ok() && i < count; ++i) {
    PluginSetup& plugin = plugins.emplace_back();
    const auto algorithm = reader.Little<std::uint8_t>();
    reader.Require(algorithm < kAlgorithmCount);
    if (algorithm < kAlgorithmCount) plugin.algorithm = static_cast<Algorithm>(algorithm);
    plugin.path = reader.Text<std::uint32_t>(kMaxPluginPath);
    plugin.config = reader.Text<std::uint32_t>(kMaxPluginConfig);
    reader.Require(!plugin.path.empty() && plugin.config.find('\0') == std::string::npos);
  }
  if (!reader.Complete()) return std::nullopt;
  return plugins;
}

}  // namespace hashgate::decode
