#include "match_data.h"

#include <algorithm>
#include <random>

namespace hashgate::bench {
namespace {

constexpr std::uint64_t kSeed = 20'261;
constexpr std::size_t kFlatPatterns = 40;

PdqHash Uniform(std::mt19937_64& random) {
  PdqHash hash;
  for (auto& word : hash.words) word = random();
  return hash;
}

void Flip(PdqHash& hash, std::mt19937_64& random, int bits) {
  for (int i = 0; i < bits; ++i) {
    const std::uint64_t bit = random() % 256;
    hash.words[bit / 64] ^= std::uint64_t{1} << (bit % 64);
  }
}

// Each bit repeats its neighbour in the row or in the column before it, or is new: as smooth pictures make
// them.
PdqHash Smooth(std::mt19937_64& random) {
  PdqHash hash;
  for (int k = 0; k < 256; ++k) {
    const std::uint64_t chance = random() % 100;
    const bool bit = chance < 15 && k % 16 != 0 ? hash.bit(k - 1)
                     : chance < 30 && k >= 16   ? hash.bit(k - 16)
                                                : random() % 2 != 0;
    if (bit) hash.set_bit(k);
  }
  return hash;
}

// Stripes and ramps: rows that repeat.
PdqHash Flat(std::size_t pattern) {
  std::mt19937_64 random(kSeed + 100 + pattern);
  PdqHash hash;
  const std::uint64_t row = random() & 0xffff;
  const std::uint64_t rows = random();
  for (int k = 0; k < 256; ++k) {
    if (((row >> (k % 16) ^ rows >> (k / 16)) & 1) != 0) hash.set_bit(k);
  }
  return hash;
}

}  // namespace

std::string_view ShapeName(Shape shape) {
  return shape == Shape::kUniform ? "uniform" : "skewed";
}

std::vector<PdqHash> MakeList(Shape shape, std::size_t count) {
  std::mt19937_64 random(kSeed);
  std::vector<PdqHash> list;
  list.reserve(count);
  PdqHash centre;
  std::uint64_t copies = 0;
  while (list.size() < count) {
    if (shape == Shape::kUniform) {
      list.push_back(Uniform(random));
    } else if (random() % 10 == 0) {
      list.push_back(Flat(random() % kFlatPatterns));
      Flip(list.back(), random, static_cast<int>(random() % 24));
    } else {
      // Groups of near copies, most of them small, some of hundreds.
      if (copies == 0) {
        centre = Smooth(random);
        copies = 1 + random() % (random() % 20 == 0 ? 400 : 4);
      }
      --copies;
      list.push_back(centre);
      Flip(list.back(), random, static_cast<int>(random() % 36));
    }
  }
  return list;
}

// Uploads that are flat themselves are measured apart: thousands of entries lie near to each.
bool IsFlat(const PdqHash& hash, const std::vector<PdqHash>& patterns) {
  return std::ranges::any_of(patterns, [&](const PdqHash& pattern) { return Distance(pattern, hash) < 48; });
}

std::vector<PdqHash> MakeQueries(Shape shape, const std::vector<PdqHash>& list, std::size_t count) {
  std::mt19937_64 random(kSeed + 1);
  const std::vector<PdqHash> flat = DensestPoints();
  std::vector<PdqHash> queries;
  PdqHash planted;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 4 == 0) {
      do {
        planted = list[random() % list.size()];
      } while (IsFlat(planted, flat));
      queries.push_back(planted);
      Flip(queries.back(), random, static_cast<int>(i / 4 * 7 % 32));
    } else {
      queries.push_back(shape == Shape::kUniform ? Uniform(random) : Smooth(random));
    }
  }
  return queries;
}

std::vector<PdqHash> MakeBall(std::size_t count) {
  std::mt19937_64 random(kSeed + 2);
  const PdqHash centre = Uniform(random);
  std::vector<PdqHash> list;
  list.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    list.push_back(centre);
    Flip(list.back(), random, 20);
  }
  return list;
}

std::vector<PdqHash> DensestPoints() {
  std::vector<PdqHash> points;
  for (std::size_t pattern = 0; pattern < kFlatPatterns; ++pattern) points.push_back(Flat(pattern));
  return points;
}

}  // namespace hashgate::bench
