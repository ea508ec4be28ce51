// Hashes, lists, imports and request ids that are not as they should be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "rpc/wire/error_status.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class BadAdminTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_ = StartServer(FreshFolder("server"));
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
    ASSERT_TRUE(client_->CreateList(SyntheticList("one")).ok());
  }

  static void ExpectRefused(const grpc::Status& status, grpc::StatusCode code, const std::string& reason,
                            const std::string& field = {}) {
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_EQ(ReasonOf(status), reason) << status.error_message();
    if (!field.empty()) {
      EXPECT_EQ(rpc::FromGrpc(status).field, field) << status.error_message();
    }
  }
  grpc::Status MatchStatus(const v1::MatchHashesRequest& request) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    v1::MatchHashesResponse response;
    return client_->scan().MatchHashes(&context, request, &response);
  }
  static v1::MatchHashesRequest OneHash(v1::Algorithm algorithm, std::size_t length) {
    v1::MatchHashesRequest request;
    v1::HashValue& hash = *request.add_files()->add_hashes();
    hash.set_algorithm(algorithm);
    hash.set_value(std::string(length, 'h'));
    return request;
  }
  // The status of an import stream of these messages.
  grpc::Status Stream(const std::vector<v1::ImportEntriesRequest>& messages) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    const auto stream = client_->lists().ImportEntries(&context);
    bool open = true;
    for (const v1::ImportEntriesRequest& message : messages) open = open && stream->Write(message);
    stream->WritesDone();
    v1::ImportEntriesResponse progress;
    while (stream->Read(&progress)) {
    }
    return stream->Finish();
  }
  static v1::ImportRecord Sha256Record(std::int64_t line, std::uint64_t number) {
    return RecordOf(line, "id-" + std::to_string(number), v1::ALGORITHM_SHA256,
                    SyntheticHash(v1::ALGORITHM_SHA256, number));
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
};

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;

