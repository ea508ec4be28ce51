// Undo: which verdicts are reversed, that each is reversed once whatever breaks off, and what is told.
#include "casework/verdicts/undo.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/random.h"
#include "casework/verdicts/verdict_codec.h"
#include "testing/seed.h"
#include "unit/casework/casework_samples.h"

namespace hashgate::casework {
namespace {

using store::Family;
using testing::MakeAnswer;
using testing::MakeMatch;
using testing::ScanId;

class UndoTest : public ::testing::Test {
 protected:
  struct Told {
    std::vector<Undone> undone;
    UndoCounts counts;
    bool more = false;
    Status status;
  };

  // To its end, or to the first error.
  Told Run(const EntryRef& entry, bool dry_run = false, std::uint64_t max = 0,
           scan::IdempotencyTable* table = nullptr) {
    Told told;
    auto undo = Undo::Start({.store = &fixture_.store,
                             .verdicts = fixture_.verdicts.get(),
                             .events = fixture_.events.get(),
                             .idempotency = table,
                             .metrics = fixture_.metrics.get(),
                             .clock = &fixture_.clock},
                            {.entry = entry,
                             .dry_run = dry_run,
                             .author = "jo",
                             .reason = "wrong picture",
                             .max_reversals = max});
    EXPECT_TRUE(undo);
    while (!undo->done()) {
      auto next = undo->Next();
      if (!next) {
        told.status = std::unexpected(next.error());
        break;
      }
      for (Undone& one : *next) told.undone.push_back(std::move(one));
    }
    told.counts = undo->counts();
    told.more = undo->more();
    return told;
  }
  std::vector<VerdictReversed> Reversals() {
    std::vector<VerdictReversed> reversals;
    const auto events = fixture_.events->Read(1, 100'000);
    EXPECT_TRUE(events);
    for (const NumberedEvent& event : *events)
      reversals.push_back(std::get<VerdictReversed>(event.event.what));
    return reversals;
  }
  void Record(int number, std::vector<scan::MatchDetail> matches) {
    fixture_.Record(MakeAnswer(ScanId(number), std::move(matches)));
  }
  std::unique_ptr<scan::IdempotencyTable> OpenTable() {
    auto opened = scan::IdempotencyTable::Open(fixture_.store, fixture_.key, fixture_.clock, {});
    EXPECT_TRUE(opened);
    return *std::move(opened);
  }
  static scan::RequestKey KeyOf(const std::string& request_id) {
    return {"default", "local", request_id, -1};
  }
  using Ticket = scan::IdempotencyTable::Ticket;
  std::unique_ptr<Ticket> Take(scan::IdempotencyTable& table, const std::string& request_id) {
    const scan::RequestKey key = KeyOf(request_id);
    auto ticket = table.Take({&key, 1}, fixture_.clock.Steady(), {});
    EXPECT_TRUE(ticket);
    return *std::move(ticket);
  }
  // A request that entry 5 of list 1 had blocked, remembered and recorded.
  void Blocked(scan::IdempotencyTable& table, int number) {
    const std::uint8_t content = 1;
    const ByteSpan bytes(&content, 1);
    scan::ScanRequest request;
    request.request_id = "r" + std::to_string(number);
    const auto ticket = Take(table, request.request_id);
    ASSERT_TRUE(ticket->SeenEach({&bytes, 1}));
    const std::optional<scan::RememberedAnswer> answer = {{Verdict::kBlock, HarmClass::kCsam, "rule"}};
    ASSERT_TRUE(ticket->RememberEach({&bytes, 1}, {&answer, 1}));
    fixture_.Record(request, MakeAnswer(ScanId(number), {MakeMatch(1, 5, Verdict::kBlock)}));
  }

  testing::CaseworkFixture fixture_;
};

TEST_F(UndoTest, ReversesWhatTheEntryAloneLedTo) {
  scan::ScanRequest request;
  request.tenant = "acme";
  request.request_id = "r";
  request.content_id = "c";
  fixture_.Record(request, MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)}));
  Record(2, {MakeMatch(1, 6, Verdict::kBlock)});
  const Told told = Run({1, 5});
  ASSERT_TRUE(told.status);
  ASSERT_EQ(told.undone.size(), 1U);
  EXPECT_EQ(told.undone[0].effect, UndoEffect::kReversed);
  EXPECT_EQ(told.undone[0].record.standing, Verdict::kBlock);
  EXPECT_EQ(told.undone[0].verdict, Verdict::kAllow);
  EXPECT_EQ(told.counts.reversed, 1U);
  ASSERT_EQ(Reversals().size(), 1U);
  EXPECT_EQ(Reversals()[0], (VerdictReversed{.scan_id = ScanId(1),
                                             .content_id = "c",
                                             .request_id = "r",
                                             .given = fixture_.clock.Wall(),
                                             .from = Verdict::kBlock,
                                             .to = Verdict::kAllow,
                                             .list = "list-1",
                                             .entry = 5,
                                             .author = "jo",
                                             .reason = "wrong picture"}));
  EXPECT_EQ(fixture_.events->Read(1, 1)->at(0).event.tenant, "acme");
  EXPECT_EQ(fixture_.OfEntry(1, 5).at(0).standing, Verdict::kAllow);
  EXPECT_EQ(fixture_.OfEntry(1, 5).at(0).given, Verdict::kBlock);
  EXPECT_EQ(fixture_.OfEntry(1, 6).at(0).standing, Verdict::kBlock);
  EXPECT_TRUE(fixture_.Shows("hashgate_verdicts_reversed_total 1"));
}

