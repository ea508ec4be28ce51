// The oracle of every index: one vector of hashes and simple loops. Slow, and meant to be obviously right.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "index/hash_index.h"

namespace hashgate::testing {

/// What a snapshot should answer.
class BruteForceIndex final : public index::HashIndex {
 public:
  BruteForceIndex(std::vector<index::IndexedHash> rows, const index::IndexSeed& seed,
                  std::vector<index::IndexedVector> vectors = {})
      : rows_(std::move(rows)), vectors_(std::move(vectors)), tallier_(seed) {}

  Result<index::SearchResult> SearchPdq(std::span<const index::PdqQuery> queries,
                                        std::span<const index::ListRadius> lists,
                                        const index::SearchBounds& bounds) const override {
    std::vector<Found> found;
    for (const index::IndexedHash& row : rows_) {
      if (row.algorithm != Algorithm::kPdq) continue;
      const PdqHash hash = PdqHash::FromBytes(row.bytes);
      for (const index::ListRadius& list : lists) {
        if (list.max_distance_bits < 0 || list.max_distance_bits > 63) {
          return Fail(Reason::kRequestInvalid, "threshold");
        }
        if (list.list != row.list) continue;
        for (const index::PdqQuery& query : queries) {
          const bool other_pipeline = row.pipeline != Pipeline::kUnspecified &&
                                      query.pipeline != Pipeline::kUnspecified &&
                                      row.pipeline != query.pipeline;
          const int distance = Distance(hash, query.hash);
          if (other_pipeline || distance > list.max_distance_bits) continue;
          found.push_back({distance, CandidateOf(row, distance, query.tag)});
        }
      }
    }
    return Select(std::move(found), bounds);
  }

  Result<std::vector<index::SearchResult>> SearchPdqEach(std::span<const index::PdqQuerySet> sets,
                                                         std::span<const index::ListRadius> lists,
                                                         const index::SearchBounds& bounds) const override {
    std::vector<index::SearchResult> results;
    for (const index::PdqQuerySet& queries : sets) {
      HASHGATE_ASSIGN_OR_RETURN(results.emplace_back(), SearchPdq(queries, lists, bounds));
    }
    return results;
  }

  Result<std::vector<index::SearchResult>> SearchVectorsEach(
      Algorithm algorithm, std::span<const index::VectorQuerySet> sets,
      std::span<const index::ListDistance> lists, const index::SearchBounds& bounds) const override {
    std::vector<index::SearchResult> results;
    for (const index::VectorQuerySet& queries : sets) {
      std::vector<Found> found;
      for (const index::IndexedVector& row : vectors_) {
        const auto list = std::ranges::find(lists, row.list, &index::ListDistance::list);
        if (row.algorithm != algorithm || list == lists.end()) continue;
        for (const index::VectorQuery& query : queries) {
          const int distance =
              Distance(algorithm, query.bytes, std::span(row.bytes).first(HashSize(algorithm)));
          if (distance < 0 || distance > list->max_distance) continue;
          found.push_back(
              {distance, {row.list, row.entry, row.action_class, row.algorithm, distance, query.tag}});
        }
      }
      results.push_back(Select(std::move(found), bounds));
    }
    return results;
  }

  Result<index::SearchResult> SearchDigests(const index::DigestQuery& query,
                                            std::span<const index::ListId> lists,
                                            const index::SearchBounds& bounds) const override {
    std::map<std::pair<index::ListId, index::EntryId>, std::array<bool, kAlgorithmCount>> agreeing;
    for (const index::IndexedHash& row : rows_) {
      if (!Holds(row, query)) continue;
      agreeing[{row.list, row.entry}][static_cast<std::size_t>(row.algorithm)] = true;
    }
    std::vector<Found> found;
    for (const index::IndexedHash& row : rows_) {
      if (!Holds(row, query) || std::ranges::find(lists, row.list) == lists.end()) continue;
      const auto& digests = agreeing[{row.list, row.entry}];
      const int missing = 3 - static_cast<int>(std::ranges::count(digests, true));
      found.push_back({missing, CandidateOf(row, 0, 0)});
    }
    return Select(std::move(found), bounds);
  }

