#include "scan/verdict_recorder.h"

#include <algorithm>

namespace hashgate::scan {

bool IsRecorded(const ScanAnswer& answer) {
  return answer.verdict > Verdict::kAllow &&
         std::ranges::any_of(answer.matches, [](const MatchDetail& match) {
           return match.verdict > Verdict::kAllow && match.fact.purpose != Purpose::kTest;
         });
}

}  // namespace hashgate::scan
