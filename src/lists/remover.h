// Removes the records of contents that are out of force, apart from the calls that put them there.
#pragma once

#include <atomic>
#include <deque>
#include <thread>

#include "base/mutex.h"
#include "lists/record_codec.h"
#include "store/store.h"

namespace hashgate::lists {

/// Threads: thread-safe.
class Remover {
 public:
  /// Works on a thread of its own, or on the callers' where not `in_background`.
  Remover(store::Store& store, bool in_background);
  /// Lets go after the step under way, which is a short one. The rest is removed at the next start.
  ~Remover();
  Remover(const Remover&) = delete;
  Remover& operator=(const Remover&) = delete;

  /// Removes the content's records, lets go of their space, then removes its marker, which must be durable
  /// already: what fails here is taken up at the next start. In the background this returns at once.
  void Remove(ContentId content) HASHGATE_EXCLUDES(mutex_);

 private:
  void Run() HASHGATE_EXCLUDES(mutex_);
  void RemoveOrWarn(ContentId content);
  Status RemoveNow(ContentId content);

  store::Store& store_;
  std::atomic<bool> stop_ = false;
  Mutex mutex_;
  CondVar wake_;
  std::deque<ContentId> waiting_ HASHGATE_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace hashgate::lists
