// Ordered durable bytes: column families, atomic synced batches, iteration. Knows nothing of hashes or lists.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/sealer.h"
#include "hashgate/error.h"
#include "store/batch.h"

namespace hashgate::store {

/// One row of the table of column families: what it holds, so that a data map can be made from it.
struct FamilyInfo {
  Family family;
  std::string_view name;   ///< on disk
  std::string_view key;    ///< shape of the key
  std::string_view value;  ///< what the value says
  std::string_view keeps;  ///< how long and why
};
std::span<const FamilyInfo> Families();

/// A batch of which all that takes time is done and nothing is in force yet. Dropped, it leaves nothing
/// behind. Must not outlive its store. Threads: confined.
class PreparedBatch {
 public:
  virtual ~PreparedBatch() = default;
  /// Puts it in force together with `rest`, which comes after it; both as Store::Write says, errors too.
  /// After an error it may be called again; after success not.
  virtual Status Apply(const Batch& rest) = 0;
};

/// A store. Values pass the store's Sealer on the way in and out; keys never hold a hash value.
/// Threads: thread-safe.
class Store {
 public:
  virtual ~Store() = default;

  /// The value of a key; kEntryNotFound never appears: an absent key is an empty optional.
  /// Errors: kStoreCorrupt, kStoreFailed.
  virtual Result<std::optional<std::string>> Get(Family family, std::string_view key) const = 0;

  /// The values of many keys, in their order; absent ones are empty. Errors as Get. Cost: far less than as
  /// many calls of Get.
  virtual Result<std::vector<std::optional<std::string>>> GetMany(Family family,
                                                                  std::span<const std::string> keys) const;

  /// Applies the batch atomically. Returns once it is on disk (synced). A reader of several families may see
  /// some of them a moment before the others. Cost: a small batch a synced write of a log, whose records are
  /// sorted and rewritten later; a large one (StoreOptions::bulk_changes) is sorted here and becomes table
  /// files at once, about four times as fast for each change, and needs as much again as its bytes in memory.
  /// Errors: kStoreFull, kStoreBusy, kStoreCorrupt, kStoreFailed; then nothing was applied.
  virtual Status Write(const Batch& batch) = 0;

  /// Does of Write what can be done before its turn, so that whoever orders writes by a lock holds it only
  /// for Apply. A large batch is sorted and put into table files, which Apply only names in the manifest; of
  /// a small one nothing is done yet. Errors as Write.
  virtual Result<std::unique_ptr<PreparedBatch>> Prepare(const Batch& batch);

  /// Calls `visit` for keys that start with `prefix`, from `start` on, in byte order, until it returns false.
  /// Sees one state throughout.
  virtual Status Scan(
      Family family, std::string_view prefix, std::string_view start,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;

  /// Deletes every key of the family that starts with `prefix`, durably. May be repeated after a failure.
  /// Errors as Write. Cost: one write, however many keys there are; ReleaseSpace frees what they took.
  virtual Status DeletePrefix(Family family, std::string_view prefix) = 0;

  /// Rewrites what stands on disk around `prefix`, so that what was deleted there leaves the disk. Ends early
  /// once `stop` is true. Cost: grows with the number of keys deleted, seconds for a million: not for a
  /// thread that somebody waits for. A failure is logged: the records are gone all the same, and the store
  /// rewrites its files by itself when it can. Nothing where deleting frees at once.
  virtual void ReleaseSpace(Family /*family*/, std::string_view /*prefix*/, std::atomic<bool>& /*stop*/) {}

  /// Writes and reads back a probe. Errors as Write: says whether the store can be written now.
  virtual Status Probe() = 0;

  /// Bytes on disk, approximately.
  [[nodiscard]] virtual std::uint64_t DiskBytes() const = 0;
};

struct StoreOptions {
  std::string path;                      ///< made if absent; its mode is set to 0700
  std::shared_ptr<const Sealer> sealer;  ///< identity where null
  /// Bytes of memory for blocks read and for writes not yet in table files. Together they bound what the
  /// store holds; more makes imports into large lists and reads of single entries faster.
  std::size_t cache_bytes = std::size_t{128} << 20;
  std::size_t write_buffer_bytes = std::size_t{64} << 20;
  /// Batches of at least so many changes are written as sorted table files; below, their fixed cost (a synced
  /// file a family, to be merged later) is more than they save.
  std::size_t bulk_changes = 40'000;
  /// Takes a damaged log of recent writes up to the damage and loses what follows. Otherwise damage there is
  /// kStoreCorrupt, because acknowledged entries would go missing in silence. Set for one start, by a person.
  bool drop_damaged_tail = false;
};

/// The schema this build writes. A folder with a newer one is refused; older ones are migrated by lists'
/// records.
inline constexpr std::uint32_t kSchemaVersion = 1;

/// Opens or makes a RocksDB store. Errors: kStoreInUse, kSchemaTooNew, kSchemaUnknown, kStoreCorrupt,
/// kStoreFull, kStoreFailed; each message names the folder and says what to do.
Result<std::unique_ptr<Store>> OpenRocksStore(const StoreOptions& options);

}  // namespace hashgate::store
