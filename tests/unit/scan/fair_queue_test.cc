// Callers are served by turns, weighed by cost.
#include "scan/fair_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace hashgate::scan {
namespace {

using Queue = FairQueue<std::string>;

Cost Millis(double millis) {
  return Cost(millis * 1'000);
}

void PushMany(Queue& queue, const std::string& caller, int count, Cost cost) {
  for (int i = 0; i < count; ++i) queue.Push(caller, caller, cost);
}

TEST(FairQueue, KeepsTheOrderOfOneCaller) {
  Queue queue;
  for (const char* item : {"1", "2", "3"}) queue.Push("a", item, Millis(1));
  EXPECT_EQ(queue.Pop(), "1");
  EXPECT_EQ(queue.Pop(), "2");
  EXPECT_EQ(queue.Pop(), "3");
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(FairQueue, CallersGetEqualTimeNotEqualTurns) {
  Queue queue;
  PushMany(queue, "small", 100, Millis(1));
  PushMany(queue, "large", 100, Millis(10));
  std::map<std::string, int> served;
  for (int i = 0; i < 55; ++i) ++served[*queue.Pop()];
  EXPECT_EQ(served["small"], 50);
  EXPECT_EQ(served["large"], 5);
}

TEST(FairQueue, WhoWasAwayDoesNotSaveUp) {
  Queue queue;
  PushMany(queue, "busy", 1'000, Millis(1));
  for (int i = 0; i < 500; ++i) queue.Pop();
  PushMany(queue, "new", 100, Millis(1));
  std::map<std::string, int> served;
  for (int i = 0; i < 20; ++i) ++served[*queue.Pop()];
  EXPECT_NEAR(served["busy"], 10, 1);
}

TEST(FairQueue, WhatWorkReallyTookIsChargedAfterwards) {
  Queue queue;
  PushMany(queue, "honest", 100, Millis(1));
  PushMany(queue, "liar", 100, Millis(1));
  EXPECT_EQ(queue.Pop(), "honest");
  EXPECT_EQ(queue.Pop(), "liar");
  queue.Charge("liar", Millis(49));
  std::map<std::string, int> served;
  for (int i = 0; i < 49; ++i) ++served[*queue.Pop()];
  EXPECT_EQ(served["liar"], 0);
  EXPECT_EQ(queue.Pop(), "honest");
  EXPECT_EQ(queue.Pop(), "liar");
}

TEST(FairQueue, ADebtOutlivesAnEmptyQueue) {
  Queue queue;
  PushMany(queue, "liar", 1, Millis(1));
  queue.Pop();
  queue.Charge("liar", Millis(20));
  PushMany(queue, "honest", 50, Millis(1));
  PushMany(queue, "liar", 1, Millis(1));
  int before = 0;
  while (queue.Pop() == "honest") ++before;
  EXPECT_NEAR(before, 21, 1);
}

TEST(FairQueue, SumsFollowWhatIsTakenOut) {
  Queue queue;
  PushMany(queue, "a", 3, Millis(2));
  PushMany(queue, "b", 1, Millis(5));
  EXPECT_EQ(queue.size(), 4U);
  EXPECT_EQ(queue.active(), 2U);
  EXPECT_EQ(queue.queued(), Millis(11));
  EXPECT_EQ(queue.queued("a"), Millis(6));
  EXPECT_EQ(queue.Extract([](const std::string& item) { return item == "b"; }).size(), 1U);
  EXPECT_EQ(queue.active(), 1U);
  EXPECT_EQ(queue.queued(), Millis(6));
  EXPECT_EQ(queue.queued("b"), Cost{});
  queue.Pop();
  EXPECT_EQ(queue.queued(), Millis(4));
  EXPECT_EQ(queue.size("a"), 2U);
}

TEST(FitsShare, LeavesRoomForANewcomer) {
  EXPECT_TRUE(FitsShare(0, 100, 0, 100)) << "who has nothing may have one that fits";
  EXPECT_FALSE(FitsShare(0, 1, 100, 100));
  EXPECT_FALSE(FitsShare(0, 101, 0, 100));
  EXPECT_FALSE(FitsShare(0, 1, 101, 100)) << "more in use than there is must not wrap around";
  std::size_t one = 0;
  while (FitsShare(one, 1, one, 900)) ++one;
  EXPECT_EQ(one, 800U);
  std::size_t other = 0;
  while (FitsShare(other, 1, one + other, 900)) ++other;
  EXPECT_GE(other, 80U);
  EXPECT_LT(one + other, 900U) << "and for the next one";
}

}  // namespace
}  // namespace hashgate::scan
