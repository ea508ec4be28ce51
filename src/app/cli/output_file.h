// A file that is either there whole or not at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "hashgate/error.h"

namespace hashgate::cli {

/// Writes beside the target and renames at the end. Dropping it without Commit leaves the target as it was.
class OutputFile {
 public:
  /// Errors: kFileUnreadable.
  static Result<OutputFile> Create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// What the file would have become that has this name while it is written, and keeps it where its writer is
  /// killed; empty for any other name.
  static std::optional<std::string_view> TargetOfTemporary(std::string_view name);

  Status Write(std::string_view text);
  /// Syncs and renames.
  Status Commit();

 private:
  OutputFile(UniqueFd fd, std::string path, std::string temporary)
      : fd_(std::move(fd)), path_(std::move(path)), temporary_(std::move(temporary)) {}

  UniqueFd fd_;
  std::string path_;
  std::string temporary_;
};

}  // namespace hashgate::cli
