#include "exchange/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace hashgate::exchange {
namespace {

class FileSource : public ByteSource {
 public:
  FileSource(UniqueFd fd, std::string path, std::uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  Result<std::size_t> Read(std::span<char> out) override {
    while (true) {
      const ssize_t count = ::read(fd_.get(), out.data(), out.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == EINTR) continue;
      return Fail(Reason::kFileUnreadable, "'" + path_ + "' cannot be read: " + std::strerror(errno), path_);
    }
  }
  Status Rewind() override {
    if (::lseek(fd_.get(), 0, SEEK_SET) == 0) return {};
    if (errno == ESPIPE) {
      return Fail(Reason::kUnsupported, "'" + path_ + "' is a pipe and can be read only once", path_);
    }
    return Fail(Reason::kFileUnreadable, "'" + path_ + "' cannot be read: " + std::strerror(errno), path_);
  }
  [[nodiscard]] std::uint64_t size() const override { return size_; }

 private:
  UniqueFd fd_;
  std::string path_;
  std::uint64_t size_;
};

class BytesSource : public ByteSource {
 public:
  BytesSource(std::string bytes, std::size_t piece) : bytes_(std::move(bytes)), piece_(piece) {}

  Result<std::size_t> Read(std::span<char> out) override {
    const std::size_t count = std::min({out.size(), piece_, bytes_.size() - at_});
    std::copy_n(bytes_.data() + at_, count, out.data());
    at_ += count;
    return count;
  }
  Status Rewind() override {
    at_ = 0;
    return {};
  }
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenFileSource(const std::string& path) {
  UniqueFd fd(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
    return Fail(Reason::kFileUnreadable, "'" + path + "' cannot be opened: " + std::strerror(errno), path);
  }
  if (S_ISDIR(info.st_mode)) {
    return Fail(Reason::kFileUnreadable, "'" + path + "' is a folder, not a file", path);
  }
  const std::uint64_t size = S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
  return std::make_unique<FileSource>(std::move(fd), path, size);
}

std::unique_ptr<ByteSource> MemorySource(std::string bytes, std::size_t piece) {
  return std::make_unique<BytesSource>(std::move(bytes), piece);
}

}  // namespace hashgate::exchange
