// What became of the files of a malformed corpus: every answer of every round, and what must hold of them.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "testing/gate_client.h"
#include "testkit/hostile/corpus.h"

namespace hashgate::testing {

/// One answer in words. Two answers to the same bytes must be equal in `text`, unless one of them was not
/// evaluated or came from the limit of processor time: all other limits count work, this one also counts what
/// else the machine had to do.
struct HostileAnswer {
  std::string text;  ///< "UNSCANNABLE TRUNCATED HOLD PARTIAL", or the error
  bool evaluated = false;
  bool by_time = false;
  std::string wrong{};  ///< a sentence where the answer alone breaks a promise
};
HostileAnswer JudgeAnswer(const testkit::hostile::HostileFile& file, const ScanReply& reply);

/// Threads: thread-safe.
class HostileTally {
 public:
  using Millis = std::chrono::duration<double, std::milli>;

  explicit HostileTally(int files) : seen_(static_cast<std::size_t>(files)) {}

  void Add(int round, int index, const std::string& name, const HostileAnswer& answer, Millis took);

  /// Files that took longer than `limit` in some round, by index.
  [[nodiscard]] std::vector<int> SlowerThan(Millis limit) const;
  /// Broken promises, one sentence each, 200 at most.
  [[nodiscard]] std::vector<std::string> Findings() const;
  /// Outcomes with how many files of the first round had them, and the slowest files.
  [[nodiscard]] std::string Table() const;
  [[nodiscard]] int answers() const;

 private:
  struct Seen {
    std::string name;
    std::string answer;  // the first that must be the same again
    Millis slowest{0};
  };
  struct Row {
    int damaged = 0;
    int bombs = 0;
    Millis slowest{0};
    std::string slowest_name;
  };
  void Find(const std::string& sentence) HASHGATE_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::vector<Seen> seen_ HASHGATE_GUARDED_BY(mutex_);
  std::map<std::string, Row> rows_ HASHGATE_GUARDED_BY(mutex_);
  std::vector<std::string> findings_ HASHGATE_GUARDED_BY(mutex_);
  int answers_ HASHGATE_GUARDED_BY(mutex_) = 0;
  int not_evaluated_ HASHGATE_GUARDED_BY(mutex_) = 0;
  int by_time_ HASHGATE_GUARDED_BY(mutex_) = 0;
};

}  // namespace hashgate::testing
