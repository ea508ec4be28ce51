// In-memory matching over hash values: immutable snapshots that every scan pins, and the interface they hide
// behind.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/hash.h"

namespace hashgate::index {

class Fingerprints;
class SnapshotReader;
class SnapshotWriter;

/// What bits are shuffled and digests are hashed by: draw it for each store, and keep it to oneself.
using IndexSeed = std::array<std::uint8_t, 32>;

using ListId = std::uint32_t;   ///< a list's number in the store; never reused
using EntryId = std::uint64_t;  ///< an entry's number in the store; never reused

/// Entries that policy may treat alike: matches are bounded, but the nearest of each (list, class) is always
/// kept. The lists module numbers classes; the index only groups by them.
using ActionClass = std::uint32_t;

/// The algorithms an index holds.
inline constexpr std::array kIndexedAlgorithms = {
    Algorithm::kMd5,       Algorithm::kSha1,         Algorithm::kSha256,
    Algorithm::kPdq,       Algorithm::kPhotoDna,     Algorithm::kPHash,
    Algorithm::kBlockMean, Algorithm::kMarrHildreth, Algorithm::kAverage};

/// One hash of one entry as the index keeps it.
struct IndexedHash {
  ListId list = 0;
  EntryId entry = 0;
  ActionClass action_class = 0;
  Algorithm algorithm = Algorithm::kUnspecified;
  Pipeline pipeline =
      Pipeline::kUnspecified;  ///< PDQ: which pipeline the list says made it; unspecified asks both
  std::array<std::uint8_t, 32>
      bytes{};  ///< the first HashSize(algorithm) count; MD5, SHA-1, SHA-256 and PDQ only
};

/// Bytes of the longest hash of the algorithms in index/flat.h.
inline constexpr std::size_t kMaxVectorBytes = std::tuple_size_v<PhotoDna>;

/// The same for the algorithms in index/flat.h, whose hashes are longer: lists without such are spared their
/// room.
struct IndexedVector {
  ListId list = 0;
  EntryId entry = 0;
  ActionClass action_class = 0;
  Algorithm algorithm = Algorithm::kUnspecified;
  std::array<std::uint8_t, kMaxVectorBytes> bytes{};  ///< the first HashSize(algorithm) count
};

/// Hashes of entries as the index takes them.
struct IndexedRows {
  std::vector<IndexedHash> hashes;
  std::vector<IndexedVector> vectors;

  [[nodiscard]] std::size_t size() const { return hashes.size() + vectors.size(); }
  [[nodiscard]] bool empty() const { return hashes.empty() && vectors.empty(); }
  void clear() {
    hashes.clear();
    vectors.clear();
  }
};

/// What a list's hashes add up to, in any order: two sets of hashes with the same tally are the same set, but
/// for an accident of 2^-64.
struct Tally {
  std::uint64_t hashes = 0;
  std::uint64_t sum = 0;

  Tally& operator+=(const Tally& other) {
    hashes += other.hashes;
    sum += other.sum;
    return *this;
  }
  Tally& operator-=(const Tally& other) {
    hashes -= other.hashes;
    sum -= other.sum;
    return *this;
  }
  bool operator==(const Tally&) const = default;
};

/// Tallies hashes as an index of the same seed does, for those who keep count beside it. Entries, algorithms,
/// pipelines and bytes count; list and class do not. Threads: thread-safe.
class Tallier {
 public:
  explicit Tallier(const IndexSeed& seed);
  [[nodiscard]] Tally Of(std::span<const IndexedHash> hashes) const;
  [[nodiscard]] Tally Of(const IndexedRows& rows) const;

