// A store in memory with the real one's semantics, whose writes and reads can be told to fail. A catalogue
// opened again on the same FakeStore is a restart; failing every write from the Nth on is a crash there.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "store/store.h"

namespace hashgate::testing {

class FakeStore final : public store::Store {
 public:
  using Family = store::Family;

  Result<std::optional<std::string>> Get(Family family, std::string_view key) const override {
    const MutexLock lock(mutex_);
    if (fail_reads_) return Fail(*fail_reads_, "told to fail");
    const auto& rows = rows_[static_cast<std::size_t>(family)];
    const auto at = rows.find(key);
    if (at == rows.end()) return std::optional<std::string>();
    return std::optional<std::string>(at->second);
  }

  Status Write(const store::Batch& batch) override {
    const MutexLock lock(mutex_);
    HASHGATE_RETURN_IF_ERROR(CountWrite());
    for (const store::Batch::Change change : batch.changes()) {
      auto& rows = rows_[static_cast<std::size_t>(change.family)];
      if (change.is_delete) {
        rows.erase(std::string(change.key));
      } else {
        rows[std::string(change.key)] = change.value;
      }
    }
    return {};
  }

  Result<std::unique_ptr<store::PreparedBatch>> Prepare(const store::Batch& batch) override {
    if (on_prepare) on_prepare();
    return Store::Prepare(batch);
  }

  Status Scan(Family family, std::string_view prefix, std::string_view start,
              const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    // One state throughout, and no lock while visiting: the visitor may call the store.
    std::vector<std::pair<std::string, std::string>> seen;
    {
      const MutexLock lock(mutex_);
      if (fail_reads_) return Fail(*fail_reads_, "told to fail");
      const auto& rows = rows_[static_cast<std::size_t>(family)];
      for (auto at = rows.lower_bound(prefix < start ? start : prefix);
           at != rows.end() && at->first.starts_with(prefix); ++at) {
        seen.emplace_back(*at);
      }
    }
    for (const auto& [key, value] : seen) {
      if (!visit(key, value)) break;
    }
    return {};
  }

  Status DeletePrefix(Family family, std::string_view prefix) override {
    const MutexLock lock(mutex_);
    HASHGATE_RETURN_IF_ERROR(CountWrite());
    auto& rows = rows_[static_cast<std::size_t>(family)];
    auto at = rows.lower_bound(prefix);
    while (at != rows.end() && at->first.starts_with(prefix)) at = rows.erase(at);
    return {};
  }

  Status Probe() override {
    const MutexLock lock(mutex_);
    return CountWrite();
  }

  [[nodiscard]] std::uint64_t DiskBytes() const override {
    const MutexLock lock(mutex_);
    std::uint64_t bytes = 0;
    for (const auto& rows : rows_) {
      for (const auto& [key, value] : rows) bytes += key.size() + value.size();
    }
    return bytes;
  }

  /// Called by each Prepare, on its thread; set it while nothing is written.
  std::function<void()> on_prepare;

  /// Fails the nth write from now (1 is the next), once.
  void FailWrite(std::uint64_t nth, Reason reason) { SetWriteFailure(nth, 1, reason); }
  /// Fails the nth write from now and all later ones, until Heal.
  void FailWritesFrom(std::uint64_t nth, Reason reason) { SetWriteFailure(nth, ~std::uint64_t{0}, reason); }
  void FailReads(Reason reason) {
    const MutexLock lock(mutex_);
    fail_reads_ = reason;
  }
  void Heal() {
    const MutexLock lock(mutex_);
    fail_reads_.reset();
    fail_count_ = 0;
  }

  /// Writes asked for so far, failed ones too.
  [[nodiscard]] std::uint64_t Writes() const {
    const MutexLock lock(mutex_);
    return writes_;
  }
  [[nodiscard]] std::size_t Rows(Family family) const {
    const MutexLock lock(mutex_);
    return rows_[static_cast<std::size_t>(family)].size();
  }
  /// Keys and values of a family, to look at or to damage.
  [[nodiscard]] std::map<std::string, std::string, std::less<>> Copy(Family family) const {
    const MutexLock lock(mutex_);
    return rows_[static_cast<std::size_t>(family)];
  }
  using Contents = std::array<std::map<std::string, std::string, std::less<>>, store::kFamilyCount>;
  /// Everything, as a backup would have it, and back again.
  [[nodiscard]] Contents contents() const {
    const MutexLock lock(mutex_);
    return rows_;
  }
  void Restore(Contents contents) {
    const MutexLock lock(mutex_);
    rows_ = std::move(contents);
  }
  void Set(Family family, const std::string& key, std::string value) {
    const MutexLock lock(mutex_);
    rows_[static_cast<std::size_t>(family)][key] = std::move(value);
  }

 private:
  void SetWriteFailure(std::uint64_t nth, std::uint64_t count, Reason reason) {
    const MutexLock lock(mutex_);
    fail_from_ = writes_ + nth;
    fail_count_ = count;
    fail_reason_ = reason;
  }

  Status CountWrite() HASHGATE_REQUIRES(mutex_) {
    ++writes_;
    if (fail_count_ > 0 && writes_ >= fail_from_ && writes_ - fail_from_ < fail_count_) {
      return Fail(fail_reason_, "told to fail");
    }
    return {};
  }

  mutable Mutex mutex_;
  Contents rows_ HASHGATE_GUARDED_BY(mutex_);
  std::uint64_t writes_ HASHGATE_GUARDED_BY(mutex_) = 0;
  std::uint64_t fail_from_ HASHGATE_GUARDED_BY(mutex_) = 0;
  std::uint64_t fail_count_ HASHGATE_GUARDED_BY(mutex_) = 0;
  Reason fail_reason_ HASHGATE_GUARDED_BY(mutex_) = Reason::kStoreFailed;
  std::optional<Reason> fail_reads_ HASHGATE_GUARDED_BY(mutex_);
};

}  // namespace hashgate::testing
