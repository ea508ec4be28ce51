// The gate counts accepted calls and closes for a drain; the budget bounds the bytes they hold.
#include "rpc/call_gate.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace hashgate::rpc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

TEST(CallGateTest, CountsWhatIsInside) {
  CallGate gate;
  {
    auto first = gate.Enter();
    ASSERT_TRUE(first);
    auto second = gate.Enter();
    ASSERT_TRUE(second);
    EXPECT_EQ(gate.inside(), 2);
    const CallGate::Ticket moved = *std::move(first);
    EXPECT_EQ(gate.inside(), 2) << "a ticket that moves is still one call";
  }
  EXPECT_EQ(gate.inside(), 0);
}

TEST(CallGateTest, ClosedItLetsNobodyInAndThoseInsideFinish) {
  CallGate gate;
  auto ticket = gate.Enter();
  gate.Close();
  EXPECT_TRUE(gate.closed());
  EXPECT_FALSE(gate.Enter());
  EXPECT_EQ(gate.inside(), 1);
  EXPECT_FALSE(gate.WaitUntilEmpty(steady_clock::now() + milliseconds(20)));
  ticket.reset();
  EXPECT_TRUE(gate.WaitUntilEmpty(steady_clock::now()));
}

TEST(CallGateTest, TheWaitEndsWithTheLastCallNotAtTheDeadline) {
  CallGate gate;
  std::vector<CallGate::Ticket> tickets;
  for (int i = 0; i < 50; ++i) tickets.push_back(*gate.Enter());
  gate.Close();
  const auto begun = steady_clock::now();
  std::jthread leaving([&] { tickets.clear(); });
  EXPECT_TRUE(gate.WaitUntilEmpty(begun + seconds(30)));
  EXPECT_LT(steady_clock::now() - begun, seconds(10));
}

TEST(CallGateTest, ManyThreads) {
  CallGate gate;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int call = 0; call < 2'000; ++call) {
          const auto ticket = gate.Enter();
          if (!ticket) return;
        }
      });
    }
    gate.Close();
  }
  EXPECT_TRUE(gate.WaitUntilEmpty(steady_clock::now()));
}

using Taken = ShareBudget::Taken;

TEST(ShareBudgetTest, TakesUpToItsBoundAndNotAByteMore) {
  ShareBudget budget(100);
  EXPECT_EQ(budget.Take("a", 60), Taken::kYes);
  EXPECT_EQ(budget.Take("b", 41), Taken::kFull);
  EXPECT_EQ(budget.used(), 60U) << "what is refused takes nothing";
  EXPECT_EQ(budget.Take("b", 40), Taken::kYes) << "who has nothing yet may have what there is";
  EXPECT_EQ(budget.Take("c", 1), Taken::kFull);
  EXPECT_EQ(budget.Take("c", 0), Taken::kYes);
  budget.Give("a", 60);
  budget.Give("b", 40);
  EXPECT_EQ(budget.used(), 0U);
  EXPECT_EQ(budget.Take("a", static_cast<std::size_t>(-1)), Taken::kFull) << "sums must not overflow";
}

TEST(ShareBudgetTest, OneCallerNeverHasEverything) {
  ShareBudget budget(900);
  std::size_t taken = 0;
  while (budget.Take("greedy", 1) == Taken::kYes) ++taken;
  EXPECT_EQ(taken, 800U);
  EXPECT_EQ(budget.Take("greedy", 1), Taken::kShare);
  EXPECT_EQ(budget.Take("other", 100), Taken::kYes);
  budget.Give("greedy", 800);
  EXPECT_EQ(budget.Take("greedy", 700), Taken::kYes) << "what was given back is there again";
}

}  // namespace
}  // namespace hashgate::rpc
