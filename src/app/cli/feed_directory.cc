#include "app/cli/feed_directory.h"

#include <fcntl.h>
#include <sys/file.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "app/cli/output_file.h"

namespace hashgate::cli {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> Failed(const fs::path& path, const std::string& why) {
  return Fail(Reason::kFileUnreadable, "'" + path.string() + "' " + why, path.string());
}

class FeedDirectory final : public exchange::FeedFolder {
 public:
  FeedDirectory(fs::path path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  Result<std::optional<std::string>> Read(const std::string& name, std::size_t most) override {
    const fs::path file = path_ / name;
    std::error_code error;
    const bool exists = fs::exists(file, error);
    if (error) return Failed(file, "cannot be read: " + error.message());
    if (!exists) return std::nullopt;
    const std::uintmax_t size = fs::file_size(file, error);
    if (error || size > most) return Failed(file, "cannot be read, or is larger than such a file is");
    std::string bytes(size, '\0');
    std::ifstream stream(file, std::ios::binary);
    if (!stream.read(bytes.data(), static_cast<std::streamsize>(size))) return Failed(file, "cannot be read");
    return bytes;
  }

  Status Write(const std::string& name, std::string_view bytes) override {
    HASHGATE_ASSIGN_OR_RETURN(OutputFile file, OutputFile::Create((path_ / name).string()));
    HASHGATE_RETURN_IF_ERROR(file.Write(bytes));
    return file.Commit();
  }

  Result<std::vector<std::string>> Names() override {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(path_, error), end; !error && at != end; at.increment(error)) {
      names.push_back(at->path().filename().string());
    }
    if (error) return Failed(path_, "cannot be read: " + error.message());
    return names;
  }

  Status Remove(const std::string& name) override {
    std::error_code error;
    fs::remove(path_ / name, error);
    if (error) return Failed(path_ / name, "cannot be removed: " + error.message());
    return {};
  }

 private:
  const fs::path path_;
  const UniqueFd lock_;  // until it is closed
};

// A file of ours that was being written when its writer was killed.
bool IsLeftover(std::string_view name) {
  const std::optional<std::string_view> target = OutputFile::TargetOfTemporary(name);
  return target && (*target == exchange::kFeedManifestName || exchange::IsFeedPartName(*target));
}

// The lock is held: nobody is writing them any more.
Status RemoveLeftovers(exchange::FeedFolder& folder) {
  HASHGATE_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder.Names());
  for (const std::string& name : names) {
    if (IsLeftover(name)) HASHGATE_RETURN_IF_ERROR(folder.Remove(name));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<exchange::FeedFolder>> OpenFeedDirectory(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  UniqueFd lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (error || !lock.valid()) return Failed(path, "cannot be made or opened as a folder");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return Failed(path, "is just being published in");
  auto folder = std::make_unique<FeedDirectory>(path, std::move(lock));
  HASHGATE_RETURN_IF_ERROR(RemoveLeftovers(*folder));
  return folder;
}

}  // namespace hashgate::cli
