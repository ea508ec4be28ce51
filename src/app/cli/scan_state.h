// Which files of a scan are finished, on disk, so that an interrupted scan goes on where it stopped.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/unique_fd.h"
#include "hashgate/error.h"
#include "hashgate/verdict.h"

namespace hashgate::cli {

/// What tells whether a file is still the one that was scanned.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t modified_nanos = 0;
  bool operator==(const FileStamp&) const = default;
};

/// One line a finished file: verdict, size, time of change and path, after a first line that holds what the
/// scan was asked for. A line is written after the answer was printed, so a crash repeats an answer but never
/// loses one. Threads: confined. Memory: about 120 bytes a finished file.
class ScanState {
 public:
  /// Opens or makes the file; a half line at its end is cut off. `request` has to be that of its first line.
  /// Errors: kFileUnreadable; kRequestInvalid where the file belongs to another scan or is no state file;
  /// kStoreInUse where another scan has it open.
  static Result<std::unique_ptr<ScanState>> Open(const std::string& path, const std::string& request);

  /// The verdict of an earlier run on the same, unchanged file; kUnspecified where there is none.
  [[nodiscard]] Verdict Find(const std::string& path, const FileStamp& stamp) const;
  /// Errors: kFileUnreadable.
  Status Record(const std::string& path, const FileStamp& stamp, Verdict verdict);
  /// Makes everything recorded survive a power cut. Errors: kFileUnreadable.
  Status Sync();

 private:
  struct Done {
    FileStamp stamp;
    Verdict verdict = Verdict::kUnspecified;
  };

  ScanState(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  Status Load(const std::string& request);
  [[nodiscard]] std::unexpected<Error> Failed(const char* what) const;

  UniqueFd fd_;
  std::string name_;
  std::unordered_map<std::string, Done> done_;
};

}  // namespace hashgate::cli
