// A decoder whose process function obeys the first word of the upload. Only tests start it.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "decode/protocol.h"
#include "decoder/spawner_main.h"
#include "integration/decode/hostile_actions.h"
#include "integration/decode/hostile_protocol.h"
#include "integration/decode/hostile_replies.h"

namespace hashgate::testing {
namespace {

using decode::DecodeResult;
using decode::ReplyRecord;

std::string g_word;       // what the current job asked for
std::uint32_t g_job = 0;  // jobs this process has seen

void Hang() {
  char byte = 0;
  // Never answered: nothing is sent while a job is out.
  for (;;) {
    if (::read(decode::kJobFd, &byte, 1) == 0) ::_exit(0);
  }
}

[[noreturn]] void Burn() {
  for (;;) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
  }
}

DecodeResult Answer(ByteSpan upload) {
  DecodeResult result{.format = decode::Format::kJpeg, .width = 64, .height = 48, .frames_total = 16'384};
  result.frames_seen = g_job;
  decode::ViewHashes view{.kind = ViewKind::kWhole, .width = 64, .height = 48, .hashable = true};
  decode::PdqForms forms{.quality = 77};
  forms.forms[0].words[0] = Checksum(upload);
  view.pdq.push_back(forms);
  result.views.push_back(view);
  return result;
}

// Bytes other than zero behind the upload, where an earlier one may have lain.
std::uint32_t Leftovers(ByteSpan upload, std::uint64_t buffer_bytes) {
  const auto* data = upload.data();
  return static_cast<std::uint32_t>(
      std::count_if(data + upload.size(), data + buffer_bytes, [](std::uint8_t b) { return b != 0; }));
}

DecodeResult ProcessUpload(ByteSpan upload, decode::Format /*format*/, const decode::Wanted& /*wanted*/,
                           const decode::Limits& limits) {
  ++g_job;
  const std::string_view text(reinterpret_cast<const char*>(upload.data()), upload.size());
  g_word = text.substr(0, std::min(text.find(' '), std::size_t{64}));
  if (g_word == "crash") std::abort();
  if (g_word == "crash-unless-fresh" && g_job > 1) std::abort();
  if (g_word == "exit") ::_exit(0);
  if (g_word == "hang") Hang();
  if (g_word == "burn") Burn();
  if (g_word == "allocate") {
    std::vector<std::vector<char>> blocks;
    for (;;) blocks.emplace_back(std::size_t{16} << 20, 'x');
  }
  DecodeResult result = Answer(upload);
  if (g_word == "long-times") result.decode_micros = result.hash_micros = 4'000'000'000;
  if (g_word == "corrupt")
    return {
        .cause = Cause::kCorrupt, .format = decode::Format::kJpeg, .frames_seen = 0, .decode_micros = g_job};
  if (g_word == "leftovers") result.decode_micros = Leftovers(upload, limits.max_bytes);
  if (g_word == "chatter") result.decode_micros = ::write(STDERR_FILENO, "warning", 7) < 0 ? 1 : 0;
  for (const HostileAction& action : HostileActions()) {
    if (g_word == action.name && action.attempt(upload)) result.width = kBreachWidth;
  }
  return result;
}

// A whole message, or nothing.
void Send(int socket, ByteSpan bytes) {
  static_cast<void>(!::write(socket, bytes.data(), bytes.size()));
}

void SendForged(int socket, const ForgedField& field, std::vector<std::uint8_t> bytes) {
  ReplyRecord reply;
  decode::ViewRecord view;
  std::memcpy(&reply, bytes.data(), sizeof reply);
  std::memcpy(&view, bytes.data() + sizeof reply, sizeof view);
  field.change(reply, view);
  std::memcpy(bytes.data(), &reply, sizeof reply);
  std::memcpy(bytes.data() + sizeof reply, &view, sizeof view);
  Send(socket, bytes);
}

void Reply(int socket, ByteSpan answer) {
  std::vector<std::uint8_t> bytes(answer.begin(), answer.end());
  for (const ForgedField& field : ForgedFields()) {
    if (g_word == field.name) return SendForged(socket, field, std::move(bytes));
  }
  if (g_word == "reply-short") return Send(socket, answer.first(answer.size() - 1));
  if (g_word == "reply-header") return Send(socket, answer.first(sizeof(ReplyRecord)));
  if (g_word == "reply-empty") return Send(socket, {});
  if (g_word == "reply-drip") {
    for (const std::uint8_t& byte : bytes) Send(socket, {&byte, 1});
    return;
  }
  if (g_word == "reply-long" || g_word == "reply-huge") {
    bytes.resize(g_word == "reply-long" ? decode::kMaxReplyBytes + 1 : std::size_t{150'000});
    return Send(socket, bytes);
  }
  if (g_word == "reply-longer") {
    bytes.push_back(0);
    return Send(socket, bytes);
  }
  if (g_word == "reply-noise") {
    std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xa5});
    return Send(socket, bytes);
  }
  if (g_word == "reply-descriptor") {
    const int descriptor = socket;
    decode::SendMessage(socket, answer, {&descriptor, 1});
    return;
  }
  if (g_word == "reply-after-shutdown") ::shutdown(socket, SHUT_WR);
  if (g_word == "reply-after-close") ::close(socket);
  Send(socket, answer);
  if (g_word == "reply-twice") Send(socket, answer);
  while (g_word == "reply-for-ever") Send(socket, answer);
}

void WarmUp() {
  NameTargets();
}

#ifdef HASHGATE_UNLOCKED
// Says that it locked itself, and did not: shows what the server bears where the lock did not hold.
decode::LockResult<decode::LockReport> PretendToLock(const decode::LockOptions& /*options*/) {
  return decode::LockReport{
      .level = decode::LockLevel::kNamespaces, .landlock_abi = 1, .in_namespaces = true};
}
#else
constexpr auto* PretendToLock = decode::LockProcess;
#endif

}  // namespace
}  // namespace hashgate::testing

int main(int argc, char** argv) {
  return hashgate::decoder::SpawnerMain(argc, argv,
                                        {.process = hashgate::testing::ProcessUpload,
                                         .warm_up = hashgate::testing::WarmUp,
                                         .reply = hashgate::testing::Reply,
                                         .lock = hashgate::testing::PretendToLock});
}
