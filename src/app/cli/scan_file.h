// Has the server scan one file, and answers in the client's own name where it could not.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "app/cli/arguments.h"
#include "app/cli/client.h"
#include "app/cli/fail_policy.h"
#include "app/cli/scan_state.h"
#include "app/cli/stop.h"

namespace hashgate::cli {

struct FileAnswer {
  std::string file;
  v1::ScanResult result;
  std::string error;         ///< why there is no answer of the server; empty where there is one
  FileStamp stamp;           ///< of the bytes that were sent
  bool final = false;        ///< the server answered and asking again would not help
  bool not_reached = false;  ///< the server could not be reached, or refused
  bool stopped = false;      ///< a stop request came first: there is no answer at all
  bool remembered = false;   ///< the server's answer of an earlier run
  /// The server refuses what was asked for, which is the same for every file: there is no answer at all.
  std::optional<Error> refused;
};

/// Threads: thread-safe; one for all workers of a scan.
class FileScanner {
 public:
  /// `batch` sends files through ScanBatch, and those that are too long for it in the background lane: they
  /// may then wait for an hour, for uploads come first.
  FileScanner(Client& client, const FailPolicy& fail_policy, const ScanArguments& arguments,
              std::chrono::milliseconds timeout, bool batch, Stop& stop);

  /// Reads and sends the file, again and again where the server says that this can help, within the timeout
  /// (which grows with the file's length). Where the request itself is refused (an unknown surface or list,
  /// no permission), no further file needs to be tried.
  FileAnswer Scan(const std::string& path);
  /// The answer for a file that cannot be read.
  [[nodiscard]] FileAnswer Unreadable(const std::string& path, const std::string& error) const;

 private:
  Result<v1::ScanResult> Send(int fd, const FileStamp& stamp, v1::ScanHeader& header,
                              std::chrono::milliseconds timeout, RefusalFacts& facts);
  Result<v1::ScanResult> SendInline(std::string content, const v1::ScanHeader& header,
                                    std::chrono::milliseconds timeout, RefusalFacts& facts);
  Result<v1::ScanResult> Upload(int fd, const FileStamp& stamp, const v1::ScanHeader& header,
                                std::chrono::milliseconds timeout, RefusalFacts& facts);
  /// Whether to try again after `error`, having waited for it.
  bool WaitToRetry(const Error& error, int attempt, std::chrono::steady_clock::time_point deadline);
  /// Nobody answers: whether that may still be a restart.
  bool MayComeBack();
  void NoteAnswer();
  void Fail(const Error& error, const RefusalFacts& facts, FileAnswer& answer) const;

  Client& client_;
  const FailPolicy& fail_policy_;
  const ScanArguments& arguments_;
  std::chrono::milliseconds timeout_;
  bool batch_;
  Stop& stop_;
  std::mutex reach_mutex_;
  bool reached_ = false;  // a file was answered; guarded by the mutex, as the next
  std::optional<std::chrono::steady_clock::time_point> unreachable_since_;  // since the last answer
};

}  // namespace hashgate::cli
