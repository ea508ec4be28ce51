// events ls and watch: pages, and streams that break off.
#include <gmock/gmock.h>

#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EventsCommand : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    for (int i = 1; i <= 5; ++i) {
      v1::Event& event = events_.events.emplace_back();
      event.set_sequence(i);
      event.mutable_list_alarm()->set_alarm("A" + std::to_string(i));
    }
  }
  static int Lines(const std::string& text) { return static_cast<int>(std::ranges::count(text, '\n')); }
};

TEST_F(EventsCommand, LsShowsSomeAndSaysHowToGoOn) {
  const Run some = Cli({"events", "ls", "--from", "2", "--limit", "2"});
  EXPECT_EQ(some.code, kDone);
  EXPECT_EQ(Lines(some.out), 3);
  EXPECT_THAT(some.out, HasSubstr("--from 4"));
  EXPECT_EQ(Lines(Cli({"events", "ls", "--limit", "0"}).out), 5);
  EXPECT_EQ(Cli({"events", "ls", "--from", "6"}).out, "No events.\n");
  EXPECT_EQ(Cli({"events", "ls", "--from", "-1"}).code, kUsage);
}

TEST_F(EventsCommand, WatchGoesOnWhereAStreamBrokeOff) {
  events_.events_a_stream = 2;
  events_.breaks_with = rpc::ToGrpc({Reason::kDraining, "the server is shutting down", {}, {}});
  const Run run = Cli({"--json", "events", "watch", "--from", "2", "--limit", "4"});
  EXPECT_EQ(run.code, kDone) << run.err;
  EXPECT_EQ(Lines(run.out), 4) << "each once";
  EXPECT_THAT(events_.watched_from, ElementsAre(2, 4));
  EXPECT_THAT(run.err, HasSubstr("going on from event 4"));
}

TEST_F(EventsCommand, WatchEndsWhereGoingOnCannotHelp) {
  events_.breaks_with = rpc::ToGrpc({Reason::kStoreCorrupt, "event 6 is damaged", {}, {}});
  const Run run = Cli({"events", "watch"});
  EXPECT_EQ(run.code, kFailed);
  EXPECT_EQ(Lines(run.out), 5);
  EXPECT_THAT(run.err, HasSubstr("event 6 is damaged"));
  events_.oldest = 4;
  EXPECT_EQ(Cli({"events", "watch", "--from", "2"}).code, kFailed);
  EXPECT_EQ(CliWithoutServer({"events", "watch"}).code, kFailed);
}

}  // namespace
}  // namespace hashgate::cli
