// What a command works with: streams, the server, a stop signal. Tests give their own.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>

#include "app/cli/stop.h"
#include "decode/decoder_pool.h"
#include "hashgate/error.h"

namespace hashgate::cli {

/// What scripts rely on.
enum ExitCode : int {
  kDone = 0,      ///< done and clean
  kFindings = 1,  ///< done, but something is not ALLOW, unscannable, quarantined or failed its check
  kUsage = 2,     ///< the command line is wrong
  kFailed = 3,    ///< not reached, refused or stopped
};

class Client;

struct Environment {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  /// Standard error is a terminal: show progress.
  bool terminal = false;
  Stop& stop;
  /// Starts decoder workers for `hash`, with plug-ins whose files were checked.
  std::function<Result<std::unique_ptr<decode::Decoder>>(int workers,
                                                         std::span<const decode::PluginSetup> plugins)>
      start_decoder;
  /// Opens a channel to `server`; does not wait for it.
  std::function<std::unique_ptr<Client>(const std::string& server)> connect;
};

/// Runs one command line without the program's name. Never throws.
int RunCli(std::vector<std::string> arguments, Environment& environment);

}  // namespace hashgate::cli
