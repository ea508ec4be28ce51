// What it costs to have an upload looked at by another, locked process: there and back with a worker that
// answers at once, the share of copying and wiping in it, and the start of workers.
// Run: build/release/bench/handover_bench
#include <benchmark/benchmark.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "decode/decoder_pool.h"
#include "decode/shared_buffer.h"

namespace hashgate::decode {
namespace {

constexpr std::int64_t kSmallest = 1;
constexpr std::int64_t kOneMegapixelJpeg = 121'000;
constexpr std::int64_t kPhonePicture = 3'150'000;
constexpr std::int64_t kMaxBytes = 32 << 20;

std::filesystem::path OwnFolder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

Result<std::unique_ptr<Decoder>> StartPool(const std::filesystem::path& binary, int workers) {
  HASHGATE_ASSIGN_OR_RETURN(auto spawner, Spawner::Start(binary.string()));
  PoolOptions options;
  options.workers = workers;
  return StartDecoderPool(std::move(spawner), options);
}

void ThereAndBack(benchmark::State& state) {
  auto pool = StartPool(OwnFolder() / "hashgate-decoder-echo", 1);
  if (!pool) return state.SkipWithError(pool.error().message.c_str());
  const std::vector<std::uint8_t> upload(static_cast<std::size_t>(state.range(0)), 0x5a);
  for ([[maybe_unused]] auto _ : state) {
    const SteadyTime deadline = Clock::System().Steady() + std::chrono::seconds(10);
    const auto result = (*pool)->Decode(upload, Format::kJpeg, {}, deadline, {});
    if (!result || result->cause != Cause::kNone) return state.SkipWithError("no answer");
  }
}
BENCHMARK(ThereAndBack)
    ->ArgName("bytes")
    ->Args({kSmallest})
    ->Args({kOneMegapixelJpeg})
    ->Args({kPhonePicture})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

void FillAndWipe(benchmark::State& state) {
  auto buffer = SharedBuffer::Create(kMaxBytes);
  if (!buffer) return state.SkipWithError(buffer.error().message.c_str());
  const std::vector<std::uint8_t> upload(static_cast<std::size_t>(state.range(0)), 0x5a);
  for ([[maybe_unused]] auto _ : state) {
    buffer->Fill(upload);
    buffer->Wipe();
  }
}
BENCHMARK(FillAndWipe)
    ->ArgName("bytes")
    ->Args({kOneMegapixelJpeg})
    ->Args({kPhonePicture})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

// Spawner, warm-up and locked workers: the decoder's part of a server's start.
void StartWorkers(benchmark::State& state) {
  const std::filesystem::path binary = OwnFolder().parent_path() / "bin" / "hashgate-decoder";
  for ([[maybe_unused]] auto _ : state) {
    const auto pool = StartPool(binary, static_cast<int>(state.range(0)));
    if (!pool) return state.SkipWithError(pool.error().message.c_str());
  }
}
BENCHMARK(StartWorkers)
    ->ArgName("workers")
    ->Args({1})
    ->Args({8})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace hashgate::decode

BENCHMARK_MAIN();
