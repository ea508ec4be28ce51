// The commands of exchanges: what they ask for, what they wait for, and their exit codes.
#include <gmock/gmock.h>

#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

using ::testing::HasSubstr;

class ExchangesCommand : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    v1::Exchange& exchange = exchanges_.exchange;
    exchange.set_name("npo");
    exchange.set_health(v1::EXCHANGE_HEALTH_WELL);
    exchange.set_sentence("Well.");
  }
};

TEST_F(ExchangesCommand, SyncWaitsForTheEndAndSaysHowItWent) {
  const Run well = Cli({"exchanges", "sync", "npo", "--from-the-beginning"});
  EXPECT_EQ(well.code, kDone) << well.err;
  EXPECT_EQ(well.out, "npo: Well.\n");
  EXPECT_TRUE(exchanges_.synced.from_the_beginning());
  EXPECT_LT(exchanges_.questions_left, 0) << "asked until the sync had ended";
  exchanges_.exchange.set_health(v1::EXCHANGE_HEALTH_HELD);
  EXPECT_EQ(Cli({"exchanges", "sync", "npo"}).code, kFindings);
  EXPECT_FALSE(exchanges_.synced.from_the_beginning());
  EXPECT_EQ(Cli({"exchanges", "sync", "nobody"}).code, kFailed);
}

TEST_F(ExchangesCommand, SyncNeedNotWait) {
  EXPECT_EQ(Cli({"exchanges", "sync", "npo", "--no-wait"}).code, kDone);
  EXPECT_EQ(exchanges_.questions_left, 2);
}

TEST_F(ExchangesCommand, StatusIsAFindingUnlessAllIsWell) {
  EXPECT_EQ(Cli({"exchanges", "status"}).code, kDone);
  EXPECT_EQ(Cli({"exchanges", "status", "npo"}).code, kDone);
  exchanges_.exchange.set_stale(true);
  EXPECT_EQ(Cli({"exchanges", "status"}).code, kFindings);
  EXPECT_THAT(Cli({"exchanges", "status"}).out, HasSubstr("STALE"));
  exchanges_.exchange.set_stale(false);
  for (const v1::ExchangeHealth health :
       {v1::EXCHANGE_HEALTH_NEW, v1::EXCHANGE_HEALTH_FAILING, v1::EXCHANGE_HEALTH_HELD}) {
    exchanges_.exchange.set_health(health);
    EXPECT_EQ(Cli({"exchanges", "status"}).code, kFindings);
  }
  EXPECT_EQ(Cli({"exchanges", "ls"}).code, kDone) << "only shows";
  EXPECT_EQ(Cli({"exchanges", "status", "nobody"}).code, kFailed);
  exchanges_.configured = false;
  const Run none = Cli({"exchanges", "status"});
  EXPECT_EQ(none.code, kDone);
  EXPECT_EQ(none.out, "No exchange is configured.\n");
}

TEST_F(ExchangesCommand, OverrideSendsWhoAndWhy) {
  const Run run =
      Cli({"exchanges", "override", "npo", "--gate", "malformed", "--author", "ada", "--reason", "r"});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_EQ(exchanges_.opened.gate(), v1::GATE_MALFORMED);
  EXPECT_EQ(exchanges_.opened.author(), "ada");
  EXPECT_EQ(exchanges_.opened.reason(), "r");
}

TEST_F(ExchangesCommand, TestShowsTheServersWords) {
  EXPECT_EQ(Cli({"exchanges", "test", "npo"}).out, "npo: we are member 78\n");
}

TEST_F(ExchangesCommand, WhatAServerSaysDoesNotSteerATerminal) {
  exchanges_.exchange.set_sentence("Failing: \x1b[2J");
  EXPECT_EQ(Cli({"exchanges", "status"}).out.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace hashgate::cli
