#include "e2e/hostile_tally.h"

#include <algorithm>
#include <iomanip>
#include <numeric>
#include <sstream>

#include "testing/kit.h"

namespace hashgate::testing {
namespace {

constexpr std::size_t kMaxFindings = 200;
constexpr std::size_t kSlowestShown = 15;

// An ALLOW is right for what is on the list of things that are no picture, and for what was decoded to its
// last pixel and frame. Else the sentence that says what is wrong.
std::string WhyNotAllowed(const testkit::hostile::HostileFile& file, const v1::ScanResult& result) {
  if (result.outcome() != v1::OUTCOME_NOT_MATCHED) return "allowed although its outcome is another";
  if (result.cause() == v1::CAUSE_NOT_AN_IMAGE) return {};
  if (result.cause() != v1::CAUSE_UNSPECIFIED) return "allowed with a cause";
  if (file.lacks_pixels) return "allowed although it was cut";
  if (result.image().width() == 0 || result.image().height() == 0) return "allowed without a size";
  const v1::Coverage& coverage = result.coverage();
  if (coverage.frames_seen() == 0) return "allowed although no picture in it was seen";
  if (coverage.frames_seen() < coverage.frames_total())
    return "allowed although some of its frames were not seen";
  return {};
}

}  // namespace

HostileAnswer JudgeAnswer(const testkit::hostile::HostileFile& file, const ScanReply& reply) {
  HostileAnswer answer;
  if (!reply.status.ok()) {
    answer.text = "error " + std::to_string(reply.status.error_code());
    answer.wrong = "got no answer: " + reply.status.error_message();
    return answer;
  }
  const v1::ScanResult& result = reply.result;
  const KitAnswer words = ToKitAnswer(file.name, result);
  answer.text = words.outcome + " " + words.cause + " " + words.verdict + " " + words.coverage;
  answer.evaluated = result.outcome() != v1::OUTCOME_NOT_EVALUATED;
  const auto& missing = result.coverage().missing();
  answer.by_time =
      result.cause() == v1::CAUSE_TOO_COSTLY && std::ranges::any_of(missing, [](const std::string& sentence) {
        return sentence.find("processor time") != std::string::npos;
      });
  if (result.verdict() == v1::VERDICT_UNSPECIFIED || result.outcome() == v1::OUTCOME_UNSPECIFIED) {
    answer.wrong = "has no verdict or no outcome";
  } else if (!answer.evaluated && result.cause() == v1::CAUSE_UNSPECIFIED) {
    answer.wrong = "was not evaluated and does not say why";
  } else if (result.verdict() == v1::VERDICT_ALLOW) {
    answer.wrong = WhyNotAllowed(file, result);
  }
  return answer;
}

void HostileTally::Find(const std::string& sentence) {
  if (findings_.size() < kMaxFindings) findings_.push_back(sentence);
}

void HostileTally::Add(int round, int index, const std::string& name, const HostileAnswer& answer,
                       Millis took) {
  const MutexLock lock(mutex_);
  ++answers_;
  Seen& seen = seen_[static_cast<std::size_t>(index)];
  seen.name = name;
  seen.slowest = std::max(seen.slowest, took);
  if (!answer.wrong.empty()) Find(name + " " + answer.wrong + " (" + answer.text + ")");
  if (!answer.evaluated) {
    ++not_evaluated_;
  } else if (answer.by_time) {
    ++by_time_;
  } else if (seen.answer.empty()) {
    seen.answer = answer.text;
  } else if (seen.answer != answer.text) {
    Find(name + " was '" + seen.answer + "', and '" + answer.text + "' in round " + std::to_string(round));
  }
  Row& row = rows_[answer.text];
  if (round == 1) ++(name.starts_with("bomb-") ? row.bombs : row.damaged);
  if (took > row.slowest) {
    row.slowest = took;
    row.slowest_name = name;
  }
}

std::vector<int> HostileTally::SlowerThan(Millis limit) const {
  const MutexLock lock(mutex_);
  std::vector<int> slow;
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i].slowest > limit) slow.push_back(static_cast<int>(i));
  }
  return slow;
}

std::vector<std::string> HostileTally::Findings() const {
  const MutexLock lock(mutex_);
  return findings_;
}

std::string HostileTally::Table() const {
  const MutexLock lock(mutex_);
  std::ostringstream out;
  out << std::fixed << std::setprecision(0);
  out << "| outcome, cause, verdict, coverage | damaged | bombs | slowest ms | which "
         "|\n|---|---|---|---|---|\n";
  for (const auto& [text, row] : rows_) {
    out << "| " << text << " | " << row.damaged << " | " << row.bombs << " | " << row.slowest.count() << " | "
        << row.slowest_name << " |\n";
  }
  out << answers_ << " answers, " << not_evaluated_ << " of them NOT_EVALUATED, " << by_time_
      << " ended by the limit of processor time\n\nslowest files, ms:\n";
  std::vector<const Seen*> slowest;
  for (const Seen& seen : seen_) slowest.push_back(&seen);
  const std::size_t shown = std::min(kSlowestShown, slowest.size());
  std::partial_sort(slowest.begin(), slowest.begin() + static_cast<std::ptrdiff_t>(shown), slowest.end(),
                    [](const Seen* a, const Seen* b) { return a->slowest > b->slowest; });
  for (std::size_t i = 0; i < shown; ++i) {
    out << "  " << slowest[i]->slowest.count() << "  " << slowest[i]->name << ": " << slowest[i]->answer
        << '\n';
  }
  return out.str();
}

int HostileTally::answers() const {
  const MutexLock lock(mutex_);
  return answers_;
}

}  // namespace hashgate::testing
