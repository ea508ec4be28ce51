// Programs that tests start, with their output in files, ended whatever the test does.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hashgate::testing {

struct ChildOptions {
  std::vector<std::string> command;                ///< program and arguments
  std::map<std::string, std::string> environment;  ///< beside the test's own
  std::filesystem::path stdout_file = "/dev/null";
  std::filesystem::path stderr_file = "/dev/null";
};

/// A running program. It dies with the thread that started it, so start it from the test's main thread.
/// Threads: confined.
class ChildProcess {
 public:
  explicit ChildProcess(const ChildOptions& options);
  /// SIGTERM, and SIGKILL after ten seconds.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  /// Its exit code, or 128 + the signal that ended it. Empty where it still runs at the end of `timeout`.
  std::optional<int> Wait(std::chrono::milliseconds timeout);

 private:
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

struct RunResult {
  int exit_code = -1;  ///< -1: it had to be killed
  std::string out;
  std::string err;
};

/// Runs a program to its end.
RunResult RunProgram(const std::vector<std::string>& command,
                     const std::map<std::string, std::string>& environment = {},
                     std::chrono::milliseconds timeout = std::chrono::seconds(30));

/// Path of one of the project's own binaries.
std::string BinaryPath(const std::string& name);
/// The file's bytes; empty where it cannot be read.
std::string ReadWholeFile(const std::filesystem::path& path);
void WriteWholeFile(const std::filesystem::path& path, const std::string& bytes);
/// An empty folder below the test's working directory, named after the running test and `suffix`.
std::filesystem::path FreshFolder(const std::string& suffix = {});

}  // namespace hashgate::testing