TEST_F(UndoTest, ADryRunTellsTheSameAndChangesNothing) {
  Record(1, {MakeMatch(1, 5, Verdict::kBlock)});
  Record(2, {MakeMatch(1, 5, Verdict::kBlock), MakeMatch(2, 5, Verdict::kBlock)});
  const auto before = fixture_.store.contents();
  const Told dry = Run({1, 5}, true);
  EXPECT_EQ(fixture_.store.contents(), before);
  EXPECT_TRUE(Reversals().empty());
  const Told real = Run({1, 5});
  ASSERT_EQ(dry.undone.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(dry.undone[i].effect, real.undone[i].effect);
    EXPECT_EQ(dry.undone[i].verdict, real.undone[i].verdict);
    EXPECT_EQ(dry.undone[i].record, real.undone[i].record);
  }
  EXPECT_EQ(dry.counts.reversed, 1U);
  EXPECT_EQ(dry.counts.standing, 1U);
}

TEST_F(UndoTest, WhatAnotherEntryKeepsUpStandsUntilThatIsUndoneToo) {
  Record(1, {MakeMatch(1, 5, Verdict::kBlock), MakeMatch(2, 7, Verdict::kBlock)});
  const Told first = Run({1, 5});
  ASSERT_EQ(first.undone.size(), 1U);
  EXPECT_EQ(first.undone[0].effect, UndoEffect::kStands);
  ASSERT_EQ(first.undone[0].stands_by, 1U);
  EXPECT_EQ(first.undone[0].record.matches[1].entry, (EntryRef{2, 7}));
  EXPECT_TRUE(Reversals().empty());
  const Told second = Run({2, 7});
  EXPECT_EQ(second.undone.at(0).effect, UndoEffect::kReversed);
  EXPECT_EQ(second.undone.at(0).verdict, Verdict::kAllow);
  EXPECT_EQ(Reversals().size(), 1U);
}

TEST_F(UndoTest, AReversalMayBeToAnythingLaxer) {
  Record(1, {MakeMatch(1, 5, Verdict::kBlockAndReport), MakeMatch(2, 7, Verdict::kReview)});
  scan::ScanAnswer held = MakeAnswer(ScanId(2), {MakeMatch(1, 5, Verdict::kBlock)});
  held.without_matches = Verdict::kHold;
  fixture_.Record(held);
  scan::ScanAnswer as_strict = MakeAnswer(ScanId(3), {MakeMatch(1, 5, Verdict::kBlock)});
  as_strict.without_matches = Verdict::kBlock;
  fixture_.Record(as_strict);
  const Told told = Run({1, 5});
  ASSERT_EQ(told.undone.size(), 3U);
  EXPECT_EQ(told.undone[0].verdict, Verdict::kReview);
  EXPECT_EQ(told.undone[1].verdict, Verdict::kHold);
  EXPECT_EQ(told.undone[2].effect, UndoEffect::kStands);
  EXPECT_EQ(told.undone[2].stands_by, kNoMatch);
  const auto reversals = Reversals();
  ASSERT_EQ(reversals.size(), 2U);
  EXPECT_EQ(reversals[0].to, Verdict::kReview);
  EXPECT_EQ(reversals[1].to, Verdict::kHold);
}

