// The outbox: numbers without gaps, what stands in a caller's batch, bounds, and restarts.
#include "casework/events/event_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "casework/events/event_codec.h"
#include "unit/casework/casework_samples.h"

namespace hashgate::casework {
namespace {

using std::chrono::hours;
using store::Family;

Event Alarm(int number) {
  return {.what = ListAlarm{.list = "demo", .alarm = "FLOOD", .detail = std::to_string(number)}};
}

class EventLogTest : public ::testing::Test {
 protected:
  EventLog& log() { return *fixture_.events; }
  void Append(int number) {
    const Event event = Alarm(number);
    ASSERT_TRUE(log().Append({&event, 1}));
  }
  std::vector<std::string> Read(Sequence from, std::size_t max = 100) {
    std::vector<std::string> details;
    const auto events = log().Read(from, max);
    EXPECT_TRUE(events) << events.error().message;
    if (!events) return details;
    for (const NumberedEvent& event : *events) {
      EXPECT_EQ(event.sequence, from + details.size());
      details.push_back(std::get<ListAlarm>(event.event.what).detail);
    }
    return details;
  }

  testing::CaseworkFixture fixture_;
};

using Details = std::vector<std::string>;

TEST_F(EventLogTest, NumbersFromOneAcrossARestart) {
  EXPECT_EQ(log().Range().next, 1U);
  EXPECT_EQ(Read(1), Details());
  Append(1);
  Append(2);
  fixture_.Restart();
  Append(3);
  EXPECT_EQ(Read(1), (Details{"1", "2", "3"}));
  EXPECT_EQ(Read(2, 1), Details{"2"});
  EXPECT_EQ(Read(4), Details());
  EXPECT_EQ(log().Read(5, 1).error().field, "from_sequence");
  EXPECT_EQ(log().Read(0, 1).error().field, "from_sequence");
  EXPECT_EQ(log().Read(1, 1)->front().event.time, fixture_.clock.Wall());
  EXPECT_TRUE(fixture_.Shows("hashgate_events_total{kind=\"LIST_ALARM\"} 3"));
}

TEST_F(EventLogTest, EventsOfACallersBatchAreThereWithItOrNotAtAll) {
  const std::vector<Event> events = {Alarm(1), Alarm(2)};
  {
    store::Batch batch;
    batch.Put(Family::kMeta, "beside", "x");
    const auto pending = log().AddTo(batch, events);
    ASSERT_TRUE(pending);
    EXPECT_EQ(log().Range().next, 1U) << "not before they are written";
    EXPECT_EQ(Read(1), Details());
    ASSERT_TRUE(fixture_.store.Write(batch));
    EXPECT_EQ(Read(1), Details()) << "nor before the writer says so";
    (*pending)->Written();
  }
  EXPECT_EQ(Read(1), (Details{"1", "2"}));
  {
    store::Batch batch;
    const auto pending = log().AddTo(batch, events);
    ASSERT_TRUE(pending);
    // It fails to be written.
  }
  EXPECT_EQ(log().Range().next, 3U);
  Append(3);
  EXPECT_EQ(Read(1), (Details{"1", "2", "3"}));
}

TEST_F(EventLogTest, WhatTheStoreRefusesIsNotThere) {
  Append(1);
  fixture_.store.FailWrite(1, Reason::kStoreFull);
  const Event event = Alarm(2);
  EXPECT_EQ(log().Append({&event, 1}).error().reason, Reason::kStoreFull);
  Append(3);
  EXPECT_EQ(Read(1), (Details{"1", "3"}));
  fixture_.Restart();
  EXPECT_EQ(Read(1), (Details{"1", "3"}));
}

TEST_F(EventLogTest, LongTextsAreRefusedAndChangeNothing) {
  Event event = Alarm(1);
  std::get<ListAlarm>(event.what).alarm = std::string(kMaxAlarmBytes + 1, 'x');
  store::Batch batch;
  EXPECT_EQ(log().AddTo(batch, {&event, 1}).error().field, "alarm");
  EXPECT_TRUE(batch.empty());
  event.what = VerdictReversed{.author = std::string(kMaxAuthorBytes + 1, 'x')};
  EXPECT_EQ(log().Append({&event, 1}).error().field, "author");
  event.what = VerdictReversed{.reason = std::string(kMaxReasonBytes + 1, 'x')};
  EXPECT_EQ(log().Append({&event, 1}).error().field, "reason");
  Append(2);
  EXPECT_EQ(Read(1), Details{"2"});
}

TEST_F(EventLogTest, OldEventsGoAndTheirReadersAreTold) {
  Append(1);
  Append(2);
  fixture_.clock.Advance(hours(23));
  Append(3);
  ASSERT_TRUE(log().Prune());
  EXPECT_EQ(log().Range().oldest, 1U);
  fixture_.clock.Advance(hours(2));
  ASSERT_TRUE(log().Prune());
  EXPECT_EQ(log().Range().oldest, 3U);
  EXPECT_EQ(Read(3), Details{"3"});
  const auto gone = log().Read(2, 1);
  EXPECT_EQ(gone.error().field, "from_sequence");
  EXPECT_NE(gone.error().message.find("the oldest is 3"), std::string::npos) << gone.error().message;
  fixture_.clock.Advance(hours(25));
  ASSERT_TRUE(log().Prune());
  EXPECT_EQ(log().Range().oldest, 4U);
  // Numbers go on although none is left.
  fixture_.Restart();
  EXPECT_EQ(log().Range().oldest, 4U);
  Append(4);
  EXPECT_EQ(Read(4), Details{"4"});
  EXPECT_EQ(fixture_.store.Rows(Family::kEvents), 2U) << "one event and the next number";
}

TEST_F(EventLogTest, BeyondTheBoundTheOldestGo) {
  std::vector<Event> events;
  for (int i = 1; i <= 1'500; ++i) events.push_back(Alarm(i));
  ASSERT_TRUE(log().Append(events));
  ASSERT_TRUE(log().Prune());
  EXPECT_EQ(log().Range().oldest, 501U);
  EXPECT_EQ(log().Range().next, 1'501U);
  EXPECT_EQ(Read(501, 1), Details{"501"});
  EXPECT_EQ(fixture_.store.Rows(Family::kEvents), 1'001U);
}

TEST_F(EventLogTest, ARemovalThatFailsIsMadeUpForLater) {
  Append(1);
  fixture_.clock.Advance(hours(48));
  fixture_.store.FailWrite(1, Reason::kStoreFailed);
  EXPECT_FALSE(log().Prune());
  EXPECT_EQ(Read(1), Details{"1"});
  ASSERT_TRUE(log().Prune());
  EXPECT_EQ(log().Range().oldest, 2U);
}

TEST_F(EventLogTest, ADamagedEventIsNamedAndHidesNoOther) {
  for (int i = 1; i <= 3; ++i) Append(i);
  fixture_.store.Set(Family::kEvents, EventKey(2), "\x01");
  EXPECT_EQ(Read(1), Details{"1"});
  const auto damaged = log().Read(2, 10);
  EXPECT_EQ(damaged.error().reason, Reason::kStoreCorrupt);
  EXPECT_NE(damaged.error().message.find("event 2"), std::string::npos) << damaged.error().message;
  EXPECT_EQ(Read(3), Details{"3"});
}

TEST_F(EventLogTest, ListenersHearOfEachAppend) {
  std::atomic<int> rings = 0;
  auto listening = log().Listen([&] { ++rings; });
  Append(1);
  Append(2);
  EXPECT_EQ(rings, 2);
  listening.reset();
  Append(3);
  EXPECT_EQ(rings, 2);
}

TEST_F(EventLogTest, ManyWritersLeaveNoGap) {
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kEach; ++i) {
          const Event event = Alarm(thread * kEach + i);
          EXPECT_TRUE(log().Append({&event, 1}));
        }
      });
    }
  }
  Details all = Read(1, 10'000);
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
}

}  // namespace
}  // namespace hashgate::casework
