// What is taken, what is refused and what is next, with a clock that the test moves. A simulated machine
// does the work, so that whole seconds of overload pass in a moment.
#include "scan/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace hashgate::scan {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr SteadyTime kStart = SteadyTime(seconds(1'000));

Cost Millis(double millis) {
  return Cost(millis * 1'000);
}

ScanJob Job(const std::string& caller, Cost cost, Lane lane = Lane::kUpload,
            SteadyTime finish_by = SteadyTime::max()) {
  return {.work = [] { return Cost{}; },
          .late = [] {},
          .caller = caller,
          .lane = lane,
          .cost = {.time = cost},
          .finish_by = finish_by};
}

// Time goes in steps; a job runs for as long as its caller's files really take.
class Machine {
 public:
  explicit Machine(const AdmissionOptions& options) : queue(options), places_(options.workers) {}

  struct Seen {
    int offered = 0;
    int refused = 0;
    int done = 0;
    int late = 0;
    std::map<Bound, int> by;
    std::vector<double> millis;  // from offer to end
    double Worst() const { return millis.empty() ? 0 : *std::ranges::max_element(millis); }
    double Percentile(double share) {
      std::ranges::sort(millis);
      return millis.empty() ? 0 : millis[static_cast<std::size_t>(share * (millis.size() - 1.0))];
    }
  };

  bool Offer(const std::string& caller, Cost declared, Cost real, Lane lane = Lane::kUpload,
             milliseconds deadline = seconds(10), std::uint8_t kind = 0) {
    ScanJob job = Job(caller, declared, lane, now + deadline);
    job.cost.kind = kind;
    const std::size_t number = reals_.size();
    reals_.push_back(real);
    offers_.push_back(now);
    job.work = [number] { return Cost(static_cast<double>(number)); };
    ++seen[caller].offered;
    const auto refused = queue.Offer(std::move(job), now);
    if (refused) {
      ++seen[caller].refused;
      ++seen[caller].by[refused->bound];
      EXPECT_GT(refused->retry_after.count(), -1);
    }
    Start();
    return !refused;
  }

  void Step(microseconds step = microseconds(500)) {
    now += step;
    for (auto at = running_.begin(); at != running_.end();) {
      if (at->end > now) {
        ++at;
        continue;
      }
      queue.Finish(at->running, reals_[at->number], now);
      Seen& caller = seen[at->running.job.caller];
      ++caller.done;
      caller.millis.push_back(std::chrono::duration<double, std::milli>(now - offers_[at->number]).count());
      at = running_.erase(at);
    }
    for (const ScanJob& job : queue.TakeLate(now)) ++seen[job.caller].late;
    Start();
  }

  int Running(const std::string& caller) const {
    return static_cast<int>(
        std::ranges::count_if(running_, [&](const auto& one) { return one.running.job.caller == caller; }));
  }

  AdmissionQueue queue;
  SteadyTime now = kStart;
  std::map<std::string, Seen> seen;

 private:
  struct Busy {
    AdmissionQueue::Running running;
    std::size_t number;
    SteadyTime end;
  };

  void Start() {
    while (running_.size() < static_cast<std::size_t>(places_)) {
      auto next = queue.Take(now);
      if (!next) return;
      const auto number = static_cast<std::size_t>(next->job.work().count());
      const SteadyTime end = now + std::chrono::duration_cast<SteadyTime::duration>(reals_[number]);
      running_.push_back({*std::move(next), number, end});
    }
  }

  const int places_;
  std::vector<Busy> running_;
  std::vector<Cost> reals_;
  std::vector<SteadyTime> offers_;
};

// Offers `load` times what the machine can do, for so long, of files that take `cost`.
void Drive(Machine& machine, int workers, double load, Cost cost, seconds how_long) {
  const SteadyTime end = machine.now + how_long;
  double owed = 0;
  while (machine.now < end) {
    owed += load * workers * 500.0 / cost.count();
    for (; owed >= 1; owed -= 1) machine.Offer("caller", cost, cost);
    machine.Step();
  }
}

TEST(Admission, TakesWhatThereIsRoomForAndRunsItInOrder) {
  AdmissionQueue queue({.threads = 2, .workers = 2});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(queue.Offer(Job("a", Millis(1)), kStart));
  EXPECT_EQ(queue.size(), 3U);
  EXPECT_EQ(queue.queued(Lane::kUpload), Millis(3));
  const auto first = queue.Take(kStart);
  ASSERT_TRUE(first);
  EXPECT_EQ(queue.queued(Lane::kUpload), Millis(2));
  queue.Finish(*first, Millis(1), kStart + milliseconds(1));
  EXPECT_TRUE(queue.Take(kStart));
}

TEST(Admission, TheNumberThatWaitsIsBounded) {
  AdmissionQueue queue({.threads = 1, .workers = 1, .max_queued = 16});
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += queue.Offer(Job("a", Millis(0.01)), kStart) ? 0 : 1;
  EXPECT_GE(taken, 14) << "one alone has nearly all";
  EXPECT_LT(taken, 16) << "but leaves room for another";
  EXPECT_FALSE(queue.Offer(Job("b", Millis(0.01)), kStart));
}

TEST(Admission, AtTwiceTheCapacityWorkGoesOnAndWaitsStayShort) {
  const Cost cost = Millis(10);
  Machine calm({.threads = 2, .workers = 2});
  Drive(calm, 2, 0.8, cost, seconds(20));
  EXPECT_EQ(calm.seen["caller"].refused, 0) << "nothing is refused below the capacity";

  Machine busy({.threads = 2, .workers = 2});
  Drive(busy, 2, 2.0, cost, seconds(2));
  busy.seen.clear();  // a burst may wait; what stays must not
  Drive(busy, 2, 2.0, cost, seconds(20));
  Machine::Seen& seen = busy.seen["caller"];
  EXPECT_GE(seen.done, 20 * 200 * 0.97) << "the machine is never idle";
  EXPECT_LE(seen.Percentile(0.99), 70) << "four scans' time before it, and its own";
  EXPECT_EQ(seen.late, 0) << "what is taken is done";
}

TEST(Admission, ABurstAfterQuietIsTaken) {
  Machine machine({.threads = 2, .workers = 2});
  Drive(machine, 2, 0.3, Millis(10), seconds(2));
  const int before = machine.seen["caller"].refused;
  for (int i = 0; i < 60; ++i) machine.Offer("caller", Millis(10), Millis(10));
  EXPECT_EQ(machine.seen["caller"].refused, before) << "300 ms of work for two: within queue_burst";
  for (int i = 0; i < 200; ++i) machine.Offer("caller", Millis(10), Millis(10));
  EXPECT_GT(machine.seen["caller"].refused, before + 100);
}

TEST(Admission, TheWaitCanBeConfigured) {
  Machine machine(
      {.threads = 2, .workers = 2, .queue_wait = milliseconds(200), .queue_burst = milliseconds(1)});
  Drive(machine, 2, 2.0, Millis(10), seconds(10));
  EXPECT_GT(machine.seen["caller"].Percentile(0.5), 150);
  EXPECT_LT(machine.seen["caller"].Worst(), 260);
}

TEST(Admission, WhatCannotMeetItsDeadlineIsRefusedAtOnce) {
  AdmissionQueue queue({.threads = 1, .workers = 1});
  for (int i = 0; i < 30; ++i) ASSERT_FALSE(queue.Offer(Job("a", Millis(10)), kStart));
  const auto refused = queue.Offer(Job("a", Millis(10), Lane::kUpload, kStart + milliseconds(100)), kStart);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->bound, Bound::kDeadline);
  EXPECT_GE(refused->retry_after, milliseconds(300));
  EXPECT_FALSE(queue.Offer(Job("a", Millis(10), Lane::kUpload, kStart + milliseconds(500)), kStart));
}

