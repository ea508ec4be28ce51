// The band search, the plain scan and FAISS's binary indexes over the same hashes and queries in one run, on
// one core, each checked against brute force: prints Markdown. Run: build/release/bench/match_bench
// [--searches-only | --live-only] [MILLIONS...]
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "index/segment_index.h"
#include "match_data.h"
#include "peers.h"

namespace hashgate::bench {
namespace {

using Clock = std::chrono::steady_clock;
using index::HashIndex;
using index::IndexedHash;
using index::PdqQuery;

constexpr int kRadius = 31;
constexpr std::size_t kQueries = 2'000;
constexpr std::size_t kChecked = 128;
constexpr std::size_t kScanned = 20;

double MicrosSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

struct Spread {
  double p50 = 0;
  double p99 = 0;
};

Spread SpreadOf(std::vector<double> micros) {
  std::ranges::sort(micros);
  return {micros[micros.size() / 2], micros[std::min(micros.size() - 1, micros.size() * 99 / 100)]};
}

Spread Measure(std::size_t rounds, const std::function<void(std::size_t)>& round) {
  std::vector<double> micros;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    round(i);
    micros.push_back(MicrosSince(start));
  }
  return SpreadOf(std::move(micros));
}

// The calling thread, and threads that it makes, stay on this core: nothing is won by a second one.
void StayOn(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  if (::sched_setaffinity(0, sizeof(cores), &cores) != 0)
    std::fputs("match_bench: not bound to one core\n", stderr);
}

std::vector<std::size_t> BruteForce(const std::vector<PdqHash>& list, const PdqHash& query, int radius) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (Distance(list[i], query) <= radius) found.push_back(i);
  }
  return found;
}

std::vector<PdqQuery> Forms(const std::vector<PdqHash>& queries, std::size_t first, std::size_t count) {
  std::vector<PdqQuery> forms;
  for (std::size_t i = 0; i < count; ++i) {
    forms.push_back({queries[(first + i) % queries.size()], Pipeline::kFull, static_cast<std::uint32_t>(i)});
  }
  return forms;
}

// Adds the list's hashes [first, last), which are numbered as they lie.
void AddRows(index::IndexBuilder& builder, const std::vector<PdqHash>& list, std::size_t first,
             std::size_t last) {
  std::vector<IndexedHash> rows;
  rows.reserve(last - first);
  for (std::size_t k = first; k < last; ++k) {
    rows.push_back({.list = 1,
                    .entry = k,
                    .algorithm = Algorithm::kPdq,
                    .pipeline = Pipeline::kFull,
                    .bytes = list[k].bytes()});
  }
  if (!builder.Add(rows)) std::abort();
}

struct Built {
  std::shared_ptr<const HashIndex> index;
  double seconds = 0;
};

// `bands` false: the plain scan.
Built Build(const std::vector<PdqHash>& list, bool bands) {
  index::SegmentIndexOptions options;
  options.seed[0] = 42;
  if (!bands) options.band_rows = SIZE_MAX;
  const auto builder = index::NewIndexBuilder(options);
  const auto start = Clock::now();
  constexpr std::size_t kAtOnce = 16'384;
  for (std::size_t i = 0; i < list.size(); i += kAtOnce) {
    AddRows(*builder, list, i, std::min(list.size(), i + kAtOnce));
  }
  builder->Settle();
  return {builder->Snapshot(), MicrosSince(start) / 1e6};
}

// Time to write so many bytes of fresh memory once.
double FirstTouch(std::size_t bytes) {
  const auto start = Clock::now();
  const index::FixedArray<char> fresh = [&] {
    index::FixedArray<char> array(bytes);
    std::memset(array.data(), 1, bytes);
    return array;
  }();
  volatile char last = fresh[bytes - 1];
  static_cast<void>(last);
  return MicrosSince(start) / 1e6;
}

// What the machine's memory alone makes of the spread: so many cache lines at random places, asked for
// together as a search does, from as many bytes as the index has, and nothing done with them.
Spread RandomReads(std::size_t bytes, std::size_t lines) {
  constexpr std::size_t kLine = 64;
  index::FixedArray<std::uint8_t> memory(bytes);
  std::memset(memory.data(), 1, bytes);
  std::mt19937_64 random(1);
  std::vector<std::size_t> places(lines * 64);
  for (std::size_t& place : places) place = random() % (bytes / kLine) * kLine;
  std::uint64_t sum = 0;
  const Spread spread = Measure(kQueries, [&](std::size_t i) {
    // Other places every time, so that no cache has them.
    const std::size_t shift = i * 7'919 * kLine;
    for (std::size_t k = 0; k < lines; ++k) {
      sum += memory[(places[i % 64 * lines + k] + shift) % bytes];
    }
  });
  volatile std::uint64_t kept = sum;
  static_cast<void>(kept);
  return spread;
}

