// What can be said of a file's hashes by themselves.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "scan/matcher.h"

namespace hashgate::scan {

/// Best PDQ quality of all views, 0..100; -1 where there is no PDQ hash. Hashes from elsewhere may come
/// without a quality; nothing speaks against them, so they count as 100.
int BestQuality(const FileHashes& hashes);

/// A vector of a file, from elsewhere or of a form of a view. Borrows the file's hashes.
struct FileVector {
  Algorithm algorithm = Algorithm::kUnspecified;
  ByteSpan bytes;
  const decode::ViewHashes* view = nullptr;  ///< null: from elsewhere
  Dihedral form = Dihedral::kOriginal;
};
/// All of them, those of one view together.
std::vector<FileVector> VectorsOf(const FileHashes& hashes);

/// How many views people see and hashes can be made of, and of how many of them the decoder made a vector of
/// the algorithm, or could not.
struct VectorViews {
  int seen = 0;
  int made = 0;
  int failed = 0;
};
VectorViews CountVectorViews(const FileHashes& hashes, Algorithm algorithm);

/// True where a view has a full hash and no nn512 one.
bool LacksNn512(const FileHashes& hashes);

/// Names the hashes, for the idempotency of hash look-ups: the same hashes, the same bytes.
std::array<std::uint8_t, 32> DigestOf(const FileHashes& file);

}  // namespace hashgate::scan
