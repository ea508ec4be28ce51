#include "store/rocks_health.h"

#include "base/log.h"

namespace hashgate::store {

void RocksHealth::OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status* error) {
  if (error->severity() < rocksdb::Status::Severity::kHardError || has_stopped_.exchange(true)) return;
  log::Error(
      "store_stopped",
      "the store had to stop writing; it goes on by itself once it can, but large imports are slower until "
      "the server is started again",
      {{"error", error->ToString()}});
}

}  // namespace hashgate::store
