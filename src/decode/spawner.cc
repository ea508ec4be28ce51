#include "decode/spawner.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "hash/core/vector_algorithms.h"

namespace hashgate::decode {
namespace {

using std::chrono::seconds;

std::unexpected<Error> Unavailable(const std::string& what) {
  return Fail(Reason::kDecoderUnavailable, what);
}

// What the decoder may know of our environment: nothing, but what keeps its libraries from making threads
// and, in test builds, how its sanitizer reports.
std::vector<std::string> ChildEnvironment() {
  std::vector<std::string> environment = {"LC_ALL=C", "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"};
#ifdef HASHGATE_SANITIZED
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"}) {
    const char* value = std::getenv(name);
    if (value != nullptr) environment.push_back(std::string(name) + "=" + value);
  }
#endif
  return environment;
}

struct SpawnActions {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  SpawnActions() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnActions() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
};

// A fork with exec behind it that shares nothing of ours but the control socket: safe where threads run.
Result<int> Execute(const std::string& binary, int control_fd) {
  SpawnActions actions;
  int error = ::posix_spawn_file_actions_addopen(&actions.files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (error == 0) {
    error = ::posix_spawn_file_actions_addopen(&actions.files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  if (error == 0) error = ::posix_spawn_file_actions_adddup2(&actions.files, control_fd, kControlFd);
  if (error == 0) error = ::posix_spawn_file_actions_addclosefrom_np(&actions.files, kControlFd + 1);
  // A group of its own: a Ctrl-C meant for the server must not end jobs that the server still drains.
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  if (error == 0) error = ::posix_spawnattr_setsigmask(&actions.attributes, &none);
  if (error == 0) error = ::posix_spawnattr_setsigdefault(&actions.attributes, &all);
  if (error == 0) error = ::posix_spawnattr_setpgroup(&actions.attributes, 0);
  if (error == 0) {
    error = ::posix_spawnattr_setflags(
        &actions.attributes,
        static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
  }

  std::vector<std::string> environment = ChildEnvironment();
  std::vector<char*> envp;
  envp.reserve(environment.size() + 1);
  for (std::string& variable : environment) envp.push_back(variable.data());
  envp.push_back(nullptr);
  std::string program = binary;
  std::string option = "--control-fd";
  std::string number = std::to_string(kControlFd);
  std::array<char*, 4> argv = {program.data(), option.data(), number.data(), nullptr};
  pid_t pid = 0;
  if (error == 0) {
    error =
        ::posix_spawn(&pid, binary.c_str(), &actions.files, &actions.attributes, argv.data(), envp.data());
  }
  if (error != 0) return Unavailable("cannot start the decoder " + binary + ": " + std::strerror(error));
  return pid;
}

// What another process wrote, as one line for logs.
std::string TextOf(std::span<const char> field) {
  std::string text(field.data(), ::strnlen(field.data(), field.size()));
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

void SignalProcess(const UniqueFd& pidfd, int signal) {
  if (pidfd.valid()) ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
}

bool HasEnded(const UniqueFd& pidfd) {
  pollfd poll_fd{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return ::poll(&poll_fd, 1, 0) > 0;
}

Result<std::unique_ptr<Spawner>> Spawner::Start(const std::string& binary,
                                                std::span<const PluginSetup> plugins) {
  HASHGATE_ASSIGN_OR_RETURN(std::unique_ptr<Spawner> spawner,
                            SpawnerProcess::Launch(binary, plugins, Clock::System().Steady() + seconds(10)));
  return spawner;
}

Result<std::vector<std::unique_ptr<Spawner>>> Spawner::StartClasses(const std::string& core_binary,
                                                                    std::span<const WorkerClass> others,
                                                                    std::span<const PluginSetup> plugins) {
  std::vector<std::unique_ptr<Spawner>> spawners(1);
  HASHGATE_ASSIGN_OR_RETURN(spawners[0], Start(core_binary, plugins));
  for (const WorkerClass worker_class : others) {
    const std::string binary = BinaryOf(worker_class, core_binary);
    if (::access(binary.c_str(), F_OK) != 0) continue;
    HASHGATE_ASSIGN_OR_RETURN(auto spawner, Start(binary, plugins));
    if (spawner->worker_class() != worker_class) {
      return Unavailable("the decoder " + binary + " is of another class than its name says");
    }
    spawners.push_back(std::move(spawner));
  }
  return spawners;
}

std::string Spawner::DefaultBinary() {
  const char* chosen = std::getenv("HASHGATE_DECODER");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  const std::string self(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::size_t slash = self.rfind('/');
  return (slash == std::string::npos ? std::string() : self.substr(0, slash + 1)) + "hashgate-decoder";
}

Result<std::unique_ptr<SpawnerProcess>> SpawnerProcess::Launch(const std::string& binary,
                                                               std::span<const PluginSetup> plugins,
                                                               SteadyTime deadline) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return Unavailable(std::string("cannot make a socket pair: ") + std::strerror(errno));
  }
  UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  // Duplicating a descriptor onto itself would leave its close-on-exec flag set.
  if (theirs.get() == kControlFd) theirs.reset(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kControlFd + 1));
  HASHGATE_ASSIGN_OR_RETURN(const int pid, Execute(binary, theirs.get()));
  theirs.reset();
  // The child is ours and not reaped yet: the pid cannot name another process.
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return Unavailable(std::string("pidfd_open: ") + std::strerror(error));
  }
  std::unique_ptr<SpawnerProcess> spawner(
      new SpawnerProcess(binary, plugins, pid, std::move(pidfd), std::move(ours)));
  spawner->broken_ = true;
  HASHGATE_RETURN_IF_ERROR(spawner->TakeHello(deadline));
  spawner->broken_ = false;
  return spawner;
}

// Tells the process what to load, and hears how that went.
Status SpawnerProcess::TakeHello(SteadyTime deadline) {
  const std::string loading = plugins_.empty() ? "" : ": it was to load " + NamePlugins();

  std::string setup = EncodeSetup(plugins_);
  const int sent =
      SendMessage(control_.get(), {reinterpret_cast<const std::uint8_t*>(setup.data()), setup.size()});
  explicit_bzero(setup.data(), setup.size());
  // A process that has ended already says nothing more either.
  const Wait wait = sent != 0 ? Wait::kClosed : WaitReadable(control_.get(), deadline);
  if (wait == Wait::kTimeout) {
    return Unavailable("the decoder " + binary_ + " did not get ready in time" + loading);
  }
  SpawnerHello hello;
  const auto received =
      wait == Wait::kReady ? ReceiveMessage(control_.get(), AsWritableBytes(hello)) : std::nullopt;
  if (!received) return Unavailable("the decoder " + binary_ + " ended at its start" + loading);
  if (received->length != sizeof hello || hello.magic != kSpawnerHelloMagic ||
      hello.version != kProtocolVersion || hello.worker_class >= kWorkerClasses.size() ||
      hello.plugin_count > kMaxPlugins) {
    return Unavailable("the decoder " + binary_ + " is of another version: install both from one build");
  }
  if (hello.error[0] != 0) return Unavailable("the decoder " + binary_ + ": " + TextOf(hello.error));
  worker_class_ = static_cast<WorkerClass>(hello.worker_class);
#ifndef HASHGATE_SANITIZED
  if (hello.threads != 1) {
    return Unavailable("the decoder " + binary_ + " has " + std::to_string(hello.threads) +
                       " threads after its start: a library made them, and workers could not be locked");
  }
#endif
  for (const PluginRecord& record : std::span(hello.plugins).first(hello.plugin_count)) {
    const auto algorithm = static_cast<Algorithm>(record.algorithm);
    if (!IsMadeByPlugins(algorithm)) return Unavailable("the decoder " + binary_ + " began with nonsense");
    vector_makers_.push_back(
        {.algorithm = algorithm, .name = TextOf(record.name), .version = TextOf(record.version)});
  }
  if (vector_makers_.size() != plugins_.size()) {
    return Unavailable("the decoder " + binary_ + " did not load every plug-in");
  }
  return {};
}

std::string SpawnerProcess::NamePlugins() const {
  std::string names;
  for (const PluginSetup& plugin : plugins_) names += (names.empty() ? "the plug-in " : ", ") + plugin.path;
  return names;
}

SpawnerProcess::SpawnerProcess(std::string binary, std::span<const PluginSetup> plugins, int pid,
                               UniqueFd pidfd, UniqueFd control)
    : binary_(std::move(binary)),
      plugins_(plugins.begin(), plugins.end()),
      pid_(pid),
      pidfd_(std::move(pidfd)),
      control_(std::move(control)) {}

SpawnerProcess::~SpawnerProcess() {
  control_.reset();
  if (broken_ || WaitReadable(pidfd_.get(), Clock::System().Steady() + seconds(2)) == Wait::kTimeout) {
    SignalProcess(pidfd_, SIGKILL);
  }
  // Ends at once: the process is dead or about to be.
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool SpawnerProcess::Usable() const {
  return !broken_ && !HasEnded(pidfd_);
}

Result<SpawnedWorker> SpawnerProcess::Spawn(int job_fd, int buffer_fd, SpawnRequest request,
                                            SteadyTime deadline) {
  request.request_id = next_request_++;
  const std::array<int, 2> descriptors = {job_fd, buffer_fd};
  broken_ = true;  // until a whole answer has come
  if (const int error = SendMessage(control_.get(), AsBytes(request), descriptors); error != 0) {
    return Unavailable(std::string("the decoder's spawner does not listen: ") + std::strerror(error));
  }
  for (;;) {
    if (WaitReadable(control_.get(), deadline) != Wait::kReady) {
      return Unavailable("the decoder's spawner does not answer");
    }
    SpawnReply reply;
    auto received = ReceiveMessage(control_.get(), AsWritableBytes(reply));
    if (!received || received->length != sizeof reply || reply.magic != kSpawnedMagic) {
      return Unavailable("the decoder's spawner answers nonsense");
    }
    // The answer to a request that was given up; its worker ends by itself, as nobody holds its socket.
    if (reply.request_id != request.request_id) continue;
    broken_ = false;
    if (reply.error != 0 || received->descriptors.size() != 1) {
      return Unavailable(std::string("the decoder's spawner cannot fork: ") + std::strerror(reply.error));
    }
    return SpawnedWorker{.pidfd = std::move(received->descriptors[0]), .pid = reply.pid};
  }
}

}  // namespace hashgate::decode
