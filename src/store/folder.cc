#include "store/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace hashgate::store {
namespace {

struct Claims {
  Mutex mutex;
  std::set<std::pair<dev_t, ino_t>> folders HASHGATE_GUARDED_BY(mutex);
};

Claims& AllClaims() {
  // Never destroyed: stores with static lifetime may still give theirs back at exit.
  static auto* const claims = new Claims;
  return *claims;
}

std::string Because(int error) {
  return std::system_category().message(error);
}

// Whether closing the folder to others takes nothing from them that is not ours.
bool IsEmptyOrAStore(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_empty(path, error) ||
         std::filesystem::exists(std::filesystem::path(path) / "CURRENT", error);
}

}  // namespace

std::string InUseMessage(const std::string& path, pid_t pid) {
  std::string who = pid > 0 ? "process " + std::to_string(pid) : std::string("another process");
  if (pid == ::getpid()) who = "this process";
  return "the data folder " + path + " is already open in " + who +
         ": stop that server first, or give this one a folder of its own";
}

Status PrepareFolder(const std::string& path) {
  if (path.empty()) return Fail(Reason::kStoreFailed, "no data folder is named: set the path of the store");
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::absolute(path, error).parent_path();
  if (!error) std::filesystem::create_directories(parent, error);
  if (error) {
    return Fail(error == std::errc::no_space_on_device ? Reason::kStoreFull : Reason::kStoreFailed,
                "the folder above the data folder " + path + " cannot be made: " + error.message());
  }
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    const int reason = errno;
    return Fail(reason == ENOSPC ? Reason::kStoreFull : Reason::kStoreFailed,
                "the data folder " + path + " cannot be made: " + Because(reason) +
                    "; make it yourself and let this user own it, or name another");
  }
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return Fail(Reason::kStoreFailed, "the data folder " + path + " cannot be read: " + Because(errno));
  }
  if (!S_ISDIR(info.st_mode)) {
    return Fail(Reason::kStoreFailed, path + " is not a folder: name a folder for the data, or remove it");
  }
  if (info.st_uid != ::geteuid()) {
    return Fail(Reason::kStoreFailed,
                "the data folder " + path +
                    " belongs to another user, who could read the lists: let this user own it");
  }
  const bool open_to_others = (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  if (open_to_others && !IsEmptyOrAStore(path)) {
    return Fail(Reason::kStoreFailed,
                path +
                    " is open to other users and holds other things than a store: name a folder "
                    "of its own for the data");
  }
  if (open_to_others && ::chmod(path.c_str(), S_IRWXU) != 0) {
    return Fail(Reason::kStoreFailed, "the data folder " + path +
                                          " is open to other users and cannot be closed (" + Because(errno) +
                                          "): let this user own it, with mode 0700");
  }
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return Fail(Reason::kStoreFailed, "the data folder " + path + " cannot be written (" + Because(errno) +
                                          "): let this user own it, with mode 0700");
  }
  return {};
}

std::optional<pid_t> LockHolder(const std::string& path) {
  const UniqueFd file(::open((path + "/LOCK").c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  struct flock wish{};
  wish.l_type = F_WRLCK;
  wish.l_whence = SEEK_SET;
  const bool held = ::fcntl(file.get(), F_GETLK, &wish) == 0 && wish.l_type != F_UNLCK;
  return held ? std::optional(wish.l_pid) : std::nullopt;
}

Result<FolderClaim> FolderClaim::Take(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return Fail(Reason::kStoreFailed, "the data folder " + path + " cannot be read: " + Because(errno));
  }
  FolderClaim claim;
  claim.device_ = info.st_dev;
  claim.inode_ = info.st_ino;
  Claims& claims = AllClaims();
  const MutexLock lock(claims.mutex);
  if (claims.folders.contains({claim.device_, claim.inode_})) {
    return Fail(Reason::kStoreInUse, InUseMessage(path, ::getpid()));
  }
  if (const std::optional<pid_t> holder = LockHolder(path)) {
    return Fail(Reason::kStoreInUse, InUseMessage(path, *holder));
  }
  claims.folders.insert({claim.device_, claim.inode_});
  claim.held_ = true;
  return claim;
}

FolderClaim::~FolderClaim() {
  if (!held_) return;
  Claims& claims = AllClaims();
  const MutexLock lock(claims.mutex);
  claims.folders.erase({device_, inode_});
}

FolderClaim::FolderClaim(FolderClaim&& other) noexcept
    : device_(other.device_), inode_(other.inode_), held_(std::exchange(other.held_, false)) {}

FolderClaim& FolderClaim::operator=(FolderClaim&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  std::swap(held_, other.held_);
  return *this;
}

}  // namespace hashgate::store
