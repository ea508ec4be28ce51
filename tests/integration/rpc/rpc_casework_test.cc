// Undo and events through the listener: what scans leave behind, what undoing an entry tells and changes, and
// streams of events that go on, break off and end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <thread>

#include "base/random.h"
#include "casework/events/event_log.h"
#include "casework/verdicts/verdict_log.h"
#include "hashgate/v1/event_service.grpc.pb.h"
#include "integration/rpc/rpc_fixture.h"
#include "rpc/wire/error_status.h"

namespace hashgate::testing {
namespace {

using ::testing::HasSubstr;

// A log for whose answers there is no memory, as often as told.
class ShortOfMemory final : public casework::EventLog {
 public:
  explicit ShortOfMemory(EventLog& log) : log_(log) {}
  Result<std::unique_ptr<Pending>> AddTo(store::Batch& batch,
                                         std::span<const casework::Event> events) override {
    return log_.AddTo(batch, events);
  }
  Status Append(std::span<const casework::Event> events) override { return log_.Append(events); }
  [[nodiscard]] casework::EventRange Range() const override { return log_.Range(); }
  [[nodiscard]] Result<std::vector<casework::NumberedEvent>> Read(casework::Sequence from,
                                                                  std::size_t max) const override {
    if (max > 0 && failures.load() > 0) {
      --failures;
      throw std::bad_alloc();
    }
    return log_.Read(from, max);
  }
  std::unique_ptr<Listening> Listen(std::function<void()> ring) override {
    return log_.Listen(std::move(ring));
  }
  Status Prune() override { return log_.Prune(); }

  mutable std::atomic<int> failures = 0;

