// That a locked worker is as locked as it says: what the kernel says of it, and what each layer does alone.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <vector>

#include "decode/lock.h"
#include "integration/decode/pool_fixture.h"

namespace hashgate::testing {
namespace {

using decode::LockLevel;

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The value behind "name:" in a file of /proc.
std::string FieldOf(const std::string& path, const std::string& name) {
  std::istringstream text(ReadText(path));
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with(name + ":")) continue;
    const std::size_t at = line.find_first_not_of(" \t", name.size() + 1);
    return at == std::string::npos ? "" : line.substr(at);
  }
  return "";
}

std::vector<std::string> ChildrenOf(int pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
  std::istringstream text(ReadText(path));
  return {std::istream_iterator<std::string>(text), {}};
}

// Runs `act` in a child process and returns its exit status, or minus the signal that ended it.
int InChild(const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(act());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class LockLevelTest : public PoolTest {
 protected:
  void SetUp() override {
    decode::PoolOptions options = OneWorker();
    options.workers = 2;
    StartPool(options);
    workers_ = ChildrenOf(spawner_pid_);
    ASSERT_EQ(workers_.size(), 2U);
  }
  decode::ClassStats Class() { return pool_->Stats().classes.at(0); }

  std::vector<std::string> workers_;
};

TEST_F(LockLevelTest, EveryThreadOfEveryWorkerIsLocked) {
  ASSERT_GE(pool_->Stats().lock, LockLevel::kBasic);
  for (const std::string& worker : workers_) {
    int threads = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + worker + "/task")) {
      ++threads;
      const std::string status = task.path() / "status";
      EXPECT_EQ(FieldOf(status, "NoNewPrivs"), "1");
      EXPECT_EQ(FieldOf(status, "Seccomp"), "2") << "2 is a filter";
      EXPECT_EQ(FieldOf(status, "CapEff"), "0000000000000000");
      EXPECT_EQ(FieldOf(status, "CapPrm"), "0000000000000000");
    }
#ifndef HASHGATE_SANITIZED
    EXPECT_EQ(threads, 1);
#endif
    EXPECT_GE(threads, 1);
  }
}

TEST_F(LockLevelTest, EveryWorkerIsLimited) {
  for (const std::string& worker : workers_) {
    std::istringstream text(ReadText("/proc/" + worker + "/limits"));
    int found = 0;
    for (std::string line; std::getline(text, line);) {
      for (const std::string_view name :
           {"Max file size", "Max core file size", "Max processes", "Max locked memory", "Max msgqueue size",
#ifndef HASHGATE_SANITIZED
            "Max open files",
#endif
            "Max cpu time", "Max address space"}) {
        if (!line.starts_with(name)) continue;
        ++found;
        std::istringstream values(line.substr(26));
        std::string soft;
        std::string hard;
        values >> soft >> hard;
        if (name == "Max cpu time") {
          EXPECT_EQ(soft, "100") << "ten jobs of ten seconds";
        } else if (name == "Max address space") {
#ifndef HASHGATE_SANITIZED
          EXPECT_LT(std::stoull(hard), 2ULL << 30);
#endif
        } else {
          EXPECT_EQ(soft + hard, "00") << line;
        }
      }
    }
    EXPECT_GE(found, 7);
  }
}

TEST_F(LockLevelTest, NobodyButRootReadsAWorker) {
  for (const std::string& worker : workers_) {
    struct stat facts{};
    ASSERT_EQ(::stat(("/proc/" + worker + "/mem").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_uid, 0U) << "files of a process that may not be dumped belong to root";
  }
}

TEST_F(LockLevelTest, NamespacesAreAsReported) {
  const decode::ClassStats stats = Class();
  for (const std::string& worker : workers_) {
    for (const char* kind : {"net", "ipc", "uts"}) {
      std::error_code error;
      const auto theirs = std::filesystem::read_symlink("/proc/" + worker + "/ns/" + kind, error);
      if (error) GTEST_SKIP() << "only root may look: " << error.message();
      const auto ours = std::filesystem::read_symlink(std::string("/proc/self/ns/") + kind);
      EXPECT_EQ(theirs != ours, stats.in_namespaces) << kind;
    }
  }
  EXPECT_EQ(stats.lock == LockLevel::kNamespaces, stats.in_namespaces && stats.landlock_abi > 0);
  EXPECT_EQ(stats.lock >= LockLevel::kLandlock, stats.landlock_abi > 0);
}

TEST_F(LockLevelTest, TheKernelsLandlockIsUsed) {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1U);
  EXPECT_EQ(Class().landlock_abi, static_cast<int>(std::max(abi, 0L)));
}

