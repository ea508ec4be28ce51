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

using NotAsked = RemoteNotAsked;

// Why a hash is not asked; kNone: it is.
NotAsked WhyNot(const decode::PdqForms& forms, int min_quality) {
  // Only the full pipeline's hashes are what other services compare.
  if (forms.pipeline == Pipeline::kNn512) return NotAsked::kNn512;
  const bool degenerate = IsDegenerate(forms.forms[0]);
  if (forms.quality == kQualityUnknown) return degenerate ? NotAsked::kPoor : NotAsked::kNone;
  // One colour, or nearly: there is nothing in it that a list could know.
  if (degenerate && forms.quality < kMinUsablePdqQuality) return NotAsked::kFlat;
  return degenerate || forms.quality < min_quality ? NotAsked::kPoor : NotAsked::kNone;
}

// Why a view is not asked about, by the hash that comes nearest to it.
NotAsked WhyNot(const decode::ViewHashes& view, int min_quality) {
  NotAsked why = NotAsked::kNoHash;
  for (const decode::PdqForms& forms : view.pdq) why = std::min(why, WhyNot(forms, min_quality));
  return why;
}

std::string Sentence(const std::string& name, NotAsked why) {
  const std::string list = "the remote list '" + name + "' was not asked ";
  switch (why) {
    case NotAsked::kSmall: return list + "about the picture: it is too small";
    case NotAsked::kNn512: return list + "about a view that has only an nn512 hash";
    case NotAsked::kNone:
    case NotAsked::kNoHash: return list + "about the picture: no view that people see has a hash";
    case NotAsked::kPoor:
    case NotAsked::kFlat: break;
  }
  return list + "about a view whose hash says too little";
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

// Classifications mean what the kind's service means by them.
std::string SchemeOf(std::string kind) {
  std::ranges::replace(kind, '_', '-');
  return kind;
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
  fact.scheme = SchemeOf(list.kind);
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
    : lists_(lists), cancelled_(request.cancelled), background_(request.background) {
  if (request.system_lists || request.exact_only) return;
  for (RemoteList* const list : lists) {
    const bool named = std::ranges::find(request.lists, list->facts().name) != request.lists.end();
    if (request.lists.empty() || named)
      asked_.push_back({.list = list, .places = {}, .not_asked = {}, .question = nullptr});
  }
}

bool RemoteAsking::Knows(std::string_view name) const {
  return std::ranges::any_of(lists_, [&](const RemoteList* list) { return list->facts().name == name; });
}

void RemoteAsking::Begin(std::span<const Look> looks, SteadyTime deadline) {
  for (Asked& asked : asked_) {
    asked.places.clear();
    asked.question.reset();
    asked.not_asked.assign(looks.size(), NotAsked::kNone);
    std::vector<PdqHash> hashes;
    for (std::size_t i = 0; i < looks.size(); ++i) asked.not_asked[i] = Choose(looks[i], i, asked, hashes);
    if (!hashes.empty()) asked.question = asked.list->Ask(hashes, deadline, background_);
  }
}

// Adds the hashes that are asked. Returns why a view of the look is not.
NotAsked RemoteAsking::Choose(const Look& look, std::size_t number, Asked& asked,
                              std::vector<PdqHash>& hashes) {
  const std::vector<decode::ViewHashes>& views = look.hashes.views;
  // Without a view coverage says so by itself, or Finish does.
  if (views.empty()) return NotAsked::kNone;
  if (IsTooSmall(look)) return NotAsked::kSmall;
  const int min_quality = asked.list->facts().min_quality;
  const auto first = static_cast<std::ptrdiff_t>(hashes.size());
  NotAsked missing = NotAsked::kNone;
  NotAsked empty = NotAsked::kNoHash;
  for (std::size_t view = 0; view < views.size(); ++view) {
    if (views[view].hidden) continue;
    const NotAsked why = WhyNot(views[view], min_quality);
    const bool counts = why == NotAsked::kPoor || why == NotAsked::kNn512;
    if (counts && missing == NotAsked::kNone) missing = why;
    empty = std::min(empty, why);
    if (why != NotAsked::kNone) continue;
    for (std::size_t forms = 0; forms < views[view].pdq.size(); ++forms) {
      const decode::PdqForms& made = views[view].pdq[forms];
      if (WhyNot(made, min_quality) != NotAsked::kNone) continue;
      // Many views of one picture have one hash.
      const PdqHash& hash = made.forms[0];
      if (std::find(hashes.begin() + first, hashes.end(), hash) != hashes.end()) continue;
      hashes.push_back(hash);
      asked.places.push_back({number, view, forms});
    }
  }
  // A flat view, or one that is too small for a hash, lacks nothing beside one that is asked.
  return missing != NotAsked::kNone ? missing : empty;
}

void RemoteAsking::Finish(std::span<Look> looks) {
  for (const Asked& asked : asked_) {
    const std::string& name = asked.list->facts().name;
    if (asked.question != nullptr) AddAnswers(asked, asked.question->Wait(cancelled_), looks);
    for (std::size_t i = 0; i < looks.size(); ++i) {
      Look& look = looks[i];
      if (asked.not_asked[i] != NotAsked::kNone) {
        look.coverage.missing.push_back(Sentence(name, asked.not_asked[i]));
      }
      if (look.hashes.turned || !look.hashes.views.empty()) continue;
      look.coverage.missing.push_back("no pdq hash was given, and the remote list '" + name +
                                      "' is asked by no other");
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
