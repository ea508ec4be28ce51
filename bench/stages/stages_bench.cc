// One scan by stage: digests, decoding and hashing in this process, the same through a locked worker, and the
// perceptual hash alone beside its textbook form.
// Run: build/release/bench/stages_bench FOLDER [options of Google Benchmark]; FOLDER holds the pictures that
// `hashgate-corpus-gen FOLDER --kind bench` writes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "decode/decoder_pool.h"
#include "decode/sniff.h"
#include "hash/core/digest_set.h"
#include "hash/perceptual/pdq.h"
#include "hash/perceptual/pdq_textbook.h"
#include "image/codec.h"
#include "image/luma.h"
#include "image/process.h"

namespace hashgate {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Pictures of one size and format; a benchmark takes one after the other, so that no branch predictor knows
// them by heart.
struct Group {
  std::vector<Bytes> files;

  [[nodiscard]] double MeanBytes() const {
    double sum = 0;
    for (const Bytes& file : files) sum += static_cast<double>(file.size());
    return sum / static_cast<double>(files.size());
  }
};

[[noreturn]] void GiveUp(const std::string& why) {
  std::fprintf(stderr, "stages_bench: %s\n", why.c_str());
  std::exit(1);
}

// File names are NUMBER-SIZE.EXTENSION; "SIZE.EXTENSION" names the group.
std::map<std::string, Group> ReadGroups(const std::filesystem::path& folder) {
  std::map<std::string, Group> groups;
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const std::filesystem::path& path : paths) {
    const std::string name = path.filename().string();
    const std::size_t dash = name.find('-');
    if (dash == std::string::npos) GiveUp(name + " is not a picture of the benchmark corpus");
    Bytes file(std::filesystem::file_size(path));
    std::ifstream in(path, std::ios::binary);
    in.read(reinterpret_cast<char*>(file.data()), static_cast<std::streamsize>(file.size()));
    if (!in) GiveUp("cannot read " + name);
    groups[name.substr(dash + 1)].files.push_back(std::move(file));
  }
  if (groups.empty()) GiveUp("no pictures in " + folder.string());
  return groups;
}

decode::Limits WideLimits() {
  decode::Limits limits;
  limits.max_bytes = 64ULL << 20;
  return limits;
}

void DigestFiles(benchmark::State& state, const Group& group, DigestKinds kinds) {
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    DigestSet set(kinds);
    set.Update(group.files[next++ % group.files.size()]);
    benchmark::DoNotOptimize(set.Finish());
  }
  state.counters["file_bytes"] = group.MeanBytes();
}

// Each digest in a pass of its own, to compare with all of them in one.
void DigestFilesApart(benchmark::State& state, const Group& group) {
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const Bytes& file = group.files[next++ % group.files.size()];
    for (const DigestKind kind : {DigestKind::kMd5, DigestKind::kSha1, DigestKind::kSha256}) {
      DigestSet set(DigestKinds().With(kind));
      set.Update(file);
      benchmark::DoNotOptimize(set.Finish());
    }
  }
  state.counters["file_bytes"] = group.MeanBytes();
}

void DecodeFiles(benchmark::State& state, const Group& group) {
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const Bytes& file = group.files[next++ % group.files.size()];
    const image::Decoded decoded = image::FindCodec(decode::Sniff(file))(file, WideLimits());
    if (decoded.cause != Cause::kNone) return state.SkipWithError("a picture does not decode");
  }
}

void ProcessFiles(benchmark::State& state, const Group& group) {
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const Bytes& file = group.files[next++ % group.files.size()];
    const decode::DecodeResult result = image::ProcessUpload(file, decode::Sniff(file), {}, WideLimits());
    if (result.cause != Cause::kNone) return state.SkipWithError("a picture does not decode");
  }
}

// Where build trees put the binaries, unless HASHGATE_DECODER says otherwise.
std::string DecoderBinary() {
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  const auto built = self.parent_path().parent_path() / "bin" / "hashgate-decoder";
  return std::getenv("HASHGATE_DECODER") == nullptr ? built.string() : decode::Spawner::DefaultBinary();
}

decode::Decoder& Pool() {
  static const std::unique_ptr<decode::Decoder> pool = [] {
    auto spawner = decode::Spawner::Start(DecoderBinary());
    if (!spawner) GiveUp(spawner.error().message);
    decode::PoolOptions options;
    options.workers = 1;
    options.limits = WideLimits();
    auto started = decode::StartDecoderPool(*std::move(spawner), options);
    if (!started) GiveUp(started.error().message);
    return *std::move(started);
  }();
  return *pool;
}

void WorkerFiles(benchmark::State& state, const Group& group) {
  decode::Decoder& pool = Pool();
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const Bytes& file = group.files[next++ % group.files.size()];
    const SteadyTime deadline = Clock::System().Steady() + std::chrono::seconds(10);
    const auto result = pool.Decode(file, decode::Sniff(file), {}, deadline, {});
    if (!result || result->cause != Cause::kNone) return state.SkipWithError("a picture does not decode");
  }
}

