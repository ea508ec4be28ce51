#include "testing/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "testing/poll.h"

namespace hashgate::testing {
namespace {

// `options` and the test's environment as execve wants them, made before the fork: afterwards nothing may be
// allocated.
struct Image {
  explicit Image(const ChildOptions& options) : command(options.command) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string text = *entry;
      if (!options.environment.contains(text.substr(0, text.find('=')))) environment.push_back(text);
    }
    for (const auto& [name, value] : options.environment)
      environment.push_back(std::string(name).append("=").append(value));
    for (std::string& text : command) argv.push_back(text.data());
    for (std::string& text : environment) envp.push_back(text.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
  }
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
};

int OpenForWriting(const std::filesystem::path& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

}  // namespace

ChildProcess::ChildProcess(const ChildOptions& options) {
  const Image image(options);
  const int out = OpenForWriting(options.stdout_file);
  const int err = OpenForWriting(options.stderr_file);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (out >= 0) ::dup2(out, STDOUT_FILENO);
    if (err >= 0) ::dup2(err, STDERR_FILENO);
    ::execve(image.argv[0], image.argv.data(), image.envp.data());
    ::_exit(127);
  }
  ::close(out);
  ::close(err);
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0 || Wait(std::chrono::milliseconds(0))) return;
  Signal(SIGTERM);
  if (Wait(std::chrono::seconds(10))) return;
  Signal(SIGKILL);
  Wait(std::chrono::seconds(10));
}

void ChildProcess::Signal(int signal) const {
  if (pid_ > 0 && !exit_code_) ::kill(pid_, signal);
}

std::optional<int> ChildProcess::Wait(std::chrono::milliseconds timeout) {
  PollUntil(
      [this] {
        if (exit_code_) return true;
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
        exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return true;
      },
      timeout);
  return exit_code_;
}

RunResult RunProgram(const std::vector<std::string>& command,
                     const std::map<std::string, std::string>& environment,
                     std::chrono::milliseconds timeout) {
  const std::filesystem::path folder = FreshFolder("run");
  ChildProcess child({.command = command,
                      .environment = environment,
                      .stdout_file = folder / "out",
                      .stderr_file = folder / "err"});
  RunResult result;
  if (const auto code = child.Wait(timeout)) {
    result.exit_code = *code;
  } else {
    child.Signal(SIGKILL);
    child.Wait(std::chrono::seconds(10));
  }
  result.out = ReadWholeFile(folder / "out");
  result.err = ReadWholeFile(folder / "err");
  return result;
}

std::string BinaryPath(const std::string& name) {
  const char* folder = std::getenv("HASHGATE_BIN_DIR");
  return (folder == nullptr ? std::string(".") : std::string(folder)) + "/" + name;
}

std::string ReadWholeFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteWholeFile(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) ADD_FAILURE() << "cannot write " << path;
}

std::filesystem::path FreshFolder(const std::string& suffix) {
  std::string name = "suite";
  if (const auto* test = ::testing::UnitTest::GetInstance()->current_test_info()) {
    name = std::string(test->test_suite_name()) + "." + test->name();
  }
  for (char& c : name) {
    if (c == '/') c = '_';
  }
  if (!suffix.empty()) name += "." + suffix;
  const std::filesystem::path folder = std::filesystem::current_path() / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace hashgate::testing
