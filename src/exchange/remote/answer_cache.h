// What a remote list answered lately.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mutex.h"
#include "exchange/remote/remote_client.h"
#include "hashgate/hash.h"

namespace hashgate::exchange {

/// Answers by a keyed digest of the hash, those used last kept longest; in memory only. What lies there says
/// nothing about which hashes were asked to whoever does not hold the key. Threads: thread-safe. Cost: an
/// HMAC a call, and about 300 bytes an answer.
class AnswerCache {
 public:
  /// At most `max_entries`, none older than `keep`. `key` is the store's secret.
  AnswerCache(std::span<const std::uint8_t> key, std::size_t max_entries, std::chrono::seconds keep)
      : key_(key), max_entries_(max_entries), keep_(keep) {}

  std::optional<RemoteAnswer> Find(const PdqHash& hash, SteadyTime now);
  void Keep(const PdqHash& hash, const RemoteAnswer& answer, SteadyTime now);
  [[nodiscard]] std::size_t Count() const;

 private:
  using Id = std::array<std::uint8_t, 32>;
  struct Kept {
    Id id;
    RemoteAnswer answer;
    SteadyTime until;
  };
  using Order = std::list<Kept>;

  [[nodiscard]] Id IdOf(const PdqHash& hash) const;

  const KeyedSha256 key_;
  const std::size_t max_entries_;
  const std::chrono::seconds keep_;
  mutable Mutex mutex_;
  Order order_ HASHGATE_GUARDED_BY(mutex_);  // last used first
  std::map<Id, Order::iterator> by_id_ HASHGATE_GUARDED_BY(mutex_);
};

}  // namespace hashgate::exchange