// A number of kB in /proc/self/status, in bytes.
std::size_t StatusBytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) << 10;
  }
  return 0;
}

std::size_t Search(const HashIndex& index, std::span<const PdqQuery> queries, int radius = kRadius,
                   const index::SearchBounds& bounds = {}) {
  const index::ListRadius list{.list = 1, .max_distance_bits = radius};
  const auto found = index.SearchPdq(queries, std::span(&list, 1), bounds);
  if (!found) std::abort();
  return found->candidates.size();
}

// Share of what brute force finds that the search finds; anything else found ends the run.
double Recall(const std::vector<PdqHash>& list, const std::vector<PdqHash>& queries, std::size_t count,
              const std::function<std::vector<std::size_t>(const PdqHash&)>& search) {
  std::size_t there = 0;
  std::size_t found = 0;
  for (std::size_t q = 0; q < count; ++q) {
    const auto expected = BruteForce(list, queries[q], kRadius);
    auto got = search(queries[q]);
    std::ranges::sort(got);
    there += expected.size();
    found += got.size();
    if (!std::ranges::includes(expected, got)) {
      std::fputs("match_bench: a search found what is not there\n", stderr);
      std::exit(1);
    }
  }
  return there == 0 ? 1 : static_cast<double>(found) / static_cast<double>(there);
}

std::vector<std::size_t> AllEntries(const HashIndex& index, const PdqHash& query) {
  const index::ListRadius list{.list = 1, .max_distance_bits = kRadius};
  const PdqQuery asked{query, Pipeline::kFull, 0};
  const auto found = index.SearchPdq(std::span(&asked, 1), std::span(&list, 1),
                                     {.per_group = 1'000'000, .total = 10'000'000});
  std::vector<std::size_t> entries;
  for (const index::Candidate& candidate : found->candidates) entries.push_back(candidate.entry);
  return entries;
}

void Row(const std::string& name, double build, double bytes, Spread one, double scan, double recall) {
  std::printf("| %s | %.2f | %.0f | %.1f | %.1f | %.0f | %.4f |\n", name.c_str(), build, bytes, one.p50,
              one.p99, scan / one.p50, recall);
  std::fflush(stdout);
}

void Compare(Shape shape, std::size_t count) {
  const std::vector<PdqHash> list = MakeList(shape, count);
  const std::vector<PdqHash> queries = MakeQueries(shape, list, kQueries);
  std::printf(
      "\n%.0f M hashes, %s:\n\n| index | build, s | bytes an entry | p50, us | p99, us | scan / p50 | recall "
      "|\n"
      "|---|---:|---:|---:|---:|---:|---:|\n",
      static_cast<double>(count) / 1e6, std::string(ShapeName(shape)).c_str());
  const auto per_entry = [&](std::size_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(count);
  };
  const auto single = [&](const HashIndex& index, std::size_t i) { Search(index, Forms(queries, i, 1)); };

  Spread scanned;
  {
    const Built scan = Build(list, false);
    scanned = Measure(kScanned, [&](std::size_t i) { single(*scan.index, i); });
    Row("plain scan", scan.seconds, per_entry(scan.index->MemoryBytes()), scanned, scanned.p50, 1);
  }
  const Built bands = Build(list, true);
  for (std::size_t i = 0; i < 200; ++i) single(*bands.index, i);
  const Spread one = Measure(kQueries, [&](std::size_t i) { single(*bands.index, i); });
  Row("Hashgate", bands.seconds, per_entry(bands.index->MemoryBytes()), one, scanned.p50,
      Recall(list, queries, kChecked, [&](const PdqHash& query) { return AllEntries(*bands.index, query); }));
  for (const PeerKind& kind : Peers()) {
    if (count > kind.most_hashes) continue;
    const auto start = Clock::now();
    const auto peer = kind.build(list);
    const double seconds = MicrosSince(start) / 1e6;
    const Spread took =
        Measure(kind.queries, [&](std::size_t i) { peer->Search(queries[i % kQueries], kRadius); });
    std::printf("| %s | %.2f | - | %.1f | %.1f | %.1f | %.4f |\n", kind.name.c_str(), seconds, took.p50,
                took.p99, scanned.p50 / took.p50,
                Recall(list, queries, std::min(kind.queries, kChecked),
                       [&](const PdqHash& query) { return peer->Search(query, kRadius); }));
    std::fflush(stdout);
  }

  std::printf("\nHashgate, one call: ");
  for (const std::size_t batch : {std::size_t{8}, std::size_t{16}}) {
    const Spread took = Measure(
        kQueries / batch, [&](std::size_t i) { Search(*bands.index, Forms(queries, i * batch, batch)); });
    std::printf("%zu forms %.0f us (p99 %.0f), %.1f times one query; ", batch, took.p50, took.p99,
                took.p50 / one.p50);
  }
  std::printf("radius ");
  for (const int radius : {0, 16, 40, 48, 63}) {
    const Spread took =
        Measure(20, [&](std::size_t i) { Search(*bands.index, Forms(queries, i, 1), radius); });
    std::printf("%d: %.0f us; ", radius, took.p50);
  }
  const std::vector<PdqHash> dense = DensestPoints();
  const Spread adversary = Measure(200, [&](std::size_t i) { Search(*bands.index, Forms(dense, i, 1)); });
  std::printf(
      "queries at flat patterns: p50 %.0f us, p99 %.0f. Writing the same bytes to fresh memory once: %.2f "
      "s.\n",
      adversary.p50, adversary.p99, FirstTouch(bands.index->MemoryBytes()));
  // About as many as a search at radius 31 opens buckets and looks at hashes.
  constexpr std::size_t kLines = 400;
  const Spread bare = RandomReads(bands.index->MemoryBytes(), kLines);
  std::printf("%zu random reads of as much memory, without a search: p50 %.1f us, p99 %.1f (%.1f times).\n",
              kLines, bare.p50, bare.p99, bare.p99 / bare.p50);
}

