// The worker's end of the protocol: any bytes as messages on its job socket, beside any upload. The worker
// answers with replies that the server accepts or ends; it never outlives its socket, and the spawner goes
// on. Each input takes a worker of its own, locked as in production.
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include "decode/protocol.h"
#include "decode/record.h"
#include "decode/shared_buffer.h"
#include "decode/spawner.h"

namespace {

using namespace hashgate::decode;  // NOLINT: the protocol is under test
using hashgate::SteadyTime;
using hashgate::UniqueFd;
using std::chrono::seconds;

constexpr std::uint64_t kBufferBytes = 1 << 16;
constexpr std::size_t kMaxMessages = 8;

std::unique_ptr<SpawnerProcess> g_spawner;  // NOLINT: outlives single inputs

[[noreturn]] void Die(const char* why) {
  std::cerr << "fuzz_worker: " << why << '\n';
  std::abort();
}

SteadyTime Soon() {
  return hashgate::Clock::System().Steady() + seconds(20);
}

template <typename T>
T Need(hashgate::Result<T> result) {
  if (!result) Die(result.error().message.c_str());
  return *std::move(result);
}

// Takes what the worker says until it ends or waits. A reply must be sound; `job` is what it may answer.
void TakeReply(int socket, const RequestRecord& sent) {
  if (WaitReadable(socket, Soon()) != Wait::kReady) return;
  std::vector<std::uint8_t> reply(kMaxReplyBytes + 1);
  const auto received = ReceiveMessage(socket, reply);
  if (!received) return;
  if (received->length > kMaxReplyBytes || !received->descriptors.empty()) Die("a reply out of bounds");
  const hashgate::ByteSpan bytes = hashgate::ByteSpan(reply).first(received->length);
  const auto result = DecodeReply(bytes, sent.job_id, sent.limits);
  const bool known = sent.format == 0 || FormatName(static_cast<Format>(sent.format)) != "unknown";
  // A server never says that a picture may have no frame: configuration begins at one.
  if (!result && known && sent.limits.max_frames > 0) Die(result.error().message.c_str());
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string binary = self.parent_path().parent_path() / "bin" / "hashgate-decoder";
  g_spawner = Need(SpawnerProcess::Launch(binary, {}, Soon()));
  return 0;
}

// One byte of mode, two with the length of the upload, which is the input's end; what lies between is
// messages: in mode 0 a single one, else pieces of a request's size, whose magic, length and bounds on work
// are made right in odd modes, so that what lies behind them is reached.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) Die("no socket pair");
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  SharedBuffer buffer = Need(SharedBuffer::Create(kBufferBytes));
  const hashgate::ByteSpan all(data + 3, size - 3);
  const std::size_t upload = std::min<std::size_t>(std::size_t{data[1]} << 8 | data[2], all.size());
  buffer.Fill(all.last(upload));
  const hashgate::ByteSpan rest = all.first(all.size() - upload);
  const SpawnRequest request{.cpu_seconds = 20, .buffer_bytes = buffer.size(), .memory_bytes = 512 << 20};
  const SpawnedWorker worker = Need(g_spawner->Spawn(theirs.get(), buffer.fd(), request, Soon()));
  theirs.reset();
  if (WaitReadable(ours.get(), Soon()) != Wait::kReady) Die("a worker did not get ready");
  WorkerHello hello;
  if (!ReceiveMessage(ours.get(), AsWritableBytes(hello)) || hello.lock_level == 0)
    Die("a worker did not lock");

  const std::size_t piece = data[0] == 0 ? rest.size() + 1 : sizeof(RequestRecord);
  for (std::size_t at = 0, sent = 0; at < rest.size() && sent < kMaxMessages; at += piece, ++sent) {
    const hashgate::ByteSpan message = rest.subspan(at, std::min(piece, rest.size() - at));
    RequestRecord record;
    std::memcpy(&record, message.data(), std::min(message.size(), sizeof record));
    std::vector<std::uint8_t> bytes(message.begin(), message.end());
    if (data[0] % 2 == 1 && bytes.size() == sizeof record) {
      record.magic = kRequestMagic;
      record.length = record.length % 2 == 0 ? upload : record.length % kBufferBytes;
      record.limits.max_pixels %= 1 << 18;
      record.limits.cpu_seconds = 1 + record.limits.cpu_seconds % 4;
      std::memcpy(bytes.data(), &record, sizeof record);
    }
    if (SendMessage(ours.get(), bytes) != 0) break;
    TakeReply(ours.get(), record);
  }
  ::shutdown(ours.get(), SHUT_RDWR);
  if (WaitReadable(worker.pidfd.get(), Soon()) == Wait::kTimeout) Die("a worker outlived its socket");
  if (!g_spawner->Usable()) Die("the spawner is gone");
  return 0;
}
