// Lists over the real store: import, import again, open, and what an entry takes on disk and in memory.
// Usage: lists_bench FOLDER [ENTRIES]. The folder must not exist; it is left for inspection.
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "testing/list_records.h"

namespace {

using hashgate::Result;
namespace lists = hashgate::lists;

constexpr std::size_t kBatch = 4'000;

double Seconds(const std::chrono::steady_clock::time_point& since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

template <typename T>
T OrExit(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(3);
  }
  return *std::move(result);
}

// Time inside Add only: making the records is the caller's.
double ImportAll(lists::Catalog& catalog, std::size_t entries) {
  const auto import = OrExit(catalog.StartImport({.list = "bench", .file = "bench"}));
  double seconds = 0;
  for (std::size_t from = 0; from < entries; from += kBatch) {
    const auto records = hashgate::testing::MakeImport(from, std::min(entries, from + kBatch));
    const auto start = std::chrono::steady_clock::now();
    OrExit(import->Add(records));
    seconds += Seconds(start);
  }
  OrExit(import->Finish());
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || std::filesystem::exists(argv[1])) {
    std::fprintf(stderr, "usage: lists_bench NEW_FOLDER [ENTRIES]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const std::size_t entries = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  {
    const auto store = OrExit(hashgate::store::OpenRocksStore({.path = folder}));
    const auto catalog = OrExit(lists::Catalog::Open(*store, {}));
    OrExit(catalog->CreateList(hashgate::testing::MakeConfig("bench")));
    const double fresh = ImportAll(*catalog, entries);
    std::printf("import, new:        %8.0f records/s (%.2f s)\n", static_cast<double>(entries) / fresh,
                fresh);
    const double again = ImportAll(*catalog, entries);
    std::printf("import, unchanged:  %8.0f records/s (%.2f s)\n", static_cast<double>(entries) / again,
                again);
    std::printf("index in memory:    %8.1f bytes/entry\n",
                static_cast<double>(catalog->Current()->index->MemoryBytes()) / static_cast<double>(entries));
    std::printf("store on disk:      %8.1f bytes/entry\n",
                static_cast<double>(store->DiskBytes()) / static_cast<double>(entries));
  }
  malloc_trim(0);
  const auto open_start = std::chrono::steady_clock::now();
  const auto store = OrExit(hashgate::store::OpenRocksStore({.path = folder}));
  const double opened = Seconds(open_start);
  const auto catalog = OrExit(lists::Catalog::Open(*store, {}));
  std::printf("open: store %.2f s, lists and index %.2f s\n", opened, Seconds(open_start) - opened);
  std::printf("store on disk:      %8.1f bytes/entry after opening again\n",
              static_cast<double>(store->DiskBytes()) / static_cast<double>(entries));
  return 0;
}
