// The store on RocksDB. Everything that is RocksDB's stays in this file and in rocks_bulk.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/hex.h"
#include "base/log.h"
#include "base/random.h"
#include "store/folder.h"
#include "store/rocks_bulk.h"
#include "store/rocks_health.h"
#include "store/rocks_options.h"
#include "store/stamp.h"
#include "store/store.h"

namespace hashgate::store {
namespace {

using rocksdb::Slice;

constexpr std::string_view kProbeKey = "probe";
constexpr std::size_t kProtectionBytesPerKey = 8;
// Scans are long: they ask the disk for this much at a time.
constexpr std::size_t kReadAhead = std::size_t{2} << 20;

Slice AsSlice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view AsView(const Slice& slice) {
  return {slice.data(), slice.size()};
}

bool IsNoSpace(const rocksdb::Status& status) {
  return status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit;
}

// A spent quota (EDQUOT) and a limit on the size of files (EFBIG) are full disks, too, but RocksDB takes them
// for hardware errors, from which it does not recover while open.
bool IsAtLimit(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return text.find("File too large") != std::string::npos || text.find("quota exceeded") != std::string::npos;
}

// RocksDB's words name files, offsets and keys (ids and keyed digests), never values.
std::unexpected<Error> FromRocks(const rocksdb::Status& status, const std::string& path) {
  std::string detail = status.ToString();
  constexpr std::size_t kMaxDetail = 400;
  if (detail.size() > kMaxDetail) detail.resize(kMaxDetail);
  const std::string folder = "the data folder " + path;
  if (IsNoSpace(status)) {
    return Fail(
        Reason::kStoreFull,
        folder + " has no space left: free some; writing goes on by itself within seconds (" + detail + ")");
  }
  if (IsAtLimit(status)) {
    return Fail(Reason::kStoreFull,
                folder +
                    " has reached a quota or a limit on the size of files: raise it, then "
                    "restart the server (" +
                    detail + ")");
  }
  if (status.IsCorruption()) {
    return Fail(Reason::kStoreCorrupt, folder + " is damaged: restore a backup (" + detail + ")");
  }
  if (status.IsBusy() || status.IsTryAgain() || status.IsTimedOut()) {
    return Fail(Reason::kStoreBusy, folder + " is busy: try again (" + detail + ")");
  }
  return Fail(Reason::kStoreFailed, folder + " failed (" + detail + ")");
}

// The first key after all keys that start with `prefix`; empty where there is none.
std::string AfterPrefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<std::uint8_t>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<std::uint8_t>(end.back()) + 1);
  return end;
}

// An open database and its handles, in the order in which they must be closed.
class Database {
 public:
  Database() = default;
  ~Database() {
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  }
  Database(Database&&) = default;
  Database& operator=(Database&&) = delete;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
};

class RocksStore final : public Store {
 public:
  RocksStore(const StoreOptions& options, std::shared_ptr<const Sealer> sealer, FolderClaim claim,
             std::shared_ptr<const RocksHealth> health, Database database)
      : path_(options.path),
        bulk_changes_(options.bulk_changes),
        write_buffer_bytes_(options.write_buffer_bytes),
        sealer_(std::move(sealer)),
        claim_(std::move(claim)),
        health_(std::move(health)),
        database_(std::move(database)),
        // The first handle is of RocksDB's "default".
        bulk_(*database_.db, {database_.handles.begin() + 1, database_.handles.end()}, *health_, *sealer_,
              path_) {}

  /// Once, before any other call.
  Status Prepare() {
    if (const rocksdb::Status cleared = bulk_.Clear(); !cleared.ok()) return FromRocks(cleared, path_);
    return {};
  }

