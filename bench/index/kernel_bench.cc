// Matching: kernels in comparisons a second, vectors in bytes a second beside plain reading, searches of the
// flat index, digest look-ups, publication, memory. Run: build/release/bench/kernel_bench
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "index/fixed_array.h"
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

// 144 MB in the index's own kind of memory: far more than any cache holds.
const FixedArray<std::uint8_t>& RandomVectors() {
  static const FixedArray<std::uint8_t> vectors = [] {
    std::mt19937_64 random(kSeed + 4);
    FixedArray<std::uint8_t> made(kLarge * std::tuple_size_v<PhotoDna>);
    for (std::uint8_t& byte : made.span()) byte = static_cast<std::uint8_t>(random());
    return made;
  }();
  return vectors;
}

void CountBytes(benchmark::State& state, std::size_t bytes) {
  state.counters["bytes"] = benchmark::Counter(
      static_cast<double>(bytes), benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

// One pass over a million vectors for all queries together, at the threshold that lists have by default.
void ScanVectors(benchmark::State& state, const Kernel* kernel) {
  const FixedArray<std::uint8_t>& vectors = RandomVectors();
  std::mt19937_64 random(kSeed + 5);
  std::vector<std::uint8_t> queries(static_cast<std::size_t>(state.range(0)) * std::tuple_size_v<PhotoDna>);
  for (std::uint8_t& byte : queries) byte = static_cast<std::uint8_t>(random());
  std::vector<VectorHit> hits(4 * kMinVectorHitBuffer);
  const VectorScanInput input{vectors.data(), kLarge, queries.data(),
                              static_cast<std::size_t>(state.range(0)), kDefaultPhotoDnaMaxDistance};
  for ([[maybe_unused]] auto _ : state) {
    for (std::size_t next = 0; next < input.count;) {
      const ScanStep step = kernel->vectors->photodna(input, next, hits);
      benchmark::DoNotOptimize(step.hits);
      next = step.next;
    }
  }
  CountBytes(state, vectors.size());
}

// The same over Marr-Hildreth hashes, two million of them in the same bytes.
void ScanBits(benchmark::State& state, const Kernel* kernel) {
  constexpr std::size_t kSize = 72;
  const FixedArray<std::uint8_t>& values = RandomVectors();
  std::mt19937_64 random(kSeed + 7);
  std::vector<std::uint8_t> queries(static_cast<std::size_t>(state.range(0)) * kSize);
  for (std::uint8_t& byte : queries) byte = static_cast<std::uint8_t>(random());
  std::vector<VectorHit> hits(4 * kMinVectorHitBuffer);
  const VectorScanInput input{values.data(), values.size() / kSize, queries.data(),
                              static_cast<std::size_t>(state.range(0)),
                              static_cast<std::uint32_t>(DefaultMaxDistance(Algorithm::kMarrHildreth))};
  for ([[maybe_unused]] auto _ : state) {
    for (std::size_t next = 0; next < input.count;) {
      const ScanStep step = kernel->bits->bytes72(input, next, hits);
      benchmark::DoNotOptimize(step.hits);
      next = step.next;
    }
  }
  CountBytes(state, values.size());
}

// What the machine's memory gives a core that does nothing but read the same bytes.
void ReadVectors(benchmark::State& state) {
  const FixedArray<std::uint8_t>& vectors = RandomVectors();
  const std::span words(reinterpret_cast<const std::uint64_t*>(vectors.data()), vectors.size() / 8);
  for ([[maybe_unused]] auto _ : state) {
    std::uint64_t sums[8] = {};
    for (std::size_t i = 0; i + 8 <= words.size(); i += 8) {
      __builtin_prefetch(&words[i] + 256);
      for (std::size_t k = 0; k < 8; ++k) sums[k] ^= words[i + k];
    }
    benchmark::DoNotOptimize(sums);
  }
  CountBytes(state, vectors.size());
}
BENCHMARK(ReadVectors)->Unit(benchmark::kMicrosecond);

// The same through the index, of three lists.
void SearchVectors(benchmark::State& state) {
  static const std::shared_ptr<const HashIndex> index = [] {
    const auto builder = NewIndexBuilder(IndexOptions{});
    std::vector<IndexedVector> rows(kLarge);
    for (EntryId entry = 0; entry < kLarge; ++entry) {
      rows[entry] = {.list = static_cast<ListId>(1 + entry % 3),
                     .entry = entry,
                     .action_class = static_cast<ActionClass>(entry % 2),
                     .algorithm = Algorithm::kPhotoDna,
                     .bytes = {}};
      std::copy_n(&RandomVectors()[entry * rows[entry].bytes.size()], rows[entry].bytes.size(),
                  rows[entry].bytes.begin());
    }
    const bool added = builder->Add({}, rows).has_value();
    rows = {};
    if (added) builder->Settle();
    return added ? builder->Snapshot() : nullptr;
  }();
  if (index == nullptr) return state.SkipWithError("add");
  std::mt19937_64 random(kSeed + 6);
  std::vector<PhotoDna> vectors(static_cast<std::size_t>(state.range(0)));
  std::vector<VectorQuery> queries;
  for (PhotoDna& vector : vectors) {
    for (std::uint8_t& byte : vector) byte = static_cast<std::uint8_t>(random());
    queries.push_back({vector, 0});
  }
  const std::vector<ListDistance> lists = {
      {1, kDefaultPhotoDnaMaxDistance}, {2, kDefaultPhotoDnaMaxDistance}, {3, kDefaultPhotoDnaMaxDistance}};
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(index->SearchVectors(Algorithm::kPhotoDna, queries, lists, {}));
  }
  CountBytes(state, RandomVectors().size());
  state.counters["bytes_each"] =
      static_cast<double>(index->MemoryBytes()) / static_cast<double>(index->Count(Algorithm::kPhotoDna));
}
BENCHMARK(SearchVectors)->Arg(1)->Arg(8)->Arg(16)->ArgName("queries")->Unit(benchmark::kMicrosecond);

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
    benchmark::RegisterBenchmark(("ScanVectors/" + std::string(kernel.name)).c_str(),
                                 [&kernel](benchmark::State& state) { index::ScanVectors(state, &kernel); })
        ->Arg(1)
        ->Arg(8)
        ->Arg(16)
        ->ArgName("queries")
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("ScanBits/" + std::string(kernel.name)).c_str(),
                                 [&kernel](benchmark::State& state) { index::ScanBits(state, &kernel); })
        ->Arg(1)
        ->Arg(8)
        ->Arg(16)
        ->ArgName("queries")
        ->Unit(benchmark::kMicrosecond);
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
