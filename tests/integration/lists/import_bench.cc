// How many records a second each way of writing takes, in one run: plain RocksDB batches of the same rows,
// and imports through the catalogue, committed call by call and in runs. Only writing is timed: records are
// made outside. Usage: lists_import_bench NEW_FOLDER [ENTRIES] [plain] [tables] [calls] [runs] [replace]
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>

#include "lists/record_codec.h"
#include "testing/list_records.h"

namespace {

using hashgate::Result;
namespace lists = hashgate::lists;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kPlainBatch = 1'000;
constexpr std::size_t kCall = 4'000;

template <typename T>
T OrExit(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(3);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// Source: Steele, Lea and Flood's SplitMix64. Records are a function of their number.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15) {}
  std::uint64_t operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  void Fill(std::span<std::uint8_t> bytes) {
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>((*this)() >> 32);
  }

 private:
  std::uint64_t state_;
};

lists::EntryRecord MakeRecord(std::uint64_t number) {
  using hashgate::Algorithm;
  lists::EntryRecord record;
  record.source_id = "item-" + std::to_string(number);
  record.classification = "class-0";
  Random random(number + 1);
  for (const Algorithm algorithm : {Algorithm::kMd5, Algorithm::kSha1, Algorithm::kPdq}) {
    hashgate::HashValue& hash = record.hashes.emplace_back();
    hash.algorithm = algorithm;
    hash.bytes.resize(hashgate::HashSize(algorithm));
    random.Fill(hash.bytes);
  }
  return record;
}

double ProcessorSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The time of what is between Begin and End, all threads' processor time too.
class Watch {
 public:
  void Begin() {
    begun_ = SteadyClock::now();
    processor_begun_ = ProcessorSeconds();
  }
  void End() {
    const double took = std::chrono::duration<double>(SteadyClock::now() - begun_).count();
    seconds_ += took;
    longest_ = std::max(longest_, took);
    processor_ += ProcessorSeconds() - processor_begun_;
  }
  [[nodiscard]] double seconds() const { return seconds_; }
  void Print(const char* what, std::size_t entries) const {
    std::printf("%-34s %8.2f s  %9.0f records/s  processor %8.2f s  longest call %.3f s\n", what, seconds_,
                static_cast<double>(entries) / seconds_, processor_, longest_);
    std::fflush(stdout);
  }

 private:
  SteadyClock::time_point begun_;
  double processor_begun_ = 0;
  double seconds_ = 0;
  double processor_ = 0;
  double longest_ = 0;
};

void RequireOk(const rocksdb::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(3);
}

// What an import writes for each entry: the entry, and what leads to it.
using Row = std::array<std::string, 4>;  // keys and values of both families

std::vector<Row> MakeRows(std::size_t from, std::size_t to) {
  std::vector<Row> out;
  out.reserve(to - from);
  for (std::size_t number = from; number < to; ++number) {
    lists::IdentityRecord identity{number, {}};
    lists::KeyedDigest digest{};
    Random random(~number);
    random.Fill(digest);
    random.Fill(identity.content);
    out.push_back({lists::EntryKey(1, number),
                   lists::EncodeEntry({}, lists::EncodeEntryBody(MakeRecord(number))),
                   lists::IdentityKey(1, digest), lists::EncodeIdentity(identity)});
  }
  return out;
}

// RocksDB as it comes, with filters and without compression, in batches of a thousand entries that are logged
// but not synced.
double Plain(const std::string& folder, std::size_t entries) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* raw = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  RequireOk(rocksdb::DB::Open(options, folder,
                              {{"default", options}, {"entries", options}, {"entry_keys", options}}, &handles,
                              &raw));
  const std::unique_ptr<rocksdb::DB> db(raw);
  Watch watch;
  for (std::size_t from = 0; from < entries; from += kPlainBatch) {
    const std::vector<Row> made = MakeRows(from, std::min(entries, from + kPlainBatch));
    watch.Begin();
    rocksdb::WriteBatch batch;
    for (const auto& [entry, value, identity, target] : made) {
      RequireOk(batch.Put(handles[1], entry, value));
      RequireOk(batch.Put(handles[2], identity, target));
    }
    RequireOk(db->Write({}, &batch));
    watch.End();
  }
  watch.Print("RocksDB, WriteBatch(1000)", entries);
  for (rocksdb::ColumnFamilyHandle* handle : handles) RequireOk(db->DestroyColumnFamilyHandle(handle));
  return watch.seconds();
}

