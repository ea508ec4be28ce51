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
    if (::recv(decode::kJobFd, &byte, 1, 0) == 0) ::_exit(0);
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
  if (g_word == "leftovers") result.decode_micros = Leftovers(upload, limits.max_bytes);
  if (g_word == "chatter") result.decode_micros = ::write(STDERR_FILENO, "warning", 7) < 0 ? 1 : 0;
  for (const HostileAction& action : HostileActions()) {
    if (g_word == action.name && action.attempt(upload)) result.width = kBreachWidth;
  }
  return result;
}

void Send(int socket, ByteSpan bytes) {
  decode::SendMessage(socket, bytes);
}

void Reply(int socket, ByteSpan answer) {
  std::vector<std::uint8_t> bytes(answer.begin(), answer.end());
  ReplyRecord record;
  std::memcpy(&record, bytes.data(), sizeof record);
  const auto send_with = [&] {
    std::memcpy(bytes.data(), &record, sizeof record);
    Send(socket, bytes);
  };
  if (g_word == "reply-magic") {
    record.magic ^= 1;
    return send_with();
  }
  if (g_word == "reply-job") {
    ++record.job_id;
    return send_with();
  }
  if (g_word == "reply-cause") {
    record.cause = static_cast<std::uint8_t>(Cause::kNotAnImage);
    return send_with();
  }
  if (g_word == "reply-views") {
    record.view_count = 1'000'000;
    return send_with();
  }
  if (g_word == "reply-pixels") {
    record.width = 16'384;
    record.height = 16'384;
    return send_with();
  }
  if (g_word == "reply-short") return Send(socket, answer.first(answer.size() - 1));
  if (g_word == "reply-empty") return Send(socket, {});
  if (g_word == "reply-long" || g_word == "reply-huge") {
    bytes.resize(g_word == "reply-long" ? decode::kMaxReplyBytes + 1 : std::size_t{150'000});
    return Send(socket, bytes);
  }
  if (g_word == "reply-descriptor") {
    const int descriptor = socket;
    decode::SendMessage(socket, answer, {&descriptor, 1});
    return;
  }
  Send(socket, answer);
  if (g_word == "reply-twice") Send(socket, answer);
}

void WarmUp() {}

}  // namespace
}  // namespace hashgate::testing

int main(int argc, char** argv) {
  return hashgate::decoder::SpawnerMain(argc, argv,
                                        {.process = hashgate::testing::ProcessUpload,
                                         .warm_up = hashgate::testing::WarmUp,
                                         .reply = hashgate::testing::Reply});
}