TEST_F(UndoTest, RunAgainItChangesNothing) {
  for (int i = 0; i < 200; ++i) Record(i, {MakeMatch(1, 5, Verdict::kBlock)});
  EXPECT_EQ(Run({1, 5}).counts.reversed, 200U);
  const auto before = fixture_.store.contents();
  const Told again = Run({1, 5});
  EXPECT_EQ(again.counts.reversed, 0U);
  EXPECT_EQ(again.counts.undone_before, 200U);
  EXPECT_EQ(fixture_.store.contents(), before);
  EXPECT_EQ(Reversals().size(), 200U);
}

TEST_F(UndoTest, InPartsItReversesEachOnce) {
  for (int i = 0; i < 150; ++i) Record(i, {MakeMatch(1, 5, Verdict::kBlock)});
  Told told = Run({1, 5}, false, 100);
  EXPECT_EQ(told.counts.reversed, 100U);
  EXPECT_TRUE(told.more);
  told = Run({1, 5}, false, 100);
  EXPECT_EQ(told.counts.reversed, 50U);
  EXPECT_EQ(told.counts.undone_before, 100U);
  EXPECT_FALSE(told.more);
  EXPECT_EQ(Reversals().size(), 150U);
  Record(150, {MakeMatch(1, 5, Verdict::kBlock)});
  told = Run({1, 5}, true, 1);
  EXPECT_FALSE(told.more) << "exactly as many as were allowed";
}

// Each write fails once; the undo is run again until it gets through.
TEST_F(UndoTest, BrokenOffAtAnyWriteItReversesEachOnce) {
  for (int i = 0; i < 200; ++i) {
    std::vector<scan::MatchDetail> matches = {MakeMatch(1, 5, Verdict::kBlock)};
    if (i % 3 == 0) matches.push_back(MakeMatch(1, 6, Verdict::kBlock));
    Record(i, std::move(matches));
  }
  for (std::uint64_t nth = 1; nth <= 5; ++nth) {
    fixture_.store.FailWritesFrom(nth, Reason::kStoreFailed);
    const Told told = Run({1, 5});
    fixture_.store.Heal();
    fixture_.Restart();
    const auto events = Reversals().size();
    std::size_t reversed = 0;
    for (const VerdictRecord& record : fixture_.OfEntry(1, 5))
      reversed += record.standing == Verdict::kAllow ? 1 : 0;
    EXPECT_EQ(reversed, events) << "after a failure of write " << nth;
  }
  EXPECT_TRUE(Run({1, 5}).status);
  const std::vector<VerdictReversed> reversals = Reversals();
  std::set<std::string> ids;
  for (const VerdictReversed& reversal : reversals) ids.insert(reversal.scan_id);
  EXPECT_EQ(ids.size(), reversals.size());
  EXPECT_EQ(ids.size(), 133U);
}

TEST_F(UndoTest, WhatCouldNotBeWrittenIsDoneByTheNextCall) {
  for (int i = 0; i < 100; ++i) Record(i, {MakeMatch(1, 5, Verdict::kBlock)});
  auto undo = Undo::Start({.store = &fixture_.store,
                           .verdicts = fixture_.verdicts.get(),
                           .events = fixture_.events.get(),
                           .clock = &fixture_.clock},
                          {.entry = {1, 5}, .author = "jo", .reason = "x"});
  ASSERT_TRUE(undo);
  fixture_.store.FailWrite(2, Reason::kStoreBusy);
  std::size_t told = 0;
  int failures = 0;
  while (!undo->done()) {
    const auto next = undo->Next();
    failures += next ? 0 : 1;
    if (next) told += next->size();
  }
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(told, 100U);
  EXPECT_EQ(undo->counts().seen, 100U);
  EXPECT_EQ(undo->counts().reversed, 100U);
  EXPECT_EQ(Reversals().size(), 100U);
}