// A list made to fill few buckets: what the search costs beyond the scan of the same list.
void CompareBall(std::size_t count) {
  const std::vector<PdqHash> list = MakeBall(count);
  const Built scan = Build(list, false);
  const Built bands = Build(list, true);
  std::vector<PdqHash> queries(list.begin(), list.begin() + 20);
  const auto outside = MakeQueries(Shape::kUniform, list, 40);
  std::printf("\n%.0f M hashes within 20 bits of one point: ", static_cast<double>(count) / 1e6);
  for (const auto& [name, asked] :
       {std::pair("queries among them", queries), std::pair("queries elsewhere", outside)}) {
    const Spread a =
        Measure(20, [&, &hashes = asked](std::size_t i) { Search(*scan.index, Forms(hashes, 1 + i, 1)); });
    const Spread b =
        Measure(20, [&, &hashes = asked](std::size_t i) { Search(*bands.index, Forms(hashes, 1 + i, 1)); });
    std::printf("%s: scan %.0f us, Hashgate %.0f us (%.2f times); ", name, a.p50, b.p50, b.p50 / a.p50);
  }
  std::printf("\n");
}

// What searches see while everything is merged on the other core after a seventh came at once, and while
// another seventh comes in a flood of small changes, which leaves many segments to search; and how long a
// change takes to be seen.
void CompareLive(std::size_t count) {
  // More than an eighth, so that everything is merged once.
  const std::size_t grown = count + count / 7;
  const std::vector<PdqHash> list = MakeList(Shape::kUniform, grown + grown / 7);
  const std::vector<PdqHash> queries = MakeQueries(Shape::kUniform, list, kQueries);
  constexpr std::size_t kAtOnce = 4'096;
  // Faster than durable batches come.
  constexpr std::chrono::milliseconds kPace{20};
  // As the catalogue has it: one lock for writing, one that is held for a moment only.
  Mutex writing_mutex;
  Mutex published_mutex;
  std::shared_ptr<const HashIndex> published;
  std::atomic<int> merges = 0;
  bool closing = false;  // the builder goes
  std::unique_ptr<index::IndexBuilder> builder;
  const auto publish = [&] {
    auto next = builder->Snapshot();
    const MutexLock lock(published_mutex);
    std::swap(published, next);
  };
  index::SegmentIndexOptions options;
  options.on_merged = [&] {
    const MutexLock lock(writing_mutex);
    ++merges;
    if (!closing) publish();
  };
  // The searches have the first core; the merger and the writer share the other.
  StayOn(1);
  builder = index::NewIndexBuilder(options);
  StayOn(0);
  const auto add = [&](std::size_t first, std::size_t last) { AddRows(*builder, list, first, last); };
  for (std::size_t i = 0; i < count; i += kAtOnce) add(i, std::min(count, i + kAtOnce));
  builder->Settle();
  publish();
  const auto search = [&](std::size_t i) {
    std::shared_ptr<const HashIndex> pinned;
    {
      const MutexLock lock(published_mutex);
      pinned = published;
    }
    Search(*pinned, Forms(queries, i, 1));
  };
  const Spread settled = Measure(kQueries, search);
  // Searches until the merge of everything is seen, which begins when an eighth has come.
  std::atomic<bool> writing = false;
  const auto search_until_merged = [&] {
    std::vector<double> micros;
    const auto largest = [&] {
      const MutexLock lock(published_mutex);
      return dynamic_cast<const index::SegmentIndex&>(*published).LargestPdq().size();
    };
    const std::size_t before = largest();
    const auto deadline = Clock::now() + std::chrono::minutes(2);
    for (std::size_t i = 0; writing.load() || (largest() == before && Clock::now() < deadline); ++i) {
      const auto start = Clock::now();
      search(i);
      micros.push_back(MicrosSince(start));
    }
    return SpreadOf(micros);
  };
  {
    const MutexLock lock(writing_mutex);
    for (std::size_t i = count; i < grown; i += kAtOnce) add(i, std::min(grown, i + kAtOnce));
    publish();
  }
  const Spread merging = search_until_merged();
  std::printf(
      "\n%.0f M hashes, everything merged after a seventh came at once: one query p50 %.1f us, p99 %.1f "
      "(before: %.1f and %.1f).\n",
      static_cast<double>(count) / 1e6, merging.p50, merging.p99, settled.p50, settled.p99);

  const Spread quiet = Measure(kQueries, search);
  // The highest mark begins anew here: what the index takes at the peak of its merges is what goes beyond
  // everything else that the process holds.
  const std::size_t index_bytes = published->MemoryBytes();
  const std::size_t beside = StatusBytes("VmRSS") - index_bytes;
  std::ofstream("/proc/self/clear_refs") << "5";

  std::vector<double> seen;
  merges.store(0);
  writing.store(true);
  std::jthread writer([&] {
    StayOn(1);
    auto due = Clock::now();
    for (std::size_t i = grown; i < list.size(); i += kAtOnce) {
      const auto start = Clock::now();
      {
        const MutexLock lock(writing_mutex);
        add(i, std::min(list.size(), i + kAtOnce));
        publish();
      }
      seen.push_back(MicrosSince(start));
      due += kPace;
      std::this_thread::sleep_until(due);
    }
    writing.store(false);
  });
  const Spread live = search_until_merged();
  writer.join();
  const Spread visible = SpreadOf(seen);
  std::printf(
      "%.0f M hashes growing by a seventh, %zu every 20 ms, with %d merges meanwhile: one query p50 %.1f "
      "us, p99 %.1f (before: %.1f and %.1f); a change is seen after p50 %.2f ms, p99 %.2f.\n",
      static_cast<double>(grown) / 1e6, kAtOnce, merges.load(), live.p50, live.p99, quiet.p50, quiet.p99,
      visible.p50 / 1e3, visible.p99 / 1e3);
  const auto peak = static_cast<double>(StatusBytes("VmHWM") - beside);
  std::printf(
      "Memory at the peak of the merges: %.2f times that of the index before, %.2f times that after.\n",
      peak / static_cast<double>(index_bytes), peak / static_cast<double>(published->MemoryBytes()));
  {
    const MutexLock lock(writing_mutex);
    closing = true;
  }
  builder.reset();
}

}  // namespace
}  // namespace hashgate::bench

int main(int argc, char** argv) {
  using hashgate::bench::Shape;
  hashgate::bench::StayOn(0);
  std::vector<std::size_t> sizes;
  bool searches_only = false;
  bool live_only = false;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--searches-only") {
      searches_only = true;
    } else if (std::string_view(argv[i]) == "--live-only") {
      live_only = true;
    } else {
      sizes.push_back(static_cast<std::size_t>(std::atof(argv[i]) * 1e6));
    }
  }
  if (sizes.empty()) sizes = {1'000'000, 10'000'000};
  for (const std::size_t count : live_only ? std::vector<std::size_t>() : sizes) {
    for (const Shape shape : {Shape::kUniform, Shape::kSkewed}) hashgate::bench::Compare(shape, count);
  }
  if (searches_only) return 0;
  if (!live_only) hashgate::bench::CompareBall(sizes.front());
  hashgate::bench::CompareLive(sizes.back());
}
