#include "app/cli/scan_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "app/cli/scan_line.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/unique_fd.h"
#include "hashgate/verdict.h"
#include "rpc/wire/convert.h"

namespace hashgate::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Up to here a file goes in one message; longer ones are streamed, so that memory does not grow with them.
constexpr std::uint64_t kInlineBytes = 1 << 20;
// Of a batch, whose messages are few at a time.
constexpr std::uint64_t kBatchInlineBytes = 4 << 20;
// A busy server has uploads first.
constexpr milliseconds kBatchPatience = std::chrono::hours(1);
constexpr std::size_t kChunkBytes = 256 * 1024;
// A long file gets a second more for each MiB.
constexpr std::uint64_t kLeastBytesPerSecond = 1 << 20;
// How long files wait, all together, for a server that is not there.
constexpr std::chrono::seconds kUnreachablePatience{5};
// The same where it has answered before: it restarts, and a folder's scan is not worth giving up for that.
constexpr std::chrono::seconds kRestartPatience{60};
constexpr milliseconds kFirstBackoff{100};
constexpr milliseconds kMaxBackoff{2'000};

v1::Cause CauseOf(Reason reason) {
  switch (reason) {
    case Reason::kOverloaded:
    case Reason::kMemoryLimit: return v1::CAUSE_OVERLOADED;
    case Reason::kDraining: return v1::CAUSE_DRAINING;
    case Reason::kIndexNotReady: return v1::CAUSE_NOT_READY;
    case Reason::kDeadlineExceeded: return v1::CAUSE_DEADLINE;
    case Reason::kDecoderUnavailable: return v1::CAUSE_DECODER_UNAVAILABLE;
    case Reason::kStoreBusy:
    case Reason::kStoreFull:
    case Reason::kStoreFailed:
    case Reason::kStoreCorrupt: return v1::CAUSE_STORE_UNAVAILABLE;
    case Reason::kFileUnreadable: return v1::CAUSE_FILE_UNREADABLE;
    default: return v1::CAUSE_UNREACHABLE;
  }
}

bool IsRetryable(Reason reason) {
  switch (reason) {
    case Reason::kServerUnreachable:
    case Reason::kOverloaded:
    case Reason::kIndexNotReady:
    case Reason::kDraining:
    case Reason::kStoreBusy:
    case Reason::kDecoderUnavailable:
    // Not by us, who would have been told to stop: a server that stops cancels what it has not ended.
    case Reason::kCancelled: return true;
    default: return false;
  }
}

// Refusals of the request itself, which is the same for every file: a mistake of whoever asked, not a gate
// that is out of reach.
bool IsForAllFiles(Reason reason) {
  return reason == Reason::kSurfaceUnknown || reason == Reason::kListNotFound ||
         reason == Reason::kRequestInvalid || reason == Reason::kNotPermitted ||
         reason == Reason::kUnsupported;
}

std::unexpected<Error> ReadError() {
  return Fail(Reason::kFileUnreadable, std::string("cannot be read: ") + std::strerror(errno));
}

// Reads until `out` is full or the file ends.
Result<std::size_t> ReadFull(int fd, std::uint64_t offset, std::string& out) {
  std::size_t at = 0;
  while (at < out.size()) {
    const ssize_t count = ::pread(fd, out.data() + at, out.size() - at, static_cast<off_t>(offset + at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ReadError();
    if (count == 0) break;
    at += static_cast<std::size_t>(count);
  }
  return at;
}

}  // namespace

FileScanner::FileScanner(Client& client, const FailPolicy& fail_policy, const ScanArguments& arguments,
                         milliseconds timeout, bool batch, Stop& stop)
    : client_(client),
      fail_policy_(fail_policy),
      arguments_(arguments),
      timeout_(batch ? std::max(timeout, kBatchPatience) : timeout),
      batch_(batch),
      stop_(stop) {}

FileAnswer FileScanner::Unreadable(const std::string& path, const std::string& error) const {
  FileAnswer answer;
  answer.file = path;
  Fail({Reason::kFileUnreadable, error, {}, {}}, {}, answer);
  return answer;
}

void FileScanner::Fail(const Error& error, const RefusalFacts& facts, FileAnswer& answer) const {
  const v1::Cause cause = CauseOf(error.reason);
  answer.result.set_outcome(v1::OUTCOME_NOT_EVALUATED);
  answer.result.set_cause(cause);
  answer.result.set_verdict(fail_policy_.For(cause));
  // The server's own word on this refusal is newer than the table.
  const auto said = facts.find("fail_verdict");
  if (said != facts.end()) {
    if (const auto verdict = ParseVerdict(said->second)) {
      answer.result.set_verdict(KnownVerdict(rpc::ToProto(*verdict)));
    }
  }
  // gRPC's own words about sockets say nothing to a person.
  answer.error = error.reason == Reason::kServerUnreachable ? "no server answers" : error.message;
  answer.not_reached = error.reason != Reason::kFileUnreadable;
}

bool FileScanner::MayComeBack() {
  const auto now = steady_clock::now();
  const std::lock_guard lock(reach_mutex_);
  if (!unreachable_since_) unreachable_since_ = now;
  // Once it is given up, files that come after do not wait for it either.
  return now - *unreachable_since_ < (reached_ ? kRestartPatience : kUnreachablePatience);
}

void FileScanner::NoteAnswer() {
  const std::lock_guard lock(reach_mutex_);
  reached_ = true;
  unreachable_since_.reset();
}

bool FileScanner::WaitToRetry(const Error& error, int attempt, steady_clock::time_point deadline) {
  if (!IsRetryable(error.reason)) return false;
  const bool is_gone = error.reason == Reason::kServerUnreachable || error.reason == Reason::kCancelled;
  if (is_gone && !MayComeBack()) return false;
  const milliseconds backoff = std::min(kMaxBackoff, kFirstBackoff * (1 << std::min(attempt, 5)));
  const milliseconds wait = std::max(backoff, error.retry_after);
  if (steady_clock::now() + wait >= deadline) return false;
  return !stop_.SleepFor(wait);
}

Result<v1::ScanResult> FileScanner::Upload(int fd, const FileStamp& stamp, const v1::ScanHeader& header,
                                           milliseconds timeout, RefusalFacts& facts) {
  v1::UploadHeader upload;
  *upload.mutable_header() = header;
  upload.set_declared_size_bytes(static_cast<std::int64_t>(stamp.size));
  std::uint64_t offset = 0;
  const auto next_chunk = [&]() -> Result<std::string> {
    std::string chunk(static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, stamp.size - offset)),
                      '\0');
    HASHGATE_ASSIGN_OR_RETURN(const std::size_t count, ReadFull(fd, offset, chunk));
    if (count < chunk.size()) {
      return hashgate::Fail(Reason::kFileUnreadable, "became shorter while it was read");
    }
    offset += count;
    return chunk;
  };
  auto response = client_.ScanUpload(upload, next_chunk, timeout, facts);
  if (!response) return std::unexpected(response.error());
  return std::move(*response->mutable_result());
}

