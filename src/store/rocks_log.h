// RocksDB's own errors among ours. Private to this module.
#pragma once

#include <rocksdb/env.h>

#include <memory>

namespace hashgate::store {

/// Takes what RocksDB says of itself, errors only, as log lines "store_engine". Without it RocksDB keeps
/// a file LOG in the data folder, and Debian's build, which has assertions, ends the process at the second
/// line that does not fit on a full disk. The lines name files, offsets and keys, never values.
std::shared_ptr<rocksdb::Logger> NewRocksLog();

}  // namespace hashgate::store
