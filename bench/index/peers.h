// FAISS's binary indexes, behind what the comparison asks of them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hashgate/hash.h"

namespace hashgate::bench {

class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;
  /// Positions of the hashes within the radius (inclusive) of one query, on one core.
  virtual std::vector<std::size_t> Search(const PdqHash& query, int radius) = 0;
};

struct PeerKind {
  std::string name;
  bool exact = false;
  std::size_t most_hashes = 0;  ///< with more, building it takes minutes
  std::size_t queries = 0;      ///< how many are worth their time
  std::unique_ptr<Peer> (*build)(const std::vector<PdqHash>& hashes);
};

/// What this build can compare with; nothing where FAISS is not installed.
const std::vector<PeerKind>& Peers();

}  // namespace hashgate::bench
