// hashgated: reads its configuration, starts the server, and waits for signals.
#include <signal.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <thread>

#include "app/server/config.h"
#include "app/server/server.h"
#include "base/log.h"
#include "base/process.h"
#include "hashgate/version.h"

namespace {

using namespace hashgate;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitCutOff = 3;

struct Arguments {
  std::string config_file;
  bool print_config = false;
  bool check_config = false;
};

Result<app::Config> ReadConfig(const Arguments& arguments) {
  if (arguments.config_file.empty()) return app::Config{};
  HASHGATE_ASSIGN_OR_RETURN(app::Config config, app::LoadConfig(arguments.config_file));
  // A policy that does not load is a mistake of the configuration too.
  HASHGATE_RETURN_IF_ERROR(app::LoadPolicy(config));
  // So is a plug-in's file that others could change.
  HASHGATE_RETURN_IF_ERROR(app::PluginsOf(config));
  return config;
}

// Blocks what main waits for, in this thread and in all that it starts.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

int FailStart(const Error& error) {
  log::Error("start_failed", error.message, {{"reason", ReasonName(error.reason)}, {"field", error.field}});
  return kExitFailed;
}

// Ends the process where a signal asks for it while the server is still loading its lists: nothing is served
// yet, and the store is made for sudden ends. Signals are looked at and not taken, so that one that comes as
// the server gets ready is left for Serve.
class EndWhileStarting {
 public:
  EndWhileStarting()
      : thread_([this](const std::stop_token& stop) {
          bool asked = false;
          while (!stop.stop_requested()) {
            sigset_t pending;
            sigpending(&pending);
            const bool now = sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
            // Twice, so that a server that is just about to be ready comes first.
            if (now && asked) {
              log::Info("ended", "asked to end before the server had started");
              std::_Exit(0);
            }
            asked = now;
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, stop, std::chrono::milliseconds(250), [] { return false; });
          }
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

// Serves until SIGTERM or SIGINT, then drains; a second one ends at once.
int Serve(app::Server& server, const Arguments& arguments, const sigset_t& signals) {
  std::jthread drain;
  int exit_code = 0;
  // Woken by the drain's end: SIGTERM to this thread would be taken for a second request.
  std::atomic<bool> drained = false;
  while (!drained.load()) {
    const timespec slice{0, 50'000'000};
    const int signal =
        drain.joinable() ? ::sigtimedwait(&signals, nullptr, &slice) : ::sigwaitinfo(&signals, nullptr);
    if (signal == SIGHUP && !drain.joinable()) {
      const auto config = ReadConfig(arguments);
      const Status reloaded = config ? server.Reload(*config) : Status(std::unexpected(config.error()));
      if (!reloaded) {
        log::Error("reload_failed", reloaded.error().message,
                   {{"reason", ReasonName(reloaded.error().reason)}});
      }
    } else if (signal == SIGTERM || signal == SIGINT) {
      if (drain.joinable()) {
        log::Warning("ended", "a second signal: ending at once");
        std::_Exit(kExitCutOff);
      }
      drain = std::jthread([&] {
        if (!server.Drain()) exit_code = kExitCutOff;
        drained.store(true);
      });
    }
  }
  drain.join();
  return exit_code;
}

int Run(int argc, char** argv) {
  Arguments arguments;
  CLI::App options("hashgated: recognises known abuse material by hash on a platform's upload path");
  options.add_option("--config", arguments.config_file,
                     "Configuration file (YAML); without one the defaults apply");
  options.add_flag("--print-config", arguments.print_config, "Show the configuration in force and exit");
  options.add_flag("--check-config", arguments.check_config,
                   "Validate the configuration and policy and exit");
  options.set_version_flag("--version", std::string(EngineVersion()));
  try {
    options.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = options.exit(error);
    return code == 0 ? 0 : kExitUsage;
  }

  const Result<app::Config> config = ReadConfig(arguments);
  if (!config) {
    std::cerr << config.error().message << '\n';
    return kExitUsage;
  }
  if (arguments.print_config) {
    std::cout << app::PrintConfig(*config);
    return 0;
  }
  if (arguments.check_config) {
    std::cout << "the configuration is valid\n";
    return 0;
  }

  log::SetLevel(app::LogLevelOf(*config));
  // Whatever this process makes is its owner's alone.
  ::umask(S_IRWXG | S_IRWXO);
  ForbidCoreDumps();
  ShortenSlices();
  const sigset_t signals = BlockSignals();
  // Before the first thread: spawners fork workers from a single-threaded image.
  const std::string binary =
      config->decoder.binary.empty() ? decode::Spawner::DefaultBinary() : config->decoder.binary;
  const auto plugins = app::PluginsOf(*config);
  if (!plugins) return FailStart(plugins.error());
  auto spawners = decode::Spawner::StartClasses(binary, app::WorkerClassesOf(*config), *plugins);
  if (!spawners) return FailStart(spawners.error());
  Result<std::unique_ptr<app::Server>> server;
  {
    const EndWhileStarting guard;
    server = app::Server::Start(*config, *std::move(spawners));
  }
  if (!server) return FailStart(server.error());
  return Serve(**server, arguments, signals);
}

}  // namespace

int main(int argc, char** argv) {
  BindLibrariesAtStart(argv);
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    // No part of the server lets one escape on purpose: memory ran out, or a library broke its promise.
    std::fputs("hashgated: ended by an unexpected error: ", stderr);
    std::fputs(error.what(), stderr);
    std::fputs("\n", stderr);
    return kExitFailed;
  }
}
