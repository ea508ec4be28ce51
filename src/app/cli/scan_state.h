// Which files of a scan are finished, on disk, so that an interrupted scan goes on where it stopped.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/unique_fd.h"
#include "hashgate/error.h"
#include "hashgate/v1/scan_service.pb.h"

namespace hashgate::cli {

/// What tells whether a file is still the one that was scanned. Times are nanoseconds since 1970. The time of
/// the last change of state and the inode also tell when somebody put the old time of modification back.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t modified_nanos = 0;
  std::int64_t changed_nanos = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;
};

FileStamp StampOf(const struct stat& info);

/// One line a finished file: its stamp, its path and the server's answer, after a first line that holds what
/// the scan was asked for. A line is written after the answer was printed, so a crash repeats an answer but
/// never loses one. The file is its owner's alone: answers hold names of files and lists, and hashes where
/// they were asked for. Threads: confined. Memory: about 120 bytes a finished file; answers stay on disk.
class ScanState {
 public:
  /// Opens or makes the file; a half line at its end is cut off. `request` has to be that of its first line.
  /// Errors: kFileUnreadable; kRequestInvalid where the file belongs to another scan or is no state file of
  /// this version; kStoreInUse where another scan has it open.
  static Result<std::unique_ptr<ScanState>> Open(const std::string& path, const std::string& request);

  /// The answer of an earlier run on the same, unchanged file; empty where there is none that can be read.
  /// Cost: one read from the state file.
  [[nodiscard]] std::optional<v1::ScanResult> Find(const std::string& path, const FileStamp& stamp) const;
  /// An answer of more than 256 KiB is not kept: its file is scanned again. Errors: kFileUnreadable.
  Status Record(const std::string& path, const FileStamp& stamp, const v1::ScanResult& result);
  /// Makes everything recorded survive a power cut. Errors: kFileUnreadable.
  Status Sync();

 private:
  struct Done {
    FileStamp stamp;
    off_t answer_at = 0;  ///< where the answer's digits begin in the state file
    std::size_t answer_length = 0;
  };

  ScanState(UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  Status Load(const std::string& request);
  [[nodiscard]] Status CheckHeader(std::string_view line, const std::string& header) const;
  void LoadLine(std::string_view line, off_t at);
  [[nodiscard]] std::unexpected<Error> Failed(const char* what) const;
  [[nodiscard]] std::unexpected<Error> Foreign() const;

  UniqueFd fd_;
  std::string name_;
  std::unordered_map<std::string, Done> done_;
};

}  // namespace hashgate::cli
