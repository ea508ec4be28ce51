// What PDQ's second pipeline costs on top of the first: the same pictures hashed by `full` alone and by both.
// And what hashing and matching by both take beside the quickest decode there is, that of the luma alone.
// Run: build/release/bench/pipelines_bench FOLDER [options of Google Benchmark]; FOLDER holds the pictures
// that `hashgate-corpus-gen FOLDER --kind bench` writes.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>  // needs <cstdio> before it

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "decode/sniff.h"
#include "hash/perceptual/pdq.h"
#include "image/codec.h"
#include "image/luma.h"
#include "image/nn512.h"
#include "image/view_hashes.h"
#include "index/hash_index.h"

namespace hashgate {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A file that does not decode ends the program.
image::Bitmap Decode(const Bytes& file) {
  image::Decoded decoded = image::FindCodec(decode::Sniff(file))(file, {.max_bytes = 64ULL << 20});
  if (decoded.cause != Cause::kNone) std::abort();
  return std::move(decoded.bitmap);
}

// The hashes of a decoded picture alone.
void HashFiles(benchmark::State& state, const std::vector<Bytes>& files, bool both) {
  const decode::Wanted wanted{.pdq_full = true, .pdq_nn512 = both};
  std::vector<image::Bitmap> bitmaps;
  for (const Bytes& file : files) bitmaps.push_back(Decode(file));
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const image::Bitmap& bitmap = bitmaps[next++ % bitmaps.size()];
    benchmark::DoNotOptimize(image::HashView(ViewKind::kWhole, bitmap, {.opaque = true}, wanted));
  }
}

void DecodeFiles(benchmark::State& state, const std::vector<Bytes>& files) {
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(Decode(files[next++ % files.size()]).samples.data());
  }
}

// The luma that the file holds, straight from libjpeg. A file that it cannot decode ends the program.
image::Bitmap DecodeGrey(const Bytes& file) {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, file.data(), file.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_GRAYSCALE;
  jpeg_start_decompress(&info);
  image::Bitmap grey(info.output_width, info.output_height, 1);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = grey.Row(info.output_scanline);
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return grey;
}

void DecodeGreyFiles(benchmark::State& state, const std::vector<Bytes>& files) {
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const image::Bitmap grey = DecodeGrey(files[next++ % files.size()]);
    benchmark::DoNotOptimize(grey.samples.data());
  }
}

// Both pipelines of decoded pixels.
void HashPixels(benchmark::State& state, const std::vector<Bytes>& files, bool in_color) {
  std::vector<image::Bitmap> bitmaps;
  for (const Bytes& file : files) {
    if (in_color) {
      bitmaps.push_back(Decode(file));
    } else {
      bitmaps.push_back(DecodeGrey(file));
    }
  }
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    const image::Bitmap& bitmap = bitmaps[next++ % bitmaps.size()];
    image::ViewRows rows(bitmap, {.opaque = true});
    benchmark::DoNotOptimize(perceptual::ComputePdqForms(rows));
    benchmark::DoNotOptimize(image::Nn512Forms(bitmap, {.opaque = true}, image::WholeOf(bitmap)));
  }
}

PdqHash RandomHash(std::mt19937_64& random) {
  PdqHash hash;
  for (std::uint64_t& word : hash.words) word = random();
  return hash;
}

// The sixteen forms of one picture as a scan looks them up, against a list of unrelated hashes.
void MatchForms(benchmark::State& state) {
  constexpr std::size_t kEntries = 1'000'000;
  std::mt19937_64 random(5);
  const auto builder = index::NewIndexBuilder(index::IndexOptions{});
  std::vector<index::IndexedHash> rows(kEntries);
  for (std::size_t i = 0; i < kEntries; ++i) {
    rows[i] = {.list = 1, .entry = i, .algorithm = Algorithm::kPdq, .bytes = RandomHash(random).bytes()};
  }
  if (!builder->Add(rows)) return state.SkipWithError("the index takes no hashes");
  builder->Settle();
  const auto index = builder->Snapshot();
  const index::ListRadius list{.list = 1, .max_distance_bits = 31};
  for ([[maybe_unused]] auto _ : state) {
    std::vector<index::PdqQuery> queries;
    for (std::uint32_t form = 0; form < 16; ++form) {
      queries.push_back({RandomHash(random), form < 8 ? Pipeline::kUnspecified : Pipeline::kNn512, form});
    }
    const std::array sets = {index::PdqQuerySet(queries).first(8), index::PdqQuerySet(queries).last(8)};
    benchmark::DoNotOptimize(index->SearchPdqEach(sets, {&list, 1}, {}));
  }
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
      benchmark::RegisterBenchmark(name.c_str(), [&files = files, both](benchmark::State& state) {
        hashgate::HashFiles(state, files, both);
      })->Unit(benchmark::kMicrosecond);
    }
    const auto add = [](const std::string& name, const auto& run) {
      benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMicrosecond);
    };
    const auto& pictures = files;
    add("decode/" + size, [&pictures](benchmark::State& state) { hashgate::DecodeFiles(state, pictures); });
    add("decode_grey/" + size,
        [&pictures](benchmark::State& state) { hashgate::DecodeGreyFiles(state, pictures); });
    for (const bool in_color : {false, true}) {
      add((in_color ? "pixels_color/" : "pixels_grey/") + size,
          [&pictures, in_color](benchmark::State& state) {
            hashgate::HashPixels(state, pictures, in_color);
          });
    }
  }
  benchmark::RegisterBenchmark("match_forms", hashgate::MatchForms)->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