TEST(Admission, AFileThatIsLongerThanItsDeadlineMayTryOnAnIdleServer) {
  AdmissionQueue queue({.threads = 1, .workers = 1});
  EXPECT_FALSE(queue.Offer(Job("a", Millis(900), Lane::kUpload, kStart + milliseconds(300)), kStart));
  EXPECT_TRUE(queue.Take(kStart));
}

TEST(Admission, WhatWaitedTooLongIsNotBegun) {
  AdmissionQueue queue({.threads = 1, .workers = 1});
  ASSERT_FALSE(queue.Offer(Job("a", Millis(20), Lane::kUpload, kStart + milliseconds(100)), kStart));
  ASSERT_FALSE(queue.Offer(Job("a", Millis(20)), kStart));
  EXPECT_EQ(queue.next_late(), kStart + milliseconds(80));
  EXPECT_TRUE(queue.TakeLate(kStart + milliseconds(79)).empty());
  EXPECT_EQ(queue.TakeLate(kStart + milliseconds(80)).size(), 1U) << "20 ms of work need 20 ms";
  EXPECT_EQ(queue.next_late(), SteadyTime::max());
  EXPECT_EQ(queue.size(), 1U);
}

TEST(Admission, WhatIsLateIsNotBegunEither) {
  AdmissionQueue queue({.threads = 1, .workers = 1});
  const int owner = 0;
  ScanJob owned = Job("a", Millis(20), Lane::kUpload, kStart + milliseconds(100));
  owned.owner = &owner;
  ASSERT_FALSE(queue.Offer(std::move(owned), kStart));
  ASSERT_FALSE(queue.Offer(Job("b", Millis(20), Lane::kUpload, kStart + milliseconds(100)), kStart));
  const SteadyTime late = kStart + milliseconds(80);
  EXPECT_FALSE(queue.Take(late)) << "before anybody has asked for what is late";
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_LE(queue.next_late(), late) << "somebody has to ask";
  EXPECT_EQ(queue.TakeBack(&owner).size(), 1U);
  EXPECT_EQ(queue.TakeLate(late).size(), 1U);
  EXPECT_EQ(queue.size(), 0U);
  ASSERT_FALSE(queue.Offer(Job("a", Millis(20), Lane::kUpload, late + milliseconds(100)), late));
  EXPECT_TRUE(queue.Take(late + milliseconds(79)));
}

