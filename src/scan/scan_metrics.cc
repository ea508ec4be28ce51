#include "scan/scan_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "base/log.h"

namespace hashgate::scan {
namespace {

using obs::Metric;

constexpr std::string_view kUpload = "upload";

struct Stage {
  const char* name;
  std::int64_t StageTimings::* micros;
  bool only_of_uploads;
};
constexpr std::array kStages = {Stage{"queue", &StageTimings::queue, false},
                                Stage{"digest", &StageTimings::digest, true},
                                Stage{"decode_wait", &StageTimings::decode_wait, true},
                                Stage{"decode", &StageTimings::decode, true},
                                Stage{"hash", &StageTimings::hash, true},
                                Stage{"match", &StageTimings::match, false},
                                Stage{"decide", &StageTimings::decide, false}};

struct Ending {
  Verdict verdict;
  Outcome outcome;
  Cause cause;
  int count;
};

}  // namespace

void RaiseConflicts(obs::Metrics* metrics, std::span<const MatchDetail> matches, std::string_view found) {
  for (const MatchDetail& match : matches) {
    if (!match.fact.digest_conflict || match.fact.purpose == Purpose::kTest) continue;
    if (metrics != nullptr) metrics->Count(Metric::kDigestConflicts, {{"found", found}});
    log::Error("digest_conflict",
               "an upload has the digest of an entry but does not look like it: one of the entry's hashes is "
               "wrong",
               {{"list", match.fact.list}, {"entry", match.fact.entry}, {"found", found}});
  }
}

void RecordScans(obs::Metrics& metrics, std::span<const ScanAnswer> answers, std::string_view method) {
  std::vector<const ScanAnswer*> counted;
  for (const ScanAnswer& answer : answers) {
    if (answer.harm_class != HarmClass::kTest) counted.push_back(&answer);
  }
  if (counted.empty()) return;

  std::vector<Ending> endings;
  std::uint64_t bytes = 0;
  int suppressed = 0;
  std::map<CoverageLevel, int> levels;
  for (const ScanAnswer* answer : counted) {
    bytes += answer->size;
    suppressed += answer->matches_suppressed;
    ++levels[answer->coverage.level];
    const auto same = std::ranges::find_if(endings, [&](const Ending& ending) {
      return ending.verdict == answer->verdict && ending.outcome == answer->outcome &&
             ending.cause == answer->cause;
    });
    if (same != endings.end()) {
      ++same->count;
    } else {
      endings.push_back({answer->verdict, answer->outcome, answer->cause, 1});
    }
  }
  for (const Ending& ending : endings) {
    metrics.Count(Metric::kScans,
                  {{"method", method},
                   {"verdict", Name(ending.verdict)},
                   {"outcome", Name(ending.outcome)},
                   {"cause", Name(ending.cause)}},
                  ending.count);
  }
  for (const auto& [level, count] : levels) {
    metrics.Count(Metric::kScanCoverage, {{"method", method}, {"level", Name(level)}}, count);
  }
  if (suppressed > 0) metrics.Count(Metric::kSuppressed, {}, suppressed);
  if (bytes > 0) metrics.Count(Metric::kScanBytes, {}, static_cast<double>(bytes));

  std::vector<double> seconds(counted.size());
  const auto observe = [&](std::int64_t StageTimings::* micros, Metric metric, obs::Labels labels) {
    std::ranges::transform(counted, seconds.begin(), [micros](const ScanAnswer* answer) {
      return static_cast<double>(answer->timings.*micros) * 1e-6;
    });
    metrics.ObserveEach(metric, seconds, labels);
  };
  observe(&StageTimings::total, Metric::kScanSeconds, {{"method", method}});
  for (const Stage& stage : kStages) {
    if (stage.only_of_uploads && method != kUpload) continue;
    observe(stage.micros, Metric::kStageSeconds, {{"stage", stage.name}});
  }
}

}  // namespace hashgate::scan