 private:
  EventLog& log_;
};

class RpcCaseworkTest : public RpcServerTest {
 protected:
  void SetUp() override {
    context_.options.max_event_readers = 2;
    context_.options.remote_lists = {"elsewhere"};
    RpcServerTest::SetUp();
    OpenLogs(1'000);
    gate_scanner_ = std::make_unique<scan::Scanner>(scan::ScannerParts{.catalog = catalog_.get(),
                                                                       .decoder = &recording_,
                                                                       .idempotency = idempotency_.get(),
                                                                       .metrics = metrics_.get(),
                                                                       .checks_behind = &checks_behind_,
                                                                       .verdicts = verdicts_.get()},
                                                    scanner_options_, policy_);
    context_.scanner = gate_scanner_.get();
    context_.store = &store_;
    context_.idempotency = idempotency_.get();
    client_ = std::make_unique<GateClient>(Channel());
    event_stub_ = v1::EventService::NewStub(Channel());
  }
  void TearDown() override {
    client_.reset();
    event_stub_.reset();
    RpcServerTest::TearDown();
  }
  void OpenLogs(std::uint64_t max_events) {
    auto events = casework::EventLog::Open(store_, {.max_events = max_events, .metrics = metrics_.get()});
    ASSERT_TRUE(events);
    events_ = *std::move(events);
    auto verdicts = casework::VerdictLog::Open(store_, catalog_->StoreKey(), {.metrics = metrics_.get()});
    ASSERT_TRUE(verdicts);
    verdicts_ = *std::move(verdicts);
    context_.events = events_.get();
    context_.verdicts = verdicts_.get();
  }

  // Entry of the fixture's own list that knows the picture.
  std::int64_t EntryId(const std::string& list = "listed") {
    return client_->AllEntries(list).at(0).entry_id();
  }
  ScanReply ScanAs(const std::string& content_id, const std::string& request_id = {}) {
    v1::ScanHeader header;
    header.set_content_id(content_id);
    header.set_request_id(request_id);
    ScanReply reply = client_->Scan(Picture(), header);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return reply;
  }
  v1::UndoEntryRequest Request(bool dry_run = false) {
    v1::UndoEntryRequest request;
    request.set_list("listed");
    request.set_entry_id(EntryId());
    request.set_author("jo");
    request.set_reason("wrong picture");
    request.set_dry_run(dry_run);
    return request;
  }
  struct UndoReply {
    grpc::Status status;
    std::vector<v1::UndoneVerdict> verdicts;
    v1::UndoEntryResponse last;
  };
  UndoReply Undo(const v1::UndoEntryRequest& request) {
    UndoReply reply;
    grpc::ClientContext context;
    SetTimeout(context, seconds(20));
    const auto stream = client_->lists().UndoEntry(&context, request);
    while (stream->Read(&reply.last)) {
      reply.verdicts.insert(reply.verdicts.end(), reply.last.verdicts().begin(), reply.last.verdicts().end());
    }
    reply.status = stream->Finish();
    return reply;
  }
  void AppendAlarms(int count) {
    const std::vector<casework::Event> events(
        static_cast<std::size_t>(count), {.what = casework::ListAlarm{.list = "listed", .alarm = "FLOOD"}});
    ASSERT_TRUE(events_->Append(events));
  }

  // One open stream.
  class Watch {
   public:
    Watch(v1::EventService::Stub& stub, std::int64_t from) {
      SetTimeout(context_, seconds(20));
      v1::WatchEventsRequest request;
      request.set_from_sequence(from);
      stream_ = stub.WatchEvents(&context_, request);
    }
    // The numbers of the next events, as many as asked for.
    std::vector<std::int64_t> Read(std::size_t count) {
      std::vector<std::int64_t> numbers;
      v1::WatchEventsResponse response;
      while (numbers.size() < count && stream_->Read(&response)) {
        for (const v1::Event& event : response.events()) numbers.push_back(event.sequence());
      }
      return numbers;
    }
    void Cancel() { context_.TryCancel(); }
    grpc::Status End() {
      v1::WatchEventsResponse rest;
      while (stream_->Read(&rest)) {
      }
      return stream_->Finish();
    }

   private:
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientReader<v1::WatchEventsResponse>> stream_;
  };
  static std::vector<std::int64_t> Numbers(std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> numbers;
    for (; from <= to; ++from) numbers.push_back(from);
    return numbers;
  }
  bool Shows(const std::string& line) {
    return PollUntil([&] { return metrics_->Exposition().find(line + "\n") != std::string::npos; },
                     seconds(10));
  }

  std::unique_ptr<casework::EventLog> events_;
  std::unique_ptr<casework::VerdictLog> verdicts_;
  std::unique_ptr<GateClient> client_;
  std::unique_ptr<v1::EventService::Stub> event_stub_;
};

TEST_F(RpcCaseworkTest, ADryRunListsAndAnUndoReversesWithEvents) {
  const ScanReply first = ScanAs("post 1", "upload 1");
  // Those of one millisecond have no order.
  const auto now = [] { return floor<milliseconds>(std::chrono::system_clock::now()); };
  ASSERT_TRUE(PollUntil([&, then = now()] { return now() > then; }, seconds(5)));
  ScanAs("post 2");
  const UndoReply dry = Undo(Request(true));
  ASSERT_TRUE(dry.status.ok()) << dry.status.error_message();
  ASSERT_EQ(dry.verdicts.size(), 2U);
  EXPECT_EQ(events_->Range().next, 1U);

  const UndoReply undo = Undo(Request());
  ASSERT_TRUE(undo.status.ok()) << undo.status.error_message();
  ASSERT_EQ(undo.verdicts.size(), 2U);
  const v1::UndoneVerdict& verdict = undo.verdicts[0];
  EXPECT_EQ(verdict.scan_id(), first.result.scan_id());
  EXPECT_EQ(verdict.content_id(), "post 1");
  EXPECT_EQ(verdict.request_id(), "upload 1");
  EXPECT_EQ(verdict.tenant(), "default");
  EXPECT_EQ(verdict.caller(), "local");
  EXPECT_EQ(verdict.surface(), "default");
  EXPECT_FALSE(verdict.has_file());
  EXPECT_EQ(verdict.given_verdict(), v1::VERDICT_BLOCK);
  EXPECT_EQ(verdict.old_verdict(), v1::VERDICT_BLOCK);
  EXPECT_EQ(verdict.new_verdict(), v1::VERDICT_ALLOW);
  EXPECT_EQ(verdict.entry_verdict(), v1::VERDICT_BLOCK);
  EXPECT_EQ(verdict.effect(), v1::UNDO_EFFECT_REVERSED);
  EXPECT_EQ(verdict.algorithms(0), v1::ALGORITHM_PDQ);
  EXPECT_EQ(verdict.rule_id(), first.result.rule_id());
  EXPECT_EQ(verdict.policy_digest(), first.result.versions().policy_digest());
  EXPECT_EQ(verdict.generation(), first.result.versions().generation());
  EXPECT_TRUE(undo.last.done());
  EXPECT_TRUE(undo.last.entry_in_force());
  EXPECT_EQ(undo.last.reversed_count(), 2);
  EXPECT_EQ(undo.last.seen_count(), 2);

  grpc::ClientContext context;
  SetTimeout(context, seconds(10));
  v1::ListEventsResponse events;
  ASSERT_TRUE(event_stub_->ListEvents(&context, {}, &events).ok());
  ASSERT_EQ(events.events_size(), 2);
  EXPECT_FALSE(events.more());
  EXPECT_EQ(events.next_sequence(), 3);
  const v1::Event& event = events.events(0);
  EXPECT_EQ(event.sequence(), 1);
  EXPECT_EQ(event.kind(), v1::EVENT_KIND_VERDICT_REVERSED);
  EXPECT_EQ(event.tenant(), "default");
  EXPECT_EQ(event.verdict_reversed().scan_id(), first.result.scan_id());
  EXPECT_EQ(event.verdict_reversed().content_id(), "post 1");
  EXPECT_EQ(event.verdict_reversed().old_verdict(), v1::VERDICT_BLOCK);
  EXPECT_EQ(event.verdict_reversed().new_verdict(), v1::VERDICT_ALLOW);
  EXPECT_EQ(event.verdict_reversed().list(), "listed");
  EXPECT_EQ(event.verdict_reversed().entry_id(), EntryId());
  EXPECT_EQ(event.verdict_reversed().author(), "jo");
  EXPECT_EQ(event.verdict_reversed().reason(), "wrong picture");
}

// The request is known, and says ALLOW once nothing matches: the answer from before is not repeated.
TEST_F(RpcCaseworkTest, ARepeatedRequestIsNotAnsweredAsBeforeTheReversal) {
  EXPECT_EQ(ScanAs("post", "r").result.verdict(), v1::VERDICT_BLOCK);
  const v1::UndoEntryRequest request = Request();
  ASSERT_TRUE(catalog_->DeleteEntry("listed", static_cast<lists::EntryId>(request.entry_id())));
  EXPECT_EQ(ScanAs("post", "r").result.verdict(), v1::VERDICT_BLOCK) << "not laxer by itself";
  const UndoReply undo = Undo(request);
  EXPECT_EQ(undo.last.reversed_count(), 1);
  EXPECT_FALSE(undo.last.entry_in_force());
  AddEntry("listed", {.source_id = "other", .hashes = {MakeHash(Algorithm::kPdq, 6, 100)}});
  EXPECT_EQ(ScanAs("post", "r").result.verdict(), v1::VERDICT_ALLOW);
}

TEST_F(RpcCaseworkTest, EntriesAndListsThatAreGoneCanBeUndone) {
  ScanAs("post");
  v1::UndoEntryRequest request = Request(true);
  const lists::ListId old_id = catalog_->GetList("listed")->id;
  ASSERT_TRUE(catalog_->DeleteList("listed", ""));
  UndoReply undo = Undo(request);
  ASSERT_TRUE(undo.status.ok()) << undo.status.error_message();
  EXPECT_EQ(undo.verdicts.size(), 1U);
  EXPECT_FALSE(undo.last.entry_in_force());
  EXPECT_EQ(undo.last.list_id(), old_id);
  // Another list takes the name: it has to be said which is meant.
  AddList("listed");
  undo = Undo(request);
  EXPECT_EQ(undo.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(undo.status.error_message(), HasSubstr("one of " + std::to_string(old_id) + ", "));
  request.clear_list();
  request.set_list_id(old_id);
  EXPECT_EQ(Undo(request).verdicts.size(), 1U);
  // One that nobody knows has no verdicts either.
  request.set_list_id(old_id + 77);
  EXPECT_TRUE(Undo(request).status.ok());
  EXPECT_TRUE(Undo(request).verdicts.empty());
}

TEST_F(RpcCaseworkTest, AnEntryOfADisabledListIsNotInForce) {
  ScanAs("post");
  const v1::UndoEntryRequest request = Request(true);
  EXPECT_TRUE(Undo(request).last.entry_in_force());
  ASSERT_TRUE(catalog_->SetEnabled("listed", false));
  EXPECT_FALSE(Undo(request).last.entry_in_force());
  ASSERT_TRUE(catalog_->SetEnabled("listed", true));
  EXPECT_TRUE(Undo(request).last.entry_in_force());
}

TEST_F(RpcCaseworkTest, WhatIsWrongWithAnUndoIsNamed) {
  const auto reason = [this](auto change) {
    v1::UndoEntryRequest request = Request();
    change(request);
    const grpc::Status status = Undo(request).status;
    return ReasonOf(status) + " " + rpc::FromGrpc(status).field;
  };
  EXPECT_EQ(reason([](auto& request) { request.clear_author(); }), "REQUEST_INVALID author");
  EXPECT_EQ(reason([](auto& request) { request.set_reason(std::string(1'025, 'x')); }),
            "REQUEST_INVALID reason");
  EXPECT_EQ(reason([](auto& request) { request.set_entry_id(0); }), "REQUEST_INVALID entry_id");
  EXPECT_EQ(reason([](auto& request) { request.set_entry_id(-5); }), "REQUEST_INVALID entry_id");
  EXPECT_EQ(reason([](auto& request) { request.set_max_reversals(-1); }), "REQUEST_INVALID max_reversals");
  EXPECT_EQ(reason([](auto& request) { request.clear_list(); }), "REQUEST_INVALID list");
  EXPECT_EQ(reason([](auto& request) { request.set_list_id(1); }), "REQUEST_INVALID list_id");
  EXPECT_EQ(reason([](auto& request) {
              request.clear_list();
              request.set_list_id(1LL << 40);
            }),
            "REQUEST_INVALID list_id");
  EXPECT_EQ(reason([](auto& request) { request.set_list("nobody"); }), "LIST_NOT_FOUND list");
  EXPECT_EQ(reason([](auto& request) { request.set_list("elsewhere"); }), "REQUEST_INVALID list");
  // The same where a verdict came from one, which may not be configured any more.
  for (const char* name : {"elsewhere", "elsewhere-before"}) {
    scan::ScanAnswer answer;
    answer.scan_id = NewUlid(0);
    answer.outcome = Outcome::kMatched;
    answer.verdict = Verdict::kReview;
    answer.without_matches = Verdict::kAllow;
    answer.matches.emplace_back().fact.list = name;
    answer.matches.back().verdict = Verdict::kReview;
    const scan::NumberedAnswer numbered{-1, &answer};
    verdicts_->Record({}, {&numbered, 1}, SteadyTime::max());
    EXPECT_EQ(reason([&](auto& request) { request.set_list(name); }), "REQUEST_INVALID list") << name;
  }
  // It has been a local list before.
  AddList("elsewhere");
  EXPECT_NE(reason([](auto& request) { request.set_list("elsewhere"); }), "REQUEST_INVALID list");
}

TEST_F(RpcCaseworkTest, OnlyAdministratorsUndoAndRead) {
  context_.options.loopback_is_admin = false;
  v1::UndoEntryRequest request;
  request.set_list("listed");
  EXPECT_EQ(ReasonOf(Undo(request).status), "NOT_PERMITTED");
  EXPECT_EQ(ReasonOf(Watch(*event_stub_, 0).End()), "NOT_PERMITTED");
  grpc::ClientContext context;
  SetTimeout(context, seconds(10));
  v1::ListEventsResponse events;
  EXPECT_EQ(ReasonOf(event_stub_->ListEvents(&context, {}, &events)), "NOT_PERMITTED");
}

TEST_F(RpcCaseworkTest, ALongUndoComesInPartsAndInOrder) {
  constexpr int kScans = 150;
  for (int i = 0; i < kScans; ++i) ScanAs(std::to_string(i));
  v1::UndoEntryRequest request = Request();
  request.set_max_reversals(100);
  UndoReply undo = Undo(request);
  EXPECT_EQ(undo.last.reversed_count(), 100);
  EXPECT_TRUE(undo.last.more());
  undo = Undo(request);
  EXPECT_EQ(undo.last.reversed_count(), 50);
  EXPECT_EQ(undo.last.undone_before_count(), 100);
  EXPECT_EQ(undo.verdicts.size(), 150U);
  EXPECT_EQ(Watch(*event_stub_, 0).Read(kScans), Numbers(1, kScans));
  std::set<std::string> contents;
  const auto events = events_->Read(1, 1'000);
  for (const casework::NumberedEvent& event : *events) {
    contents.insert(std::get<casework::VerdictReversed>(event.event.what).content_id);
  }
  EXPECT_EQ(contents.size(), static_cast<std::size_t>(kScans));
}

TEST_F(RpcCaseworkTest, AWatcherGetsWhatThereIsAndWhatComes) {
  AppendAlarms(250);
  Watch watch(*event_stub_, 101);
  EXPECT_EQ(watch.Read(150), Numbers(101, 250));
  EXPECT_TRUE(Shows("hashgate_event_readers 1"));
  AppendAlarms(2);
  EXPECT_EQ(watch.Read(2), Numbers(251, 252));
  watch.Cancel();
  EXPECT_EQ(watch.End().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Shows("hashgate_event_readers 0"));
  // It goes on where it was.
  AppendAlarms(1);
  Watch again(*event_stub_, 253);
  EXPECT_EQ(again.Read(1), Numbers(253, 253));
  again.Cancel();
}

TEST_F(RpcCaseworkTest, WatchersOfRemovedEventsAreToldTheOldest) {
  AppendAlarms(1'200);
  ASSERT_TRUE(events_->Prune());
  for (const auto& [from, sentence] : std::vector<std::pair<std::int64_t, std::string>>{
           {200, "the oldest is 201"}, {1'202, "the next one will be 1201"}}) {
    const grpc::Status status = Watch(*event_stub_, from).End();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
    EXPECT_EQ(ReasonOf(status), "REQUEST_INVALID");
    EXPECT_THAT(status.error_message(), HasSubstr(sentence));
    EXPECT_EQ(rpc::MetadataOf(status).at("oldest_sequence"), "201");
    EXPECT_EQ(rpc::MetadataOf(status).at("next_sequence"), "1201");
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    v1::ListEventsRequest request;
    request.set_from_sequence(from);
    v1::ListEventsResponse events;
    EXPECT_EQ(event_stub_->ListEvents(&context, request, &events).error_code(),
              grpc::StatusCode::OUT_OF_RANGE);
  }
  EXPECT_EQ(Watch(*event_stub_, -1).End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  Watch oldest(*event_stub_, 0);
  EXPECT_EQ(oldest.Read(1'000), Numbers(201, 1'200));
  oldest.Cancel();
}

TEST_F(RpcCaseworkTest, ListsArePagesAndTheNextNumber) {
  AppendAlarms(5);
  v1::ListEventsRequest request;
  request.set_page_size(2);
  std::vector<std::int64_t> numbers;
  v1::ListEventsResponse page;
  do {
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    ASSERT_TRUE(event_stub_->ListEvents(&context, request, &page).ok());
    for (const v1::Event& event : page.events()) numbers.push_back(event.sequence());
    request.set_from_sequence(page.next_sequence());
  } while (page.more());
  EXPECT_EQ(numbers, Numbers(1, 5));
  EXPECT_EQ(page.next_sequence(), 6);
  for (const int size : {-1, 1'001}) {
    request.set_page_size(size);
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    EXPECT_EQ(ReasonOf(event_stub_->ListEvents(&context, request, &page)), "REQUEST_INVALID");
  }
}

TEST_F(RpcCaseworkTest, ReadersAreBounded) {
  AppendAlarms(1);
  Watch first(*event_stub_, 0);
  Watch second(*event_stub_, 0);
  EXPECT_EQ(first.Read(1), Numbers(1, 1));
  EXPECT_EQ(second.Read(1), Numbers(1, 1));
  const grpc::Status status = Watch(*event_stub_, 0).End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  first.Cancel();
  EXPECT_TRUE(Shows("hashgate_event_readers 1"));
  Watch third(*event_stub_, 0);
  EXPECT_EQ(third.Read(1), Numbers(1, 1));
  third.Cancel();
  second.Cancel();
}

// What it does not take piles up in gRPC until that is full, and then its stream ends; others go on.
TEST_F(RpcCaseworkTest, AReaderThatTakesNothingIsEnded) {
  context_.options.max_reader_pause = milliseconds(200);
  const std::string detail(1'000, 'x');
  const std::vector<casework::Event> events(
      100, {.what = casework::ListAlarm{.list = "listed", .alarm = "FLOOD", .detail = detail}});
  AppendAlarms(1);
  Watch idle(*event_stub_, 0);
  EXPECT_EQ(idle.Read(1), Numbers(1, 1));
  Watch busy(*event_stub_, 0);
  std::int64_t written = 1;
  std::size_t read = 0;
  const bool ended = PollUntil(
      [&] {
        EXPECT_TRUE(events_->Append(events));
        written += 100;
        read += busy.Read(100).size();
        return metrics_->Exposition().find("hashgate_event_readers 1\n") != std::string::npos;
      },
      seconds(20));
  EXPECT_TRUE(ended);
  EXPECT_EQ(idle.End().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_GT(read, 100U);
  busy.Cancel();
}

TEST_F(RpcCaseworkTest, WithoutMemoryWatchersWait) {
  ShortOfMemory events(*events_);
  context_.events = &events;
  AppendAlarms(3);
  events.failures = 3;
  Watch first(*event_stub_, 0);
  Watch second(*event_stub_, 2);
  EXPECT_EQ(first.Read(3), Numbers(1, 3));
  EXPECT_EQ(second.Read(2), Numbers(2, 3));
  EXPECT_EQ(events.failures, 0);
  events.failures = 1;
  AppendAlarms(1);
  EXPECT_EQ(first.Read(1), Numbers(4, 4));
  EXPECT_EQ(second.Read(1), Numbers(4, 4));
  first.Cancel();
  second.Cancel();
  EXPECT_TRUE(Shows("hashgate_event_readers 0"));
  ASSERT_TRUE(server_->Stop(steady_clock::now() + seconds(10)));
}

// It holds up a drain: what it does not take piles up in gRPC until that is full, and then its call ends.
TEST_F(RpcCaseworkTest, AnUndoWhoseReaderTakesNothingIsEnded) {
  context_.options.max_reader_pause = milliseconds(200);
  constexpr int kVerdicts = 4'000;
  const v1::UndoEntryRequest request = Request();
  const lists::ListId list = catalog_->GetList("listed")->id;
  scan::ScanRequest scanned;
  scanned.content_id = std::string(1'000, 'x');
  for (int i = 0; i < kVerdicts / 1'000; ++i) {
    scan::ScanAnswer answer;
    answer.outcome = Outcome::kMatched;
    answer.verdict = Verdict::kBlock;
    answer.without_matches = Verdict::kAllow;
    scan::MatchDetail& match = answer.matches.emplace_back();
    match.list_id = list;
    match.fact.list = "listed";
    match.fact.entry = static_cast<lists::EntryId>(request.entry_id());
    match.fact.algorithms = {Algorithm::kPdq};
    match.verdict = Verdict::kBlock;
    std::vector<scan::ScanAnswer> answers(1'000, answer);
    std::vector<scan::NumberedAnswer> numbered;
    for (scan::ScanAnswer& one : answers) {
      one.scan_id = NewUlid(0);
      numbered.push_back({-1, &one});
    }
    verdicts_->Record(scanned, numbered, SteadyTime::max());
  }
  grpc::ClientContext context;
  SetTimeout(context, seconds(60));
  const auto stream = client_->lists().UndoEntry(&context, request);
  ASSERT_TRUE(PollUntil([&] { return events_->Range().next > 1; }, seconds(20)));
  EXPECT_TRUE(PollUntil([&] { return gate_.inside() == 0; }, seconds(20)));
  v1::UndoEntryResponse told;
  while (stream->Read(&told)) EXPECT_FALSE(told.done());
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // Another one goes on.
  const UndoReply undo = Undo(request);
  EXPECT_TRUE(undo.status.ok()) << undo.status.error_message();
  EXPECT_GT(undo.last.undone_before_count(), 0);
  EXPECT_GT(undo.last.reversed_count(), 0);
  EXPECT_EQ(undo.last.seen_count(), kVerdicts);
}

TEST_F(RpcCaseworkTest, AtADrainWatchersGetTheRestAndAreToldToGoOnLater) {
  AppendAlarms(1);
  Watch watch(*event_stub_, 0);
  EXPECT_EQ(watch.Read(1), Numbers(1, 1));
  gate_.Close();
  AppendAlarms(150);
  const auto begun = steady_clock::now();
  std::jthread stop([this] { EXPECT_TRUE(server_->Stop(steady_clock::now() + seconds(10))); });
  EXPECT_EQ(watch.Read(150), Numbers(2, 151));
  const grpc::Status status = watch.End();
  stop.join();
  EXPECT_EQ(ReasonOf(status), "DRAINING");
  EXPECT_THAT(status.error_message(), HasSubstr("from event 152"));
  EXPECT_LT(steady_clock::now() - begun, seconds(5));
}

TEST_F(RpcCaseworkTest, AnUndoEndsAtADrainAndGoesOnLater) {
  for (int i = 0; i < 3; ++i) ScanAs(std::to_string(i));
  gate_.Close();
  v1::UndoEntryRequest request;
  request.set_list("listed");
  request.set_entry_id(1);
  EXPECT_EQ(ReasonOf(Undo(request).status), "DRAINING");
  EXPECT_EQ(ReasonOf(Watch(*event_stub_, 0).End()), "DRAINING");
}

TEST_F(RpcCaseworkTest, AFullStoreEndsAnUndoWithoutHalfOfAnything) {
  ScanAs("post");
  store_.FailWritesFrom(1, Reason::kStoreFull);
  EXPECT_EQ(ReasonOf(Undo(Request()).status), "STORE_FULL");
  EXPECT_EQ(events_->Range().next, 1U);
  store_.Heal();
  EXPECT_EQ(Undo(Request()).last.reversed_count(), 1);
  EXPECT_EQ(events_->Range().next, 2U);
}

}  // namespace
}  // namespace hashgate::testing
