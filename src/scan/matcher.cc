#include "scan/matcher.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "scan/near_vectors.h"

namespace hashgate::scan {
namespace {

using index::Candidate;
using index::PdqQuery;

// Candidates of a (list, class) that are asked for at most, and how their number grows towards that.
constexpr std::size_t kMostPerGroup = 1'024;
constexpr std::size_t kMoreAtATime = 8;

// What points at one entry.
struct Gathered {
  std::vector<Algorithm> algorithms;
  int distance_bits = -1;  // PDQ distance of the query below
  std::uint32_t tag = 0;   // the query that speaks for the match
  index::ActionClass action_class = 0;
  NearVectors vectors;
};

// Whether a PDQ hash of this quality says anything about which picture it is.
bool IsMeaningful(const PdqHash& hash, int quality) {
  return !IsDegenerate(hash) && (quality == kQualityUnknown || quality >= kMinUsablePdqQuality);
}

// One query: which view, which form of it, made by which pipeline.
struct QueryOrigin {
  const FileHashes* file;
  const decode::ViewHashes* view;
  const decode::PdqForms* forms;
  Dihedral dihedral;

  // Asked of what was found only: most queries find nothing.
  [[nodiscard]] bool SaysLittle() const { return !IsMeaningful(forms->forms[0], forms->quality); }
  [[nodiscard]] bool IsNn512() const { return forms->pipeline == Pipeline::kNn512; }
  // The form that was searched for.
  [[nodiscard]] const PdqHash& hash() const { return forms->forms[static_cast<std::size_t>(dihedral)]; }
};

// Least distance from a view's forms of one kind to a PDQ hash, over those whose hash passes; -1 where none
// does. What can be planted (nn512) is kept apart from what cannot.
template <typename Passes>
int LeastDistance(const FileHashes& hashes, const decode::ViewHashes& view, bool nn512, const PdqHash& to,
                  const Passes& passes) {
  int least = -1;
  for (const decode::PdqForms& forms : view.pdq) {
    if ((forms.pipeline == Pipeline::kNn512) != nn512 || !passes(forms)) continue;
    const int count = hashes.turned ? kDihedralCount : 1;
    for (int form = 0; form < count; ++form) {
      const int distance = Distance(forms.forms[static_cast<std::size_t>(form)], to);
      if (least < 0 || distance < least) least = distance;
    }
  }
  return least;
}

// The same over all views, hidden ones only where asked for.
template <typename Passes>
int LeastDistance(const FileHashes& hashes, bool with_hidden, bool nn512, const PdqHash& to,
                  const Passes& passes) {
  int least = -1;
  for (const decode::ViewHashes& view : hashes.views) {
    if (view.hidden && !with_hidden) continue;
    const int distance = LeastDistance(hashes, view, nn512, to, passes);
    if (distance >= 0 && (least < 0 || distance < least)) least = distance;
  }
  return least;
}

// Whether the full hash of the view that matched by nn512 lies near enough to `hash` for that to count: what
// another view shows says nothing about this one. Hashes from elsewhere do not say which of them are of one
// view, so there all are asked. `slack` is how far the hash that is meant may lie from `hash`.
bool FullHashIsNear(const QueryOrigin& origin, const PdqHash& hash, int slack) {
  const FileHashes& hashes = *origin.file;
  const auto any = [](const decode::PdqForms&) { return true; };
  const int least = hashes.turned ? LeastDistance(hashes, *origin.view, false, hash, any)
                                  : LeastDistance(hashes, true, false, hash, any);
  return least >= 0 && least + slack <= kNn512TrustBits;
}

// How little a match by this query, at that distance, may do: least for views that say something and that
// people see, by a hash that cannot be planted.
int WeaknessOf(const QueryOrigin& origin, int distance) {
  const bool planted = origin.IsNn512() && !FullHashIsNear(origin, origin.hash(), distance);
  return (origin.SaysLittle() ? 4 : 0) + (origin.view->hidden ? 2 : 0) + (planted ? 1 : 0);
}

// Queries of all files of a search, in the order of files; each file's as well in the order of kQueryKinds,
// and a query's tag is its own number.
struct Queries {
  std::vector<PdqQuery> queries;
  std::vector<QueryOrigin> origins;  // by tag

