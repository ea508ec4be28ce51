#include <faiss/IndexBinaryFlat.h>
#include <faiss/IndexBinaryHash.h>
#include <faiss/IndexBinaryIVF.h>
#include <faiss/impl/AuxIndexStructures.h>
#include <omp.h>

#include "peers.h"

namespace hashgate::bench {
namespace {

static_assert(sizeof(PdqHash) == 32);
constexpr int kBits = 256;

const std::uint8_t* Bytes(const PdqHash* hash) {
  return reinterpret_cast<const std::uint8_t*>(hash);
}

class Faiss final : public Peer {
 public:
  Faiss(std::unique_ptr<faiss::IndexBinary> index, std::unique_ptr<faiss::IndexBinary> quantizer)
      : quantizer_(std::move(quantizer)), index_(std::move(index)) {}

  std::vector<std::size_t> Search(const PdqHash& query, int radius) override {
    omp_set_num_threads(1);
    faiss::RangeSearchResult result(1);
    // FAISS takes distances below its radius.
    index_->range_search(1, Bytes(&query), radius + 1, &result);
    return {result.labels, result.labels + result.lims[1]};
  }

 private:
  std::unique_ptr<faiss::IndexBinary> quantizer_;
  std::unique_ptr<faiss::IndexBinary> index_;
};

std::unique_ptr<Peer> Filled(std::unique_ptr<faiss::IndexBinary> index, const std::vector<PdqHash>& hashes,
                             std::unique_ptr<faiss::IndexBinary> quantizer = nullptr) {
  index->add(static_cast<faiss::Index::idx_t>(hashes.size()), Bytes(hashes.data()));
  return std::make_unique<Faiss>(std::move(index), std::move(quantizer));
}

std::unique_ptr<Peer> Flat(const std::vector<PdqHash>& hashes) {
  return Filled(std::make_unique<faiss::IndexBinaryFlat>(kBits), hashes);
}

// 16 maps of 16 bits, one flip: exact up to radius 31.
std::unique_ptr<Peer> MultiHash(const std::vector<PdqHash>& hashes) {
  auto index = std::make_unique<faiss::IndexBinaryMultiHash>(kBits, 16, 16);
  index->nflip = 1;
  return Filled(std::move(index), hashes);
}

std::unique_ptr<Peer> Hash(const std::vector<PdqHash>& hashes) {
  auto index = std::make_unique<faiss::IndexBinaryHash>(kBits, 24);
  index->nflip = 2;
  return Filled(std::move(index), hashes);
}

std::unique_ptr<Peer> Ivf(const std::vector<PdqHash>& hashes) {
  constexpr std::size_t kLists = 256;
  auto quantizer = std::make_unique<faiss::IndexBinaryFlat>(kBits);
  auto index = std::make_unique<faiss::IndexBinaryIVF>(quantizer.get(), kBits, kLists);
  index->nprobe = 16;
  index->train(static_cast<faiss::Index::idx_t>(std::min<std::size_t>(hashes.size(), 10'000)),
               Bytes(hashes.data()));
  return Filled(std::move(index), hashes, std::move(quantizer));
}

}  // namespace

const std::vector<PeerKind>& Peers() {
  static const std::vector<PeerKind> peers = {
      {"FAISS Flat", true, SIZE_MAX, 12, Flat},
      {"FAISS MultiHash 16x16, 1 flip", true, 2'000'000, 400, MultiHash},
      {"FAISS BinaryHash 24 bits, 2 flips", false, SIZE_MAX, 400, Hash},
      {"FAISS BinaryIVF 256 lists, 16 probes", false, 2'000'000, 400, Ivf},
  };
  return peers;
}

}  // namespace hashgate::bench
