#include "decoder/plugins.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/wiped_buffer.h"
#include "decode/lock.h"
#include "hash/plugin/plugin.h"

namespace hashgate::decoder {
namespace {

constexpr std::chrono::seconds kSetupTime{10};

int ThreadsNow() {
  const auto threads = decode::CountThreads();
  return threads ? *threads : 0;
}

void Describe(const plugin::Plugin& plugin, decode::PluginRecord& record) {
  record.algorithm = static_cast<std::uint8_t>(plugin.algorithm());
  static_assert(plugin::kMaxText < sizeof record.name && plugin::kMaxText < sizeof record.version);
  std::ranges::copy(plugin.name(), record.name);
  std::ranges::copy(plugin.version(), record.version);
}

}  // namespace

Result<std::vector<decode::PluginSetup>> ReceiveSetup(int control) {
  // Wiped, because configurations may hold secrets.
  WipedBuffer<std::uint8_t> buffer(decode::kMaxSetupBytes);
  if (decode::WaitReadable(control, Clock::System().Steady() + kSetupTime) != decode::Wait::kReady) {
    return Fail(Reason::kDecoderProtocol, "the server said nothing");
  }
  const auto received = decode::ReceiveMessage(control, {buffer.data(), buffer.size()});
  if (!received || received->length > buffer.size()) return Fail(Reason::kDecoderProtocol, "no message came");
  auto plugins = decode::DecodeSetup({reinterpret_cast<const char*>(buffer.data()), received->length});
  if (!plugins)
    return Fail(Reason::kDecoderProtocol, "the server is of another version: install both from one build");
  return *std::move(plugins);
}

Status CheckFiles(std::vector<decode::PluginSetup>& plugins) {
  for (decode::PluginSetup& plugin : plugins) {
    HASHGATE_ASSIGN_OR_RETURN(plugin.path, decode::CheckPluginFile(plugin.path));
  }
  return {};
}

Status LoadPlugins(std::span<const decode::PluginSetup> plugins, decode::SpawnerHello& hello) {
  std::vector<plugin::Plugin> loaded;
  for (const decode::PluginSetup& setup : plugins) {
    // Sanitizers have threads of their own.
    const int before = ThreadsNow();
    HASHGATE_ASSIGN_OR_RETURN(plugin::Plugin plugin,
                              plugin::Plugin::Load(setup.path, setup.algorithm, setup.config));
    if (ThreadsNow() > before) {
      return Fail(Reason::kConfigInvalid,
                  "the plug-in " + setup.path + " started a thread: workers with threads cannot be locked",
                  "decoder.plugins");
    }
    if (std::ranges::find(loaded, plugin.algorithm(), &plugin::Plugin::algorithm) != loaded.end()) {
      return Fail(Reason::kConfigInvalid,
                  "the plug-in " + setup.path + " makes " + std::string(AlgorithmName(plugin.algorithm())) +
                      ", which another one makes already",
                  "decoder.plugins");
    }
    Describe(plugin, hello.plugins[loaded.size()]);
    loaded.push_back(std::move(plugin));
  }
  hello.plugin_count = static_cast<std::uint8_t>(loaded.size());
  plugin::UsePlugins(std::move(loaded));
  return {};
}

}  // namespace hashgate::decoder
