// Corpora for tests and benchmarks: many generated files in mixed formats, none of them on any list.
#pragma once

#include <string>

#include "hashgate/error.h"
#include "testkit/encode.h"

namespace hashgate::testkit {

struct CorpusFile {
  std::string name;  ///< unique within its corpus: number, kind and extension
  Bytes bytes;
};

/// File `index` of the benign corpus that `seed` names: of 20 files 10 are photo-like pictures, 3
/// screenshots, 3 emoji-like symbols, 2 scanned pages and 2 animations; JPEG, PNG, WebP, GIF and BMP, 72 to
/// 1024 pixels on the longer side. Errors: kInvariantBroken where a codec refuses. Cost: about 30 ms a file.
Result<CorpusFile> BenignFile(std::uint64_t seed, int index);

/// Sizes of the benchmark corpus.
struct BenchSize {
  const char* name;
  int width;
  int height;
  int noise;  ///< chosen so that a JPEG of quality 88 takes about one bit a pixel, as camera pictures do
};
std::span<const BenchSize> BenchSizes();
/// Picture `index` of that size. `png` chooses between PNG and JPEG of quality 88.
Result<CorpusFile> BenchFile(std::uint64_t seed, const BenchSize& size, int index, bool png);

}  // namespace hashgate::testkit
