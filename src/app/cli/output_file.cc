#include "app/cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace hashgate::cli {
namespace {

constexpr std::string_view kTemporary = ".part-";
constexpr std::size_t kRandomLetters = 6;  // as mkostemp wants them

std::unexpected<Error> Failed(const std::string& path) {
  return Fail(Reason::kFileUnreadable, "'" + path + "' cannot be written: " + std::strerror(errno), path);
}

}  // namespace

Result<OutputFile> OutputFile::Create(const std::string& path) {
  std::string temporary = path + std::string(kTemporary) + std::string(kRandomLetters, 'X');
  // mkostemp makes it readable by its owner only, which is right for hashes.
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return Failed(path);
  return OutputFile(std::move(fd), path, std::move(temporary));
}

std::optional<std::string_view> OutputFile::TargetOfTemporary(std::string_view name) {
  if (name.size() <= kTemporary.size() + kRandomLetters) return std::nullopt;
  name.remove_suffix(kRandomLetters);
  if (!name.ends_with(kTemporary)) return std::nullopt;
  name.remove_suffix(kTemporary.size());
  return name;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, std::string())) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status OutputFile::Write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd_.get(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed(path_);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Status OutputFile::Commit() {
  if (::fsync(fd_.get()) != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) return Failed(path_);
  temporary_.clear();
  // The new name has to survive a power cut too.
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  const UniqueFd parent(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.valid() || ::fsync(parent.get()) != 0) return Failed(path_);
  return {};
}

}  // namespace hashgate::cli