  [[nodiscard]] index::PdqQuerySet Between(std::size_t begin, std::size_t end) const {
    return index::PdqQuerySet(queries).subspan(begin, end - begin);
  }
};

// Which of a file's queries are searched together. Each kind has bounds of its own: what can be planted (by
// nn512, or where nobody looks) must not crowd out a match of what cannot.
struct QueryKind {
  bool nn512;
  bool hidden;
};
constexpr std::array<QueryKind, 4> kQueryKinds = {
    {{false, false}, {true, false}, {false, true}, {true, true}}};

// Every form of every view of one kind. The full hash asks about hashes of every pipeline, even where the
// picture has an nn512 hash as well. The pipelines are close (median 6 to 8 bits), so it is a second chance,
// and a needed one: whoever changes the few pixels that nn512 looks at moves its hash as far as they like,
// out of reach as easily as onto an entry, while the full hash hardly moves.
void AddQueries(const FileHashes& hashes, QueryKind kind, Queries& out) {
  for (const decode::ViewHashes& view : hashes.views) {
    if (view.hidden != kind.hidden) continue;
    for (const decode::PdqForms& forms : view.pdq) {
      if ((forms.pipeline == Pipeline::kNn512) != kind.nn512) continue;
      const Pipeline asked = kind.nn512 ? Pipeline::kNn512 : Pipeline::kUnspecified;
      const int count = hashes.turned ? kDihedralCount : 1;
      for (int form = 0; form < count; ++form) {
        out.queries.push_back({forms.forms[static_cast<std::size_t>(form)], asked,
                               static_cast<std::uint32_t>(out.origins.size())});
        out.origins.push_back({&hashes, &view, &forms, static_cast<Dihedral>(form)});
      }
    }
  }
}

bool PipelinesFit(Pipeline query, Pipeline entry) {
  return query == Pipeline::kUnspecified || entry == Pipeline::kUnspecified || query == entry;
}

// Lets the query speak for the match if it does so better than the one before: one that says something before
// one that says little (else a near but empty view, which can be planted, would take a good match's weight),
// one that people see before a hidden one (else a thumbnail would), one that cannot be planted before an
// nn512 hash that may be (else another frame's would), then the nearer.
void TakeQuery(const std::vector<QueryOrigin>& origins, std::uint32_t tag, int distance, Gathered& gathered) {
  if (gathered.distance_bits >= 0) {
    const int weakness = WeaknessOf(origins[tag], distance);
    const int before = WeaknessOf(origins[gathered.tag], gathered.distance_bits);
    if (weakness != before ? weakness > before : distance >= gathered.distance_bits) return;
  }
  gathered.distance_bits = distance;
  gathered.tag = tag;
}

// The query that comes nearest to an entry's PDQ within the list's threshold, for an entry that its digest
// found: a search that was truncated may have left the entry's perceptual hash out, and corroboration must
// not depend on that.
void CorroborateByPdq(index::PdqQuerySet queries, const std::vector<QueryOrigin>& origins,
                      Pipeline entry_pipeline, const PdqHash& entry_hash, int max_distance_bits,
                      Gathered& gathered) {
  for (const PdqQuery& query : queries) {
    if (!PipelinesFit(query.pipeline, entry_pipeline)) continue;
    const int distance = Distance(query.hash, entry_hash);
    if (distance > max_distance_bits) continue;
    if (gathered.distance_bits < 0) gathered.algorithms.push_back(Algorithm::kPdq);
    TakeQuery(origins, query.tag, distance, gathered);
  }
}

template <typename Visit>
void ForEachPdq(const lists::EntryRecord& record, const Visit& visit) {
  for (const HashValue& value : record.hashes) {
    if (value.algorithm != Algorithm::kPdq || value.bytes.size() != 32) continue;
    visit(PdqHash::FromBytes(std::span<const std::uint8_t, 32>(value.bytes.data(), 32)), value);
  }
}

// How far the upload lies from the entry's PDQ, by hashes that mean something; -1 where none does. A planted
// nn512 hash must not hide that digest and picture contradict, so it speaks only where it is all there is.
int DistanceToEntry(const FileHashes& hashes, bool with_hidden, const PdqHash& entry_hash) {
  const auto meaningful = [](const decode::PdqForms& forms) {
    return IsMeaningful(forms.forms[0], forms.quality);
  };
  const int full = LeastDistance(hashes, with_hidden, false, entry_hash, meaningful);
  return full >= 0 ? full : LeastDistance(hashes, with_hidden, true, entry_hash, meaningful);
}

// What stays the same for every match of one file.
struct Search {
  const lists::Generation& generation;
  const FileHashes& hashes;
  index::PdqQuerySet queries;               // the file's
  const std::vector<QueryOrigin>& origins;  // of all queries, by tag
  const EntryReader& read_entry;
};

// Reads the entry as the pinned generation knows it. Anything else is told in `matches`, and then empty.
std::optional<lists::Entry> ReadPinned(const Search& search, index::ListId list, index::EntryId entry,
                                       Matches& matches) {
  Result<lists::Entry> read = search.read_entry(list, entry);
  if (!read) {
    const bool withdrawn =
        read.error().reason == Reason::kEntryNotFound || read.error().reason == Reason::kListNotFound;
    ++(withdrawn ? matches.changed : matches.unreadable);
    return std::nullopt;
  }
  if (read->changed_generation > search.generation.number) {
    ++matches.changed;
    return std::nullopt;
  }
  return *std::move(read);
}

// What the perceptual side of a match says, where there is one.
void DescribePerceptual(const Search& search, const lists::HashList& list, const Gathered& gathered,
                        MatchDetail& match) {
  const QueryOrigin& origin = search.origins[gathered.tag];
  match.fact.distance_bits = gathered.distance_bits;
  match.fact.upload_quality = origin.forms->quality;
  match.fact.upload_degenerate = IsDegenerate(origin.forms->forms[0]);
  match.fact.view = origin.view->kind;
  match.upload_hash = origin.hash();
  match.fact.hidden_only = origin.view->hidden;
  match.frame = origin.view->frame;
  match.dihedral = origin.dihedral;
  match.max_distance_bits = list.config.PdqMaxDistanceBits();
  // How far the full hash lies from the entry's own is for its record to say. Until then: at most as far as
  // it lies from the form that matched and that one from the entry, together.
  match.fact.nn512_only = origin.IsNn512() && !FullHashIsNear(origin, origin.hash(), gathered.distance_bits);
}

// What the entry's own record adds: its quality, how far its hashes lie, and whether digest and picture
// contradict.
void DescribeFromRecord(const Search& search, const lists::EntryRecord& record, const Gathered& gathered,
                        MatchDetail& match) {
  policy::MatchFact& fact = match.fact;
  match.source_id = record.source_id;
  fact.classification = record.classification;
  const QueryOrigin* origin = gathered.distance_bits >= 0 ? &search.origins[gathered.tag] : nullptr;
  // A source may hash what a file holds where nobody looks, such as colours under clear pixels. Where the
  // digests alone prove which file it is, that contradicts nothing; else it could be planted to seem so.
  std::vector<Algorithm> digests;
  std::ranges::copy_if(gathered.algorithms, std::back_inserter(digests), policy::IsDigest);
  const bool with_hidden = policy::IdentityOf(digests) == Identity::kStrong;
  int conflict_distance = -1;
  bool full_is_near = false;
  ForEachPdq(record, [&](const PdqHash& hash, const HashValue& value) {
    if (origin != nullptr) {
      if (Distance(origin->hash(), hash) == gathered.distance_bits) {
        fact.entry_quality = value.quality;
        fact.entry_degenerate = IsDegenerate(hash);
      }
      full_is_near |= FullHashIsNear(*origin, hash, 0);
    }
    if (!IsMeaningful(hash, value.quality)) return;
    match.has_pdq = true;
    const int distance = DistanceToEntry(search.hashes, with_hidden, hash);
    if (distance >= 0 && (conflict_distance < 0 || distance < conflict_distance))
      conflict_distance = distance;
  });
  fact.nn512_only = origin != nullptr && origin->IsNn512() && !full_is_near;
  fact.digest_conflict = !digests.empty() && conflict_distance > kDigestConflictBits;
}

// What the vectors add. `has_other`: something else already says which entry it is, so that those that say
// little are not needed.
void DescribeVectors(const lists::HashList& list, bool has_other, Gathered& gathered, MatchDetail& match) {
  policy::MatchFact& fact = match.fact;
  if (has_other || gathered.vectors.Identify()) gathered.vectors.DropThoseThatSayLittle();
  for (const NearVector& near : gathered.vectors.all()) {
    gathered.algorithms.push_back(near.algorithm);
    fact.distances.push_back({near.algorithm, near.distance, list.config.MaxDistance(near.algorithm)});
    fact.upload_degenerate |= near.upload_degenerate;
    fact.entry_degenerate |= near.entry_degenerate;
  }
  // Where PDQ says which view it is, that stands.
  const NearVector* const best = gathered.vectors.Best();
  if (gathered.distance_bits >= 0 || best == nullptr || best->view == nullptr) return;
  fact.view = best->view->kind;
  match.frame = best->view->frame;
  match.dihedral = best->form;
}

// Whether the upload looks like the entry itself, or like a copy of it that was identified.
bool IsLikeACopy(const MatchDetail& match, std::span<const PdqHash> copies) {
  if (!match.upload_hash) return false;
  if (match.fact.distance_bits <= kCopyBits) return true;
  return std::ranges::any_of(
      copies, [&](const PdqHash& copy) { return Distance(*match.upload_hash, copy) <= kCopyBits; });
}

// What was said of the entry as it stands now.
void TakeOpinions(const lists::EntryOpinions& opinions, MatchDetail& match) {
  policy::MatchFact& fact = match.fact;
  fact.confirmed = opinions.confirmed == match.entry_version;
  fact.disputed = opinions.disputed == match.entry_version;
  // The flood is of PDQ hashes: where something else agrees too, this is none of it.
  fact.flooded = opinions.flooded == match.entry_version && fact.algorithms == std::vector{Algorithm::kPdq} &&
                 !IsLikeACopy(match, opinions.copies);
}

// Empty where the entry is suppressed.
std::optional<MatchDetail> Describe(const Search& search, const lists::HashList& list, index::EntryId entry,
                                    Gathered gathered, Matches& matches) {
  MatchDetail match;
  policy::MatchFact& fact = match.fact;
  match.list_id = list.id;
  fact.list = list.config.name;
  fact.purpose = list.config.purpose;
  fact.trust = list.config.trust;
  fact.action_ceiling = list.Ceiling();
  fact.scheme = list.config.scheme;
  fact.entry = entry;
  if (gathered.action_class < search.generation.action_classes.size()) {
    const lists::ActionClassInfo& info = search.generation.action_classes[gathered.action_class];
    fact.classification = info.classification;
    // The flags are of the PDQ hash that was found.
    fact.entry_degenerate = info.degenerate && gathered.distance_bits >= 0;
    // The class only says "below the usable quality"; the entry's own record, where it can be read, gives the
    // figure.
    if (info.low_quality) fact.entry_quality = 0;
  }

  const lists::EntryOpinions* const opinions = search.generation.opinions->Find(entry);
  const std::optional<lists::Entry> read = ReadPinned(search, list.id, entry, matches);
  if (read) {
    match.entry_version = read->version;
    if (opinions != nullptr && opinions->suppressed == read->version) {
      ++matches.suppressed;
      return std::nullopt;
    }
  }
  const lists::EntryRecord* const record = read ? &read->record : nullptr;
  const bool digest_matched = std::ranges::any_of(gathered.algorithms, policy::IsDigest);
  if (record != nullptr) gathered.vectors.TakeFrom(search.hashes, list, *record);
  if (record != nullptr && (digest_matched || !gathered.vectors.all().empty())) {
    ForEachPdq(*record, [&](const PdqHash& hash, const HashValue& value) {
      const Pipeline pipeline =
          value.pipeline != Pipeline::kUnspecified ? value.pipeline : list.config.pdq_pipeline;
      CorroborateByPdq(search.queries, search.origins, pipeline, hash, list.config.PdqMaxDistanceBits(),
                       gathered);
    });
  }
  if (gathered.distance_bits >= 0) DescribePerceptual(search, list, gathered, match);
  if (record != nullptr) {
    DescribeFromRecord(search, *record, gathered, match);
  } else {
    // Whether digest and picture contradict cannot be told: no report without a person, then.
    fact.action_ceiling = std::min(fact.action_ceiling, Verdict::kBlock);
  }

  // A hash that says little, or of what nobody sees, corroborates nothing: what remains is the digest alone,
  // or the vector. Beside a vector that says something, what can be planted is not needed either.
  const bool has_good_vector = gathered.vectors.Identify();
  const bool says_little =
      fact.hidden_only || fact.upload_degenerate || fact.entry_degenerate ||
      (fact.upload_quality != kQualityUnknown && fact.upload_quality < kMinUsablePdqQuality) ||
      (fact.entry_quality != kQualityUnknown && fact.entry_quality < kMinUsablePdqQuality);
  const bool has_better =
      (says_little && (digest_matched || has_good_vector)) || (fact.nn512_only && has_good_vector);
  if (gathered.distance_bits >= 0 && has_better) {
    std::erase(gathered.algorithms, Algorithm::kPdq);
    gathered.distance_bits = fact.distance_bits = -1;
    fact.upload_quality = fact.entry_quality = kQualityUnknown;
    fact.upload_degenerate = fact.entry_degenerate = fact.nn512_only = fact.hidden_only = false;
    fact.view = ViewKind::kUnspecified;
    match.frame = 0;
    match.dihedral = Dihedral::kOriginal;
    match.max_distance_bits = -1;
    match.upload_hash.reset();
  }
  const bool has_good_pdq = gathered.distance_bits >= 0 && !says_little;
  DescribeVectors(list, digest_matched || has_good_pdq, gathered, match);
  fact.algorithms = std::move(gathered.algorithms);
  std::ranges::sort(fact.algorithms);
  fact.identity = policy::IdentityOf(fact.algorithms);
  if (opinions != nullptr && read) TakeOpinions(*opinions, match);
  return match;
}

// What points at entries of one file's matches.
struct Pointers {
  std::map<std::pair<index::ListId, index::EntryId>, Gathered> entries;
  bool truncated = false;

