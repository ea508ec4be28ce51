// Reads a content's entries for the index, on several threads where there are many.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "index/hash_index.h"
#include "lists/action_classes.h"
#include "lists/record_codec.h"
#include "store/store.h"

namespace hashgate::lists {

/// Some entries as the index takes them.
struct EntryBatch {
  index::IndexedRows rows;
  ActionClasses classes;  ///< that the rows' classes are numbers of
  index::Tally tally;
  KindCounts kinds;
  std::uint64_t entries = 0;
};

/// The entries of one content from one number up to another. Batches come in no order. Threads: confined;
/// what it was made with must outlive it. Memory: a few batches of 65,536 hashes.
class EntryReader {
 public:
  /// Reads entries [first, end) of `content`, which is the list's or will be.
  EntryReader(const store::Store& store, const index::Tallier& tallier, const ListRecord& list,
              ContentId content, EntryId first, EntryId end);
  /// Ends what is under way.
  ~EntryReader();
  EntryReader(const EntryReader&) = delete;
  EntryReader& operator=(const EntryReader&) = delete;

  /// The next batch; none at the end. Errors: the store's, kStoreCorrupt for an entry that does not decode or
  /// has a number of `end` or beyond, kMemoryLimit.
  Result<std::optional<EntryBatch>> Next();

 private:
  void Run();
  Status ReadPart(std::uint64_t part);
  // False where the reader is closing.
  bool Hand(EntryBatch batch);

  const store::Store& store_;
  const index::Tallier& tallier_;
  const ListRecord& list_;
  const ContentId content_;
  const EntryId first_;
  const EntryId end_;
  const std::uint64_t parts_;
  const std::uint64_t part_entries_;
  std::atomic<std::uint64_t> next_part_ = 0;
  std::atomic<bool> closing_ = false;

  Mutex mutex_;
  CondVar changed_;
  std::deque<EntryBatch> ready_ HASHGATE_GUARDED_BY(mutex_);
  std::optional<Error> failed_ HASHGATE_GUARDED_BY(mutex_);
  int running_ HASHGATE_GUARDED_BY(mutex_) = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace hashgate::lists
