#include "scan/look.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"
#include "index/flat.h"
#include "scan/digests.h"
#include "scan/file_hashes.h"
#include "scan/remote_asking.h"
#include "scan/wanted.h"

namespace hashgate::scan {
namespace {

/// Looks at newer generations where matched entries keep changing under a scan.
constexpr int kMaxMatchAttempts = 3;

// What all looks of a request have in common in one generation.
struct Scope {
  Scope(const ScanRequest& request, const RemoteAsking& remote,
        std::shared_ptr<const lists::Generation> pinned)
      : generation(std::move(pinned)),
        lists(ListsFor(request, *generation)),
        digests(DigestsHeld(lists, *generation)),
        pdq(std::ranges::any_of(lists, [this](const auto* list) {
          return generation->index->HoldsAny(list->id, Algorithm::kPdq);
        })) {
    for (const index::FlatAlgorithm& flat : index::kFlatAlgorithms) {
      const auto holds = [&](const auto* list) {
        return generation->index->HoldsAny(list->id, flat.algorithm);
      };
      if (std::ranges::any_of(lists, holds)) vectors.push_back(flat.algorithm);
    }
    for (const lists::HashList* list : lists) names.push_back(list->config.name);
    for (const std::string& name : request.lists) {
      if (std::ranges::find(names, name) != names.end() || remote.Knows(name)) continue;
      missing.push_back("the list '" + name + "' is disabled");
    }
  }

  [[nodiscard]] bool HoldsAnyEntry() const {
    return std::ranges::any_of(lists, [](const auto* list) { return list->entry_count > 0; });
  }

