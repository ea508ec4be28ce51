// `lists undo`: what it asks for, and its exit codes.
#include <gmock/gmock.h>

#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

using ::testing::HasSubstr;

class ListsUndoCommand : public CliTest {
 protected:
  // The answer to an undo of one verdict that ends as `now`.
  v1::UndoEntryResponse& Answer(v1::Verdict now) {
    lists_.undo_answers.clear();
    v1::UndoEntryResponse& answer = lists_.undo_answers.emplace_back();
    v1::UndoneVerdict& verdict = *answer.add_verdicts();
    verdict.set_old_verdict(v1::VERDICT_BLOCK);
    verdict.set_new_verdict(now);
    verdict.set_effect(v1::UNDO_EFFECT_REVERSED);
    answer.set_seen_count(1);
    answer.set_reversed_count(1);
    answer.set_done(true);
    return answer;
  }
  static std::vector<std::string> Command(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"lists", "undo", "--entry", "5", "--author", "jo", "--reason", "wrong"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(ListsUndoCommand, SendsWhatWasSaid) {
  Answer(v1::VERDICT_ALLOW);
  EXPECT_EQ(Cli(Command({"--list", "demo", "--max", "9"})).code, kDone);
  EXPECT_EQ(lists_.undone.list(), "demo");
  EXPECT_EQ(lists_.undone.list_id(), 0);
  EXPECT_EQ(lists_.undone.entry_id(), 5);
  EXPECT_EQ(lists_.undone.author(), "jo");
  EXPECT_EQ(lists_.undone.reason(), "wrong");
  EXPECT_EQ(lists_.undone.max_reversals(), 9);
  EXPECT_FALSE(lists_.undone.dry_run());
  EXPECT_EQ(Cli({"lists", "undo", "--list-id", "7", "--entry", "5", "--dry-run"}).code, kDone);
  EXPECT_EQ(lists_.undone.list_id(), 7);
  EXPECT_TRUE(lists_.undone.dry_run());
}

TEST_F(ListsUndoCommand, WhatIsMissingIsAUsageError) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           Command(),
           Command({"--list", "demo", "--list-id", "7"}),
           {"lists", "undo", "--list", "demo", "--dry-run"},
           {"lists", "undo", "--list", "demo", "--entry", "0", "--dry-run"},
           {"lists", "undo", "--list", "demo", "--entry", "5"},
           {"lists", "undo", "--list", "demo", "--entry", "5", "--author", "jo"}}) {
    EXPECT_EQ(Cli(words).code, kUsage);
  }
  EXPECT_EQ(lists_.undone.entry_id(), 0) << "nothing was sent";
}

TEST_F(ListsUndoCommand, ItIsAFindingWhereSomethingIsLeft) {
  Answer(v1::VERDICT_HOLD);
  EXPECT_EQ(Cli(Command({"--list", "demo"})).code, kFindings);
  Answer(v1::VERDICT_ALLOW).set_more(true);
  EXPECT_EQ(Cli(Command({"--list", "demo"})).code, kFindings);
  Answer(v1::VERDICT_ALLOW).set_entry_in_force(true);
  const Run in_force = Cli(Command({"--list", "demo"}));
  EXPECT_EQ(in_force.code, kFindings);
  EXPECT_THAT(in_force.err, HasSubstr("still in force"));
  lists_.undo_answers.clear();
  lists_.undo_answers.emplace_back().set_done(true);
  const Run nothing = Cli(Command({"--list", "demo"}));
  EXPECT_EQ(nothing.code, kDone);
  EXPECT_EQ(nothing.out, "No verdict came from the entry.\n");
  EXPECT_EQ(nothing.err, "");
}

TEST_F(ListsUndoCommand, WhereItBreaksOffItSaysWhatIsDone) {
  Answer(v1::VERDICT_ALLOW).set_done(false);
  lists_.undo_ends = rpc::ToGrpc({Reason::kDraining, "the server is shutting down", {}, {}});
  const Run run = Cli(Command({"--list", "demo"}));
  EXPECT_EQ(run.code, kFailed);
  EXPECT_THAT(run.out, HasSubstr("came from the entry"));
  EXPECT_THAT(run.err, HasSubstr("What was told is done (1 reversed)"));
}

}  // namespace
}  // namespace hashgate::cli
