// How long each way of writing takes, in one run: plain RocksDB batches of the same rows, and imports through
// the catalogue, committed call by call and in runs, the latter also while entries are withdrawn. Everything
// that is written is made before the clock starts: 10,000,000 entries need 8 GiB. Prints a Markdown table.
// Usage: lists_import_bench NEW_FOLDER [ENTRIES] [plain] [tables] [calls] [runs] [withdrawals] [replace]
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <thread>

#include "lists/record_codec.h"
#include "store/store.h"

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

struct Took {
  double wall = 0;
  double processor = 0;       // of all threads
  std::vector<double> waits;  // of each withdrawal made meanwhile, in seconds
};

// From its making to End.
class Watch {
 public:
  [[nodiscard]] Took End() const {
    return {std::chrono::duration<double>(SteadyClock::now() - begun_).count(),
            ProcessorSeconds() - processor_begun_,
            {}};
  }

 private:
  const double processor_begun_ = ProcessorSeconds();
  const SteadyClock::time_point begun_ = SteadyClock::now();
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
Took Plain(const std::string& folder, std::size_t entries) {
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
  const std::vector<Row> made = MakeRows(0, entries);
  const Watch watch;
  for (std::size_t from = 0; from < entries; from += kPlainBatch) {
    rocksdb::WriteBatch batch;
    for (std::size_t i = from; i < std::min(entries, from + kPlainBatch); ++i) {
      const auto& [entry, value, identity, target] = made[i];
      RequireOk(batch.Put(handles[1], entry, value));
      RequireOk(batch.Put(handles[2], identity, target));
    }
    RequireOk(db->Write({}, &batch));
  }
  const Took took = watch.End();
  for (rocksdb::ColumnFamilyHandle* handle : handles) RequireOk(db->DestroyColumnFamilyHandle(handle));
  return took;
}

// The same rows through the store: sorted, written, synced and taken over, without looking anything up.
Took Tables(const std::string& folder, std::size_t entries) {
  const auto store = OrExit(hashgate::store::OpenRocksStore({.path = folder}));
  const std::size_t run = lists::RunOptions{}.records;
  const std::vector<Row> made = MakeRows(0, entries);
  const Watch watch;
  for (std::size_t from = 0; from < entries; from += run) {
    hashgate::store::Batch batch;
    constexpr std::size_t kBytesAnEntry = 256;
    batch.Reserve(2 * run, kBytesAnEntry * run);
    for (std::size_t i = from; i < std::min(entries, from + run); ++i) {
      const auto& [entry, value, identity, target] = made[i];
      batch.Put(hashgate::store::Family::kEntries, entry, value);
      batch.Put(hashgate::store::Family::kEntryKeys, identity, target);
    }
    OrExit(store->Write(batch));
  }
  return watch.End();
}

lists::ListConfig MakeConfig(const std::string& name) {
  lists::ListConfig config;
  config.name = name;
  config.purpose = hashgate::Purpose::kTest;
  config.source = "generated";
  config.legal_basis = "none needed: synthetic";
  return config;
}

using Calls = std::vector<std::vector<lists::ImportRecord>>;

Calls MakeCalls(std::size_t from, std::size_t to) {
  Calls calls;
  for (; from < to; from += kCall) {
    std::vector<lists::ImportRecord>& call = calls.emplace_back();
    for (std::size_t number = from; number < std::min(to, from + kCall); ++number) {
      call.push_back({number + 1, MakeRecord(number), {}});
    }
  }
  return calls;
}

void ImportAll(lists::Catalog& catalog, const std::string& list, const Calls& calls, bool replace) {
  const auto import = OrExit(catalog.StartImport({.list = list, .file = "bench", .replace = replace}));
  for (const auto& records : calls) OrExit(import->Add(records));
  OrExit(import->Finish());
}

struct Way {
  bool in_runs = true;
  bool replace = false;
  int withdrawals = 0;  // a second
};

// Entries 1 to `entries` of the list go one after another, so many a second, until `stop`.
std::vector<double> Withdraw(lists::Catalog& catalog, const std::string& list, std::size_t entries,
                             int a_second, const std::atomic<bool>& stop) {
  std::vector<double> waits;
  for (lists::EntryId entry = 1; entry <= entries && !stop; ++entry) {
    const SteadyClock::time_point begun = SteadyClock::now();
    OrExit(catalog.DeleteEntry(list, entry));
    waits.push_back(std::chrono::duration<double>(SteadyClock::now() - begun).count());
    std::this_thread::sleep_until(begun + std::chrono::milliseconds(1'000 / a_second));
  }
  return waits;
}

Took Catalogue(const std::string& folder, std::size_t entries, const Way& way) {
  const auto store = OrExit(hashgate::store::OpenRocksStore({.path = folder}));
  lists::CatalogOptions options;
  if (!way.in_runs) options.runs.after_records = std::numeric_limits<std::uint64_t>::max();
  const auto catalog = OrExit(lists::Catalog::Open(*store, options));
  OrExit(catalog->CreateList(MakeConfig("bench")));
  OrExit(catalog->CreateList(MakeConfig("other")));
  constexpr std::size_t kToWithdraw = 20'000;
  if (way.withdrawals > 0) ImportAll(*catalog, "other", MakeCalls(entries, entries + kToWithdraw), false);
  const Calls calls = MakeCalls(0, entries);
  std::atomic<bool> stop = false;
  std::vector<double> waits;
  std::jthread withdrawals;
  const Watch watch;
  if (way.withdrawals > 0) {
    withdrawals =
        std::jthread([&] { waits = Withdraw(*catalog, "other", kToWithdraw, way.withdrawals, stop); });
  }
  ImportAll(*catalog, "bench", calls, way.replace);
  Took took = watch.End();
  stop = true;
  if (withdrawals.joinable()) withdrawals.join();
  took.waits = std::move(waits);
  return took;
}

void Print(const char* what, const Took& took, const std::optional<Took>& plain) {
  std::printf("| %s | %.2f | %.2f |", what, took.wall, took.processor);
  if (plain) {
    std::printf(" %.2f | %.2f |", plain->wall / took.wall, plain->processor / took.processor);
  } else {
    std::printf(" - | - |");
  }
  if (took.waits.empty()) {
    std::printf(" - | - |\n");
  } else {
    std::vector<double> waits = took.waits;
    std::ranges::sort(waits);
    std::printf(" %.1f | %.0f |\n", 1e3 * waits[waits.size() / 2], 1e3 * waits.back());
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || std::filesystem::exists(argv[1])) {
    std::fprintf(
        stderr,
        "usage: lists_import_bench NEW_FOLDER [ENTRIES] [plain] [tables] [calls] [runs] [withdrawals] "
        "[replace]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const std::size_t entries = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  std::filesystem::create_directories(folder);
  std::printf(
      "| %zu entries | wall s | processor s | wall, plain / this | processor, plain / this | withdrawal, "
      "median ms "
      "| worst ms |\n|---|---:|---:|---:|---:|---:|---:|\n",
      entries);
  std::optional<Took> plain;
  // Each has the disk for itself.
  const auto run = [&](std::string_view way, const char* what, const auto& measure) {
    if (argc > 3 && std::none_of(argv + 3, argv + argc, [&](const char* word) { return word == way; }))
      return;
    const std::string path = folder + "/data";
    const Took took = measure(path);
    std::filesystem::remove_all(path);
    if (way == "plain") plain = took;
    Print(what, took, plain);
  };
  run("plain", "RocksDB alone, WriteBatch of 1,000, logged, not synced",
      [&](const std::string& path) { return Plain(path, entries); });
  run("tables", "the same rows as table files",
      [&](const std::string& path) { return Tables(path, entries); });
  run("calls", "import, a batch of 4,000 a commit",
      [&](const std::string& path) { return Catalogue(path, entries, {.in_runs = false}); });
  run("runs", "import in runs", [&](const std::string& path) { return Catalogue(path, entries, {}); });
  run("withdrawals", "import in runs, 2 withdrawals a second beside it",
      [&](const std::string& path) { return Catalogue(path, entries, {.withdrawals = 2}); });
  run("withdrawals", "import in runs, 20 withdrawals a second beside it",
      [&](const std::string& path) { return Catalogue(path, entries, {.withdrawals = 20}); });
  run("replace", "import in runs, staged and swapped",
      [&](const std::string& path) { return Catalogue(path, entries, {.replace = true}); });
  std::filesystem::remove(folder);
  return 0;
}