  std::shared_ptr<const lists::Generation> generation;
  std::vector<const lists::HashList*> lists;
  DigestKinds digests;             // that the lists hold
  bool pdq;                        // likewise
  std::vector<Algorithm> vectors;  // of these algorithms, likewise
  std::vector<std::string> names;
  std::vector<std::string> missing;  // sentences that are true of every look
};

// The lists may hold a digest that none held when the upload began to arrive.
void DigestForLists(const Scope& scope, Look& look) {
  if (!look.digests) return;
  const DigestKinds missing = scope.digests.Without(look.digests->kinds);
  if (missing.IsEmpty()) return;
  if (look.content.size() != look.size) {
    // An upload reader leaves nothing out of what it does not keep; another caller must not get "clean" by
    // it.
    look.cause = Cause::kStoreUnavailable;
    look.coverage.missing.emplace_back("a digest that the lists hold was not computed");
    return;
  }
  const SteadyTime start = std::chrono::steady_clock::now();
  AddDigests(missing, look.content, *look.digests);
  SetDigests(*look.digests, look.hashes);
  look.timings.digest += MicrosBetween(start, std::chrono::steady_clock::now());
}

// Hashes from elsewhere: what the caller did not send could not be compared.
void DescribeNotGiven(const Scope& scope, Look& look) {
  const FileHashes& hashes = look.hashes;
  struct Row {
    Algorithm algorithm;
    bool held;
    bool given;
  };
  std::vector<Row> rows = {
      {Algorithm::kMd5, scope.digests.Has(DigestKind::kMd5), hashes.md5.has_value()},
      {Algorithm::kSha1, scope.digests.Has(DigestKind::kSha1), hashes.sha1.has_value()},
      {Algorithm::kSha256, scope.digests.Has(DigestKind::kSha256), hashes.sha256.has_value()},
      {Algorithm::kPdq, scope.pdq, !hashes.views.empty()}};
  for (const Algorithm algorithm : scope.vectors) {
    const bool given =
        std::ranges::find(hashes.vectors, algorithm, &HashValue::algorithm) != hashes.vectors.end();
    rows.push_back({algorithm, true, given});
  }
  for (const auto& [algorithm, held, given] : rows) {
    if (!held || given) continue;
    look.coverage.missing.push_back("no " + std::string(AlgorithmName(algorithm)) +
                                    " hash was given, and the lists hold some");
  }
}

// Of an algorithm whose hashes are made here: the views it has none of.
void DescribeMadeHere(Algorithm algorithm, Look& look) {
  const VectorViews views = CountVectorViews(look.hashes, algorithm);
  if (views.made == views.seen) return;
  std::string sentence = std::to_string(views.made) + " of " + std::to_string(views.seen) +
                         " views were compared by " + std::string(AlgorithmName(algorithm));
  if (views.failed > 0) sentence += "; its plug-in could not hash " + std::to_string(views.failed);
  look.coverage.missing.push_back(std::move(sentence));
}

// What was consulted, and what it could not be compared with.
void DescribeCoverage(const Scope& scope, Look& look) {
  std::vector<std::string>& missing = look.coverage.missing;
  missing.insert(missing.end(), scope.missing.begin(), scope.missing.end());
  look.coverage.lists = scope.names;
  if (!look.hashes.turned) return DescribeNotGiven(scope, look);
  for (const Algorithm algorithm : scope.vectors) {
    // Without a view coverage says EXACT_ONLY, which is less already.
    if (look.hashes.views.empty()) break;
    if (look.vectors_wanted.Has(algorithm)) {
      DescribeMadeHere(algorithm, look);
    } else {
      missing.push_back("the lists hold " + std::string(AlgorithmName(algorithm)) +
                        " hashes, which this server does not make of pictures");
    }
  }
  if (!LacksNn512(look.hashes)) return;
  for (const lists::HashList* list : scope.lists) {
    if (!NeedsNn512(*scope.generation, *list)) continue;
    missing.push_back(
        "the picture's nn512 hash was not computed; hashes of that or of unknown "
        "pipeline on the list '" +
        list->config.name + "' were compared with its full one");
  }
}

void Settle(const Scope& scope, Look& look) {
  if (look.matches.unreadable > 0) {
    log::Error("entry_unreadable", "the store could not read matched entries",
               {{"entries", look.matches.unreadable}});
    look.coverage.missing.emplace_back("the records of matched entries could not be read");
  }
  look.matched_at_all = true;
  look.vectors_held = scope.vectors;
  DescribeCoverage(scope, look);
}

// Looks up what is open, and leaves open what has to be looked at again in a newer generation.
void MatchOpen(const Scope& scope, const lists::Catalog& catalog, bool is_last, std::vector<Look*>& open) {
  std::vector<const FileHashes*> files;
  files.reserve(open.size());
  for (Look* look : open) {
    look->generation = scope.generation;
    DigestForLists(scope, *look);
    files.push_back(&look->hashes);
  }
  Result<std::vector<Matches>> matches = FindMatchesOfEach(
      *scope.generation, scope.lists, files,
      [&catalog](lists::ListId list, lists::EntryId entry) { return catalog.GetEntry(list, entry); });
  if (!matches) {
    // Nothing that was not looked up may look like "clean".
    log::Error("match_failed", "the index could not be searched",
               {{"reason", ReasonName(matches.error().reason)}});
    for (Look* look : open) {
      look->cause = Cause::kStoreUnavailable;
      look->coverage.missing.emplace_back("the lists could not be searched");
    }
    open.clear();
    return;
  }
  std::vector<Look*> again;
  for (std::size_t i = 0; i < open.size(); ++i) {
    open[i]->matches = std::move((*matches)[i]);
    // An entry that changed meanwhile is looked at again, so that no verdict mixes two states of a list.
    if (open[i]->matches.changed > 0 && !is_last) {
      again.push_back(open[i]);
    } else {
      Settle(scope, *open[i]);
    }
  }
  open = std::move(again);
}

}  // namespace

std::vector<const lists::HashList*> ListsFor(const ScanRequest& request,
                                             const lists::Generation& generation) {
  if (!request.system_lists) return generation.EnabledFor(request.tenant, request.lists);
  std::vector<const lists::HashList*> lists;
  for (const auto& [id, list] : generation.lists) {
    if (list.system) lists.push_back(&list);
  }
  return lists;
}

void MatchLooks(const ScanRequest& request, const lists::Catalog& catalog, const Clock& clock,
                std::shared_ptr<const lists::Generation> generation, const RemoteAsking& remote,
                std::span<Look> looks) {
  const SteadyTime start = clock.Steady();
  Scope scope(request, remote, std::move(generation));
  const bool anything = scope.HoldsAnyEntry() || !remote.empty();
  std::vector<Look*> open;
  open.reserve(looks.size());
  for (Look& look : looks) {
    look.generation = scope.generation;
    if (!anything) {
      look.cause = Cause::kNoLists;
      look.coverage.missing.emplace_back("no enabled list holds an entry");
    } else if (look.cause == Cause::kEmpty) {
      // No list can mean the empty file by its digest.
      Settle(scope, look);
    } else {
      open.push_back(&look);
    }
  }
  for (int attempt = 0; !open.empty(); ++attempt) {
    if (attempt > 0) scope = Scope(request, remote, catalog.Current());
    MatchOpen(scope, catalog, attempt == kMaxMatchAttempts, open);
  }
  if (!anything || looks.empty()) return;
  // Looks that were matched together have equal shares of the time.
  const std::int64_t micros = MicrosBetween(start, clock.Steady());
  for (Look& look : looks) look.timings.match += micros / static_cast<std::int64_t>(looks.size());
}

}  // namespace hashgate::scan
