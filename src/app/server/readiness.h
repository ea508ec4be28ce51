// What readiness depends on, and how each of it is.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"

namespace hashgate::app {

enum class Check : std::uint8_t { kIndex, kStore, kDecoder, kCanary, kDraining };

/// Threads: thread-safe.
class Readiness {
 public:
  struct Row {
    std::string_view name;
    bool ok = false;
    std::string detail;
  };
  static constexpr int kCheckCount = 5;
  using Table = std::array<Row, kCheckCount>;

  void Set(Check check, bool ok, std::string detail) {
    const MutexLock lock(mutex_);
    Row& row = rows_[static_cast<std::size_t>(check)];
    row.ok = ok;
    row.detail = std::move(detail);
  }
  [[nodiscard]] bool AllOk() const {
    const MutexLock lock(mutex_);
    return std::ranges::all_of(rows_, &Row::ok);
  }
  [[nodiscard]] Table Rows() const {
    const MutexLock lock(mutex_);
    return rows_;
  }

 private:
  mutable Mutex mutex_;
  Table rows_ HASHGATE_GUARDED_BY(mutex_) = {{{"index", false, "lists are not loaded yet"},
                                              {"store", false, "not tried yet"},
                                              {"decoder", false, "not started yet"},
                                              {"canary", false, "has not run yet"},
                                              {"draining", true, "accepting calls"}}};
};

}  // namespace hashgate::app