 private:
  std::shared_ptr<const Fingerprints> fingerprints_;
};

/// One PDQ form of one view to look up.
struct PdqQuery {
  PdqHash hash;
  /// Hashes of the other pipeline are not looked at. Where the query or the stored hash does not say
  /// (kUnspecified), both are.
  Pipeline pipeline = Pipeline::kFull;
  std::uint32_t tag = 0;  ///< the caller's number for (view, dihedral form); comes back in candidates
};

/// Queries whose candidates are bounded together.
using PdqQuerySet = std::span<const PdqQuery>;

/// How near a list's hashes must lie. Lists that are not named are not searched.
struct ListRadius {
  ListId list = 0;
  int max_distance_bits = kDefaultPdqMaxDistanceBits;  ///< inclusive, 0..63
};

/// One vector to look up.
struct VectorQuery {
  ByteSpan bytes;         ///< HashSize(algorithm) of them, which must outlive the search
  std::uint32_t tag = 0;  ///< the caller's number for it; comes back in candidates
};

/// Queries whose candidates are bounded together.
using VectorQuerySet = std::span<const VectorQuery>;

/// How near a list's vectors must lie. Lists that are not named are not searched.
struct ListDistance {
  ListId list = 0;
  int max_distance = 0;  ///< inclusive, in the algorithm's unit: 0..FlatAlgorithm::max_distance
};

/// An index hit within its list's threshold.
struct Candidate {
  ListId list = 0;
  EntryId entry = 0;
  ActionClass action_class = 0;
  Algorithm algorithm = Algorithm::kUnspecified;
  int distance = 0;       ///< in the algorithm's unit: squared (PhotoDNA) or bits; 0 for digests
  std::uint32_t tag = 0;  ///< of the query; 0 for digests
};

/// Bounds on what one search returns. The nearest candidate of each (list, action class) is returned whatever
/// they say, so a result has at most max(total, groups with a candidate) of them: truncation never hides a
/// list or a class.
struct SearchBounds {
  std::size_t per_group = 16;  ///< candidates for each (list, action class), nearest first; 0 counts as 1
  std::size_t total = 256;  ///< candidates overall: after the nearest of each group, the nearest of the rest
};

struct SearchResult {
  std::vector<Candidate>
      candidates;          ///< nearest first; ties by list, entry, tag: the same search gives the same order
  bool truncated = false;  ///< more lay within the thresholds than the bounds let through
};

/// Digests of an upload to look up; absent ones are empty.
struct DigestQuery {
  const Md5* md5 = nullptr;
  const Sha1* sha1 = nullptr;
  const Sha256* sha256 = nullptr;
};

/// An immutable set of hashes. Threads: thread-safe; searches never block and never see a later change.
class HashIndex {
 public:
  virtual ~HashIndex() = default;

  /// Finds every PDQ hash within its list's threshold of any query whose pipeline fits: recall is exactly 1.0
  /// before the bounds apply. Shapes: any number of queries (8 forms a view is usual). An entry appears once
  /// for each tag whose queries it is near to, with its least distance, nearest tag first. Range: thresholds
  /// 0..63. Cost: memory is bounded by the bounds, however many hashes lie near. Errors: kRequestInvalid for
  /// a threshold out of range and for a list named twice; the error of selecting a kernel (kConfigInvalid).
  [[nodiscard]] virtual Result<SearchResult> SearchPdq(std::span<const PdqQuery> queries,
                                                       std::span<const ListRadius> lists,
                                                       const SearchBounds& bounds) const = 0;

  /// The same for several sets of queries at once, such as the files of one call: each has bounds of its own
  /// and a result of its own, as if it were searched alone, and the memory waits of all overlap. Shapes: any
  /// number of sets and queries. Errors as SearchPdq, for all.
  [[nodiscard]] virtual Result<std::vector<SearchResult>> SearchPdqEach(std::span<const PdqQuerySet> sets,
                                                                        std::span<const ListRadius> lists,
                                                                        const SearchBounds& bounds) const = 0;

  /// Finds every hash of the algorithm, one of index/flat.h, within its list's threshold of any query, for
  /// several sets of queries at once. Recall, repeated entries, bounds and order are those of SearchPdqEach.
  /// Shapes: any number of sets and queries. Cost: one pass over the lists' hashes for every 16 queries.
  /// Errors: kRequestInvalid for another algorithm, a threshold out of range, a list named twice and a query
  /// of another length; the error of selecting a kernel (kConfigInvalid).
  [[nodiscard]] virtual Result<std::vector<SearchResult>> SearchVectorsEach(
      Algorithm algorithm, std::span<const VectorQuerySet> sets, std::span<const ListDistance> lists,
      const SearchBounds& bounds) const = 0;
  /// The same for one set.
  [[nodiscard]] Result<SearchResult> SearchVectors(Algorithm algorithm, VectorQuerySet queries,
                                                   std::span<const ListDistance> lists,
                                                   const SearchBounds& bounds) const {
    HASHGATE_ASSIGN_OR_RETURN(std::vector<SearchResult> results,
                              SearchVectorsEach(algorithm, {&queries, 1}, lists, bounds));
    return std::move(results.front());
  }

