#include "casework/verdicts/verdict_record.h"

#include <algorithm>
#include <utility>

namespace hashgate::casework {
namespace {

std::vector<RecordedMatch> MatchesOf(const scan::ScanAnswer& answer) {
  std::vector<RecordedMatch> matches;
  const std::size_t count = std::min(answer.matches.size(), kMaxRecordedMatches);
  matches.reserve(count);
  for (const scan::MatchDetail& match : std::span(answer.matches).first(count)) {
    matches.push_back({.entry = {match.list_id, match.fact.entry},
                       .list = match.fact.list,
                       .algorithms = match.fact.algorithms,
                       .verdict = match.verdict});
  }
  return matches;
}

// Matches of remote lists have no entry: there the list's name tells them apart.
bool IsSame(const RecordedMatch& a, const RecordedMatch& b) {
  return a.entry == b.entry && (a.entry.entry != 0 || a.list == b.list);
}

// Puts the matches beside those that are there; what is there already keeps the stricter verdict.
void Join(std::vector<RecordedMatch> matches, bool count_anew, VerdictRecord& record) {
  for (RecordedMatch& match : matches) {
    const auto known = std::ranges::find_if(
        record.matches, [&match](const RecordedMatch& there) { return IsSame(there, match); });
    if (known == record.matches.end()) {
      if (record.matches.size() < kMaxRecordedMatches) record.matches.push_back(std::move(match));
      continue;
    }
    known->verdict = std::max(known->verdict, match.verdict);
    for (const Algorithm algorithm : match.algorithms) {
      if (std::ranges::find(known->algorithms, algorithm) == known->algorithms.end()) {
        known->algorithms.push_back(algorithm);
      }
    }
    if (count_anew) known->undone = false;
  }
}

}  // namespace

VerdictRecord RecordOf(const scan::ScanRequest& request, int file, const scan::ScanAnswer& answer,
                       WallTime now) {
  return {.id = {request.tenant, answer.scan_id},
          .time = now,
          .caller = request.caller,
          .request_id = request.request_id,
          .file = file,
          .content_id = request.content_id,
          .surface = request.surface.name,
          .given = answer.verdict,
          .standing = answer.verdict,
          .without_matches = answer.without_matches,
          .unseen = answer.by_digests,
          .outcome = answer.outcome,
          .rule_id = answer.rule_id,
          .policy_digest = answer.policy != nullptr ? answer.policy->TextDigest() : "",
          .generation = answer.generation,
          .matches = MatchesOf(answer)};
}

void HoldUnexplained(VerdictRecord& record) {
  Verdict explained = record.without_matches;
  for (const RecordedMatch& match : record.matches) {
    if (!match.undone) explained = std::max(explained, match.verdict);
  }
  if (record.standing > explained) record.without_matches = record.standing;
}

bool TakeLater(const VerdictRecord& later, VerdictRecord& record) {
  const VerdictRecord before = record;
  Join(later.matches, true, record);
  record.without_matches = std::max(record.without_matches, later.without_matches);
  if (later.given > record.given) {
    record.given = later.given;
    record.outcome = later.outcome;
    record.rule_id = later.rule_id;
    record.policy_digest = later.policy_digest;
    record.generation = later.generation;
  }
  record.standing = std::max(record.standing, later.given);
  HoldUnexplained(record);
  return record != before;
}

bool TakeLook(const VerdictRecord& look, VerdictRecord& record) {
  const VerdictRecord before = record;
  Join(look.matches, false, record);
  if (record.unseen) {
    record.unseen = false;
    record.without_matches = look.without_matches;
    // A verdict that was reversed meanwhile stands as it was told.
    HoldUnexplained(record);
  }
  return record != before;
}

RecordedMatch* FindMatch(VerdictRecord& record, const EntryRef& entry) {
  const auto at = std::ranges::find(record.matches, entry, &RecordedMatch::entry);
  return at == record.matches.end() ? nullptr : &*at;
}

Remaining Without(const VerdictRecord& record, const EntryRef& entry) {
  Remaining remaining{.verdict = record.without_matches};
  for (std::size_t i = 0; i < record.matches.size(); ++i) {
    const RecordedMatch& match = record.matches[i];
    if (match.undone || match.entry == entry || match.verdict <= remaining.verdict) continue;
    remaining = {match.verdict, i};
  }
  return remaining;
}

}  // namespace hashgate::casework
