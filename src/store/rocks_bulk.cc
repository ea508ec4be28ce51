#include "store/rocks_bulk.h"

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <iterator>
#include <system_error>

#include "store/store.h"

namespace hashgate::store {
namespace {

using rocksdb::Slice;

Slice AsSlice(std::string_view text) {
  return {text.data(), text.size()};
}

// A change to be sorted. Most comparisons are settled by eight bytes that stand beside each other.
struct Sortable {
  std::uint64_t head;  // of the key, after what all keys of the family have in common
  std::uint32_t at;    // in the batch
};

std::uint64_t HeadOf(std::string_view key, std::size_t from) {
  std::uint64_t head = 0;
  for (std::size_t i = from; i < from + sizeof(head); ++i) {
    head = head << 8 | (i < key.size() ? static_cast<std::uint8_t>(key[i]) : 0U);
  }
  return head;
}

std::size_t CommonPrefix(const Batch& batch, std::span<const Sortable> changes) {
  const std::string_view first = batch[changes.front().at].key;
  std::size_t common = first.size();
  for (const Sortable& change : changes) {
    const std::string_view key = batch[change.at].key;
    common = std::min(common, key.size());
    while (first.substr(0, common) != key.substr(0, common)) --common;
  }
  return common;
}

// Into the order of keys, each key once, with its last change.
void SortByKey(const Batch& batch, std::vector<Sortable>& changes) {
  const std::size_t common = CommonPrefix(batch, changes);
  for (Sortable& change : changes) change.head = HeadOf(batch[change.at].key, common);
  const auto before = [&](const Sortable& a, const Sortable& b) {
    if (a.head != b.head) return a.head < b.head;
    const int order = batch[a.at].key.compare(batch[b.at].key);
    // The last change of a key first, where `unique` finds it.
    return order != 0 ? order < 0 : a.at > b.at;
  };
  if (!std::ranges::is_sorted(changes, before)) std::ranges::sort(changes, before);
  const auto same_key = [&](const Sortable& a, const Sortable& b) {
    return a.head == b.head && batch[a.at].key == batch[b.at].key;
  };
  const auto doubled = std::ranges::unique(changes, same_key);
  changes.erase(doubled.begin(), doubled.end());
}

// The changes of one family on their way into a file.
struct Part {
  Family family = Family::kMeta;
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  std::string path;
  std::vector<Sortable> changes;
  rocksdb::Status status;
  rocksdb::ExternalSstFileInfo info;
};

rocksdb::Status WriteFile(const rocksdb::Options& options, const Sealer& sealer, const Batch& batch,
                          Part& part) {
  // Its pages are read again soon, by lookups of the next batch.
  constexpr bool kDropPages = false;
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(options), options, part.handle, kDropPages);
  rocksdb::Status status = writer.Open(part.path);
  // Sorted changes lie anywhere in the batch: without this each would wait for memory.
  constexpr std::size_t kAhead = 8;
  std::string context = SealingContext(part.family, {});
  const std::size_t before_key = context.size();
  for (std::size_t i = 0; status.ok() && i < part.changes.size(); ++i) {
    if (i + kAhead < part.changes.size()) batch.Prefetch(part.changes[i + kAhead].at);
    const Batch::Change change = batch[part.changes[i].at];
    if (change.is_delete) {
      status = writer.Delete(AsSlice(change.key));
    } else {
      context.resize(before_key);
      context.append(change.key);
      status = writer.Put(AsSlice(change.key), sealer.Seal(change.value, context));
    }
  }
  // Synced, as its pages must be on disk before the manifest names it.
  if (status.ok()) status = writer.Finish(&part.info);
  return status;
}

rocksdb::Status FromSystem(const std::error_code& error, const std::string& path) {
  if (!error) return rocksdb::Status::OK();
  const bool full = error == std::errc::no_space_on_device;
  return full ? rocksdb::Status::NoSpace(path, error.message())
              : rocksdb::Status::IOError(path, error.message());
}

}  // namespace

std::string SealingContext(Family family, std::string_view key) {
  const std::string_view name = Families()[static_cast<std::size_t>(family)].name;
  std::string context;
  context.reserve(name.size() + 1 + key.size());
  context.append(name).append("/").append(key);
  return context;
}

RocksBulk::RocksBulk(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& handles,
                     const RocksHealth& health, const Sealer& sealer, const std::string& data_folder)
    : db_(db), handles_(handles), health_(health), sealer_(sealer), folder_(data_folder + "/bulk") {}

TableFiles::~TableFiles() {
  if (in_folder_) bulk_.Remove(*this);
}

rocksdb::Status RocksBulk::Clear() {
  const MutexLock lock(folder_mutex_);
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
  return FromSystem(error, folder_);
}

rocksdb::Status RocksBulk::EnterFolder(TableFiles& files, std::uint64_t& number) {
  const MutexLock lock(folder_mutex_);
  std::error_code error;
  std::filesystem::create_directory(folder_, error);
  if (error) return FromSystem(error, folder_);
  files.in_folder_ = true;
  ++in_folder_;
  number = next_number_++;
  return rocksdb::Status::OK();
}

