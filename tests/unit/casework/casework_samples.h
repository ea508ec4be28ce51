// Verdicts and events that tests of this module share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "casework/events/event_log.h"
#include "casework/verdicts/undo.h"
#include "casework/verdicts/verdict_log.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"

namespace hashgate::testing {

/// A scan id of 26 characters that sorts by `number`.
inline std::string ScanId(int number) {
  std::string digits = std::to_string(number);
  return "01" + std::string(24 - digits.size(), '0') + digits;
}

inline scan::MatchDetail MakeMatch(std::uint32_t list, std::uint64_t entry, Verdict verdict,
                                   Purpose purpose = Purpose::kCsam) {
  scan::MatchDetail match;
  match.list_id = list;
  match.fact.list = "list-" + std::to_string(list);
  match.fact.entry = entry;
  match.fact.purpose = purpose;
  match.fact.algorithms = {Algorithm::kPdq};
  match.verdict = verdict;
  return match;
}

/// An answer to which these matches led, and nothing without them.
inline scan::ScanAnswer MakeAnswer(const std::string& scan_id, std::vector<scan::MatchDetail> matches) {
  scan::ScanAnswer answer;
  answer.scan_id = scan_id;
  answer.outcome = Outcome::kMatched;
  answer.without_matches = Verdict::kAllow;
  answer.verdict = Verdict::kAllow;
  for (const scan::MatchDetail& match : matches) answer.verdict = std::max(answer.verdict, match.verdict);
  answer.matches = std::move(matches);
  answer.rule_id = "rule";
  answer.generation = 7;
  return answer;
}

/// A log of verdicts and one of events over one store, opened again at will.
class CaseworkFixture {
 public:
  CaseworkFixture() { Restart(); }

  void Restart() {
    verdicts.reset();
    events.reset();
    auto opened_events = casework::EventLog::Open(
        store,
        {.keep = std::chrono::hours(24), .max_events = 1'000, .clock = &clock, .metrics = metrics.get()});
    if (opened_events) events = *std::move(opened_events);
    auto opened = casework::VerdictLog::Open(
        store, key, {.keep = std::chrono::hours(24), .clock = &clock, .metrics = metrics.get()});
    if (opened) verdicts = *std::move(opened);
  }

  /// Hands the answer over, and waits for its record.
  void Record(const scan::ScanRequest& request, const scan::ScanAnswer& answer, int file = -1) {
    const scan::NumberedAnswer numbered{file, &answer};
    verdicts->Record(request, {&numbered, 1}, SteadyTime::max());
  }
  void Record(const scan::ScanAnswer& answer) { Record({}, answer); }

  [[nodiscard]] std::vector<casework::VerdictRecord> OfEntry(std::uint32_t list, std::uint64_t entry) const {
    auto page = verdicts->OfEntry({list, entry}, {}, 1'000);
    return page ? page->records : std::vector<casework::VerdictRecord>();
  }

  [[nodiscard]] bool Shows(const std::string& line) const {
    return metrics->Exposition().find(line + "\n") != std::string::npos;
  }

  FakeClock clock;
  FakeStore store;
  std::vector<std::uint8_t> key = std::vector<std::uint8_t>(32, 7);
  std::unique_ptr<obs::Metrics> metrics = obs::Metrics::Create();
  std::unique_ptr<casework::EventLog> events;
  std::unique_ptr<casework::VerdictLog> verdicts;
};

}  // namespace hashgate::testing
