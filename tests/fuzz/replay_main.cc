// Stands in for libFuzzer in ordinary builds: runs the target on every file of the folders and files given,
// and on a fixed number of seeded mutations of each, so that fuzz targets are built and run as tests and do
// not rot. HASHGATE_REPLAY_MUTATIONS says how many mutations of each file (400). Exit status: 0 done, 1 where
// there was no file to run or one could not be read. A crash is a crash.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <vector>

#include "testing/seed.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// Optional in a target, as with libFuzzer.
extern "C" [[gnu::weak]] int LLVMFuzzerInitialize(int* argc, char*** argv);

namespace {

constexpr std::size_t kMaxGrowth = 64;

using Bytes = std::vector<std::uint8_t>;

int MutationsPerFile() {
  const char* text = std::getenv("HASHGATE_REPLAY_MUTATIONS");
  return text != nullptr && *text != '\0' ? std::atoi(text) : 400;
}

std::vector<std::filesystem::path> CollectFiles(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::filesystem::path path(argv[i]);
    if (std::filesystem::is_regular_file(path)) files.push_back(path);
    if (!std::filesystem::is_directory(path)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  // The order of a folder is not the same everywhere; that of a run should be.
  std::sort(files.begin(), files.end());
  return files;
}

// One to four changes: a byte, a bit, an interesting value, a cut, an insertion, a repetition.
Bytes Mutate(Bytes bytes, std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const auto iterator = [&](std::size_t at) { return bytes.begin() + static_cast<std::ptrdiff_t>(at); };
  constexpr std::uint8_t kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, '<', '>'};
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    if (bytes.empty()) {
      bytes.push_back(static_cast<std::uint8_t>(random()));
      continue;
    }
    const std::size_t at = below(bytes.size());
    switch (below(6)) {
      case 0: bytes[at] = static_cast<std::uint8_t>(random()); break;
      case 1: bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ 1U << below(8)); break;
      case 2: bytes[at] = kEdges[below(std::size(kEdges))]; break;
      case 3: bytes.resize(at); break;
      case 4: bytes.insert(iterator(at), 1 + below(kMaxGrowth), static_cast<std::uint8_t>(random())); break;
      default: {
        const std::size_t length = std::min(1 + below(kMaxGrowth), bytes.size() - at);
        const Bytes piece(iterator(at), iterator(at + length));
        bytes.insert(iterator(below(bytes.size())), piece.begin(), piece.end());
        break;
      }
    }
  }
  return bytes;
}

void Run(const Bytes& bytes) {
  // A copy of exactly this size, so that a sanitizer sees the first byte read beyond it.
  const Bytes exact(bytes);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (LLVMFuzzerInitialize != nullptr) LLVMFuzzerInitialize(&argc, &argv);
  const std::vector<std::filesystem::path> files = CollectFiles(argc, argv);
  if (files.empty()) {
    std::cerr << "no corpus file to run\n";
    return 1;
  }
  std::cout << "HASHGATE_SEED=" << hashgate::testing::Seed() << '\n';
  std::mt19937_64 random(hashgate::testing::Seed());
  const int mutations = MutationsPerFile();
  std::size_t runs = 0;
  for (const std::filesystem::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    const Bytes bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file) {
      std::cerr << "cannot read " << path << '\n';
      return 1;
    }
    Run(bytes);
    for (int i = 0; i < mutations; ++i) Run(Mutate(bytes, random));
    runs += 1 + static_cast<std::size_t>(mutations);
  }
  std::cout << files.size() << " files, " << runs << " runs\n";
  return 0;
}