// The same rows through the store: sorted, written, synced and taken over, without looking anything up.
double Tables(const std::string& folder, std::size_t entries) {
  const auto store = OrExit(hashgate::store::OpenRocksStore({.path = folder}));
  const std::size_t run = lists::RunOptions{}.records;
  Watch watch;
  for (std::size_t from = 0; from < entries; from += run) {
    const std::vector<Row> made = MakeRows(from, std::min(entries, from + run));
    watch.Begin();
    hashgate::store::Batch batch;
    constexpr std::size_t kBytesAnEntry = 256;
    batch.Reserve(2 * made.size(), kBytesAnEntry * made.size());
    for (const auto& [entry, value, identity, target] : made) {
      batch.Put(hashgate::store::Family::kEntries, entry, value);
      batch.Put(hashgate::store::Family::kEntryKeys, identity, target);
    }
    OrExit(store->Write(batch));
    watch.End();
  }
  watch.Print("the same rows as table files", entries);
  return watch.seconds();
}

double Catalogue(const std::string& folder, std::size_t entries, bool in_runs, bool replace,
                 const char* what) {
  const auto store = OrExit(hashgate::store::OpenRocksStore({.path = folder}));
  lists::CatalogOptions options;
  if (!in_runs) options.runs.after_records = std::numeric_limits<std::uint64_t>::max();
  const auto catalog = OrExit(lists::Catalog::Open(*store, options));
  OrExit(catalog->CreateList(hashgate::testing::MakeConfig("bench")));
  const auto import = OrExit(catalog->StartImport({.list = "bench", .file = "bench", .replace = replace}));
  Watch watch;
  for (std::size_t from = 0; from < entries; from += kCall) {
    std::vector<lists::ImportRecord> records;
    for (std::size_t number = from; number < std::min(entries, from + kCall); ++number) {
      records.push_back({number + 1, MakeRecord(number), {}});
    }
    watch.Begin();
    OrExit(import->Add(records));
    watch.End();
  }
  watch.Begin();
  OrExit(import->Finish());
  watch.End();
  watch.Print(what, entries);
  return watch.seconds();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || std::filesystem::exists(argv[1])) {
    std::fprintf(
        stderr, "usage: lists_import_bench NEW_FOLDER [ENTRIES] [plain] [tables] [calls] [runs] [replace]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const std::size_t entries = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  const auto asked = [&](std::string_view way) {
    return argc <= 3 || std::any_of(argv + 3, argv + argc, [&](const char* word) { return word == way; });
  };
  std::filesystem::create_directory(folder);
  // Each has the disk for itself.
  const auto run = [&](std::string_view way, const auto& measure) {
    if (!asked(way)) return 0.0;
    const std::string path = folder + "/data";
    const double seconds = measure(path);
    std::filesystem::remove_all(path);
    return seconds;
  };
  const double plain = run("plain", [&](const std::string& path) { return Plain(path, entries); });
  const auto against = [&](double seconds) {
    if (plain > 0 && seconds > 0) std::printf("%-34s %8.2f x plain\n", "", plain / seconds);
  };
  against(run("tables", [&](const std::string& path) { return Tables(path, entries); }));
  against(run("calls", [&](const std::string& path) {
    return Catalogue(path, entries, false, false, "import, a commit a call");
  }));
  against(run("runs", [&](const std::string& path) {
    return Catalogue(path, entries, true, false, "import in runs");
  }));
  against(run("replace", [&](const std::string& path) {
    return Catalogue(path, entries, true, true, "import in runs, staged and swapped");
  }));
  std::filesystem::remove(folder);
  return 0;
}