TEST_F(BadAdminTest, Hashes) {
  const std::string at = "files[0].hashes[0]";
  for (const auto& [algorithm, length] : {std::pair(v1::ALGORITHM_MD5, 15U),
                                          {v1::ALGORITHM_SHA1, 21U},
                                          {v1::ALGORITHM_SHA256, 31U},
                                          {v1::ALGORITHM_PDQ, 64U},
                                          {v1::ALGORITHM_PHOTODNA, 143U},
                                          {v1::ALGORITHM_PHOTODNA, 288U},
                                          {v1::ALGORITHM_SHA256, 0U}}) {
    const grpc::Status status = MatchStatus(OneHash(algorithm, length));
    EXPECT_EQ(status.error_code(), kInvalid);
    EXPECT_EQ(ReasonOf(status), "HASH_MALFORMED");
    EXPECT_THAT(rpc::FromGrpc(status).field, HasSubstr(at));
    EXPECT_THAT(status.error_message(), ::testing::Not(HasSubstr("hhhh"))) << "values stay out of messages";
  }
  EXPECT_EQ(ReasonOf(MatchStatus(OneHash(v1::ALGORITHM_UNSPECIFIED, 32))), "REQUEST_INVALID");
  EXPECT_EQ(ReasonOf(MatchStatus(OneHash(static_cast<v1::Algorithm>(99), 32))), "ALGORITHM_UNKNOWN");
  EXPECT_EQ(ReasonOf(MatchStatus(OneHash(v1::ALGORITHM_COLOR_MOMENT, 8))), "UNSUPPORTED");
  v1::MatchHashesRequest vectors = OneHash(v1::ALGORITHM_PHOTODNA, 144);
  EXPECT_TRUE(MatchStatus(vectors).ok());
  for (int i = 1; i < 17; ++i) *vectors.mutable_files(0)->add_hashes() = vectors.files(0).hashes(0);
  ExpectRefused(MatchStatus(vectors), kInvalid, "REQUEST_INVALID", "files[0].hashes");
  ExpectRefused(MatchStatus({}), kInvalid, "REQUEST_INVALID", "files");
  v1::MatchHashesRequest request;
  request.add_files();
  ExpectRefused(MatchStatus(request), kInvalid, "REQUEST_INVALID", "files[0].hashes");
  request = OneHash(v1::ALGORITHM_SHA256, 32);
  *request.mutable_files(0)->add_hashes() = request.files(0).hashes(0);
  ExpectRefused(MatchStatus(request), kInvalid, "REQUEST_INVALID", "files[0].hashes[1]");
  request = OneHash(v1::ALGORITHM_PDQ, 32);
  request.mutable_files(0)->mutable_hashes(0)->set_quality(101);
  EXPECT_EQ(MatchStatus(request).error_code(), kInvalid);
  for (int i = 0; i < 1'024; ++i) *request.add_files() = OneHash(v1::ALGORITHM_MD5, 16).files(0);
  EXPECT_EQ(MatchStatus(request).error_code(), kInvalid) << "more than 1,024 files";
}

TEST_F(BadAdminTest, HashesOnTheCommandLine) {
  for (const std::string& hex : {std::string("zz"), std::string(63, '0'), std::string(64, 'g'),
                                 std::string("0x") + std::string(62, '0')}) {
    const RunResult run = RunProgram({BinaryPath("hashgate"), "match", "--sha256", hex},
                                     {{"HASHGATE_SERVER", server_->Address()}});
    EXPECT_EQ(run.exit_code, 2) << hex << run.out;
    EXPECT_THAT(run.err, HasSubstr("sha256"));
  }
}

TEST_F(BadAdminTest, Lists) {
  ExpectRefused(client_->CreateList(SyntheticList("one")), grpc::StatusCode::ALREADY_EXISTS, "LIST_EXISTS");
  for (const char* name : {"", "UPPER", "-dash", "hashgate-mine", "a b", "a/b"}) {
    ExpectRefused(client_->CreateList(SyntheticList(name)), kInvalid, "REQUEST_INVALID");
  }
  ExpectRefused(client_->CreateList(SyntheticList(std::string(64, 'a'))), kInvalid, "REQUEST_INVALID");
  v1::HashList list = SyntheticList("two");
  list.clear_purpose();
  ExpectRefused(client_->CreateList(list), kInvalid, "REQUEST_INVALID");
  list = SyntheticList("two");
  list.clear_trust();
  ExpectRefused(client_->CreateList(list), kInvalid, "REQUEST_INVALID");
  list = SyntheticList("two");
  list.clear_source();
  ExpectRefused(client_->CreateList(list), kInvalid, "REQUEST_INVALID");
  list = SyntheticList("two");
  list.add_max_distances()->set_algorithm(v1::ALGORITHM_PDQ);
  list.mutable_max_distances(0)->set_max_distance_bits(64);
  ExpectRefused(client_->CreateList(list), kInvalid, "REQUEST_INVALID");
  ExpectRefused(client_->Import("nowhere", {}).status, grpc::StatusCode::NOT_FOUND, "LIST_NOT_FOUND");
}

TEST_F(BadAdminTest, AStaleEtagOverwritesNothing) {
  const auto update = [this](const std::string& etag, const std::string& description) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    v1::UpdateHashListRequest request;
    *request.mutable_list() = SyntheticList("one");
    request.mutable_list()->set_etag(etag);
    request.mutable_list()->set_description(description);
    v1::UpdateHashListResponse response;
    const grpc::Status status = client_->lists().UpdateHashList(&context, request, &response);
    return std::pair(status, response.list().etag());
  };
  const auto [first, etag] = update("", "first");
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(update(etag, "second").first.ok());
  ExpectRefused(update(etag, "third").first, grpc::StatusCode::ABORTED, "ETAG_MISMATCH");
  grpc::ClientContext context;
  SetTimeout(context, seconds(10));
  v1::GetHashListRequest request;
  request.set_name("one");
  v1::GetHashListResponse response;
  ASSERT_TRUE(client_->lists().GetHashList(&context, request, &response).ok());
  EXPECT_EQ(response.list().description(), "second");
}

