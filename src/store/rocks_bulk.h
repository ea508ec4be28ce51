// Large batches as sorted table files that RocksDB takes over. Private to this module.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/sealer.h"
#include "store/batch.h"
#include "store/rocks_health.h"

namespace hashgate::store {

/// What a value is sealed for: the family's name, '/' and the key.
std::string SealingContext(Family family, std::string_view key);

class RocksBulk;

/// A batch in table files, one for each family that it changes, that the database has not taken over yet.
/// Dropped, it removes what is still there of them. Threads: confined.
class TableFiles {
 public:
  explicit TableFiles(RocksBulk& bulk) : bulk_(bulk) {}
  ~TableFiles();
  TableFiles(const TableFiles&) = delete;
  TableFiles& operator=(const TableFiles&) = delete;

 private:
  friend class RocksBulk;

  RocksBulk& bulk_;
  bool in_folder_ = false;
  std::vector<rocksdb::IngestExternalFileArg> files_;
  // What the files say is gone: readers of a file pass over it.
  std::vector<std::pair<rocksdb::ColumnFamilyHandle*, std::string>> deleted_;
};

/// Writes batches as table files of their own, and has the database take all of them over in one record of
/// its manifest: after a crash either all of them are in the database or none is. No log and no memory table
/// is involved. What a crash leaves of files that were not taken over is removed by the next Clear.
/// Threads: thread-safe.
/// Source: RocksDB's SstFileWriter and DB::IngestExternalFiles.
class RocksBulk {
 public:
  /// `handles` are of the families in their order; they, the database, its health and the sealer must outlive
  /// this.
  RocksBulk(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& handles,
            const RocksHealth& health, const Sealer& sealer, const std::string& data_folder);

  /// Removes what an earlier run left behind. Once, before any other call.
  rocksdb::Status Clear() HASHGATE_EXCLUDES(folder_mutex_);

  /// Writes the batch into `out`, which is a fresh one; on return it is on disk and not in force. Cost: all
  /// that a batch costs but for one record of the manifest.
  rocksdb::Status Write(const Batch& batch, TableFiles& out) HASHGATE_EXCLUDES(folder_mutex_);

  /// Puts everything in force, where two have the same key the later one; on return it is on disk. After an
  /// error nothing was applied, with one exception that RocksDB has for its log, too: where the manifest's
  /// last record could not be synced.
  rocksdb::Status TakeOver(std::span<const TableFiles* const> tables);

 private:
  friend class TableFiles;

  rocksdb::Status EnterFolder(TableFiles& files, std::uint64_t& number) HASHGATE_EXCLUDES(folder_mutex_);
  void Remove(const TableFiles& files) HASHGATE_EXCLUDES(folder_mutex_);
  /// Does TakeOver's work where RocksDB cannot: the rows go through its log.
  rocksdb::Status CopyOver(std::span<const TableFiles* const> tables);

  rocksdb::DB& db_;
  const std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  const RocksHealth& health_;
  const Sealer& sealer_;
  const std::string folder_;
  // The folder is there while table files are, and then only. Taken last.
  Mutex folder_mutex_;
  int in_folder_ HASHGATE_GUARDED_BY(folder_mutex_) = 0;
  std::uint64_t next_number_ HASHGATE_GUARDED_BY(folder_mutex_) = 0;
};

}  // namespace hashgate::store