// Any order of undoing entries ends in the strictest of what was not undone, and tells each step down once.
TEST_F(UndoTest, RandomUndosAgreeWithTheStrictestOfTheRest) {
  std::cout << "seed " << testing::Seed() << '\n';
  std::mt19937_64 random(testing::Seed());
  constexpr int kEntries = 6;
  struct Model {
    std::vector<Verdict> by_entry = std::vector<Verdict>(kEntries, Verdict::kUnspecified);
    Verdict without = Verdict::kAllow;
    Verdict standing = Verdict::kAllow;
  };
  std::vector<Model> models(80);
  for (std::size_t i = 0; i < models.size(); ++i) {
    Model& model = models[i];
    std::vector<scan::MatchDetail> matches;
    for (std::uint64_t entry = 0; entry < kEntries; ++entry) {
      if (random() % 2 == 0) continue;
      model.by_entry[entry] = static_cast<Verdict>(1 + random() % 5);
      matches.push_back(MakeMatch(1, entry + 1, model.by_entry[entry]));
    }
    scan::ScanAnswer answer = MakeAnswer(ScanId(static_cast<int>(i)), std::move(matches));
    model.without = answer.without_matches = static_cast<Verdict>(1 + random() % 3);
    model.standing = answer.verdict = std::max(answer.verdict, model.without);
    fixture_.Record(answer);
  }
  std::size_t steps = 0;
  for (int undos = 0; undos < 20; ++undos) {
    const std::uint64_t entry = random() % kEntries;
    Run({1, entry + 1});
    for (Model& model : models) {
      if (model.by_entry[entry] == Verdict::kUnspecified) continue;
      model.by_entry[entry] = Verdict::kUnspecified;
      const Verdict now = std::max(model.without, std::ranges::max(model.by_entry));
      steps += now < model.standing ? 1 : 0;
      model.standing = now;
    }
  }
  for (std::uint64_t entry = 1; entry <= kEntries; ++entry) {
    for (const VerdictRecord& record : fixture_.OfEntry(1, entry)) {
      const auto number = static_cast<std::size_t>(std::stoi(record.id.scan_id.substr(2)));
      EXPECT_EQ(record.standing, models[number].standing) << number;
    }
  }
  EXPECT_EQ(Reversals().size(), steps);
  EXPECT_GT(steps, 50U);
}

TEST_F(UndoTest, VerdictsGivenAfterItBeganAreLeftOut) {
  const auto id = [&] { return NewUlid(ToUnixMillis(fixture_.clock.Wall())); };
  fixture_.Record(MakeAnswer(id(), {MakeMatch(1, 5, Verdict::kBlock)}));
  auto undo = Undo::Start({.store = &fixture_.store,
                           .verdicts = fixture_.verdicts.get(),
                           .events = fixture_.events.get(),
                           .clock = &fixture_.clock},
                          {.entry = {1, 5}, .dry_run = true});
  ASSERT_TRUE(undo);
  fixture_.clock.Advance(std::chrono::milliseconds(5));
  fixture_.Record(MakeAnswer(id(), {MakeMatch(1, 5, Verdict::kBlock)}));
  EXPECT_EQ(undo->Next()->size(), 1U);
  while (!undo->done()) EXPECT_TRUE(undo->Next()->empty());
  EXPECT_EQ(undo->counts().seen, 1U);
}

