// What PDQ's second pipeline costs on top of the first: the same pictures hashed by `full` alone and by both.
// Run: build/release/bench/pipelines_bench FOLDER [options of Google Benchmark]; FOLDER holds the pictures
// that `hashgate-corpus-gen FOLDER --kind bench` writes.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "decode/sniff.h"
#include "image/process.h"

namespace hashgate {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Time is what the worker itself reports for hashing, decoding left out.
void HashFiles(benchmark::State& state, const std::vector<Bytes>& files, bool both) {
  const decode::Wanted wanted{.pdq_full = true, .pdq_nn512 = both};
  std::size_t next = 0;
  double decode_micros = 0;
  for ([[maybe_unused]] auto _ : state) {
    const Bytes& file = files[next++ % files.size()];
    const decode::DecodeResult result =
        image::ProcessUpload(file, decode::Sniff(file), wanted, {.max_bytes = 64ULL << 20});
    if (result.cause != Cause::kNone) return state.SkipWithError("a picture does not decode");
    state.SetIterationTime(result.hash_micros * 1e-6);
    decode_micros += result.decode_micros;
  }
  state.counters["decode_us"] = benchmark::Counter(decode_micros, benchmark::Counter::kAvgIterations);
}

// File names are NUMBER-SIZE.EXTENSION; the JPEGs by SIZE.
std::map<std::string, std::vector<Bytes>> ReadJpegs(const std::filesystem::path& folder) {
  std::map<std::string, std::vector<Bytes>> groups;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string stem = entry.path().stem().string();
    if (entry.path().extension() != ".jpg") continue;
    Bytes file(std::filesystem::file_size(entry.path()));
    std::ifstream in(entry.path(), std::ios::binary);
    in.read(reinterpret_cast<char*>(file.data()), static_cast<std::streamsize>(file.size()));
    if (in) groups[stem.substr(stem.find('-') + 1)].push_back(std::move(file));
  }
  return groups;
}

}  // namespace
}  // namespace hashgate

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const auto groups =
      hashgate::ReadJpegs(argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::path("corpus"));
  if (groups.empty()) {
    std::fprintf(stderr, "pipelines_bench: no JPEGs in the folder\n");
    return 1;
  }
  for (const auto& [size, files] : groups) {
    for (const bool both : {false, true}) {
      const std::string name = std::string(both ? "hash_both/" : "hash_full/") + size;
      benchmark::RegisterBenchmark(
          name.c_str(),
          [&files = files, both](benchmark::State& state) { hashgate::HashFiles(state, files, both); })
          ->Unit(benchmark::kMicrosecond)
          ->UseManualTime();
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
