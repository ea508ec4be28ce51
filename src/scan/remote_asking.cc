#include "scan/remote_asking.h"

#include <algorithm>
#include <string>
#include <utility>

#include "scan/matcher.h"

namespace hashgate::scan {
namespace {

using exchange::RemoteAnswer;
using exchange::RemoteList;
using exchange::RemoteListFacts;
using exchange::RemoteMiss;

bool IsWorthAsking(const decode::PdqForms& forms, int min_quality) {
  // Only the full pipeline's hashes are what other services compare.
  return forms.pipeline != Pipeline::kNn512 && !IsDegenerate(forms.forms[0]) &&
         (forms.quality == kQualityUnknown || forms.quality >= min_quality);
}

bool IsTooSmall(const Look& look) {
  return look.hashes.turned && std::max(look.image.width, look.image.height) < kMinUsableSide;
}

std::string Sentence(const std::string& name, RemoteMiss miss) {
  const std::string list = "the remote list '" + name + "' ";
  switch (miss) {
    case RemoteMiss::kTimeout: return list + "did not answer in time";
    case RemoteMiss::kOverloaded: return list + "was not asked: too many requests to it wait";
    case RemoteMiss::kBreakerOpen:
      return list + "did not answer: it failed before and is left alone for a while";
    case RemoteMiss::kNone:
    case RemoteMiss::kError:
    case RemoteMiss::kCancelled: break;
  }
  return list + "did not answer";
}

MatchDetail MatchOf(const RemoteListFacts& list, const RemoteAnswer& answer, const decode::ViewHashes& view,
                    const decode::PdqForms& forms) {
  MatchDetail match;
  match.source_id = answer.source_id;
  match.frame = view.frame;
  policy::MatchFact& fact = match.fact;
  fact.list = list.name;
  fact.purpose = answer.purpose == Purpose::kUnspecified ? list.purpose : answer.purpose;
  fact.trust = list.trust;
  fact.action_ceiling = std::min(list.action_ceiling, answer.ceiling);
  fact.scheme = list.kind;
  fact.classification = answer.classification;
  fact.algorithms = {Algorithm::kPdq};
  fact.identity = Identity::kPerceptual;
  fact.upload_quality = forms.quality;
  fact.view = view.kind;
  return match;
}

// Views that are like one item say it once.
void AddMatch(MatchDetail match, std::vector<MatchDetail>& found) {
  const bool is_there = std::ranges::any_of(found, [&](const MatchDetail& other) {
    return other.fact.entry == 0 && other.fact.list == match.fact.list &&
           other.source_id == match.source_id && other.fact.classification == match.fact.classification;
  });
  if (!is_there) found.push_back(std::move(match));
}

}  // namespace

RemoteAsking::RemoteAsking(std::span<RemoteList* const> lists, const ScanRequest& request)
    : lists_(lists), cancelled_(request.cancelled) {
  if (request.system_lists || request.exact_only) return;
  for (RemoteList* const list : lists) {
    const bool named = std::ranges::find(request.lists, list->facts().name) != request.lists.end();
    if (request.lists.empty() || named) asked_.push_back({.list = list, .places = {}, .question = nullptr});
  }
}

bool RemoteAsking::Knows(std::string_view name) const {
  return std::ranges::any_of(lists_, [&](const RemoteList* list) { return list->facts().name == name; });
}

void RemoteAsking::Begin(std::span<const Look> looks, SteadyTime deadline) {
  for (Asked& asked : asked_) {
    asked.places.clear();
    asked.question.reset();
    std::vector<PdqHash> hashes;
    for (std::size_t i = 0; i < looks.size(); ++i) {
      if (IsTooSmall(looks[i])) continue;
      const std::size_t first = hashes.size();
      const std::vector<decode::ViewHashes>& views = looks[i].hashes.views;
      for (std::size_t view = 0; view < views.size(); ++view) {
        for (std::size_t forms = 0; forms < views[view].pdq.size(); ++forms) {
          const decode::PdqForms& made = views[view].pdq[forms];
          if (views[view].hidden || !IsWorthAsking(made, asked.list->facts().min_quality)) continue;
          const PdqHash& hash = made.forms[0];
          // Many views of one picture have one hash.
          if (std::find(hashes.begin() + static_cast<std::ptrdiff_t>(first), hashes.end(), hash) !=
              hashes.end()) {
            continue;
          }
          hashes.push_back(hash);
          asked.places.push_back({i, view, forms});
        }
      }
    }
    if (!hashes.empty()) asked.question = asked.list->Ask(hashes, deadline);
  }
}

void RemoteAsking::Finish(std::span<Look> looks) {
  for (const Asked& asked : asked_) {
    if (asked.question != nullptr) AddAnswers(asked, asked.question->Wait(cancelled_), looks);
    for (Look& look : looks) {
      if (look.hashes.turned || !look.hashes.views.empty()) continue;
      look.coverage.missing.push_back("no pdq hash was given, and the remote list '" +
                                      asked.list->facts().name + "' is asked by no other");
    }
  }
}

void RemoteAsking::AddAnswers(const Asked& asked, const exchange::RemoteAnswers& all, std::span<Look> looks) {
  const RemoteListFacts& list = asked.list->facts();
  for (std::size_t first = 0; first < asked.places.size();) {
    Look& look = looks[asked.places[first].look];
    bool answered = false;
    bool missed = false;
    std::size_t at = first;
    for (; at < asked.places.size() && asked.places[at].look == asked.places[first].look; ++at) {
      const std::optional<RemoteAnswer>& answer = all.answers[at];
      (answer ? answered : missed) = true;
      if (!answer || !answer->listed) continue;
      const decode::ViewHashes& view = look.hashes.views[asked.places[at].view];
      AddMatch(MatchOf(list, *answer, view, view.pdq[asked.places[at].forms]), look.matches.found);
      // It counts also where the local lists could not be searched.
      look.matched_at_all = true;
    }
    if (answered) look.coverage.lists.push_back(list.name);
    if (missed) look.coverage.missing.push_back(Sentence(list.name, all.miss));
    first = at;
  }
}

}  // namespace hashgate::scan