  void Take(const index::SearchResult& result, const std::vector<QueryOrigin>& origins) {
    truncated |= result.truncated;
    for (const Candidate& candidate : result.candidates) {
      Gathered& entry = entries[{candidate.list, candidate.entry}];
      entry.action_class = candidate.action_class;
      if (std::ranges::find(entry.algorithms, candidate.algorithm) == entry.algorithms.end()) {
        entry.algorithms.push_back(candidate.algorithm);
      }
      if (candidate.algorithm == Algorithm::kPdq) {
        TakeQuery(origins, candidate.tag, candidate.distance, entry);
      }
    }
  }

  void Take(const Candidate& candidate, const NearVector& near) {
    const auto [at, is_new] = entries.try_emplace({candidate.list, candidate.entry});
    if (is_new) at->second.action_class = candidate.action_class;
    at->second.vectors.Take(near);
  }
};

// Where one file's queries lie.
struct FileRange {
  std::array<std::size_t, kQueryKinds.size()> begin{};  // by kind
  std::size_t end = 0;
};

// All of a call's queries, and which of them are whose.
struct AllQueries {
  Queries queries;
  std::vector<FileRange> ranges;  // by file
  std::vector<index::PdqQuerySet> sets;
  std::vector<std::size_t> file_of_set;

  explicit AllQueries(std::span<const FileHashes* const> files) {
    ranges.reserve(files.size());
    for (const FileHashes* hashes : files) {
      FileRange range;
      for (std::size_t kind = 0; kind < kQueryKinds.size(); ++kind) {
        range.begin[kind] = queries.queries.size();
        AddQueries(*hashes, kQueryKinds[kind], queries);
      }
      range.end = queries.queries.size();
      ranges.push_back(range);
    }
    for (std::size_t i = 0; i < files.size(); ++i) {
      const FileRange& range = ranges[i];
      for (std::size_t kind = 0; kind < kQueryKinds.size(); ++kind) {
        const std::size_t end = kind + 1 < kQueryKinds.size() ? range.begin[kind + 1] : range.end;
        const auto set = queries.Between(range.begin[kind], end);
        if (set.empty()) continue;
        sets.push_back(set);
        file_of_set.push_back(i);
      }
    }
  }
};

// What points at entries, file by file.
Result<std::vector<Pointers>> Gather(const lists::Generation& generation,
                                     std::span<const lists::HashList* const> lists,
                                     std::span<const FileHashes* const> files, const AllQueries& all,
                                     const index::SearchBounds& bounds) {
  std::vector<index::ListId> ids;
  std::vector<index::ListRadius> radii;
  for (const lists::HashList* list : lists) {
    ids.push_back(list->id);
    radii.push_back({list->id, list->config.PdqMaxDistanceBits()});
  }
  std::vector<Pointers> pointers(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const FileHashes& hashes = *files[i];
    if (!hashes.md5 && !hashes.sha1 && !hashes.sha256) continue;
    const index::DigestQuery digest_query{hashes.md5 ? &*hashes.md5 : nullptr,
                                          hashes.sha1 ? &*hashes.sha1 : nullptr,
                                          hashes.sha256 ? &*hashes.sha256 : nullptr};
    HASHGATE_ASSIGN_OR_RETURN(const index::SearchResult by_digest,
                              generation.index->SearchDigests(digest_query, ids, bounds));
    pointers[i].Take(by_digest, {});
  }
  if (!all.sets.empty()) {
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<index::SearchResult> by_pdq,
                              generation.index->SearchPdqEach(all.sets, radii, bounds));
    for (std::size_t i = 0; i < by_pdq.size(); ++i)
      pointers[all.file_of_set[i]].Take(by_pdq[i], all.queries.origins);
  }
  HASHGATE_RETURN_IF_ERROR(SearchNearVectors(
      generation, lists, files, bounds,
      [&](std::size_t file, const Candidate& candidate, const NearVector& near) {
        pointers[file].Take(candidate, near);
      },
      [&](std::size_t file) { pointers[file].truncated = true; }));
  return pointers;
}

// Bounds keep the nearest entries of each class, and those may be the very ones that count less, or not at
// all, because of what was said of them. So where such an entry may have kept another one out, more are asked
// for: the bounds must not weaken a verdict.
bool MayHideOthers(const lists::Generation& generation, const Pointers& pointers) {
  return pointers.truncated && std::ranges::any_of(pointers.entries, [&](const auto& row) {
           const lists::EntryOpinions* const said = generation.opinions->Find(row.first.second);
           return said != nullptr && (said->suppressed | said->disputed | said->flooded) != 0;
         });
}

// Brings what a search with more room found back within the usual bound: those that count fully come first,
// the best of each list and classification before the rest.
void Bound(std::vector<MatchDetail>& found) {
  const std::size_t most = index::SearchBounds().total;
  if (found.size() <= most) return;
  const auto worth = [](const MatchDetail& match) {
    const policy::MatchFact& fact = match.fact;
    return std::make_tuple(policy::IsReviewAtMost(fact), -static_cast<int>(fact.identity),
                           fact.PdqOrder(fact.identity), fact.entry);
  };
  std::ranges::sort(found, {}, worth);
  std::set<std::tuple<std::string, std::string, bool>> groups;
  const auto first_of_group = [&](const MatchDetail& match) {
    return groups.emplace(match.fact.list, match.fact.classification, match.fact.entry_degenerate).second;
  };
  std::ranges::stable_partition(found, first_of_group);
  found.resize(std::max(most, groups.size()));
}

}  // namespace

