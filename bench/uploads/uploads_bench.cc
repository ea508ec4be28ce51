// What a scan is compared with: OpenCV's imdecode of the whole picture, then PDQ as it is written down, of
// all its pixels or of 512x512 picked ones. Neither digests, nor matching, nor a decision is in it. Run:
// build/release/bench/uploads_bench [options of Google Benchmark] FILE...; files of one benchmark are those
// whose names end alike behind the first dash.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "hash/perceptual/pdq_textbook.h"
#include "hash/perceptual/pixel_rows.h"

namespace hashgate {
namespace {

using Bytes = std::vector<unsigned char>;

constexpr int kPickedSide = 512;

perceptual::LumaPlane LumaOf(const cv::Mat& picture) {
  cv::Mat colors;
  cv::cvtColor(picture, colors, cv::COLOR_BGR2RGB);
  perceptual::StoredRows rows(colors.data, colors.rows, colors.cols, 3);
  return perceptual::DrawLuma(rows);
}

void HashAll(const cv::Mat& picture) {
  const perceptual::LumaPlane luma = LumaOf(picture);
  benchmark::DoNotOptimize(perceptual::TextbookPdq(luma.view()));
}

void HashPicked(const cv::Mat& picture) {
  cv::Mat picked;
  cv::resize(picture, picked, {kPickedSide, kPickedSide}, 0, 0, cv::INTER_NEAREST);
  HashAll(picked);
}

void Decode(const cv::Mat& picture) {
  benchmark::DoNotOptimize(picture.data);
}

void Run(benchmark::State& state, const std::vector<Bytes>& files, void (*hash)(const cv::Mat&)) {
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const cv::Mat picture = cv::imdecode(files[next++ % files.size()], cv::IMREAD_COLOR);
    if (picture.empty()) return state.SkipWithError("a picture does not decode");
    hash(picture);
  }
}

}  // namespace
}  // namespace hashgate

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  // The comparison is about one core.
  cv::setNumThreads(1);
  std::map<std::string, std::vector<hashgate::Bytes>> groups;
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    hashgate::Bytes file(std::istreambuf_iterator<char>(in), {});
    if (file.empty()) {
      std::fprintf(stderr, "uploads_bench: cannot read %s\n", argv[i]);
      return 1;
    }
    const std::string stem = std::filesystem::path(argv[i]).stem().string();
    groups[stem.substr(stem.find('-') + 1)].push_back(std::move(file));
  }
  using Hash = void (*)(const cv::Mat&);
  for (const auto& [size, files] : groups) {
    for (const auto& [name, hash] : {std::pair<const char*, Hash>{"imdecode/", hashgate::Decode},
                                     {"textbook/", hashgate::HashAll},
                                     {"picked/", hashgate::HashPicked}}) {
      benchmark::RegisterBenchmark((name + size).c_str(), [&files = files,
                                                           run = hash](benchmark::State& state) {
        hashgate::Run(state, files, run);
      })->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
