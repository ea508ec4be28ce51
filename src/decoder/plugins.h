// Takes the plug-ins that the server names into the spawner.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "decode/plugin_setup.h"
#include "decode/protocol.h"
#include "hashgate/error.h"

namespace hashgate::decoder {

/// Waits for the server's first message, a few seconds at most. Errors: kDecoderProtocol.
Result<std::vector<decode::PluginSetup>> ReceiveSetup(int control);

/// Checks the files, and puts the paths without links in the place of the configured ones. Errors:
/// CheckPluginFile's. Call it before namespaces are entered.
Status CheckFiles(std::vector<decode::PluginSetup>& plugins);

/// Loads them all, for plugin::Plugins(), and says in `hello` what they are. Errors: Plugin::Load's;
/// kConfigInvalid for two of one algorithm and for one that started a thread, each naming the path.
Status LoadPlugins(std::span<const decode::PluginSetup> plugins, decode::SpawnerHello& hello);

}  // namespace hashgate::decoder
