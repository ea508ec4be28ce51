// The data folder before RocksDB opens it: made, private, and not open elsewhere.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "hashgate/error.h"

namespace hashgate::store {

/// Makes the folder where absent, and takes group's and others' access away. Errors: kStoreFailed (it is a
/// file, or cannot be made or written), kStoreFull; messages name the folder and say what to do.
Status PrepareFolder(const std::string& path);

/// A claim of this process on a folder: RocksDB's own lock is the process's, so a second opening in one
/// process has to be refused here, before it touches (and by closing, drops) that lock.
class FolderClaim {
 public:
  FolderClaim() = default;
  ~FolderClaim();
  FolderClaim(FolderClaim&& other) noexcept;
  FolderClaim& operator=(FolderClaim&& other) noexcept;
  FolderClaim(const FolderClaim&) = delete;
  FolderClaim& operator=(const FolderClaim&) = delete;

  /// Errors: kStoreInUse, with the other process's id where the system tells; kStoreFailed.
  static Result<FolderClaim> Take(const std::string& path);

 private:
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool held_ = false;
};

/// The process that holds RocksDB's lock of the folder; empty where none does. Its number is not positive
/// where the system does not tell. Call it only while this process does not hold the lock: looking drops it.
std::optional<pid_t> LockHolder(const std::string& path);

/// The sentence for a folder that is open elsewhere; `pid` not positive where not known.
std::string InUseMessage(const std::string& path, pid_t pid);

}  // namespace hashgate::store
