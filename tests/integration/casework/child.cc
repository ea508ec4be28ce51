// The process that the kill test kills: records verdicts in a real store, or undoes entries, and says what is
// done. Usage: casework_child FOLDER record FIRST | FOLDER undo ENTRY
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <thread>

#include "casework/verdicts/undo.h"
#include "unit/casework/casework_samples.h"

namespace {

namespace casework = hashgate::casework;
using hashgate::Verdict;

// One whole line in one write, so that the reader never sees a part of an acknowledgement.
void Say(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(4);
}

template <typename T>
T OrExit(hashgate::Result<T> result) {
  if (!result) {
    std::cerr << result.error().message << '\n';
    ::_exit(3);
  }
  return *std::move(result);
}

// Verdict number `number`: one to three of six entries matched, which ones is a function of the number.
hashgate::scan::ScanAnswer AnswerOf(int number) {
  std::mt19937_64 random(static_cast<std::uint64_t>(number));
  std::vector<hashgate::scan::MatchDetail> matches;
  for (std::uint64_t entry = 1; entry <= 6; ++entry) {
    if (random() % 3 != 0) continue;
    matches.push_back(hashgate::testing::MakeMatch(
        1, entry, static_cast<Verdict>(static_cast<int>(Verdict::kHold) + static_cast<int>(random() % 4))));
  }
  if (matches.empty()) matches.push_back(hashgate::testing::MakeMatch(1, 1, Verdict::kBlock));
  return hashgate::testing::MakeAnswer(hashgate::testing::ScanId(number), std::move(matches));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::vector<std::uint8_t> key(32, 7);
  const auto store = OrExit(hashgate::store::OpenRocksStore({.path = argv[1]}));
  const auto events = OrExit(casework::EventLog::Open(*store, {}));
  const auto verdicts = OrExit(casework::VerdictLog::Open(*store, key, {.max_wait = std::chrono::hours(1)}));
  const int number = std::atoi(argv[3]);
  Say("open");
  if (std::string(argv[2]) == "record") {
    constexpr int kThreads = 3;
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int at = number + thread;; at += kThreads) {
          const hashgate::scan::ScanAnswer answer = AnswerOf(at);
          const hashgate::scan::NumberedAnswer numbered{-1, &answer};
          hashgate::scan::ScanRequest request;
          request.request_id = std::to_string(at);
          verdicts->Record(request, {&numbered, 1}, hashgate::SteadyTime::max());
          Say("recorded " + std::to_string(at));
        }
      });
    }
    return 0;
  }
  // In small parts, so that the kill falls between them, too.
  constexpr std::uint64_t kReversalsAtOnce = 3;
  for (bool more = true; more;) {
    auto undo = OrExit(
        casework::Undo::Start({.store = store.get(), .verdicts = verdicts.get(), .events = events.get()},
                              {.entry = {1, static_cast<std::uint64_t>(number)},
                               .author = "kill test",
                               .reason = "none",
                               .max_reversals = kReversalsAtOnce}));
    while (!undo.done()) {
      for (const casework::Undone& one : OrExit(undo.Next())) {
        if (one.effect == casework::UndoEffect::kReversed) Say("reversed " + one.record.id.scan_id);
      }
    }
    more = undo.more();
  }
  return 0;
}
