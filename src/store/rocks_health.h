// Whether RocksDB has ever stopped writing because of an error. Private to this module.
#pragma once

#include <rocksdb/listener.h>

#include <atomic>

namespace hashgate::store {

/// RocksDB 7.8 recovers from a full disk by itself, but never forgets that it had stopped (its ErrorHandler
/// leaves a flag standing): from then on it switches no memory table by itself and takes no table files over,
/// which in a build with assertions, as Debian's, ends the process. The store does both in other ways until
/// it is opened again. Threads: thread-safe.
class RocksHealth final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  /// Once true it stays so until the store is opened again.
  [[nodiscard]] bool HasStopped() const { return has_stopped_; }

 private:
  std::atomic<bool> has_stopped_ = false;
};

}  // namespace hashgate::store
