#include "store/rocks_options.h"

#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "store/rocks_log.h"

namespace hashgate::store {
namespace {
constexpr std::uint64_t kMaxWalBytes = std::uint64_t{64} << 20;
}  // namespace

rocksdb::DBOptions DatabaseOptions(const StoreOptions& options) {
  rocksdb::DBOptions out;
  out.max_background_jobs = 2;
  out.max_open_files = 512;
  out.max_total_wal_size = kMaxWalBytes;
  out.db_write_buffer_size = options.write_buffer_bytes;
  out.track_and_verify_wals_in_manifest = true;
  out.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  // A record cut short at the end of the log is a write that was never acknowledged. Anything else that does
  // not pass its checksum there is damage to acknowledged writes: point-in-time recovery would drop it and
  // all that follows without a word, so it is left to a person.
  out.wal_recovery_mode = options.drop_damaged_tail ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                                    : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  out.info_log = NewRocksLog();
  // All that counts is in the log; what is not is there to be flushed (FillMemory).
  out.avoid_flush_during_shutdown = true;
  out.bytes_per_sync = std::uint64_t{1} << 20;
  return out;
}

rocksdb::ColumnFamilyOptions FamilyOptions(const StoreOptions& options,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions out;
  // Keys of identities are random, so each merge rewrites all there are: an import of millions makes a file
  // for each of its runs, and their filters keep lookups quick meanwhile.
  out.level0_file_num_compaction_trigger = 10;
  out.write_buffer_size = std::max<std::size_t>(options.write_buffer_bytes / 4, std::size_t{1} << 20);
  out.max_write_buffer_number = 3;
  out.paranoid_file_checks = true;
  // Values are hashes or sealed bytes: neither shrinks.
  out.compression = rocksdb::kNoCompression;
  // Most lookups of an import ask for keys that are not there.
  out.memtable_prefix_bloom_size_ratio = 0.05;
  out.memtable_whole_key_filtering = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.block_size = std::size_t{8} << 10;
  table.format_version = 5;
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

}  // namespace hashgate::store