Result<v1::ScanResult> FileScanner::Send(int fd, const FileStamp& stamp, v1::ScanHeader& header,
                                         milliseconds timeout, RefusalFacts& facts) {
  if (stamp.size > (batch_ ? kBatchInlineBytes : kInlineBytes)) {
    return Upload(fd, stamp, header, timeout, facts);
  }
  std::string content(static_cast<std::size_t>(stamp.size), '\0');
  HASHGATE_ASSIGN_OR_RETURN(const std::size_t count, ReadFull(fd, 0, content));
  if (count < content.size()) {
    return hashgate::Fail(Reason::kFileUnreadable, "became shorter while it was read");
  }
  Result<v1::ScanResult> result = SendInline(std::move(content), header, timeout, facts);
  // The server's limit for one message is lower than ours.
  if (result || result.error().reason != Reason::kMessageTooLarge) return result;
  return Upload(fd, stamp, header, timeout, facts);
}

Result<v1::ScanResult> FileScanner::SendInline(std::string content, const v1::ScanHeader& header,
                                               milliseconds timeout, RefusalFacts& facts) {
  if (batch_) {
    v1::ScanBatchRequest request;
    *request.mutable_header() = header;
    request.set_content(std::move(content));
    return client_.ScanBatched(request, timeout, facts);
  }
  v1::ScanImageRequest request;
  *request.mutable_header() = header;
  request.set_content(std::move(content));
  auto response = client_.ScanImage(request, timeout, facts);
  if (!response) return std::unexpected(response.error());
  return std::move(*response->mutable_result());
}

FileAnswer FileScanner::Scan(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return Unreadable(path, ReadError().error().message);
  if (!S_ISREG(info.st_mode)) return Unreadable(path, "is not a regular file");
  FileAnswer answer;
  answer.file = path;
  answer.stamp = StampOf(info);
  v1::ScanHeader header;
  // One id for all attempts: if an answer is lost on the way, the second attempt has no second effect.
  header.set_request_id(NewUlid(ToUnixMillis(std::chrono::system_clock::now())));
  header.set_surface(arguments_.surface);
  v1::ScanOptions& options = *header.mutable_options();
  for (const std::string& list : arguments_.lists) options.add_lists(list);
  options.set_include_hashes(arguments_.include_hashes);
  if (arguments_.exact) options.set_depth(v1::DEPTH_EXACT);
  if (batch_) options.set_lane(v1::LANE_BACKGROUND);

  const auto deadline =
      steady_clock::now() + timeout_ + std::chrono::seconds(answer.stamp.size / kLeastBytesPerSecond);
  for (int attempt = 0;; ++attempt) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    RefusalFacts facts;
    auto result = Send(fd.get(), answer.stamp, header, std::max(left, milliseconds(1)), facts);
    if (result) {
      NoteAnswer();
      answer.result = *std::move(result);
      answer.result.set_verdict(KnownVerdict(answer.result.verdict()));
      answer.final = answer.result.outcome() != v1::OUTCOME_NOT_EVALUATED;
      return answer;
    }
    if (WaitToRetry(result.error(), attempt, deadline)) continue;
    if (stop_.requested()) {
      answer.stopped = true;
      return answer;
    }
    if (IsForAllFiles(result.error().reason)) {
      answer.refused = std::move(result).error();
      return answer;
    }
    Fail(result.error(), facts, answer);
    return answer;
  }
}

}  // namespace hashgate::cli