TEST(Admission, AFloodDoesNotKeepAnotherCallerOut) {
  Machine machine({.threads = 2, .workers = 2});
  for (int step = 0; step < 20'000; ++step) {  // ten seconds
    for (int i = 0; i < 2; ++i) machine.Offer("flood", Millis(10), Millis(10));
    if (step % 40 == 0) machine.Offer("quiet", Millis(10), Millis(10));
    machine.Step();
  }
  EXPECT_EQ(machine.seen["quiet"].refused, 0);
  EXPECT_GE(machine.seen["quiet"].done, 495);
  EXPECT_LE(machine.seen["quiet"].Percentile(0.99), 40) << "one of the other's, and its own";
  EXPECT_GE(machine.seen["flood"].done, 1'400) << "the rest is the other's";
  EXPECT_GT(machine.seen["flood"].refused, 10'000);
}

// Bombs say what they cost: twenty a second of 1.5 s each, for two decoders.
TEST(Admission, BombsLeaveOthersThreeQuarters) {
  Machine machine({.threads = 2, .workers = 2});
  Drive(machine, 2, 1.0, Millis(10), seconds(2));
  machine.seen.clear();
  for (int step = 0; step < 40'000; ++step) {  // twenty seconds
    if (step % 100 == 0) machine.Offer("bomber", Millis(1'500), Millis(1'500));
    for (int i = 0; i < 2; ++i) machine.Offer("caller", Millis(10), Millis(10));
    EXPECT_LE(machine.Running("bomber"), 1) << "a decoder is always there for the others";
    machine.Step();
  }
  EXPECT_GE(machine.seen["caller"].done, 4'000 * 0.75);
  EXPECT_GE(machine.seen["bomber"].done, 2) << "it is not shut out either";
  EXPECT_GT(machine.seen["bomber"].refused, 300);
}

TEST(Admission, BombsThatLieAreFoundOut) {
  Machine machine({.threads = 2, .workers = 2});
  Drive(machine, 2, 0.5, Millis(10), seconds(2));
  machine.seen.clear();
  for (int step = 0; step < 60'000; ++step) {  // thirty seconds
    if (step % 100 == 0) machine.Offer("liar", Millis(2), Millis(1'500));
    for (int i = 0; i < 2; ++i) machine.Offer("caller", Millis(10), Millis(10));
    machine.Step();
  }
  EXPECT_GE(machine.seen["caller"].done, 6'000 * 0.7);
}

// One platform: pictures of 8 ms that say so, and files of another kind that take far longer than they say.
TEST(Admission, OneKindThatLiesDoesNotMakeThePlatformHeavy) {
  for (const double gif_millis : {100.0, 300.0, 1'500.0}) {
    Machine machine({.threads = 8, .workers = 4});
    int pictures_refused = 0;
    for (int step = 0; step < 120'000; ++step) {  // a minute, a fifth of the machine
      if (step % 40 == 0) {
        pictures_refused +=
            machine.Offer("platform", Millis(8), Millis(8), Lane::kUpload, seconds(10), 1) ? 0 : 1;
      }
      if (step % static_cast<int>(gif_millis * 5) == 0) {
        machine.Offer("platform", Millis(1.5), Millis(gif_millis), Lane::kUpload, seconds(10), 2);
      }
      machine.Step();
    }
    EXPECT_LE(pictures_refused, 5) << "of 3000, with GIFs of " << gif_millis << " ms";
  }
}

TEST(Admission, WhatIsLearnedOfOneKindSaysNothingOfAnother) {
  AdmissionQueue queue({.threads = 4, .workers = 4});
  SteadyTime now = kStart;
  const auto offer = [&](Cost declared, std::uint8_t kind) {
    ScanJob job = Job("platform", declared);
    job.cost.kind = kind;
    EXPECT_FALSE(queue.Offer(std::move(job), now));
    return queue.Take(now);
  };
  for (int i = 0; i < 10; ++i) {
    now += seconds(10);  // heavy jobs may start again
    const auto lie = offer(Millis(1.5), 2);
    ASSERT_TRUE(lie);
    now += milliseconds(1'500);
    queue.Finish(*lie, Millis(1'500), now);
    for (int usual = 0; usual < 9; ++usual) {
      ASSERT_FALSE(queue.Offer(Job("another", Millis(8)), now));
      const auto picture = queue.Take(now);
      ASSERT_TRUE(picture);
      now += milliseconds(8);
      queue.Finish(*picture, Millis(8), now);
    }
  }
  now += seconds(10);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(offer(Millis(1.5), 2));
  EXPECT_FALSE(offer(Millis(1.5), 2)) << "these are known to be heavy: one decoder stays free";
  EXPECT_TRUE(offer(Millis(8), 1)) << "and a picture of the same caller starts there";
}

TEST(Admission, ABombNowAndThenDoesNotMakePicturesHeavy) {
  Machine machine({.threads = 8, .workers = 4});
  int refused = 0;
  for (int step = 0; step < 120'000; ++step) {
    if (step % 40 == 0) {
      refused += machine.Offer("platform", Millis(8), Millis(step % 2'000 == 0 ? 1'000 : 8)) ? 0 : 1;
    }
    machine.Step();
  }
  EXPECT_LE(refused, 5) << "one of fifty is a bomb of the same kind";
}

TEST(Admission, AloneABombMayHaveMoreButNeverAll) {
  Machine machine({.threads = 8, .workers = 4});
  for (int i = 0; i < 8; ++i) machine.Offer("bomber", Millis(1'000), Millis(1'000));
  EXPECT_EQ(machine.Running("bomber"), 3);
  machine.Offer("caller", Millis(10), Millis(10));
  EXPECT_EQ(machine.Running("caller"), 1);
}

TEST(Admission, WhatEverybodySendsIsNotHeavy) {
  Machine machine({.threads = 2, .workers = 2});
  for (int step = 0; step < 60'000; ++step) {
    if (step % 700 == 0) machine.Offer("scans", Millis(300), Millis(300));
    machine.Step();
  }
  EXPECT_LE(machine.seen["scans"].refused, 2);
  machine.Offer("scans", Millis(300), Millis(300));
  machine.Offer("scans", Millis(300), Millis(300));
  EXPECT_EQ(machine.Running("scans"), 2) << "both decoders";
}

TEST(Admission, BackgroundWorkNeverTakesTheLastDecoder) {
  Machine machine({.threads = 4, .workers = 2});
  for (int i = 0; i < 20; ++i) machine.Offer("batch", Millis(10), Millis(10), Lane::kBackground);
  EXPECT_EQ(machine.Running("batch"), 1);
  machine.Offer("caller", Millis(10), Millis(10));
  EXPECT_EQ(machine.Running("caller"), 1) << "an upload starts at once";
}

TEST(Admission, BackgroundWorkRunsOnlyInWhatUploadsLeave) {
  Machine machine({.threads = 2, .workers = 2});
  for (int step = 0; step < 20'000; ++step) {
    machine.Offer("batch", Millis(10), Millis(10), Lane::kBackground, seconds(600));
    for (int i = 0; i < 2; ++i) machine.Offer("caller", Millis(10), Millis(10));
    machine.Step();
  }
  EXPECT_LE(machine.seen["batch"].done, 3) << "uploads take everything";
  EXPECT_GE(machine.seen["caller"].done, 1'950);
  EXPECT_GT(machine.queue.queued(Lane::kBackground), Millis(100));
  machine.seen.clear();
  for (int step = 0; step < 20'000; ++step) {
    machine.Offer("batch", Millis(10), Millis(10), Lane::kBackground, seconds(600));
    machine.Step();
  }
  EXPECT_GE(machine.seen["batch"].done, 950) << "all but one decoder's time";
}

TEST(Admission, BackgroundCallersShareToo) {
  Machine machine({.threads = 2, .workers = 2, .max_queued = 64});
  for (int step = 0; step < 20'000; ++step) {
    for (int i = 0; i < 4; ++i) machine.Offer("a", Millis(10), Millis(10), Lane::kBackground, seconds(600));
    if (step % 10 == 0) machine.Offer("b", Millis(10), Millis(10), Lane::kBackground, seconds(600));
    machine.Step();
  }
  EXPECT_NEAR(machine.seen["b"].done, machine.seen["a"].done, 100);
}

TEST(Admission, JobsOfAnOwnerCanBeTakenBack) {
  AdmissionQueue queue({.threads = 1, .workers = 1});
  const int owner = 0;
  for (int i = 0; i < 4; ++i) {
    ScanJob job = Job("a", Millis(1), i % 2 == 0 ? Lane::kUpload : Lane::kBackground);
    if (i < 3) job.owner = &owner;
    ASSERT_FALSE(queue.Offer(std::move(job), kStart));
  }
  EXPECT_EQ(queue.TakeBack(&owner).size(), 3U);
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(queue.TakeBack(nullptr).size(), 1U);
}

TEST(Admission, ManyCallersAreForgotten) {
  Machine machine({.threads = 2, .workers = 2});
  for (int i = 0; i < 20'000; ++i) {
    machine.Offer("caller" + std::to_string(i), Millis(0.1), Millis(0.1));
    machine.Step();
  }
  EXPECT_LE(machine.queue.callers_known(), 5'000U);
}

}  // namespace
}  // namespace hashgate::scan