// The pictures of a group as they are hashed, the same in grey and in colours, and their luma in single
// precision.
struct Pixels {
  explicit Pixels(const Group& group) {
    for (const Bytes& file : group.files) {
      const image::Decoded decoded = image::DecodeJpeg(file, WideLimits());
      if (decoded.cause != Cause::kNone) GiveUp("a picture does not decode");
      const image::Bitmap& from = decoded.bitmap;
      image::Bitmap grey(from.width, from.height, 1);
      image::Bitmap colored(from.width, from.height, 3);
      for (std::size_t i = 0; i < static_cast<std::size_t>(from.width) * from.height; ++i) {
        // The green of a picture in colours is as good a picture in grey as any.
        grey.samples[i] = from.samples[i * from.channels + from.channels / 2];
        for (std::size_t c = 0; c < 3; ++c) {
          colored.samples[3 * i + c] = from.samples[i * from.channels + c * (from.channels / 3)];
        }
      }
      image::ViewRows rows(grey, {.opaque = true});
      luma.push_back(perceptual::DrawLuma(rows));
      greys.push_back(std::move(grey));
      colors.push_back(std::move(colored));
    }
  }

  std::vector<image::Bitmap> greys;
  std::vector<image::Bitmap> colors;
  std::vector<perceptual::LumaPlane> luma;
};

using PlaneFunction = void (*)(const perceptual::LumaView&);

void PdqForms(const perceptual::LumaView& luma) {
  benchmark::DoNotOptimize(perceptual::ComputePdqForms(luma));
}
void PdqExactForms(const perceptual::LumaView& luma) {
  benchmark::DoNotOptimize(perceptual::ComputeExactPdqForms(luma));
}
void PdqExact(const perceptual::LumaView& luma) {
  benchmark::DoNotOptimize(perceptual::ComputePdq(luma));
}
void PdqTextbook(const perceptual::LumaView& luma) {
  benchmark::DoNotOptimize(perceptual::TextbookPdq(luma));
}

void HashPlanes(benchmark::State& state, const Group& group, PlaneFunction compute) {
  const Pixels pixels(group);
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) compute(pixels.luma[next++ % pixels.luma.size()].view());
}

void HashPixels(benchmark::State& state, const Group& group, bool in_grey) {
  const Pixels pixels(group);
  const std::vector<image::Bitmap>& bitmaps = in_grey ? pixels.greys : pixels.colors;
  std::size_t next = 0;
  int exact_turns = 0;
  for (const image::Bitmap& bitmap : bitmaps) {
    image::ViewRows rows(bitmap, {.opaque = true});
    perceptual::PdqFormsTrace trace;
    benchmark::DoNotOptimize(perceptual::ComputePdqForms(rows, trace));
    exact_turns += trace.exact_turns;
  }
  for ([[maybe_unused]] auto _ : state) {
    image::ViewRows rows(bitmaps[next++ % bitmaps.size()], {.opaque = true});
    benchmark::DoNotOptimize(perceptual::ComputePdqForms(rows));
  }
  state.counters["exact_turns"] = exact_turns;
}

void Register(const std::map<std::string, Group>& groups) {
  const auto add = [](const std::string& name, auto run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMicrosecond)->UseRealTime();
  };
  for (const auto& [name, group] : groups) {
    add("digest/" + name,
        [&group](benchmark::State& state) { DigestFiles(state, group, DigestKinds::All()); });
    add("digest_sha256/" + name, [&group](benchmark::State& state) {
      DigestFiles(state, group, DigestKinds().With(DigestKind::kSha256));
    });
    add("digest_apart/" + name, [&group](benchmark::State& state) { DigestFilesApart(state, group); });
    add("decode/" + name, [&group](benchmark::State& state) { DecodeFiles(state, group); });
    add("process/" + name, [&group](benchmark::State& state) { ProcessFiles(state, group); });
    add("worker/" + name, [&group](benchmark::State& state) { WorkerFiles(state, group); });
    if (!name.ends_with(".jpg")) continue;
    const std::string size = name.substr(0, name.size() - 4);
    add("pdq_color/" + size, [&group](benchmark::State& state) { HashPixels(state, group, false); });
    add("pdq_grey/" + size, [&group](benchmark::State& state) { HashPixels(state, group, true); });
    for (const auto& [kind, compute] : {std::pair<const char*, PlaneFunction>{"pdq_luma/", PdqForms},
                                        {"pdq_exact_forms/", PdqExactForms},
                                        {"pdq_exact/", PdqExact},
                                        {"pdq_textbook/", PdqTextbook}}) {
      add(kind + size, [&group, run = compute](benchmark::State& state) { HashPlanes(state, group, run); });
    }
  }
}

}  // namespace
}  // namespace hashgate

int main(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') {
    std::fprintf(stderr, "usage: stages_bench FOLDER [options of Google Benchmark]\n");
    return 2;
  }
  const auto groups = hashgate::ReadGroups(argv[1]);
  std::rotate(argv + 1, argv + 2, argv + argc);
  --argc;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  hashgate::image::WarmUp();
  hashgate::Register(groups);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
