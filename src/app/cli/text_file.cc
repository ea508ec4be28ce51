#include "app/cli/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "base/wiped_buffer.h"

namespace hashgate::cli {
namespace {

constexpr std::size_t kMaxKeyBytes = 16 * 1024;

std::unexpected<Error> Unreadable(const std::string& path, const std::string& why) {
  return Fail(Reason::kFileUnreadable, "'" + path + "' " + why, path);
}

// The sentences of keys do not name the file.
std::unexpected<Error> InFile(const std::string& path, Error error) {
  return Prefix(std::move(error), "'" + path + "'");
}

}  // namespace

Result<std::string> ReadTextFile(const std::string& path, std::istream& in, std::size_t max_bytes) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file.is_open() || std::filesystem::is_directory(path)) return Unreadable(path, "cannot be read");
  }
  std::istream& source = path == "-" ? in : file;
  std::string text(max_bytes + 1, '\0');
  source.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(source.gcount()));
  if (source.bad()) return Unreadable(path, "cannot be read");
  if (text.size() > max_bytes) {
    return Unreadable(path, "is longer than " + std::to_string(max_bytes / 1024) + " KiB");
  }
  return text;
}

Result<VerifyingKey> ReadPublicKey(const std::string& path) {
  std::ifstream none;
  if (path == "-") return Unreadable(path, "is not a file");
  HASHGATE_ASSIGN_OR_RETURN(const std::string pem, ReadTextFile(path, none, kMaxKeyBytes));
  Result<VerifyingKey> key = VerifyingKey::FromPem(pem);
  if (!key) return InFile(path, std::move(key).error());
  return key;
}

Result<SigningKey> ReadPrivateKey(const std::string& path) {
  // Not blocking, so that a pipe of that name does not stop the program.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) {
    return Unreadable(path, std::string("cannot be opened: ") + std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) return Unreadable(path, "is not a regular file");
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Fail(
        Reason::kRequestInvalid,
        "'" + path + "' is a private key that others may read: chmod 600 it, and think of it as known", path);
  }
  WipedBuffer<char> pem(kMaxKeyBytes);
  std::size_t size = 0;
  while (size < pem.size()) {
    const ssize_t count = ::read(fd.get(), pem.data() + size, pem.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Unreadable(path, std::string("cannot be read: ") + std::strerror(errno));
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  Result<SigningKey> key = SigningKey::FromPem({pem.data(), size});
  if (!key) return InFile(path, std::move(key).error());
  return key;
}

}  // namespace hashgate::cli
