// Vectors that tests of matching are made of: random numbers, none of them a picture's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

#include "hashgate/hash.h"
#include "index/hash_index.h"

namespace hashgate::index {

inline PhotoDna RandomVector(std::mt19937_64& random) {
  PhotoDna vector{};
  for (auto& component : vector) component = static_cast<std::uint8_t>(random());
  return vector;
}

inline std::vector<PhotoDna> RandomVectors(std::mt19937_64& random, std::size_t count) {
  std::vector<PhotoDna> vectors;
  vectors.reserve(count);
  for (std::size_t i = 0; i < count; ++i) vectors.push_back(RandomVector(random));
  return vectors;
}

/// A vector whose squared distance from `vector` is exactly `distance`: up to about 2,000,000. Greedy steps
/// leave less than a square each time, so that the components suffice.
inline PhotoDna AtSquaredDistance(PhotoDna vector, int distance, std::mt19937_64& random) {
  std::vector<std::size_t> order(vector.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::shuffle(order, random);
  std::size_t next = 0;
  while (distance > 0 && next < order.size()) {
    std::uint8_t& component = vector[order[next++]];
    const int room = std::max<int>(component, 255 - component);
    int step = 0;
    while (step < room && (step + 1) * (step + 1) <= distance) ++step;
    distance -= step * step;
    component = static_cast<std::uint8_t>(component + step <= 255 ? component + step : component - step);
  }
  return vector;
}

inline IndexedVector VectorRow(ListId list, EntryId entry, const PhotoDna& vector,
                               ActionClass action_class = 0) {
  return {list, entry, action_class, Algorithm::kPhotoDna, vector};
}

}  // namespace hashgate::index
