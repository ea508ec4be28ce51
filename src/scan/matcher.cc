#include "scan/matcher.h"

#include <algorithm>
#include <map>
#include <utility>

namespace hashgate::scan {
namespace {

using index::Candidate;
using index::PdqQuery;

// What points at one entry.
struct Gathered {
  std::vector<Algorithm> algorithms;
  int distance_bits = -1;  // least PDQ distance
  std::uint32_t tag = 0;   // query that came nearest
  index::ActionClass action_class = 0;
};

// One query: which view, which form of it, made by which pipeline.
struct QueryOrigin {
  const decode::ViewHashes* view;
  const decode::PdqForms* forms;
  Dihedral dihedral;
};

bool AnyListAsksFor(std::span<const lists::HashList* const> lists, Pipeline pipeline) {
  return std::ranges::any_of(lists,
                             [pipeline](const auto* list) { return list->config.pdq_pipeline == pipeline; });
}

// Every form of every view. Lists that were made by nn512 are also asked with the full hash where no nn512
// hash was computed: the pipelines are close (median 6-8 bits), so most of their entries are still found.
void BuildQueries(const FileHashes& hashes, bool nn512_lists, std::vector<PdqQuery>& queries,
                  std::vector<QueryOrigin>& origins) {
  for (const decode::ViewHashes& view : hashes.views) {
    const bool has_nn512 =
        std::ranges::any_of(view.pdq, [](const auto& p) { return p.pipeline == Pipeline::kNn512; });
    for (const decode::PdqForms& forms : view.pdq) {
      const int count = hashes.turned ? kDihedralCount : 1;
      for (int form = 0; form < count; ++form) {
        const auto add = [&](Pipeline pipeline) {
          queries.push_back({forms.forms[static_cast<std::size_t>(form)], pipeline,
                             static_cast<std::uint32_t>(origins.size())});
          origins.push_back({&view, &forms, static_cast<Dihedral>(form)});
        };
        if (forms.pipeline == Pipeline::kUnspecified) {
          add(Pipeline::kFull);
          add(Pipeline::kNn512);
        } else {
          add(forms.pipeline);
          if (nn512_lists && !has_nn512 && forms.pipeline == Pipeline::kFull) add(Pipeline::kNn512);
        }
      }
    }
  }
}

// The query that comes nearest to an entry's PDQ within the list's threshold, for an entry that its digest
// found: a search that was truncated may have left the entry's perceptual hash out, and corroboration must
// not depend on that.
void CorroborateByPdq(const std::vector<PdqQuery>& queries, Pipeline list_pipeline, const PdqHash& entry_hash,
                      int max_distance_bits, Gathered& gathered) {
  for (const PdqQuery& query : queries) {
    if (list_pipeline != Pipeline::kUnspecified && query.pipeline != list_pipeline) continue;
    const int distance = Distance(query.hash, entry_hash);
    if (distance > max_distance_bits) continue;
    if (gathered.distance_bits < 0) gathered.algorithms.push_back(Algorithm::kPdq);
    if (gathered.distance_bits < 0 || distance < gathered.distance_bits) {
      gathered.distance_bits = distance;
      gathered.tag = query.tag;
    }
  }
}

int PdqThreshold(const lists::HashList& list) {
  const auto threshold = list.config.max_distance_bits.find(Algorithm::kPdq);
  return threshold != list.config.max_distance_bits.end() ? threshold->second : kDefaultPdqMaxDistanceBits;
}

template <typename Visit>
void ForEachPdq(const lists::EntryRecord& record, const Visit& visit) {
  for (const HashValue& value : record.hashes) {
    if (value.algorithm != Algorithm::kPdq || value.bytes.size() != 32) continue;
    visit(PdqHash::FromBytes(std::span<const std::uint8_t, 32>(value.bytes.data(), 32)), value.quality);
  }
}

// Least distance from the upload's forms to the entry's PDQ, over views whose hash means something; -1 where
// none does.
int DistanceToEntry(const FileHashes& hashes, const PdqHash& entry_hash) {
  int least = -1;
  for (const decode::ViewHashes& view : hashes.views) {
    for (const decode::PdqForms& forms : view.pdq) {
      if (forms.quality != kQualityUnknown && forms.quality < kMinUsablePdqQuality) continue;
      if (IsDegenerate(forms.forms[0])) continue;
      const int count = hashes.turned ? kDihedralCount : 1;
      for (int form = 0; form < count; ++form) {
        const int distance = Distance(forms.forms[static_cast<std::size_t>(form)], entry_hash);
        if (least < 0 || distance < least) least = distance;
      }
    }
  }
  return least;
}

int LeastFullDistance(const FileHashes& hashes, const PdqHash& entry_hash) {
  int least = 257;
  for (const decode::ViewHashes& view : hashes.views) {
    for (const decode::PdqForms& forms : view.pdq) {
      if (forms.pipeline == Pipeline::kNn512) continue;
      const int count = hashes.turned ? kDihedralCount : 1;
      for (int form = 0; form < count; ++form) {
        least = std::min(least, Distance(forms.forms[static_cast<std::size_t>(form)], entry_hash));
      }
    }
  }
  return least;
}

// What stays the same for every match of one search.
struct Search {
  const lists::Generation& generation;
  const FileHashes& hashes;
  const std::vector<PdqQuery>& queries;
  const std::vector<QueryOrigin>& origins;
  const EntryReader& read_entry;
};

MatchDetail Describe(const Search& search, const lists::HashList& list, index::EntryId entry,
                     Gathered gathered) {
  MatchDetail match;
  policy::MatchFact& fact = match.fact;
  fact.list = list.config.name;
  fact.purpose = list.config.purpose;
  fact.trust = list.config.trust;
  fact.action_ceiling = list.config.action_ceiling;
  fact.entry = entry;
  if (gathered.action_class < search.generation.action_classes.size()) {
    const lists::ActionClassInfo& info = search.generation.action_classes[gathered.action_class];
    fact.classification = info.classification;
    fact.entry_degenerate = info.degenerate;
    // The class only says "below the usable quality"; the entry's own record, where it can be read, gives the
    // figure.
    if (info.low_quality) fact.entry_quality = 0;
  }

  const Result<lists::Entry> record = search.read_entry(list.id, entry);
  const bool digest_matched = std::ranges::any_of(
      gathered.algorithms, [](Algorithm algorithm) { return algorithm != Algorithm::kPdq; });
  if (record && digest_matched) {
    ForEachPdq(record->record, [&](const PdqHash& hash, int) {
      CorroborateByPdq(search.queries, list.config.pdq_pipeline, hash, PdqThreshold(list), gathered);
    });
  }

  fact.algorithms = gathered.algorithms;
  std::ranges::sort(fact.algorithms);
  fact.identity = policy::IdentityOf(fact.algorithms);
  fact.distance_bits = gathered.distance_bits;
  const bool perceptual = gathered.distance_bits >= 0;
  const QueryOrigin* origin = perceptual ? &search.origins[gathered.tag] : nullptr;
  if (origin != nullptr) {
    fact.upload_quality = origin->forms->quality;
    fact.upload_degenerate = IsDegenerate(origin->forms->forms[0]);
    fact.view = origin->view->kind;
    match.frame = origin->view->frame;
    match.dihedral = origin->dihedral;
    match.max_distance_bits = PdqThreshold(list);
  }
  if (!record) return match;

  match.source_id = record->record.source_id;
  fact.classification = record->record.classification;
  int conflict_distance = -1;
  ForEachPdq(record->record, [&](const PdqHash& hash, int quality) {
    if (origin != nullptr) {
      const PdqHash& query = origin->forms->forms[static_cast<std::size_t>(match.dihedral)];
      if (Distance(query, hash) == gathered.distance_bits) {
        fact.entry_quality = quality;
        fact.entry_degenerate = IsDegenerate(hash);
      }
      fact.nn512_only |= origin->forms->pipeline == Pipeline::kNn512 &&
                         LeastFullDistance(search.hashes, hash) > kNn512TrustBits;
    }
    const bool meaningful =
        !IsDegenerate(hash) && (quality == kQualityUnknown || quality >= kMinUsablePdqQuality);
    const int distance = meaningful ? DistanceToEntry(search.hashes, hash) : -1;
    if (distance >= 0 && (conflict_distance < 0 || distance < conflict_distance))
      conflict_distance = distance;
  });
  fact.digest_conflict = digest_matched && conflict_distance > kDigestConflictBits;
  return match;
}

}  // namespace

Result<Matches> FindMatches(const lists::Generation& generation,
                            std::span<const lists::HashList* const> lists, const FileHashes& hashes,
                            const EntryReader& read_entry) {
  std::vector<index::ListId> ids;
  std::vector<index::ListRadius> radii;
  std::map<index::ListId, const lists::HashList*> by_id;
  for (const lists::HashList* list : lists) {
    ids.push_back(list->id);
    by_id.emplace(list->id, list);
    radii.push_back({list->id, PdqThreshold(*list)});
  }

  std::map<std::pair<index::ListId, index::EntryId>, Gathered> gathered;
  Matches matches;
  const auto take = [&](const index::SearchResult& result) {
    matches.truncated |= result.truncated;
    for (const Candidate& candidate : result.candidates) {
      Gathered& entry = gathered[{candidate.list, candidate.entry}];
      entry.action_class = candidate.action_class;
      if (std::ranges::find(entry.algorithms, candidate.algorithm) == entry.algorithms.end()) {
        entry.algorithms.push_back(candidate.algorithm);
      }
      if (candidate.algorithm == Algorithm::kPdq &&
          (entry.distance_bits < 0 || candidate.distance_bits < entry.distance_bits)) {
        entry.distance_bits = candidate.distance_bits;
        entry.tag = candidate.tag;
      }
    }
  };

  const index::SearchBounds bounds;
  const index::DigestQuery digest_query{hashes.md5 ? &*hashes.md5 : nullptr,
                                        hashes.sha1 ? &*hashes.sha1 : nullptr,
                                        hashes.sha256 ? &*hashes.sha256 : nullptr};
  HASHGATE_ASSIGN_OR_RETURN(const index::SearchResult by_digest,
                            generation.index->SearchDigests(digest_query, ids, bounds));
  take(by_digest);

  std::vector<PdqQuery> queries;
  std::vector<QueryOrigin> origins;
  BuildQueries(hashes, AnyListAsksFor(lists, Pipeline::kNn512), queries, origins);
  if (!queries.empty()) {
    HASHGATE_ASSIGN_OR_RETURN(const index::SearchResult by_pdq,
                              generation.index->SearchPdq(queries, radii, bounds));
    take(by_pdq);
  }

  const Search search{generation, hashes, queries, origins, read_entry};
  for (const auto& [key, entry] : gathered) {
    matches.found.push_back(Describe(search, *by_id.at(key.first), key.second, entry));
  }
  return matches;
}

}  // namespace hashgate::scan