Result<std::vector<Matches>> FindMatchesOfEach(const lists::Generation& generation,
                                               std::span<const lists::HashList* const> lists,
                                               std::span<const FileHashes* const> files,
                                               const EntryReader& read_entry) {
  const AllQueries all(files);
  index::SearchBounds bounds;
  HASHGATE_ASSIGN_OR_RETURN(std::vector<Pointers> pointers, Gather(generation, lists, files, all, bounds));
  const auto may_hide = [&](const Pointers& of) { return MayHideOthers(generation, of); };
  while (bounds.per_group < kMostPerGroup && std::ranges::any_of(pointers, may_hide)) {
    bounds.per_group *= kMoreAtATime;
    bounds.total *= kMoreAtATime;
    HASHGATE_ASSIGN_OR_RETURN(pointers, Gather(generation, lists, files, all, bounds));
  }

  std::vector<Matches> matches(files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const FileRange& range = all.ranges[i];
    const Search search{generation, *files[i], all.queries.Between(range.begin.front(), range.end),
                        all.queries.origins, read_entry};
    matches[i].truncated = pointers[i].truncated;
    for (const auto& [key, entry] : pointers[i].entries) {
      const auto list = std::ranges::find(lists, key.first, &lists::HashList::id);
      if (auto match = Describe(search, **list, key.second, entry, matches[i]))
        matches[i].found.push_back(*std::move(match));
    }
    Bound(matches[i].found);
  }
  return matches;
}

Result<Matches> FindMatches(const lists::Generation& generation,
                            std::span<const lists::HashList* const> lists, const FileHashes& hashes,
                            const EntryReader& read_entry) {
  const FileHashes* const file = &hashes;
  HASHGATE_ASSIGN_OR_RETURN(std::vector<Matches> matches,
                            FindMatchesOfEach(generation, lists, {&file, 1}, read_entry));
  return std::move(matches.front());
}

}  // namespace hashgate::scan
