// The program itself, not its parts: what it does before the first command runs.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <sstream>

#include "testing/child_process.h"
#include "testing/poll.h"

namespace hashgate::testing {
namespace {

TEST(CoreDumps, CommandLineForbidsThem) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &limit), 0);
  if (limit.rlim_max == 0) GTEST_SKIP() << "core files are forbidden here already";
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_CORE, &limit), 0);

  // Nobody writes to the pipe, so the command waits for its policy.
  const std::filesystem::path pipe = FreshFolder() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const ChildProcess command({.command = {BinaryPath("hashgate"), "policy", "check", pipe.string()},
                              .environment = {},
                              .stdout_file = "/dev/null",
                              .stderr_file = "/dev/null"});
  const std::string limits = "/proc/" + std::to_string(command.pid()) + "/limits";
  std::string line;
  const bool forbidden = PollUntil(
      [&] {
        std::istringstream in(ReadWholeFile(limits));
        while (std::getline(in, line) && !line.starts_with("Max core file size")) continue;
        std::istringstream words(
            line.substr(std::min(line.size(), std::string("Max core file size").size())));
        std::string soft;
        std::string hard;
        return words >> soft >> hard && soft == "0" && hard == "0";
      },
      std::chrono::seconds(20));
  EXPECT_TRUE(forbidden) << line;
}

}  // namespace
}  // namespace hashgate::testing