TEST_F(UndoTest, WhatIsRememberedOfTheRequestIsReversedToo) {
  auto opened = scan::IdempotencyTable::Open(fixture_.store, fixture_.key, fixture_.clock, {});
  ASSERT_TRUE(opened);
  scan::IdempotencyTable& table = **opened;
  const std::uint8_t content = 1;
  const ByteSpan bytes(&content, 1);
  const auto key = [](const std::string& request_id) {
    return scan::RequestKey{"default", "local", request_id, -1};
  };
  // One that nothing else led to, one whose picture nobody looked at, and two that other matches keep up.
  std::map<std::string, scan::ScanAnswer> answers;
  answers["alone"] = MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)});
  answers["unseen"] = MakeAnswer(ScanId(2), {MakeMatch(1, 5, Verdict::kBlock)});
  answers["unseen"].without_matches = Verdict::kHold;
  answers["review"] =
      MakeAnswer(ScanId(3), {MakeMatch(1, 5, Verdict::kBlock), MakeMatch(1, 6, Verdict::kReview)});
  answers["held"] =
      MakeAnswer(ScanId(4), {MakeMatch(1, 5, Verdict::kBlock), MakeMatch(1, 6, Verdict::kHold)});
  for (const auto& [request_id, answer] : answers) {
    const scan::RequestKey request = key(request_id);
    auto ticket = table.Take({&request, 1}, fixture_.clock.Steady(), {});
    ASSERT_TRUE(ticket);
    ASSERT_TRUE((*ticket)->SeenEach({&bytes, 1}));
    const std::optional<scan::RememberedAnswer> remembered = {{answer.verdict, HarmClass::kCsam, "rule"}};
    ASSERT_TRUE((*ticket)->RememberEach({&bytes, 1}, {&remembered, 1}));
    scan::ScanRequest scanned;
    scanned.request_id = request_id;
    fixture_.Record(scanned, answer);
  }
  const auto remembered = [&](const std::string& request_id) {
    return table.Peek(key(request_id))->value().verdict;
  };
  Run({1, 5}, true, 0, &table);
  EXPECT_EQ(remembered("alone"), Verdict::kBlock);
  EXPECT_EQ(Run({1, 5}, false, 0, &table).counts.reversed, 4U);
  EXPECT_EQ(remembered("alone"), Verdict::kAllow);
  EXPECT_EQ(remembered("unseen"), Verdict::kAllow) << "another look says what is there";
  EXPECT_EQ(remembered("review"), Verdict::kReview);
  EXPECT_EQ(remembered("held"), Verdict::kHold);
  EXPECT_EQ(table.Peek(key("alone"))->value().harm_class, HarmClass::kUnspecified);
  EXPECT_EQ(table.Peek(key("review"))->value().harm_class, HarmClass::kCsam) << "a match leads to it";
  // The id still stands for the same bytes only.
  const std::uint8_t other = 2;
  const ByteSpan other_bytes(&other, 1);
  const scan::RequestKey request = key("alone");
  auto ticket = table.Take({&request, 1}, fixture_.clock.Steady(), {});
  EXPECT_EQ((*ticket)->SeenEach({&other_bytes, 1}).error().reason, Reason::kRequestIdReused);
}

// What the call under way remembers would be lost otherwise, or would bring the old answer back.
TEST_F(UndoTest, AVerdictWhoseRequestIsBeingAnsweredIsLeftToTheNextUndo) {
  const auto table = OpenTable();
  for (int i = 0; i < 100; ++i) Blocked(*table, i);
  auto ticket = Take(*table, "r7");
  Told told = Run({1, 5}, false, 0, table.get());
  ASSERT_TRUE(told.status);
  EXPECT_EQ(told.counts.reversed, 99U);
  EXPECT_EQ(told.counts.seen, 99U);
  EXPECT_TRUE(told.more);
  EXPECT_EQ(table->Peek(KeyOf("r7"))->value().verdict, Verdict::kBlock);
  EXPECT_EQ(fixture_.OfEntry(1, 5).at(7).standing, Verdict::kBlock);
  ticket.reset();
  told = Run({1, 5}, false, 0, table.get());
  EXPECT_EQ(told.counts.reversed, 1U);
  EXPECT_FALSE(told.more);
  EXPECT_EQ(table->Peek(KeyOf("r7"))->value().verdict, Verdict::kAllow);
  EXPECT_EQ(Reversals().size(), 100U);
}

TEST_F(UndoTest, ARequestThatIsAnsweredMeanwhileIsDoneAtTheEnd) {
  const auto table = OpenTable();
  for (int i = 0; i < 100; ++i) Blocked(*table, i);
  auto ticket = Take(*table, "r7");
  auto undo = Undo::Start({.store = &fixture_.store,
                           .verdicts = fixture_.verdicts.get(),
                           .events = fixture_.events.get(),
                           .idempotency = table.get(),
                           .clock = &fixture_.clock},
                          {.entry = {1, 5}, .author = "jo", .reason = "x"});
  ASSERT_TRUE(undo);
  EXPECT_EQ(undo->Next()->size(), 63U);
  ticket.reset();
  std::size_t told = 63;
  // The last call fails once: what was put off is not forgotten.
  fixture_.store.FailWrite(2, Reason::kStoreBusy);
  int failures = 0;
  while (!undo->done()) {
    const auto next = undo->Next();
    failures += next ? 0 : 1;
    if (next) told += next->size();
  }
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(told, 100U);
  EXPECT_FALSE(undo->more());
  EXPECT_EQ(undo->counts().reversed, 100U);
  EXPECT_EQ(Reversals().size(), 100U);
}

