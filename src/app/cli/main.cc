// The one command-line client.
#include <unistd.h>

#include <array>
#include <csignal>
#include <iostream>
#include <utility>
#include <vector>

#include "app/cli/client.h"
#include "app/cli/environment.h"
#include "base/process.h"

int main(int argc, char** argv) {
  namespace cli = hashgate::cli;
  // Files on their way to the server, hashes and exported lists go through this process's memory.
  hashgate::ForbidCoreDumps();
  // Output that goes nowhere (| head) is an error of the stream, not a death without an exit code.
  std::signal(SIGPIPE, SIG_IGN);
  std::ios::sync_with_stdio(false);
  cli::Stop stop;
  cli::Environment environment{
      .out = std::cout,
      .err = std::cerr,
      .in = std::cin,
      .terminal = ::isatty(STDERR_FILENO) == 1,
      .stop = stop,
      .start_decoder = [](int workers, std::span<const hashgate::decode::PluginSetup> plugins)
          -> hashgate::Result<std::unique_ptr<hashgate::decode::Decoder>> {
        namespace decode = hashgate::decode;
        // What a server decodes unless its configuration says otherwise.
        constexpr std::array kClasses = {decode::WorkerClass::kHeif};
        HASHGATE_ASSIGN_OR_RETURN(auto spawners, decode::Spawner::StartClasses(
                                                     decode::Spawner::DefaultBinary(), kClasses, plugins));
        std::vector<decode::ClassPool> pools;
        pools.reserve(spawners.size());
        for (auto& spawner : spawners) {
          pools.push_back({.spawner = std::move(spawner), .options = {.workers = workers}});
        }
        return decode::StartDecoder(std::move(pools));
      },
      .connect = cli::ConnectClient,
  };
  return cli::RunCli({argv + 1, argv + argc}, environment);
}