  std::size_t Count(Algorithm algorithm) const override {
    return static_cast<std::size_t>(
        std::ranges::count(rows_, algorithm, &index::IndexedHash::algorithm) +
        std::ranges::count(vectors_, algorithm, &index::IndexedVector::algorithm));
  }
  std::size_t CountIn(index::ListId list, Algorithm algorithm) const override {
    const auto counts = [&](const auto& row) { return row.list == list && row.algorithm == algorithm; };
    return static_cast<std::size_t>(std::ranges::count_if(rows_, counts) +
                                    std::ranges::count_if(vectors_, counts));
  }
  bool HoldsAny(index::ListId list, Algorithm algorithm) const override {
    return CountIn(list, algorithm) > 0;
  }
  bool HoldsPdqOf(index::ListId list, Pipeline pipeline) const override {
    return std::ranges::any_of(rows_, [&](const index::IndexedHash& row) {
      return row.list == list && row.algorithm == Algorithm::kPdq && row.pipeline == pipeline;
    });
  }
  index::Tally TallyOf(index::ListId list) const override {
    index::Tally tally;
    for (const index::IndexedHash& row : rows_) {
      if (row.list == list) tally += tallier_.Of({&row, 1});
    }
    for (const index::IndexedVector& row : vectors_) {
      if (row.list == list) tally += tallier_.Of(index::IndexedRows{{}, {row}});
    }
    return tally;
  }
  std::size_t MemoryBytes() const override {
    return rows_.capacity() * sizeof(index::IndexedHash) + vectors_.capacity() * sizeof(index::IndexedVector);
  }
  bool CheckMemory(std::size_t) const override { return true; }
  Status Save(index::SnapshotWriter&) const override {
    return Fail(Reason::kUnsupported, "the oracle is not saved");
  }

 private:
  struct Found {
    int rank;  // what the bounds go by: distance, or how few digests agree
    index::Candidate candidate;
  };

  static index::Candidate CandidateOf(const index::IndexedHash& row, int distance, std::uint32_t tag) {
    return {row.list, row.entry, row.action_class, row.algorithm, distance, tag};
  }

  static bool Holds(const index::IndexedHash& row, const index::DigestQuery& query) {
    const auto equal = [&](const auto* digest) {
      return digest != nullptr && std::equal(digest->begin(), digest->end(), row.bytes.begin());
    };
    switch (row.algorithm) {
      case Algorithm::kMd5: return equal(query.md5);
      case Algorithm::kSha1: return equal(query.sha1);
      case Algorithm::kSha256: return equal(query.sha256);
      default: return false;
    }
  }

  static index::SearchResult Select(std::vector<Found> found, const index::SearchBounds& bounds) {
    std::ranges::sort(found, {}, [](const Found& f) {
      const index::Candidate& c = f.candidate;
      return std::make_tuple(f.rank, c.list, c.entry, c.tag, c.algorithm, c.action_class);
    });
    // In that order: drop repeats of (entry, tag), then what a group has no room for.
    index::SearchResult result;
    std::vector<Found> rest;
    std::map<std::tuple<index::ListId, index::ActionClass, Algorithm>, std::size_t> groups;
    std::map<std::tuple<index::ListId, index::ActionClass, Algorithm, index::EntryId, std::uint32_t>, bool>
        seen;
    for (const Found& f : found) {
      const index::Candidate& c = f.candidate;
      if (std::exchange(seen[{c.list, c.action_class, c.algorithm, c.entry, c.tag}], true)) continue;
      std::size_t& kept = groups[{c.list, c.action_class, c.algorithm}];
      if (kept >= std::max<std::size_t>(bounds.per_group, 1)) {
        result.truncated = true;
        continue;
      }
      if (++kept == 1) {
        result.candidates.push_back(c);
      } else {
        rest.push_back(f);
      }
    }
    for (const Found& f : rest) {
      if (result.candidates.size() >= bounds.total) {
        result.truncated = true;
        break;
      }
      result.candidates.push_back(f.candidate);
    }
    std::ranges::sort(result.candidates, {}, [](const index::Candidate& c) {
      return std::make_tuple(c.distance, c.list, c.entry, c.tag, c.algorithm, c.action_class);
    });
    return result;
  }

  std::vector<index::IndexedHash> rows_;
  std::vector<index::IndexedVector> vectors_;
  index::Tallier tallier_;
};

/// What a builder should do.
class BruteForceBuilder final : public index::IndexBuilder {
 public:
  Status Add(std::span<const index::IndexedHash> hashes,
             std::span<const index::IndexedVector> vectors) override {
    rows_.insert(rows_.end(), hashes.begin(), hashes.end());
    vectors_.insert(vectors_.end(), vectors.begin(), vectors.end());
    return {};
  }
  using IndexBuilder::Add;
  void Withdraw(index::ListId list, index::EntryId entry) override {
    const auto is_it = [&](const auto& row) { return row.list == list && row.entry == entry; };
    std::erase_if(rows_, is_it);
    std::erase_if(vectors_, is_it);
  }
  void WithdrawList(index::ListId list) override {
    std::erase_if(rows_, [&](const auto& row) { return row.list == list; });
    std::erase_if(vectors_, [&](const auto& row) { return row.list == list; });
  }
  std::shared_ptr<const index::HashIndex> Snapshot() override {
    return std::make_shared<BruteForceIndex>(rows_, index::IndexSeed{}, vectors_);
  }
  void Settle() override {}
  Status Restore(index::SnapshotReader&) override {
    return Fail(Reason::kUnsupported, "the oracle is not restored");
  }

 private:
  std::vector<index::IndexedHash> rows_;
  std::vector<index::IndexedVector> vectors_;
};

}  // namespace hashgate::testing