TEST_F(UndoTest, MoreThanCanBePutOffAreLeftToTheNextUndo) {
  const auto table = OpenTable();
  std::vector<std::unique_ptr<Ticket>> tickets;
  for (int i = 0; i < 70; ++i) {
    Blocked(*table, i);
    tickets.push_back(Take(*table, "r" + std::to_string(i)));
  }
  auto undo = Undo::Start({.store = &fixture_.store,
                           .verdicts = fixture_.verdicts.get(),
                           .events = fixture_.events.get(),
                           .idempotency = table.get(),
                           .clock = &fixture_.clock},
                          {.entry = {1, 5}, .author = "jo", .reason = "x"});
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(undo->Next()->empty());
  EXPECT_FALSE(undo->done());
  tickets.clear();
  EXPECT_EQ(undo->Next()->size(), 64U);
  EXPECT_TRUE(undo->done());
  EXPECT_TRUE(undo->more());
  EXPECT_EQ(Run({1, 5}, false, 0, table.get()).counts.reversed, 6U);
}

// The caller asked again, and the entry still matched: the platform was told BLOCK after the reversal.
TEST_F(UndoTest, AVerdictGivenAgainCanBeReversedAgain) {
  scan::ScanRequest request;
  request.request_id = "r";
  scan::ScanAnswer answer = MakeAnswer(ScanId(1), {MakeMatch(1, 5, Verdict::kBlock)});
  fixture_.Record(request, answer);
  EXPECT_EQ(Run({1, 5}).counts.reversed, 1U);
  answer.scan_id = ScanId(2);
  answer.replayed = true;
  fixture_.Record(request, answer);
  EXPECT_EQ(fixture_.OfEntry(1, 5).at(0).standing, Verdict::kBlock);
  EXPECT_EQ(Run({1, 5}).counts.reversed, 1U);
  EXPECT_EQ(Reversals().size(), 2U);
}

TEST_F(UndoTest, DamagedRecordsAreCountedAndHoldUpNothing) {
  for (int i = 1; i <= 3; ++i) fixture_.Record(MakeAnswer(ScanId(i), {MakeMatch(1, 5, Verdict::kBlock)}));
  const VerdictRecord second = fixture_.OfEntry(1, 5).at(1);
  fixture_.store.Set(store::Family::kVerdicts, VerdictKey(second.id), "\x01");
  for (const bool dry_run : {true, false}) {
    const auto counts = Run({1, 5}, dry_run).counts;
    EXPECT_EQ(counts.reversed, 2U);
    EXPECT_EQ(counts.seen, 2U);
    EXPECT_EQ(counts.damaged, 1U);
  }
  EXPECT_EQ(Reversals().size(), 2U);
}

TEST_F(UndoTest, SaysWhatIsMissing) {
  const UndoParts parts{
      .store = &fixture_.store, .verdicts = fixture_.verdicts.get(), .events = fixture_.events.get()};
  EXPECT_EQ(Undo::Start(parts, {.entry = {1, 0}, .dry_run = true}).error().field, "entry_id");
  EXPECT_EQ(Undo::Start(parts, {.entry = {1, 1}, .reason = "x"}).error().field, "author");
  EXPECT_EQ(Undo::Start(parts, {.entry = {1, 1}, .author = "x"}).error().field, "reason");
  EXPECT_EQ(
      Undo::Start(parts, {.entry = {1, 1}, .author = std::string(129, 'x'), .reason = "x"}).error().field,
      "author");
  EXPECT_TRUE(Undo::Start(parts, {.entry = {1, 1}, .dry_run = true}));
}

}  // namespace
}  // namespace hashgate::casework