TEST_F(LockLevelTest, EveryLevelThatIsReachedMayBeDemandedAndNoHigherOne) {
  const LockLevel reached = pool_->Stats().lock;
  pool_.reset();
  for (const LockLevel level :
       {LockLevel::kNone, LockLevel::kBasic, LockLevel::kLandlock, LockLevel::kNamespaces}) {
    auto spawner = decode::Spawner::Start(HostileBinary());
    ASSERT_TRUE(spawner) << spawner.error().message;
    decode::PoolOptions options = OneWorker();
    options.minimum_lock = level;
    const auto pool = decode::StartDecoderPool(*std::move(spawner), options);
    EXPECT_EQ(pool.has_value(), level <= reached) << LockLevelName(level);
    if (!pool) {
      EXPECT_THAT(pool.error().message, ::testing::HasSubstr(std::string(LockLevelName(level))));
    }
  }
}

// Each layer alone, so that one does not hide that another is missing.

TEST(Layers, LandlockAloneDeniesFilesAndTcp) {
  const int result = InChild([] {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const int before = ::open("/etc/passwd", O_RDONLY);
    const auto abi = decode::DenyFiles();
    if (before < 0 || !abi) return 1;
    if (*abi == 0) return 77;
    if (::open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES) return 2;
    if (::open("/", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES) return 3;
    if (::open("made", O_CREAT | O_WRONLY, 0600) >= 0 || errno != EACCES) return 4;
    if (*abi >= 4) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address.sin_port = htons(9);
      const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
      if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return 5;
      if (errno != EACCES) return 6;
    }
    if (*abi >= 6 && (::kill(::getppid(), 0) == 0 || errno != EPERM)) return 7;
    return 0;
  });
  if (result == 77) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(result, 0);
}

TEST(Layers, NamespacesAloneHaveNoNetwork) {
  const int result = InChild([] {
    if (!decode::EnterNamespaces()) return 77;
    // The loopback of a new network namespace is down.
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(9);
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    return ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
                   errno == ENETUNREACH
               ? 0
               : 1;
  });
  if (result == 77) GTEST_SKIP() << "namespaces are not allowed here";
  EXPECT_EQ(result, 0);
}

#ifndef HASHGATE_SANITIZED
TEST(Layers, TheFilterAloneKills) {
  const auto with_filter = [](decode::WorkerClass worker_class, long call) {
    return InChild([=] {
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      if (!decode::FilterCalls(worker_class, decode::kJobFd)) return 1;
      ::syscall(call, 0, 0, 0, 0, 0, 0);
      return 0;
    });
  };
  EXPECT_EQ(with_filter(decode::WorkerClass::kCore, SYS_brk), 0);
  EXPECT_EQ(with_filter(decode::WorkerClass::kCore, SYS_getpid), -SIGSYS);
  EXPECT_EQ(with_filter(decode::WorkerClass::kCore, SYS_openat), -SIGSYS);
  // Only TIFF's codec needs it.
  EXPECT_EQ(with_filter(decode::WorkerClass::kCore, SYS_sysinfo), -SIGSYS);
  EXPECT_EQ(with_filter(decode::WorkerClass::kHeif, SYS_sysinfo), -SIGSYS);
  EXPECT_EQ(with_filter(decode::WorkerClass::kTiff, SYS_sysinfo), 0);
}

// Every call there is, one process each: those that pass are these and no others.
TEST(Layers, NoOtherCallPasses) {
  const std::vector<long> passing = {
      SYS_read,    SYS_write, SYS_mmap,          SYS_mprotect,  SYS_munmap,       SYS_brk,       SYS_mremap,
      SYS_madvise, SYS_futex, SYS_clock_gettime, SYS_setitimer, SYS_rt_sigreturn, SYS_exit_group};
  constexpr long kLastCall = 470;
  for (long call = 0; call <= kLastCall; ++call) {
    if (std::ranges::count(passing, call) != 0) continue;
    // The kernel's own return path of probes, which it takes past every filter: of no use to others.
    if (call == 335 || call == 336) continue;
    const int result = InChild([=] {
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      if (!decode::FilterCalls(decode::WorkerClass::kCore, decode::kJobFd)) return 1;
      ::syscall(call, 0, 0, 0, 0, 0, 0);
      return 0;
    });
    EXPECT_EQ(result, -SIGSYS) << "system call " << call;
  }
}
#endif

}  // namespace
}  // namespace hashgate::testing