TEST_F(BadAdminTest, PageTokens) {
  ASSERT_TRUE(client_->CreateList(SyntheticList("two")).ok());
  ASSERT_TRUE(
      client_->Import("one", {Sha256Record(1, 1), Sha256Record(2, 2), Sha256Record(3, 3)}).status.ok());
  const auto page = [this](const std::string& list, const std::string& token, int size) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    v1::ListEntriesRequest request;
    request.set_list(list);
    request.set_page_token(token);
    request.set_page_size(size);
    v1::ListEntriesResponse response;
    return std::pair(client_->lists().ListEntries(&context, request, &response), response);
  };
  const auto [status, first] = page("one", "", 2);
  ASSERT_TRUE(status.ok());
  ASSERT_FALSE(first.next_page_token().empty());
  EXPECT_EQ(page("one", first.next_page_token(), 2).second.entries_size(), 1);
  ExpectRefused(page("two", first.next_page_token(), 2).first, kInvalid, "REQUEST_INVALID", "page_token");
  for (const char* token : {"x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\x01\x02"}) {
    ExpectRefused(page("one", token, 2).first, kInvalid, "REQUEST_INVALID", "page_token");
  }
  ExpectRefused(page("one", "", -1).first, kInvalid, "REQUEST_INVALID", "page_size");
  ExpectRefused(page("one", "", 10'001).first, kInvalid, "REQUEST_INVALID", "page_size");
}

TEST_F(BadAdminTest, Entries) {
  const auto remove = [this](std::int64_t id) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    v1::DeleteEntryRequest request;
    request.set_list("one");
    request.set_entry_id(id);
    v1::DeleteEntryResponse response;
    return client_->lists().DeleteEntry(&context, request, &response);
  };
  ExpectRefused(remove(0), kInvalid, "REQUEST_INVALID", "entry_id");
  ExpectRefused(remove(-5), kInvalid, "REQUEST_INVALID", "entry_id");
  ExpectRefused(remove(77), grpc::StatusCode::NOT_FOUND, "ENTRY_NOT_FOUND");
}

