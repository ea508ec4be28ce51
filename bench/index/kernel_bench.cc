// Matching: kernels in comparisons a second, searches of the flat index, digest look-ups, publication,
// memory. Run: build/release/bench/kernel_bench
#include <benchmark/benchmark.h>

#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "index/hash_index.h"
#include "index/kernels/kernel.h"

namespace hashgate::index {
namespace {

constexpr std::uint64_t kSeed = 7;
constexpr std::size_t kLarge = 1'000'000;

PdqHash RandomHash(std::mt19937_64& random) {
  PdqHash hash;
  for (auto& word : hash.words) word = random();
  return hash;
}

const std::vector<PdqHash>& RandomHashes() {
  static const std::vector<PdqHash> hashes = [] {
    std::mt19937_64 random(kSeed);
    std::vector<PdqHash> made(kLarge);
    for (PdqHash& hash : made) hash = RandomHash(random);
    return made;
  }();
  return hashes;
}

void Scan(benchmark::State& state, const Kernel* kernel, int radius) {
  const auto hashes = std::span(RandomHashes()).first(static_cast<std::size_t>(state.range(0)));
  std::mt19937_64 random(kSeed + 1);
  std::vector<PdqHash> queries(static_cast<std::size_t>(state.range(1)));
  for (PdqHash& query : queries) query = RandomHash(random);
  std::vector<Hit> hits(4 * kMinHitBuffer);
  for ([[maybe_unused]] auto _ : state) {
    for (std::size_t next = 0; next < hashes.size();) {
      const ScanStep step = kernel->scan({hashes, queries, radius}, next, hits);
      benchmark::DoNotOptimize(step.hits);
      next = step.next;
    }
  }
  state.counters["comparisons"] =
      benchmark::Counter(static_cast<double>(hashes.size() * queries.size()),
                         benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

IndexedHash PdqRow(EntryId entry, const PdqHash& hash) {
  return {.list = static_cast<ListId>(1 + entry % 3),
          .entry = entry,
          .action_class = static_cast<ActionClass>(entry % 2),
          .algorithm = Algorithm::kPdq,
          .pipeline = Pipeline::kFull,
          .bytes = hash.bytes()};
}

IndexedHash Sha256Row(EntryId entry, const PdqHash& hash) {
  IndexedHash row = PdqRow(entry, hash);
  row.algorithm = Algorithm::kSha256;
  return row;
}

using MakeRow = IndexedHash (*)(EntryId, const PdqHash&);

// One index of each kind and size for all benchmarks.
const HashIndex& IndexOf(std::size_t count, MakeRow make_row) {
  static std::map<std::pair<std::size_t, MakeRow>, std::shared_ptr<const HashIndex>> made;
  auto& index = made[{count, make_row}];
  if (index == nullptr) {
    const auto builder = NewIndexBuilder(IndexOptions{});
    std::vector<IndexedHash> rows;
    for (EntryId entry = 0; entry < count; ++entry) rows.push_back(make_row(entry, RandomHashes()[entry]));
    if (const auto added = builder->Add(rows); !added) {
      std::fprintf(stderr, "%s\n", added.error().message.c_str());
      std::exit(1);
    }
    index = builder->Snapshot();
  }
  return *index;
}

// Eight forms of one picture that nobody listed: the usual scan.
void SearchEightForms(benchmark::State& state) {
  const HashIndex& index = IndexOf(static_cast<std::size_t>(state.range(0)), PdqRow);
  const int radius = static_cast<int>(state.range(1));
  std::mt19937_64 random(kSeed + 2);
  std::vector<PdqQuery> queries;
  for (std::uint32_t tag = 0; tag < 8; ++tag) queries.push_back({RandomHash(random), Pipeline::kFull, tag});
  const std::vector<ListRadius> lists = {{1, radius}, {2, radius}, {3, radius}};
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(index.SearchPdq(queries, lists, {}));
  state.counters["bytes_each"] =
      static_cast<double>(index.MemoryBytes()) / static_cast<double>(index.Count(Algorithm::kPdq));
}
BENCHMARK(SearchEightForms)
    ->ArgsProduct({{100'000, 1'000'000}, {31, 63}})
    ->ArgNames({"entries", "radius"})
    ->Unit(benchmark::kMicrosecond);

// A list of very many copies of one hash, and that hash asked for.
void SearchDegenerate(benchmark::State& state) {
  const auto builder = NewIndexBuilder(IndexOptions{});
  const PdqHash hash = RandomHashes().front();
  std::vector<IndexedHash> rows;
  for (EntryId entry = 0; entry < 100'000; ++entry) rows.push_back(PdqRow(entry, hash));
  if (!builder->Add(rows)) return state.SkipWithError("add");
  const auto index = builder->Snapshot();
  std::vector<PdqQuery> queries;
  for (std::uint32_t tag = 0; tag < 8; ++tag) queries.push_back({hash, Pipeline::kFull, tag});
  const std::vector<ListRadius> lists = {{1, 31}, {2, 31}, {3, 31}};
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(index->SearchPdq(queries, lists, {}));
}
BENCHMARK(SearchDegenerate)->Unit(benchmark::kMicrosecond);

void LookUpDigest(benchmark::State& state) {
  const HashIndex& index = IndexOf(static_cast<std::size_t>(state.range(0)), Sha256Row);
  const std::vector<ListId> lists = {1, 2, 3};
  std::mt19937_64 random(kSeed + 3);
  std::vector<Sha256> digests(4096);
  for (Sha256& digest : digests) {
    const bool listed = state.range(1) != 0;
    const auto pick = random() % static_cast<std::uint64_t>(state.range(0));
    digest = (listed ? RandomHashes()[pick] : RandomHash(random)).bytes();
  }
  std::size_t i = 0;
  for ([[maybe_unused]] auto _ : state) {
    const Sha256& digest = digests[i++ % digests.size()];
    benchmark::DoNotOptimize(index.SearchDigests({.sha256 = &digest}, lists, {}));
  }
  state.counters["bytes_each"] =
      static_cast<double>(index.MemoryBytes()) / static_cast<double>(index.Count(Algorithm::kSha256));
}
BENCHMARK(LookUpDigest)->ArgsProduct({{100'000, 1'000'000}, {0, 1}})->ArgNames({"entries", "listed"});

// An import: batches of 1,000 with a snapshot after each.
void ImportInBatches(benchmark::State& state, MakeRow make_row) {
  constexpr std::size_t kBatch = 1'000;
  for ([[maybe_unused]] auto _ : state) {
    const auto builder = NewIndexBuilder(IndexOptions{});
    std::shared_ptr<const HashIndex> index;
    std::vector<IndexedHash> rows;
    for (EntryId entry = 0; entry < static_cast<EntryId>(state.range(0));) {
      rows.clear();
      for (std::size_t i = 0; i < kBatch; ++i, ++entry)
        rows.push_back(make_row(entry, RandomHashes()[entry]));
      if (!builder->Add(rows)) return state.SkipWithError("add");
      index = builder->Snapshot();
    }
    benchmark::DoNotOptimize(index);
  }
}
BENCHMARK_CAPTURE(ImportInBatches, pdq, PdqRow)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ImportInBatches, sha256, Sha256Row)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// Every entry of a large index withdrawn and added anew, in batches: a full update.
void UpdateAll(benchmark::State& state) {
  constexpr std::size_t kCount = 200'000;
  for ([[maybe_unused]] auto _ : state) {
    const auto builder = NewIndexBuilder(IndexOptions{});
    for (int pass = 0; pass < 2; ++pass) {
      for (EntryId entry = 0; entry < kCount; ++entry) {
        const auto list = static_cast<ListId>(1 + entry % 3);
        builder->Withdraw(list, entry);
        const std::array rows = {PdqRow(entry, RandomHashes()[entry]),
                                 Sha256Row(entry, RandomHashes()[entry])};
        if (!builder->Add(rows)) return state.SkipWithError("add");
        if (entry % 1'000 == 999) benchmark::DoNotOptimize(builder->Snapshot());
      }
    }
  }
}
BENCHMARK(UpdateAll)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hashgate::index

int main(int argc, char** argv) {
  namespace index = hashgate::index;
  for (const index::Kernel& kernel : index::AllKernels()) {
    if (!kernel.supported()) continue;
    for (const int radius : {31, 63}) {
      benchmark::RegisterBenchmark(
          ("Scan/" + std::string(kernel.name) + "/radius:" + std::to_string(radius)).c_str(),
          [&kernel, radius](benchmark::State& state) { index::Scan(state, &kernel, radius); })
          ->ArgsProduct({{100'000, 1'000'000}, {1, 8}})
          ->ArgNames({"hashes", "queries"})
          ->Unit(benchmark::kMicrosecond);
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