  Result<std::optional<std::string>> Get(Family family, std::string_view key) const override {
    rocksdb::PinnableSlice value;
    const rocksdb::Status status = db().Get({}, Handle(family), AsSlice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return FromRocks(status, path_);
    HASHGATE_ASSIGN_OR_RETURN(std::string plain, sealer_->Open(AsView(value), SealingContext(family, key)));
    return std::optional<std::string>(std::move(plain));
  }

  Result<std::vector<std::optional<std::string>>> GetMany(Family family,
                                                          std::span<const std::string> keys) const override {
    std::vector<Slice> slices(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    db().MultiGet({}, Handle(family), keys.size(), slices.data(), values.data(), statuses.data());
    std::vector<std::optional<std::string>> out(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (statuses[i].IsNotFound()) continue;
      if (!statuses[i].ok()) return FromRocks(statuses[i], path_);
      HASHGATE_ASSIGN_OR_RETURN(out[i], sealer_->Open(AsView(values[i]), SealingContext(family, keys[i])));
    }
    return out;
  }

  Status Write(const Batch& batch) override {
    if (batch.size() >= bulk_changes_) {
      TableFiles files(bulk_);
      HASHGATE_RETURN_IF_ERROR(WriteTables(batch, files));
      return TakeOver(std::array<const TableFiles*, 1>{&files});
    }
    rocksdb::WriteBatch changes(0, 0, kProtectionBytesPerKey, 0);
    for (const Batch::Change change : batch.changes()) {
      const rocksdb::Status status =
          change.is_delete
              ? changes.Delete(Handle(change.family), AsSlice(change.key))
              : changes.Put(Handle(change.family), AsSlice(change.key),
                            sealer_->Seal(change.value, SealingContext(change.family, change.key)));
      if (!status.ok()) return FromRocks(status, path_);
    }
    return WriteSynced(changes);
  }

  Result<std::unique_ptr<PreparedBatch>> Prepare(const Batch& batch) override {
    if (batch.size() < bulk_changes_) return Store::Prepare(batch);
    auto prepared = std::make_unique<PreparedTables>(*this);
    HASHGATE_RETURN_IF_ERROR(WriteTables(batch, prepared->files()));
    return prepared;
  }

  Status Scan(Family family, std::string_view prefix, std::string_view start,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const override {
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    read.readahead_size = kReadAhead;
    const std::string end = AfterPrefix(prefix);
    const Slice end_slice(end);
    if (!end.empty()) read.iterate_upper_bound = &end_slice;
    const std::unique_ptr<rocksdb::Iterator> at(db().NewIterator(read, Handle(family)));
    const bool seals_nothing = SealsNothing(sealer_.get());
    for (at->Seek(AsSlice(std::max(prefix, start))); at->Valid(); at->Next()) {
      const std::string_view key = AsView(at->key());
      if (!key.starts_with(prefix)) break;
      if (seals_nothing) {
        if (!visit(key, AsView(at->value()))) break;
        continue;
      }
      HASHGATE_ASSIGN_OR_RETURN(const std::string plain,
                                sealer_->Open(AsView(at->value()), SealingContext(family, key)));
      if (!visit(key, plain)) break;
    }
    if (!at->status().ok()) return FromRocks(at->status(), path_);
    return {};
  }

  Status DeletePrefix(Family family, std::string_view prefix) override {
    // Without a key after the prefix there is no range to name; keys of this store never begin like that.
    const std::string end = AfterPrefix(prefix);
    if (end.empty()) return Fail(Reason::kInvariantBroken, "a prefix to delete has no end");
    const Slice begin_slice = AsSlice(prefix);
    const Slice end_slice(end);
    rocksdb::WriteBatch changes(0, 0, 0, 0);
    const rocksdb::Status status = changes.DeleteRange(Handle(family), begin_slice, end_slice);
    if (!status.ok()) return FromRocks(status, path_);
    return WriteSynced(changes);
  }

  void ReleaseSpace(Family family, std::string_view prefix, std::atomic<bool>& stop) override {
    const std::string end = AfterPrefix(prefix);
    const Slice begin_slice = AsSlice(prefix);
    const Slice end_slice(end);
    rocksdb::CompactRangeOptions compact;
    compact.exclusive_manual_compaction = false;
    compact.canceled = &stop;
    compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    const rocksdb::Status compacted =
        db().CompactRange(compact, Handle(family), &begin_slice, end.empty() ? nullptr : &end_slice);
    if (!compacted.ok() && !stop) {
      log::Warning("store_compaction_failed", "removed records could not leave the disk yet",
                   {{"family", Families()[static_cast<std::size_t>(family)].name},
                    {"error", FromRocks(compacted, path_).error().message}});
    }
  }

  Status Probe() override {
    std::array<std::uint8_t, 16> random{};
    FillRandom(random);
    const std::string value = HexEncode(random);
    Batch batch;
    batch.Put(Family::kMeta, std::string(kProbeKey), value);
    HASHGATE_RETURN_IF_ERROR(Write(batch));
    HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> read, Get(Family::kMeta, kProbeKey));
    if (!read.has_value()) return Fail(Reason::kStoreCorrupt, "the store lost the probe just written");
    return {};
  }

  [[nodiscard]] std::uint64_t DiskBytes() const override {
    std::uint64_t bytes = 0;
    std::error_code error;
    for (std::filesystem::directory_iterator at(path_, error), end; !error && at != end;
         at.increment(error)) {
      // Files come and go under the walk; one that is gone counts nothing.
      std::error_code gone;
      const std::uint64_t size = at->file_size(gone);
      if (!gone) bytes += size;
    }
    return bytes;
  }

 private:
  [[nodiscard]] rocksdb::DB& db() const { return *database_.db; }
  [[nodiscard]] rocksdb::ColumnFamilyHandle* Handle(Family family) const {
    // Handle 0 is RocksDB's "default".
    return database_.handles[static_cast<std::size_t>(family) + 1];
  }

  class PreparedTables final : public PreparedBatch {
   public:
    explicit PreparedTables(RocksStore& store) : store_(store), files_(store.bulk_) {}

    TableFiles& files() { return files_; }
    Status Apply(const Batch& rest) override {
      TableFiles rest_files(store_.bulk_);
      HASHGATE_RETURN_IF_ERROR(store_.WriteTables(rest, rest_files));
      return store_.TakeOver(std::array<const TableFiles*, 2>{&files_, &rest_files});
    }

   private:
    RocksStore& store_;
    TableFiles files_;
  };

  Status WriteTables(const Batch& batch, TableFiles& out) {
    if (const rocksdb::Status status = bulk_.Write(batch, out); !status.ok()) return FromRocks(status, path_);
    return {};
  }
  Status TakeOver(std::span<const TableFiles* const> tables) {
    return Durably([&] { return bulk_.TakeOver(tables); });
  }

  Status WriteSynced(rocksdb::WriteBatch& changes) {
    rocksdb::WriteOptions write;
    write.sync = true;
    return Durably([&] { return db().Write(write, &changes); });
  }

  // `write` puts something on disk; done twice it is as good as done once.
  template <typename Write>
  Status Durably(const Write& write) {
    FillMemory();
    rocksdb::Status status = write();
    if (!status.ok() && !status.IsCorruption()) {
      // After a failed write RocksDB refuses further ones until it has resumed with a new log file. Where the
      // disk was full it looks for space by itself every five seconds, and until then Resume is refused as
      // busy; this asks where its own attempts have ended. What was to be written is either in the store or
      // not, and writing it again changes nothing in the first case.
      if (db().Resume().ok()) {
        FillMemory();
        status = write();
      }
    }
    if (!status.ok()) return FromRocks(status, path_);
    if (health_->HasStopped()) BoundMemory();
    return {};
  }

  // Resuming takes a new log file only where memory has something to flush (RocksHealth): the stamp once
  // more.
  void FillMemory() {
    std::uint64_t entries = 0;
    if (db().GetIntProperty(rocksdb::DB::Properties::kNumEntriesActiveMemTable, &entries) && entries > 0)
      return;
    rocksdb::WriteOptions unlogged;
    unlogged.disableWAL = true;
    std::string stamp;
    rocksdb::Status status = db().Get({}, AsSlice(kStampKey), &stamp);
    if (status.ok()) status = db().Put(unlogged, AsSlice(kStampKey), stamp);
    // Where this fails, so does what follows.
    status.PermitUncheckedError();
  }

  // RocksDB's own bound on its memory tables, for when it does not keep it any more (RocksHealth).
  void BoundMemory() {
    std::uint64_t bytes = 0;
    if (!db().GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes)) return;
    if (bytes < write_buffer_bytes_) return;
    // What fails here is tried again by the next write.
    db().Flush({}, database_.handles).PermitUncheckedError();
  }

  const std::string path_;
  const std::size_t bulk_changes_;
  const std::size_t write_buffer_bytes_;
  const std::shared_ptr<const Sealer> sealer_;
  // Given back only after the database is closed.
  const FolderClaim claim_;
  const std::shared_ptr<const RocksHealth> health_;
  const Database database_;
  RocksBulk bulk_;
};

// How an existing database looks before it is opened for writing.
struct Found {
  std::vector<std::string> families;
  std::optional<Stamp> stamp;
};

Result<Database> OpenForReading(const StoreOptions& options, const std::vector<std::string>& names) {
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(std::size_t{1} << 20);
  descriptors.reserve(names.size());
  for (const std::string& name : names) descriptors.emplace_back(name, FamilyOptions(options, cache));
  Database database;
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(DatabaseOptions(options), options.path,
                                                              descriptors, &database.handles, &raw);
  if (!status.ok()) return FromRocks(status, options.path);
  database.db.reset(raw);
  return database;
}

// Reads the stamp without changing anything, so that a newer version's folder stays as it was.
Result<Found> Inspect(const StoreOptions& options) {
  Found found;
  const rocksdb::Status listed =
      rocksdb::DB::ListColumnFamilies(DatabaseOptions(options), options.path, &found.families);
  if (!listed.ok()) return FromRocks(listed, options.path);
  {
    HASHGATE_ASSIGN_OR_RETURN(Database database,
                              OpenForReading(options, {rocksdb::kDefaultColumnFamilyName}));
    std::string bytes;
    const rocksdb::Status status = database.db->Get({}, AsSlice(kStampKey), &bytes);
    if (status.ok()) {
      Result<Stamp> stamp = DecodeStamp(bytes);
      if (!stamp) return Prefix(std::move(stamp).error(), "the data folder " + options.path);
      found.stamp = *std::move(stamp);
      return found;
    }
    if (!status.IsNotFound()) return FromRocks(status, options.path);
  }
  // No stamp: a database that holds nothing is ours, from a first start that was cut short.
  HASHGATE_ASSIGN_OR_RETURN(Database database, OpenForReading(options, found.families));
  for (rocksdb::ColumnFamilyHandle* handle : database.handles) {
    const std::unique_ptr<rocksdb::Iterator> at(database.db->NewIterator({}, handle));
    at->SeekToFirst();
    if (at->Valid() || !at->status().ok()) {
      return Fail(Reason::kSchemaUnknown,
                  "the data folder " + options.path +
                      " holds a database that is not Hashgate's: name another folder; nothing was changed");
    }
  }
  return found;
}

bool IsKnownFamily(const std::string& name) {
  return name == rocksdb::kDefaultColumnFamilyName ||
         std::ranges::any_of(Families(), [&](const FamilyInfo& family) { return family.name == name; });
}

Status WriteStamp(rocksdb::DB& db, const Sealer& sealer, const std::string& path) {
  std::array<std::uint8_t, 16> id{};
  FillRandom(id);
  const Stamp stamp{kSchemaVersion, std::string(sealer.Name()), HexEncode(id)};
  rocksdb::WriteOptions write;
  write.sync = true;
  rocksdb::Status status = db.Put(write, AsSlice(kStampKey), EncodeStamp(stamp));
  if (status.ok()) status = db.Flush({});
  if (!status.ok()) return FromRocks(status, path);
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> OpenRocksStore(const StoreOptions& options) {
  const std::shared_ptr<const Sealer> sealer =
      options.sealer != nullptr ? options.sealer : std::make_shared<const IdentitySealer>();
  HASHGATE_RETURN_IF_ERROR(PrepareFolder(options.path));
  HASHGATE_ASSIGN_OR_RETURN(FolderClaim claim, FolderClaim::Take(options.path));

  std::error_code error;
  const bool exists = std::filesystem::exists(options.path + "/CURRENT", error);
  if (error) {
    return Fail(Reason::kStoreFailed,
                "the data folder " + options.path + " cannot be read: " + error.message());
  }
  Found found;
  if (exists) {
    HASHGATE_ASSIGN_OR_RETURN(found, Inspect(options));
    if (found.stamp) HASHGATE_RETURN_IF_ERROR(CheckStamp(*found.stamp, sealer->Name(), options.path));
    const auto foreign = std::ranges::find_if_not(found.families, IsKnownFamily);
    if (foreign != found.families.end()) {
      return Fail(Reason::kSchemaUnknown, "the data folder " + options.path + " has a family '" + *foreign +
                                              "' that this version does not know: name another folder");
    }
  }

  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(options.cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, FamilyOptions(options, cache));
  for (const FamilyInfo& family : Families()) {
    descriptors.emplace_back(std::string(family.name), FamilyOptions(options, cache));
  }
  rocksdb::DBOptions database_options = DatabaseOptions(options);
  database_options.create_if_missing = !exists;
  database_options.create_missing_column_families = true;
  const auto health = std::make_shared<RocksHealth>();
  database_options.listeners.push_back(health);
  Database database;
  rocksdb::DB* raw = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(database_options, options.path, descriptors, &database.handles, &raw);
  if (!status.ok()) {
    // Another process may have taken the lock between our look at it and RocksDB's.
    if (const std::optional<pid_t> holder = LockHolder(options.path); status.IsIOError() && holder) {
      return Fail(Reason::kStoreInUse, InUseMessage(options.path, *holder));
    }
    return FromRocks(status, options.path);
  }
  database.db.reset(raw);
  // Flushing and merging give way to scans. Where that is refused they are as eager as the rest.
  for (const auto pool : {rocksdb::Env::Priority::LOW, rocksdb::Env::Priority::HIGH})
    rocksdb::Env::Default()
        ->LowerThreadPoolCPUPriority(pool, rocksdb::CpuPriority::kLow)
        .PermitUncheckedError();
  if (!found.stamp) HASHGATE_RETURN_IF_ERROR(WriteStamp(*database.db, *sealer, options.path));
  auto store = std::make_unique<RocksStore>(options, sealer, std::move(claim), health, std::move(database));
  HASHGATE_RETURN_IF_ERROR(store->Prepare());
  return store;
}

}  // namespace hashgate::store
