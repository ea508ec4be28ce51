// Reads tests/golden/pdq/vectors.txt.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace hashgate::testing {

struct GoldenVector {
  std::string kind;
  int rows = 0;
  int cols = 0;
  std::uint64_t sum = 0;
  int quality = 0;
  std::map<std::string, std::string> hashes;  ///< "single", "original", "rotate90", ... -> hex
};

/// All vectors, in the file's order; empty where the file cannot be read.
inline std::vector<GoldenVector> ReadGoldenVectors() {
  const char* root = std::getenv("HASHGATE_SOURCE_DIR");
  std::ifstream file(std::string(root == nullptr ? "." : root) + "/tests/golden/pdq/vectors.txt");
  std::vector<GoldenVector> vectors;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    if (line[0] == ' ') {
      std::string name;
      std::string hex;
      words >> name >> hex;
      vectors.back().hashes[name] = hex;
      continue;
    }
    GoldenVector vector;
    std::string size;
    std::string sum;
    std::string quality;
    words >> vector.kind >> size >> sum >> quality;
    vector.rows = std::stoi(size);
    vector.cols = std::stoi(size.substr(size.find('x') + 1));
    vector.sum = std::stoull(sum.substr(sum.find('=') + 1), nullptr, 16);
    vector.quality = std::stoi(quality.substr(quality.find('=') + 1));
    vectors.push_back(vector);
  }
  return vectors;
}

}  // namespace hashgate::testing
