#include "lists/entry_reader.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>
#include <utility>

#include "lists/indexed.h"
#include "lists/protection.h"

namespace hashgate::lists {
namespace {

constexpr std::size_t kHashesAtOnce = 65'536;
// Fewer entries are read by one thread in one go.
constexpr std::uint64_t kManyEntries = 100'000;
constexpr std::uint64_t kParts = 64;
constexpr unsigned kMaxThreads = 4;
constexpr std::size_t kMostReady = 4;
// Waits are cut into slices, so that no wake-up that is missed can last.
constexpr std::chrono::seconds kSlice{1};

}  // namespace

EntryReader::EntryReader(const store::Store& store, const index::Tallier& tallier, const ListRecord& list,
                         ContentId content, EntryId first, EntryId end)
    : store_(store),
      tallier_(tallier),
      list_(list),
      content_(content),
      first_(first),
      end_(end),
      parts_(list.list.entry_count >= kManyEntries && end > first ? std::min(kParts, end - first) : 1),
      part_entries_((end > first ? end - first : 0) / parts_ + 1) {
  const unsigned threads = parts_ == 1 ? 1 : std::clamp(std::thread::hardware_concurrency(), 1U, kMaxThreads);
  {
    const MutexLock lock(mutex_);
    running_ = static_cast<int>(threads);
  }
  unsigned made = 0;
  try {
    threads_.reserve(threads);
    for (; made < threads; ++made) threads_.emplace_back([this] { Run(); });
  } catch (const std::system_error&) {
    // Fewer will do; none will not.
    const MutexLock lock(mutex_);
    running_ -= static_cast<int>(threads - made);
    if (made == 0) failed_ = Fail(Reason::kMemoryLimit, "no thread could be made to read entries").error();
  }
}

EntryReader::~EntryReader() {
  closing_.store(true);
  {
    const MutexLock lock(mutex_);
    changed_.NotifyAll();
  }
  threads_.clear();
}

Result<std::optional<EntryBatch>> EntryReader::Next() {
  const MutexLock lock(mutex_);
  while (ready_.empty() && !failed_ && running_ > 0) {
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kSlice);
  }
  if (failed_) return std::unexpected(*failed_);
  if (ready_.empty()) return std::optional<EntryBatch>();
  std::optional<EntryBatch> batch(std::move(ready_.front()));
  ready_.pop_front();
  changed_.NotifyAll();
  return batch;
}

void EntryReader::Run() {
  Status status;
  try {
    for (std::uint64_t part = next_part_.fetch_add(1); status && part < parts_ && !closing_.load();
         part = next_part_.fetch_add(1)) {
      status = ReadPart(part);
    }
  } catch (const std::bad_alloc&) {
    status = Fail(Reason::kMemoryLimit, "there was no memory to read entries");
  }
  if (!status) closing_.store(true);
  const MutexLock lock(mutex_);
  if (!status && !failed_) failed_ = std::move(status).error();
  --running_;
  changed_.NotifyAll();
}

bool EntryReader::Hand(EntryBatch batch) {
  batch.tally = tallier_.Of(batch.rows);
  batch.kinds = CountKinds(batch.rows);
  const MutexLock lock(mutex_);
  while (ready_.size() >= kMostReady && !closing_.load()) {
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kSlice);
  }
  if (closing_.load()) return false;
  ready_.push_back(std::move(batch));
  changed_.NotifyAll();
  return true;
}

Status EntryReader::ReadPart(std::uint64_t part) {
  const EntryId begin = first_ + part * part_entries_;
  const bool last = part + 1 == parts_;
  const EntryId stop = begin + part_entries_;
  EntryBatch batch;
  Status failed;
  HASHGATE_RETURN_IF_ERROR(store_.Scan(
      store::Family::kEntries, ContentPrefix(content_), EntryKey(content_, begin),
      [&](std::string_view key, std::string_view value) {
        const Result<EntryId> id = ParseEntryKey(key);
        // The last part looks on, for what must not be there.
        if (id && !last && *id >= stop) return false;
        const Result<EntryView> view = DecodeEntry(value);
        if (!id || !view) {
          failed = std::unexpected(!id ? id.error() : view.error());
          return false;
        }
        if (*id >= end_) {
          failed = Fail(Reason::kStoreCorrupt,
                        "an entry has a number that the store has not given out yet: restore a backup");
          return false;
        }
        AppendIndexed(list_, *id, view->classification, view->AllHashes(), batch.classes, batch.rows);
        ++batch.entries;
        if (batch.rows.size() < kHashesAtOnce) return true;
        return Hand(std::exchange(batch, EntryBatch()));
      }));
  HASHGATE_RETURN_IF_ERROR(failed);
  if (batch.entries > 0) static_cast<void>(Hand(std::move(batch)));
  return {};
}

}  // namespace hashgate::lists
