#include "decoder/spawner_main.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "decode/lock.h"
#include "decoder/plugins.h"

namespace hashgate::decoder {
namespace {

void OnChild(int /*signal*/) {}

// The server ends us by closing its socket, when its last job is done. Signals that a terminal or a service
// manager sends to all processes at once are meant for the server.
void SetUpSignals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) {
    ::signal(signal, SIG_IGN);
  }
  // Only there to interrupt the wait, and let through only during it.
  struct sigaction action{};
  action.sa_handler = OnChild;
  ::sigaction(SIGCHLD, &action, nullptr);
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
}

// Where memory runs out, a decoder is to be ended before the server that holds the lists.
void VolunteerForOutOfMemory() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  constexpr std::string_view kScore = "500";
  if (file.valid() && ::write(file.get(), kScore.data(), kScore.size()) < 0) {
    log::Debug("decoder_oom_score", "The decoder's out-of-memory score could not be raised.");
  }
}

void ReapChildren() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

// In the child: becomes a worker.
[[noreturn]] void BecomeWorker(const Program& program, const decode::SpawnRequest& request,
                               bool in_namespaces, pid_t spawner, int control, decode::Received received) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The spawner may have died before that call.
  if (::getppid() != spawner) ::_exit(0);
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::close(control);
  RunWorker(program, request, in_namespaces, std::move(received.descriptors[0]),
            std::move(received.descriptors[1]));
}

void ServeRequest(const Program& program, bool in_namespaces, int control,
                  const decode::SpawnRequest& request, decode::Received received) {
  decode::SpawnReply reply{.error = 0, .request_id = request.request_id};
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) BecomeWorker(program, request, in_namespaces, self, control, std::move(received));
  UniqueFd pidfd;
  if (pid > 0) pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (pid < 0 || !pidfd.valid()) {
    reply.error = errno;
    if (pid > 0) ::kill(pid, SIGKILL);
    decode::SendMessage(control, decode::AsBytes(reply));
    return;
  }
  reply.pid = pid;
  const int descriptor = pidfd.get();
  decode::SendMessage(control, decode::AsBytes(reply), {&descriptor, 1});
}

// Until the server closes the socket. Looks at its parent once a second beside: a leaked copy of the server's
// end would otherwise keep us.
int Serve(const Program& program, bool in_namespaces, int control) {
  const pid_t server = ::getppid();
  sigset_t none;
  ::sigemptyset(&none);
  for (;;) {
    pollfd poll_fd{.fd = control, .events = POLLIN, .revents = 0};
    const timespec second{.tv_sec = 1, .tv_nsec = 0};
    const int ready = ::ppoll(&poll_fd, 1, &second, &none);
    ReapChildren();
    if (::getppid() != server) return 0;
    if (ready <= 0) continue;
    decode::SpawnRequest request;
    auto received = decode::ReceiveMessage(control, decode::AsWritableBytes(request));
    if (!received) return 0;
    if (received->length != sizeof request || request.magic != decode::kSpawnMagic ||
        received->descriptors.size() != 2) {
      return 1;
    }
    ServeRequest(program, in_namespaces, control, request, *std::move(received));
  }
}

// Tells the server why there is no decoder. Returns the exit status.
int GiveUp(const Error& error, decode::SpawnerHello hello) {
  hello.plugin_count = 0;
  error.message.copy(hello.error, sizeof hello.error - 1);
  decode::SendMessage(decode::kControlFd, decode::AsBytes(hello));
  return 1;
}

}  // namespace

int SpawnerMain(int argc, char** argv, const Program& program) {
  const std::string_view option = argc == 3 ? argv[1] : "";
  const std::string_view number = argc == 3 ? argv[2] : "";
  if (option != "--control-fd" || number != std::to_string(decode::kControlFd) ||
      ::fcntl(decode::kControlFd, F_SETFD, FD_CLOEXEC) != 0) {
    std::fputs("hashgate-decoder is started by hashgated and hashgate, not by hand.\n", stderr);
    return 2;
  }
  SetUpSignals();
  decode::SpawnerHello hello;
  hello.worker_class = static_cast<std::uint8_t>(program.worker_class);
  auto plugins = ReceiveSetup(decode::kControlFd);
  if (!plugins) return GiveUp(plugins.error(), hello);
  if (const Status checked = CheckFiles(*plugins); !checked) return GiveUp(checked.error(), hello);
  // Before the process stops being dumpable: its files under /proc belong to root from then on.
  VolunteerForOutOfMemory();
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  // Before libraries run: one that makes a thread would bar the way.
  const bool in_namespaces = decode::EnterNamespaces();
  program.warm_up();
  if (const Status loaded = LoadPlugins(*plugins, hello); !loaded) return GiveUp(loaded.error(), hello);
  for (decode::PluginSetup& plugin : *plugins) explicit_bzero(plugin.config.data(), plugin.config.size());
  const auto threads = decode::CountThreads();
  hello.threads = threads ? *threads : 0;
  if (decode::SendMessage(decode::kControlFd, decode::AsBytes(hello)) != 0) return 1;
  return Serve(program, in_namespaces, decode::kControlFd);
}

}  // namespace hashgate::decoder