TEST_F(BadAdminTest, ImportStreamsOutOfOrder) {
  v1::ImportEntriesRequest header;
  header.mutable_header()->set_list("one");
  v1::ImportEntriesRequest records;
  *records.mutable_records()->add_records() = Sha256Record(1, 1);
  v1::ImportEntriesRequest none;
  none.mutable_records();
  ExpectRefused(Stream({}), kInvalid, "STREAM_INVALID", "header");
  ExpectRefused(Stream({records}), kInvalid, "STREAM_INVALID", "header");
  ExpectRefused(Stream({header, header}), kInvalid, "STREAM_INVALID", "header");
  ExpectRefused(Stream({header, none}), kInvalid, "REQUEST_INVALID", "records");
  v1::ImportEntriesRequest many;
  for (int i = 0; i < 5'001; ++i) *many.mutable_records()->add_records() = Sha256Record(i + 1, 1);
  ExpectRefused(Stream({header, many}), kInvalid, "REQUEST_INVALID", "records");
  EXPECT_TRUE(Stream({header, records}).ok()) << "and the list is not left locked";
}

TEST_F(BadAdminTest, BadRecordsAreQuarantinedWithTheirLineAndTheRestLoads) {
  std::vector<v1::ImportRecord> records = {Sha256Record(1, 1)};
  records.push_back(RecordOf(2, "short", v1::ALGORITHM_SHA256, "too short"));
  v1::ImportRecord& problem = records.emplace_back();
  problem.set_line(3);
  problem.set_problem("column sha256 has 63 digits");
  records.push_back(Sha256Record(4, 4));
  v1::ImportRecord& neither = records.emplace_back();
  neither.set_line(5);
  const ImportReply reply = client_->Import("one", records);
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  EXPECT_EQ(reply.last.added_count(), 2);
  EXPECT_EQ(reply.last.quarantined_count(), 3);
  EXPECT_EQ(reply.last.committed_count(), 5);
  EXPECT_TRUE(reply.last.done());

  grpc::ClientContext context;
  SetTimeout(context, seconds(10));
  v1::ListQuarantinedRequest request;
  request.set_list("one");
  v1::ListQuarantinedResponse response;
  ASSERT_TRUE(client_->lists().ListQuarantined(&context, request, &response).ok());
  std::map<std::int64_t, std::string> by_line;
  for (const auto& item : response.items()) {
    EXPECT_EQ(item.file(), "synthetic.jsonl");
    by_line[item.line()] = item.reason();
  }
  EXPECT_EQ(by_line.size(), 3U);
  EXPECT_EQ(by_line[3], "column sha256 has 63 digits");
  EXPECT_FALSE(by_line[2].empty());
  EXPECT_FALSE(by_line[5].empty());

  const ImportReply again = client_->Import("one", {records[0], records[3]});
  EXPECT_EQ(again.last.unchanged_count(), 2) << "the same file twice changes nothing";
  EXPECT_EQ(again.last.generation(), reply.last.generation());
}

TEST_F(BadAdminTest, AClientThatGoesAwayDuringAnImportKeepsWhatWasAcknowledged) {
  std::vector<v1::ImportRecord> records;
  for (int i = 1; i <= 3'000; ++i) records.push_back(Sha256Record(i, static_cast<std::uint64_t>(i)));
  const ImportReply broken = client_->Import(
      "one", records, 500, [](const v1::ImportEntriesResponse& p) { return p.committed_count() < 1'000; });
  EXPECT_FALSE(broken.status.ok());
  EXPECT_EQ(broken.last.committed_count(), 1'000);
  EXPECT_TRUE(PollUntil([this] { return server_->Metric("hashgate_calls_in_flight") == 0; }, seconds(10)));
  EXPECT_EQ(client_->AllEntries("one").size(), 1'000U);
  const ImportReply whole = client_->Import("one", records, 500);
  ASSERT_TRUE(whole.status.ok()) << whole.status.error_message();
  EXPECT_EQ(whole.last.unchanged_count(), 1'000);
  EXPECT_EQ(whole.last.added_count(), 2'000);
}

class RequestIdTest : public BadAdminTest {
 protected:
  void SetUp() override {
    BadAdminTest::SetUp();
    ASSERT_NE(client_, nullptr);
    ASSERT_TRUE(
        client_->Import("one", {RecordOf(1, "a", v1::ALGORITHM_SHA256, Sha256Of("listed"))}).status.ok());
    header_.set_request_id("upload-1");
  }
  void Disable() {
    grpc::ClientContext context;
    SetTimeout(context, seconds(10));
    v1::DisableHashListRequest request;
    request.set_name("one");
    v1::DisableHashListResponse response;
    EXPECT_TRUE(client_->lists().DisableHashList(&context, request, &response).ok());
  }
  v1::ScanHeader header_;
};

TEST_F(RequestIdTest, OtherBytesAreRefused) {
  EXPECT_FALSE(client_->Scan("some text", header_).result.replayed());
  EXPECT_TRUE(client_->Scan("some text", header_).result.replayed());
  ExpectRefused(client_->Scan("other text", header_).status, grpc::StatusCode::ALREADY_EXISTS,
                "REQUEST_ID_REUSED", "header.request_id");
  ExpectRefused(client_->Upload("other text", Fixed(3), header_).status, grpc::StatusCode::ALREADY_EXISTS,
                "REQUEST_ID_REUSED", "header.request_id");
  EXPECT_TRUE(client_->Upload("some text", Fixed(3), header_).result.replayed());
  header_.clear_request_id();
  EXPECT_FALSE(client_->Scan("some text", header_).result.replayed());
}

TEST_F(RequestIdTest, ALaterAnswerIsNeverLaxer) {
  EXPECT_EQ(client_->Scan("listed", header_).result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  Disable();
  const ScanReply again = client_->Scan("listed", header_);
  EXPECT_EQ(again.result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  EXPECT_TRUE(again.result.replayed());
  header_.set_request_id("upload-2");
  EXPECT_EQ(client_->Scan("listed", header_).result.verdict(), v1::VERDICT_HOLD);
}

TEST_F(RequestIdTest, ItHasItsEffectsOnceHoweverManyCallsCarryIt) {
  std::atomic<int> first = 0;
  std::atomic<int> replayed = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 16; ++i) {
      callers.emplace_back([&, i] {
        // Where too many wait for the id already, the answer is to ask again.
        ScanReply reply;
        EXPECT_TRUE(PollUntil(
            [&] {
              reply = client_->Scan(i % 2 == 0 ? "listed" : "not listed", header_);
              return !reply.status.ok() || reply.result.outcome() != v1::OUTCOME_NOT_EVALUATED;
            },
            seconds(10)));
        if (reply.status.ok()) {
          ++(reply.result.replayed() ? replayed : first);
        } else {
          EXPECT_EQ(ReasonOf(reply.status), "REQUEST_ID_REUSED");
          ++refused;
        }
      });
    }
  }
  // Whichever text came first owns the id: one effect, its seven repetitions, and eight refusals.
  EXPECT_EQ(first, 1);
  EXPECT_EQ(replayed, 7);
  EXPECT_EQ(refused, 8);
}

TEST_F(RequestIdTest, IsRememberedAcrossARestart) {
  EXPECT_EQ(client_->Scan("listed", header_).result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  const std::filesystem::path folder = server_->config_path().parent_path();
  server_->process().Signal(SIGKILL);
  ASSERT_TRUE(server_->process().Wait(seconds(5)));
  server_ = StartServer(folder);
  ASSERT_NE(server_, nullptr);
  client_ = std::make_unique<GateClient>(server_->NewChannel());
  EXPECT_TRUE(client_->Scan("listed", header_).result.replayed());
  EXPECT_EQ(ReasonOf(client_->Scan("other", header_).status), "REQUEST_ID_REUSED");
}

}  // namespace
}  // namespace hashgate::testing