  /// Finds entries of `lists` with any of the digests, by 80 bits of a keyed hash of each: a digest that is
  /// not listed is found with a chance of 10^-17 among 10 million. An entry appears once for each digest of
  /// it that agrees, ordered by list, entry, algorithm. Bounds are those of SearchPdq, but for each (list,
  /// action class, algorithm), and entries with which more of the digests agree are kept first: neither many
  /// entries of one MD5 nor the bounds can hide strong identity.
  [[nodiscard]] virtual Result<SearchResult> SearchDigests(const DigestQuery& query,
                                                           std::span<const ListId> lists,
                                                           const SearchBounds& bounds) const = 0;

  /// Hashes held and not withdrawn, by algorithm.
  [[nodiscard]] virtual std::size_t Count(Algorithm algorithm) const = 0;
  /// The same for one list.
  [[nodiscard]] virtual std::size_t CountIn(ListId list, Algorithm algorithm) const = 0;
  /// Whether the list holds any. Cost: next to none, unless most of the list is withdrawn.
  [[nodiscard]] virtual bool HoldsAny(ListId list, Algorithm algorithm) const = 0;
  /// Whether the list holds a PDQ hash of that pipeline. Cost: as HoldsAny.
  [[nodiscard]] virtual bool HoldsPdqOf(ListId list, Pipeline pipeline) const = 0;
  /// What the list's hashes, those not withdrawn, add up to.
  [[nodiscard]] virtual Tally TallyOf(ListId list) const = 0;
  /// Bytes held in memory.
  [[nodiscard]] virtual std::size_t MemoryBytes() const = 0;

  /// Reads the next of `parts` equal parts of what is held in memory; false where a bit is not as it was
  /// written. As many calls see everything.
  [[nodiscard]] virtual bool CheckMemory(std::size_t parts) const = 0;
  /// Writes everything, for IndexBuilder::Restore. Errors: the writer's.
  virtual Status Save(SnapshotWriter& out) const = 0;
};

/// Makes successive snapshots that share what has not changed: hashes go into immutable segments that are
/// merged as they grow, withdrawals into copied tombstone maps. Threads: confined to the publishing thread;
/// snapshots are free.
class IndexBuilder {
 public:
  virtual ~IndexBuilder() = default;
  /// Adds hashes, all or none; visible in the next snapshot. `hashes` with an algorithm other than MD5,
  /// SHA-1, SHA-256 and PDQ are an error, and `vectors` with one that is not in index/flat.h. Errors:
  /// kRequestInvalid, kMemoryLimit.
  virtual Status Add(std::span<const IndexedHash> hashes, std::span<const IndexedVector> vectors) = 0;
  Status Add(std::span<const IndexedHash> hashes) { return Add(hashes, {}); }
  /// Withdraws every hash of the entry in the list that is there now; hashes added for it afterwards count
  /// again.
  virtual void Withdraw(ListId list, EntryId entry) = 0;
  /// Withdraws every hash of the list.
  virtual void WithdrawList(ListId list) = 0;
  /// The state after all changes so far; earlier snapshots stay as they are. Cost: proportional to the
  /// changes since the last, amortised.
  virtual std::shared_ptr<const HashIndex> Snapshot() = 0;
  /// Brings everything into its quickest form and waits for it: for the end of a load, before its snapshot.
  /// Where the memory bound leaves no room, things stay as they are. Cost: as building the band index.
  virtual void Settle() = 0;
  /// Takes what an index of the same seed saved. REQUIRES: nothing was added. Errors: the reader's,
  /// kStoreCorrupt where it does not fit together, kMemoryLimit; then the builder must not be used further.
  virtual Status Restore(SnapshotReader& in) = 0;
};

struct IndexOptions {
  /// Bound on what the builder and all snapshots that are still held take together; 0 means none. Up to 2 MiB
  /// of hashes not yet in a segment is counted; scratch space of the same size is not. Withdrawals always
  /// succeed and may exceed it by one bit a hash; merging waits until there is room for it.
  std::size_t max_bytes = 0;
  IndexSeed seed{};
  /// Where set, large merges are done on threads of the builder's own, and this is called there after each:
  /// have somebody take a Snapshot then, which has the result. The builder's destructor waits for a call
  /// under way, so it must not be destroyed under a lock that this takes. Otherwise Snapshot does the merges
  /// itself.
  std::function<void()> on_merged;
};

/// Exact search with the kernel that SelectKernel() chooses (index/kernels/kernel.h): call that at start too,
/// because a kernel that cannot be had shows here only as the error of every Add and SearchPdq. Further
/// options: index/segment_index.h.
std::unique_ptr<IndexBuilder> NewIndexBuilder(const IndexOptions& options);

}  // namespace hashgate::index
