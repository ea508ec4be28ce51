// The process that the kill test kills: imports numbered records into a real store and says what was
// acknowledged. Usage: lists_import_child FOLDER add FROM calls|runs VARIANT | FOLDER replace FROM calls|runs
// COUNT With `runs` records are committed in runs, which the store writes as table files.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "testing/list_records.h"

namespace {

namespace lists = hashgate::lists;

// One whole line in one write, so that the reader never sees a part of an acknowledgement.
void Say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(4);
}

template <typename T>
T OrExit(hashgate::Result<T> result) {
  if (!result) {
    std::cerr << result.error().message << '\n';
    ::_exit(3);
  }
  return *std::move(result);
}

void SayCommitted(std::uint64_t end, const lists::ImportProgress& progress) {
  Say("committed " + std::to_string(end) + " " + std::to_string(progress.generation));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  const std::string folder = argv[1];
  const bool replace = std::string(argv[2]) == "replace";
  const std::uint64_t from = std::strtoull(argv[3], nullptr, 10);
  const bool in_runs = std::string(argv[4]) == "runs";
  hashgate::store::StoreOptions store_options;
  store_options.path = folder;
  lists::CatalogOptions options;
  options.snapshot_path = folder + "/index.snapshot";
  if (in_runs) {
    // Two changes a record: runs and nothing smaller become table files.
    store_options.bulk_changes = 500;
    options.runs = {.after_records = 0, .records = 300, .in_turn_records = 60};
  }
  const auto store = OrExit(hashgate::store::OpenRocksStore(store_options));
  const auto catalog = OrExit(lists::Catalog::Open(*store, options));
  const std::string list = replace ? "replaced" : "grown";
  if (!catalog->GetList(list)) OrExit(catalog->CreateList(hashgate::testing::MakeConfig(list)));
  Say("open " + std::to_string(catalog->Current()->number));
  const auto import = OrExit(catalog->StartImport({.list = list, .file = "f", .replace = replace}));
  if (replace) {
    const std::uint64_t count = argc > 5 ? std::strtoull(argv[5], nullptr, 10) : 0;
    for (std::uint64_t at = from; at < from + count; at += 100) {
      OrExit(import->Add(hashgate::testing::MakeImport(at, std::min(at + 100, from + count))));
    }
    SayCommitted(from, OrExit(import->Finish()));
    return 0;
  }
  std::uint64_t told = 0;
  // Records that are there already change where the variant is another.
  const int variant = argc > 5 ? std::atoi(argv[5]) : 0;
  // Batches of many sizes, so that the kill falls into many places.
  for (std::uint64_t at = from, size = 1;; at += size, size = size * 7 % 331 + 1) {
    const lists::ImportProgress progress =
        OrExit(import->Add(hashgate::testing::MakeImport(at, at + size, variant)));
    if (progress.committed > told) SayCommitted(from + progress.committed, progress);
    told = progress.committed;
    // ... and into the writing of index snapshots.
    if (size % 3 == 0) catalog->SaveSnapshot();
  }
}
