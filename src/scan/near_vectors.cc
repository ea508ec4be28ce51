#include "scan/near_vectors.h"

#include <algorithm>
#include <tuple>

#include "index/flat.h"
#include "scan/file_hashes.h"
#include "scan/matcher.h"

namespace hashgate::scan {
namespace {

// Smaller is worth more.
auto WorthKey(const NearVector& near) {
  return std::make_tuple(near.SaysLittle(), !IdentifiesAlone(near.algorithm), near.distance);
}

}  // namespace

void NearVectors::Take(const NearVector& near) {
  const auto at = std::ranges::find(all_, near.algorithm, &NearVector::algorithm);
  if (at == all_.end()) {
    all_.push_back(near);
  } else if (WorthKey(near) < WorthKey(*at)) {
    *at = near;
  }
}

void NearVectors::TakeFrom(const FileHashes& hashes, const lists::HashList& list,
                           const lists::EntryRecord& record) {
  for (const FileVector& vector : VectorsOf(hashes)) {
    for (const HashValue& value : record.hashes) {
      if (value.algorithm != vector.algorithm) continue;
      const int distance = Distance(value.algorithm, vector.bytes, value.bytes);
      if (distance < 0 || distance > list.config.MaxDistance(value.algorithm)) continue;
      Take({value.algorithm, distance, IsDegenerate(vector.algorithm, vector.bytes),
            IsDegenerate(value.algorithm, value.bytes), vector.view, vector.form});
    }
  }
}

bool NearVectors::Identify() const {
  return std::ranges::any_of(all_, &NearVector::Identifies);
}

const NearVector* NearVectors::Best() const {
  const auto best = std::ranges::min_element(all_, {}, WorthKey);
  return best != all_.end() ? &*best : nullptr;
}

void NearVectors::DropThoseThatSayLittle() {
  std::erase_if(all_, [](const NearVector& near) { return near.SaysLittle(); });
}

Status SearchNearVectors(const lists::Generation& generation, std::span<const lists::HashList* const> lists,
                         std::span<const FileHashes* const> files, const index::SearchBounds& bounds,
                         const TakeNearVector& take, const std::function<void(std::size_t file)>& truncated) {
  std::vector<std::vector<FileVector>> vectors;
  vectors.reserve(files.size());
  for (const FileHashes* file : files) vectors.push_back(VectorsOf(*file));
  for (const index::FlatAlgorithm& flat : index::kFlatAlgorithms) {
    std::vector<std::vector<index::VectorQuery>> queries(files.size());
    bool any = false;
    for (std::size_t i = 0; i < files.size(); ++i) {
      for (std::uint32_t k = 0; k < vectors[i].size(); ++k) {
        const FileVector& vector = vectors[i][k];
        if (vector.algorithm == flat.algorithm) queries[i].push_back({vector.bytes, k});
      }
      any = any || !queries[i].empty();
    }
    if (!any) continue;
    std::vector<index::ListDistance> distances;
    for (const lists::HashList* list : lists) {
      distances.push_back({list->id, list->config.MaxDistance(flat.algorithm)});
    }
    const std::vector<index::VectorQuerySet> sets(queries.begin(), queries.end());
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<index::SearchResult> results,
                              generation.index->SearchVectorsEach(flat.algorithm, sets, distances, bounds));
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].truncated) truncated(i);
      for (const index::Candidate& candidate : results[i].candidates) {
        const FileVector& vector = vectors[i][candidate.tag];
        const bool known = candidate.action_class < generation.action_classes.size();
        take(i, candidate,
             {flat.algorithm, candidate.distance, IsDegenerate(vector.algorithm, vector.bytes),
              known && generation.action_classes[candidate.action_class].degenerate, vector.view,
              vector.form});
      }
    }
  }
  return {};
}

}  // namespace hashgate::scan
