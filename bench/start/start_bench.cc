// How long a start takes until the first right answer, from the index snapshot and from the store alone,
// beside reading the snapshot's bytes and nothing else. Usage: start_bench FOLDER ENTRIES [REPETITIONS]. A
// folder that is not there yet is filled first. Prints one JSON object.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/unique_fd.h"
#include "lists/catalog.h"

namespace {

using namespace hashgate;  // NOLINT(google-build-using-namespace): a program of one file
using Steady = std::chrono::steady_clock;

double Since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

template <typename T>
T OrExit(Result<T> result) {
  if (!result) {
    std::cerr << result.error().message << '\n';
    std::exit(3);
  }
  return *std::move(result);
}

// Record `number` has one PDQ hash, which follows from it.
PdqHash HashOf(std::uint64_t number) {
  std::uint64_t state = number * 0x9e3779b97f4a7c15 + 1;
  PdqHash hash;
  for (std::uint64_t& word : hash.words) {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    word = z ^ (z >> 31);
  }
  return hash;
}

void Fill(const std::string& folder, std::uint64_t entries) {
  const auto store = OrExit(store::OpenRocksStore({.path = folder}));
  const auto catalog = OrExit(lists::Catalog::Open(*store, {}));
  lists::ListConfig config;
  config.name = "bench";
  config.purpose = Purpose::kTest;
  config.source = "generated";
  config.legal_basis = "none needed: synthetic";
  OrExit(catalog->CreateList(config));
  const auto import = OrExit(catalog->StartImport({.list = "bench", .file = "bench"}));
  constexpr std::uint64_t kBatch = 16'384;
  for (std::uint64_t from = 0; from < entries; from += kBatch) {
    std::vector<lists::ImportRecord> records;
    for (std::uint64_t number = from; number < std::min(entries, from + kBatch); ++number) {
      const auto bytes = HashOf(number).bytes();
      lists::EntryRecord record;
      record.source_id = std::to_string(number);
      record.hashes = {{Algorithm::kPdq, Pipeline::kFull, 90, {bytes.begin(), bytes.end()}}};
      records.push_back({number + 1, std::move(record), {}});
    }
    OrExit(import->Add(records));
  }
  OrExit(import->Finish());
}

struct Start {
  double seconds = 0;        // all of it
  double store_seconds = 0;  // of which opening the store
};

// Opens the store and the catalogue, and has one hash found.
Start Open(const std::string& folder, const std::string& snapshot, std::uint64_t entries, bool save) {
  const auto begin = Steady::now();
  Start start;
  const auto store = OrExit(store::OpenRocksStore({.path = folder}));
  start.store_seconds = Since(begin);
  lists::CatalogOptions options;
  options.snapshot_path = snapshot;
  options.take_care = false;
  const auto catalog = OrExit(lists::Catalog::Open(*store, options));
  const auto current = catalog->Current();
  const index::PdqQuery query{HashOf(entries / 2), Pipeline::kFull, 0};
  const index::ListRadius radius{current->Find("bench")->id, 31};
  const auto found = OrExit(current->index->SearchPdq({&query, 1}, {&radius, 1}, {}));
  start.seconds = Since(begin);
  if (found.candidates.size() != 1 || found.candidates[0].distance != 0) {
    std::cerr << "the first answer is wrong\n";
    std::exit(3);
  }
  if (save) catalog->SaveSnapshot();
  if (!save && !snapshot.empty() && catalog->Health().snapshot_generation == 0) {
    std::cerr << "the snapshot was not used\n";
    std::exit(3);
  }
  return start;
}

// The file's bytes into memory that is written once and forgotten: what no start can do without.
double ReadAll(const std::string& path) {
  const auto begin = Steady::now();
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<char> buffer(std::size_t{1} << 20);
  while (::read(file.get(), buffer.data(), buffer.size()) > 0) {
  }
  return Since(begin);
}

template <typename Measure>
Start Fastest(int repetitions, const Measure& measure) {
  Start best{1e9, 0};
  for (int i = 0; i < repetitions; ++i) {
    const Start start = measure();
    if (start.seconds < best.seconds) best = start;
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: start_bench FOLDER ENTRIES [REPETITIONS]\n";
    return 2;
  }
  log::SetLevel(log::Level::kError);
  const std::string folder = argv[1];
  const std::uint64_t entries = std::strtoull(argv[2], nullptr, 10);
  const int repetitions = argc > 3 ? std::atoi(argv[3]) : 3;
  const std::string snapshot = folder + ".snapshot";
  if (!std::filesystem::exists(folder)) Fill(folder, entries);
  Open(folder, {}, entries, false);  // brings the files into the page cache
  const Start store_alone = Fastest(repetitions, [&] { return Open(folder, {}, entries, false); });
  std::filesystem::remove(snapshot);
  const auto begin = Steady::now();
  Open(folder, snapshot, entries, true);
  const double with_saving = Since(begin);
  const Start from_snapshot = Fastest(repetitions, [&] { return Open(folder, snapshot, entries, false); });
  double reading = 1e9;
  for (int i = 0; i < repetitions; ++i) reading = std::min(reading, ReadAll(snapshot));
  std::printf(
      "{\"entries\": %llu, \"storeAlone\": %.3f, \"openStore\": %.3f, \"fromSnapshot\": %.3f, "
      "\"reading\": %.3f, \"snapshotBytes\": %llu, \"saving\": %.3f}\n",
      static_cast<unsigned long long>(entries), store_alone.seconds, from_snapshot.store_seconds,
      from_snapshot.seconds, reading, static_cast<unsigned long long>(std::filesystem::file_size(snapshot)),
      with_saving - store_alone.seconds);
  std::filesystem::remove(snapshot);
  return 0;
}
