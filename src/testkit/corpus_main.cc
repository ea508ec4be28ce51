// hashgate-corpus-gen DIR [--kind benign|bench] [--count N] [--seed N]: writes generated files for tests and
// benchmarks. Never installed.
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include "testkit/corpus.h"

namespace hashgate::testkit {
namespace {

constexpr std::string_view kUsage =
    "usage: hashgate-corpus-gen DIR [--kind benign|bench] [--count N] [--seed N]\n"
    "  --kind benign  photographs, screenshots, symbols, pages and animations in mixed formats (default)\n"
    "  --kind bench   photographs of 0.3, 1, 3 and 12 megapixels as JPEG and PNG\n"
    "  --count N      files, or for bench pictures of each size and format; default 2000, for bench 4\n"
    "  --seed N       another corpus; default 1\n";

struct Arguments {
  std::filesystem::path dir;
  bool bench = false;
  std::optional<int> count;
  std::uint64_t seed = 1;
};

template <typename T>
bool ParseNumber(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Arguments> Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (!name.starts_with("--")) {
      if (!arguments.dir.empty()) return std::nullopt;
      arguments.dir = name;
      continue;
    }
    if (i + 1 == argc) return std::nullopt;
    const std::string_view value = argv[++i];
    if (name == "--kind" && (value == "benign" || value == "bench")) {
      arguments.bench = value == "bench";
    } else if (name == "--count") {
      int count = 0;
      if (!ParseNumber(value, count) || count < 1 || count > 1'000'000) return std::nullopt;
      arguments.count = count;
    } else if (name != "--seed" || !ParseNumber(value, arguments.seed)) {
      return std::nullopt;
    }
  }
  if (arguments.dir.empty()) return std::nullopt;
  return arguments;
}

class Writer {
 public:
  Writer(std::filesystem::path dir, int total) : dir_(std::move(dir)), total_(total) {}

  Status Put(const Result<CorpusFile>& file) {
    HASHGATE_RETURN_IF_ERROR(file);
    const std::filesystem::path path = dir_ / file->name;
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(file->bytes.data()),
              static_cast<std::streamsize>(file->bytes.size()));
    out.close();
    if (!out) return Fail(Reason::kFileUnreadable, "cannot write " + path.string());
    ++done_;
    if (isatty(STDERR_FILENO) == 1) {
      std::cerr << '\r' << done_ << " of " << total_ << (done_ == total_ ? "\n" : "") << std::flush;
    }
    return {};
  }

 private:
  std::filesystem::path dir_;
  int total_;
  int done_ = 0;
};

Status Run(const Arguments& arguments) {
  std::error_code error;
  std::filesystem::create_directories(arguments.dir, error);
  if (error) {
    return Fail(Reason::kFileUnreadable, "cannot create " + arguments.dir.string() + ": " + error.message());
  }
  if (!arguments.bench) {
    const int count = arguments.count.value_or(2000);
    Writer writer(arguments.dir, count);
    for (int i = 0; i < count; ++i) HASHGATE_RETURN_IF_ERROR(writer.Put(BenignFile(arguments.seed, i)));
    return {};
  }
  const int count = arguments.count.value_or(4);
  Writer writer(arguments.dir, count * 2 * static_cast<int>(BenchSizes().size()));
  for (const BenchSize& size : BenchSizes()) {
    for (int i = 0; i < count; ++i) {
      for (const bool png : {false, true}) {
        HASHGATE_RETURN_IF_ERROR(writer.Put(BenchFile(arguments.seed, size, i, png)));
      }
    }
  }
  return {};
}

}  // namespace
}  // namespace hashgate::testkit

int main(int argc, char** argv) {
  const auto arguments = hashgate::testkit::Parse(argc, argv);
  if (!arguments) {
    std::cerr << hashgate::testkit::kUsage;
    return 2;
  }
  const auto done = hashgate::testkit::Run(*arguments);
  if (!done) {
    std::cerr << "hashgate-corpus-gen: " << done.error().message << '\n';
    return 3;
  }
  return 0;
}
