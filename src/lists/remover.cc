#include "lists/remover.h"

#include <pthread.h>

#include <array>
#include <chrono>

#include "base/log.h"
#include "base/process.h"
#include "lists/limits.h"

namespace hashgate::lists {
namespace {

using store::Family;

/// Waits are cut into slices, so that no wake-up that is missed can last.
constexpr std::chrono::seconds kSlice{1};
constexpr std::array kFamilies = {Family::kEntryKeys, Family::kEntries, Family::kQuarantine};

}  // namespace

Remover::Remover(store::Store& store, bool in_background) : store_(store) {
  if (!in_background) return;
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "lists-remover");
    LowerThreadPriority();
    Run();
  });
}

Remover::~Remover() {
  const MutexLock lock(mutex_);
  stop_ = true;
  wake_.NotifyAll();
}

void Remover::Remove(ContentId content) {
  if (!thread_.joinable()) return RemoveOrWarn(content);
  const MutexLock lock(mutex_);
  if (waiting_.size() >= kMaxWaitingRemovals) {
    log::Warning("list_removal_postponed", "records no longer in force are removed at the next start",
                 {{"content", content}, {"waiting", waiting_.size()}});
    return;
  }
  waiting_.push_back(content);
  wake_.NotifyOne();
}

void Remover::Run() {
  while (true) {
    ContentId content = 0;
    {
      const MutexLock lock(mutex_);
      while (waiting_.empty() && !stop_) wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kSlice);
      if (stop_) return;
      content = waiting_.front();
      waiting_.pop_front();
    }
    RemoveOrWarn(content);
  }
}

void Remover::RemoveOrWarn(ContentId content) {
  const Status removed = RemoveNow(content);
  if (removed) return;
  log::Warning("list_removal_postponed", "records no longer in force are removed at the next start",
               {{"content", content}, {"error", removed.error().message}});
}

Status Remover::RemoveNow(ContentId content) {
  const std::string prefix = ContentPrefix(content);
  for (const Family family : kFamilies) {
    if (stop_) return {};
    HASHGATE_RETURN_IF_ERROR(store_.DeletePrefix(family, prefix));
  }
  for (const Family family : kFamilies) {
    store_.ReleaseSpace(family, prefix, stop_);
    // The marker stays, so that the next start lets go of the rest.
    if (stop_) return {};
  }
  store::Batch batch;
  batch.Delete(Family::kMeta, RemovalKey(content));
  return store_.Write(batch);
}

}  // namespace hashgate::lists
