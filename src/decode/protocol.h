// Messages between the server, the spawner and a worker, beside the job records of record.h. All travel as
// single SOCK_SEQPACKET messages of fixed layout in host byte order; both ends are one machine and one build.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "decode/plugin_setup.h"
#include "decode/record.h"

namespace hashgate::decode {

/// Descriptors of a spawner (control socket) and of a worker (job socket) after start-up. Fixed, so that the
/// seccomp filter can name them.
inline constexpr int kControlFd = 3;
inline constexpr int kJobFd = 3;

/// Raised with every change of a layout, so that a server and a decoder of different builds part politely.
inline constexpr std::uint32_t kProtocolVersion = 3;

inline constexpr std::uint32_t kSpawnerHelloMagic = 0x31535748;  // "HWS1"
inline constexpr std::uint32_t kSpawnMagic = 0x31505348;         // "HSP1"
inline constexpr std::uint32_t kSpawnedMagic = 0x31445348;       // "HSD1"
inline constexpr std::uint32_t kWorkerHelloMagic = 0x31574b48;   // "HKW1"

/// A plug-in as the spawner has loaded it. Texts are filled up with zeros, at least one.
struct PluginRecord {
  std::uint8_t algorithm = 0;
  std::uint8_t reserved[7] = {};
  char name[60] = {};
  char version[60] = {};
};

/// The spawner's first message, once it has taken the server's setup (plugin_setup.h) and warmed up.
struct SpawnerHello {
  std::uint32_t magic = kSpawnerHelloMagic;
  std::uint32_t version = kProtocolVersion;
  std::int32_t threads = 0;  ///< of the spawner; more than one and workers cannot be locked
  std::uint8_t worker_class = 0;
  std::uint8_t plugin_count = 0;
  std::uint8_t reserved[2] = {};
  PluginRecord plugins[kMaxPlugins] = {};
  char error[512] = {};  ///< why it cannot serve: a sentence, filled up with zeros; empty where it can
};

/// Asks for a worker; carries its job socket and its shared buffer, in this order.
struct SpawnRequest {
  std::uint32_t magic = kSpawnMagic;
  std::uint32_t cpu_seconds = 0;  ///< of the worker's whole life
  std::uint64_t request_id = 0;
  std::uint64_t buffer_bytes = 0;
  std::uint64_t memory_bytes = 0;
};

/// Answers a SpawnRequest; carries a pidfd where `error` is 0.
struct SpawnReply {
  std::uint32_t magic = kSpawnedMagic;
  std::int32_t error = 0;  ///< errno
  std::uint64_t request_id = 0;
  std::int32_t pid = 0;  ///< for logs only: signals go through the pidfd
  std::uint32_t reserved = 0;
};

/// A worker's first message on its job socket, before it has seen a byte of an upload. Level 0 means that it
/// could not lock itself, says at which step, and ends.
struct WorkerHello {
  std::uint32_t magic = kWorkerHelloMagic;
  std::uint8_t lock_level = 0;
  std::uint8_t landlock_abi = 0;
  std::uint8_t in_namespaces = 0;
  std::uint8_t failed_step = 0;  ///< LockStep
  std::int32_t failed_errno = 0;
};

/// What WaitReadable and ReceiveMessage came to.
enum class Wait : std::uint8_t { kReady, kTimeout, kClosed };

/// Waits until `fd` can be read or its other end is gone, at most until `deadline`.
Wait WaitReadable(int fd, SteadyTime deadline);

/// Sends one message with descriptors (copies of them); never blocks and raises no signal. Returns 0 or an
/// errno.
int SendMessage(int fd, std::span<const std::uint8_t> bytes, std::span<const int> descriptors = {});

/// One message: its full length may exceed the buffer, whose rest is then lost.
struct Received {
  std::size_t length = 0;
  std::vector<UniqueFd> descriptors;
};
/// Receives one message that is there already, with at most two descriptors. Empty where there is none, the
/// other end is gone, or descriptors were cut off.
std::optional<Received> ReceiveMessage(int fd, std::span<std::uint8_t> buffer);

template <typename T>
std::span<const std::uint8_t> AsBytes(const T& record) {
  return {reinterpret_cast<const std::uint8_t*>(&record), sizeof record};
}
template <typename T>
std::span<std::uint8_t> AsWritableBytes(T& record) {
  return {reinterpret_cast<std::uint8_t*>(&record), sizeof record};
}

}  // namespace hashgate::decode