void RocksBulk::Remove(const TableFiles& files) {
  const MutexLock lock(folder_mutex_);
  std::error_code ignored;
  for (const rocksdb::IngestExternalFileArg& file : files.files_) {
    for (const std::string& path : file.external_files) std::filesystem::remove(path, ignored);
  }
  if (--in_folder_ == 0) std::filesystem::remove_all(folder_, ignored);
}

rocksdb::Status RocksBulk::Write(const Batch& batch, TableFiles& out) {
  if (batch.empty()) return rocksdb::Status::OK();
  std::uint64_t number = 0;
  if (const rocksdb::Status entered = EnterFolder(out, number); !entered.ok()) return entered;
  std::vector<Part> parts;
  {
    std::vector<std::vector<Sortable>> by_family(handles_.size());
    for (std::uint32_t at = 0; at < batch.size(); ++at) {
      by_family[static_cast<std::size_t>(batch[at].family)].push_back({0, at});
    }
    for (std::size_t family = 0; family < by_family.size(); ++family) {
      if (by_family[family].empty()) continue;
      Part& part = parts.emplace_back();
      part.family = static_cast<Family>(family);
      part.handle = handles_[family];
      // RocksDB reads a number off the name's end to speak of the file, and takes none below 1.
      part.path = folder_ + "/" + std::to_string(number) + "-" + std::to_string(family + 1) + ".sst";
      part.changes = std::move(by_family[family]);
    }
  }
  {
    const auto write = [&](Part& part) {
      SortByKey(batch, part.changes);
      part.status = WriteFile(db_.GetOptions(part.handle), sealer_, batch, part);
    };
    // Families are independent of each other until the end: the largest has a thread of its own where one is
    // to be had and it is worth it.
    constexpr std::size_t kWorthAThread = 1'000;
    const auto by_size = [](const Part& part) { return part.changes.size(); };
    const auto largest = std::ranges::max_element(parts, {}, by_size);
    const bool alone = parts.size() > 1 && largest->changes.size() >= kWorthAThread;
    std::future<void> beside;
    if (alone) beside = std::async([&] { write(*largest); });
    for (auto at = parts.begin(); at != parts.end(); ++at) {
      if (!alone || at != largest) write(*at);
    }
    if (alone) beside.get();
  }
  // RocksDB flushes what memory holds of the same keys before it takes a file over: done here, nobody waits.
  rocksdb::FlushOptions flush;
  flush.allow_write_stall = true;
  rocksdb::Status status = db_.Flush(flush, handles_);
  // All of them, written or not: so that what there is of each is removed in the end.
  for (const Part& part : parts) {
    if (status.ok()) status = part.status;
    rocksdb::IngestExternalFileArg& file = out.files_.emplace_back();
    file.column_family = part.handle;
    for (const Sortable& change : part.changes) {
      const Batch::Change row = batch[change.at];
      if (row.is_delete) out.deleted_.emplace_back(part.handle, row.key);
    }
    file.external_files = {part.path};
    file.files_checksums = {part.info.file_checksum};
    file.files_checksum_func_names = {part.info.file_checksum_func_name};
    file.options.move_files = true;
    // The file stays as it was written, so that its checksum holds, which the manifest keeps. Reading it
    // again here would tell more of the page cache than of the disk, while other writers wait.
    file.options.write_global_seqno = false;
    file.options.verify_file_checksum = false;
  }
  return status;
}

rocksdb::Status RocksBulk::TakeOver(std::span<const TableFiles* const> tables) {
  std::vector<rocksdb::IngestExternalFileArg> files;
  for (const TableFiles* table : tables) {
    for (const rocksdb::IngestExternalFileArg& file : table->files_) {
      const auto same =
          std::ranges::find(files, file.column_family, &rocksdb::IngestExternalFileArg::column_family);
      if (same == files.end()) {
        files.push_back(file);
        continue;
      }
      // A family may be named once; of its files the later one counts.
      std::ranges::copy(file.external_files, std::back_inserter(same->external_files));
      std::ranges::copy(file.files_checksums, std::back_inserter(same->files_checksums));
      std::ranges::copy(file.files_checksum_func_names, std::back_inserter(same->files_checksum_func_names));
    }
  }
  if (files.empty()) return rocksdb::Status::OK();
  return health_.HasStopped() ? CopyOver(tables) : db_.IngestExternalFiles(files);
}

rocksdb::Status RocksBulk::CopyOver(std::span<const TableFiles* const> tables) {
  rocksdb::WriteBatch rows;
  for (const TableFiles* table : tables) {
    for (const auto& [handle, key] : table->deleted_) {
      if (const rocksdb::Status status = rows.Delete(handle, key); !status.ok()) return status;
    }
    for (const rocksdb::IngestExternalFileArg& file : table->files_) {
      rocksdb::SstFileReader reader(db_.GetOptions(file.column_family));
      rocksdb::Status status = reader.Open(file.external_files.front());
      if (!status.ok()) return status;
      const std::unique_ptr<rocksdb::Iterator> at(reader.NewIterator({}));
      for (at->SeekToFirst(); status.ok() && at->Valid(); at->Next()) {
        status = rows.Put(file.column_family, at->key(), at->value());
      }
      if (status.ok()) status = at->status();
      if (!status.ok()) return status;
    }
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  return db_.Write(synced, &rows);
}

}  // namespace hashgate::store
