#include "exchange/remote/answer_cache.h"

#include <iterator>
#include <string>

namespace hashgate::exchange {

// Under the store's secret lie digests of other things, too: they must not meet.
AnswerCache::Id AnswerCache::IdOf(const PdqHash& hash) const {
  std::string text = "hashgate remote answer\n";
  const auto bytes = hash.bytes();
  text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return key_.Of(AsBytes(text));
}

std::optional<RemoteAnswer> AnswerCache::Find(const PdqHash& hash, SteadyTime now) {
  const Id id = IdOf(hash);
  const MutexLock lock(mutex_);
  const auto at = by_id_.find(id);
  if (at == by_id_.end()) return std::nullopt;
  const Order::iterator kept = at->second;
  if (now >= kept->until) {
    by_id_.erase(at);
    order_.erase(kept);
    return std::nullopt;
  }
  order_.splice(order_.begin(), order_, kept);
  return kept->answer;
}

void AnswerCache::Keep(const PdqHash& hash, const RemoteAnswer& answer, SteadyTime now) {
  if (max_entries_ == 0) return;
  const Id id = IdOf(hash);
  const MutexLock lock(mutex_);
  if (const auto at = by_id_.find(id); at != by_id_.end()) {
    order_.erase(at->second);
    by_id_.erase(at);
  }
  order_.push_front({id, answer, now + keep_});
  try {
    by_id_.emplace(id, order_.begin());
  } catch (...) {
    order_.pop_front();
    throw;
  }
  while (order_.size() > max_entries_) {
    by_id_.erase(order_.back().id);
    order_.pop_back();
  }
}

std::size_t AnswerCache::Count() const {
  const MutexLock lock(mutex_);
  return order_.size();
}

}  // namespace hashgate::exchange
