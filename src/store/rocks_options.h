// How this store sets RocksDB up. Private to this module.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/options.h>

#include <memory>

#include "store/store.h"

namespace hashgate::store {

rocksdb::DBOptions DatabaseOptions(const StoreOptions& options);

/// The same for every family, whose blocks share a cache.
rocksdb::ColumnFamilyOptions FamilyOptions(const StoreOptions& options,
                                           const std::shared_ptr<rocksdb::Cache>& cache);

}  // namespace hashgate::store
