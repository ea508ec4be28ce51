// hashgate-fake-ncmec: a fake NCMEC hash sharing server with made-up entries, for benchmarks and tests that
// need it in a process of its own. Prints its base URL once it listens; ends on SIGTERM or SIGINT.
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "testing/fakes/ncmec_server.h"

namespace hashgate::testing {
namespace {

// "user:password"; the command line would show it to everybody on the machine.
constexpr const char* kCredentials = "HASHGATE_FAKE_NCMEC_CREDENTIALS";

struct Settings {
  int port = 0;
  std::size_t page_size = 1'000;
  NcmecSynthetic synthetic{.count = 1'000};
};

int Serve(const Settings& settings) {
  // Before the first thread, so that only sigwait() sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  NcmecServer server({.http = {.port = settings.port, .kept_calls = 0}});
  if (const char* text = std::getenv(kCredentials); text != nullptr) {
    const std::string credentials(text);
    const std::size_t colon = credentials.find(':');
    if (colon == std::string::npos) {
      std::fprintf(stderr, "%s must be user:password\n", kCredentials);
      return 2;
    }
    server.environment().SetCredentials(credentials.substr(0, colon), credentials.substr(colon + 1));
  }
  server.environment().SetSwitches({.page_size = settings.page_size});
  server.environment().Add(settings.synthetic);
  std::printf("listening on %s\n", server.base_url().c_str());
  std::fflush(stdout);
  int signal = 0;
  ::sigwait(&signals, &signal);
  return 0;
}

int Run(int argc, char** argv) {
  Settings settings;
  // A year that every client's clock has seen.
  settings.synthetic.from = std::chrono::sys_days(std::chrono::year(2024) / 1 / 1);
  settings.synthetic.to = std::chrono::sys_days(std::chrono::year(2025) / 1 / 1);
  CLI::App app("A fake NCMEC hash sharing server on loopback, with made-up entries of 2024");
  app.add_option("--port", settings.port, "0: a free one")
      ->check(CLI::Range(0, 65'535))
      ->capture_default_str();
  app.add_option("--entries", settings.synthetic.count)
      ->check(CLI::Range(0, 50'000'000))
      ->capture_default_str();
  app.add_option("--page-size", settings.page_size)->check(CLI::Range(1, 100'000))->capture_default_str();
  app.add_option("--members", settings.synthetic.members)->check(CLI::Range(1, 1'000))->capture_default_str();
  app.add_option("--deleted-per-1000", settings.synthetic.deleted_per_1000)
      ->check(CLI::Range(0, 1'000))
      ->capture_default_str();
  app.add_option("--videos-per-1000", settings.synthetic.videos_per_1000)
      ->check(CLI::Range(0, 1'000))
      ->capture_default_str();
  app.add_option("--seed", settings.synthetic.seed)->capture_default_str();
  app.footer(std::string("Credentials: ") + kCredentials + "=user:password, else a-user:a-password.");
  CLI11_PARSE(app, argc, argv);
  return Serve(settings);
}

}  // namespace
}  // namespace hashgate::testing

int main(int argc, char** argv) {
  try {
    return hashgate::testing::Run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hashgate-fake-ncmec: %s\n", error.what());
    return 1;
  }
}
