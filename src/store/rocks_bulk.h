// Large batches as sorted table files that RocksDB takes over. Private to this module.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/sealer.h"
#include "store/batch.h"

namespace hashgate::store {

/// What a value is sealed for: the family's name, '/' and the key.
std::string SealingContext(Family family, std::string_view key);

/// Writes batches as table files of their own, one for each family that they change, and has the database
/// take all of them over in one record of its manifest: after a crash either all of them are in the database
/// or none is. No log and no memory table is involved. What a crash leaves of files that were not taken over
/// is removed by the next Clear. Threads: thread-safe.
/// Source: RocksDB's SstFileWriter and DB::IngestExternalFiles.
class RocksBulk {
 public:
  /// `handles` are of the families in their order; they, the database and the sealer must outlive this.
  RocksBulk(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& handles, const Sealer& sealer,
            const std::string& data_folder);

  /// Removes what an earlier run left behind. Once, before any Write.
  rocksdb::Status Clear() HASHGATE_EXCLUDES(mutex_);

  /// Applies the batch; on return it is on disk. After an error nothing was applied, with one exception that
  /// RocksDB has for its log, too: where the manifest's last record could not be synced.
  rocksdb::Status Write(const Batch& batch) HASHGATE_EXCLUDES(mutex_);

 private:
  rocksdb::DB& db_;
  const std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  const Sealer& sealer_;
  // There while a batch is written, and then only.
  const std::string folder_;
  // One batch at a time: two would need twice the memory and be no quicker together.
  Mutex mutex_;
};

}  // namespace hashgate::store
