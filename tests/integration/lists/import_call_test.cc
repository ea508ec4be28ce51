// Imports over gRPC: what a silent sender may hold, how many there may be, and what replacing acknowledges.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <latch>
#include <string>

#include "rpc/hash_list_service.h"
#include "rpc/wire/convert.h"
#include "rpc/wire/error_status.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"
#include "testing/poll.h"

namespace hashgate::rpc {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::FakeStore;
using ::testing::HasSubstr;
using testing::MakeConfig;
using testing::MakeRecord;

/// The sender's end of one import; cancelled at its end unless finished.
class Sender {
 public:
  Sender(v1::HashListService::Stub& stub, bool replace = false, bool allow_empty = false) {
    context_.set_deadline(std::chrono::system_clock::now() + seconds(60));
    stream_ = stub.ImportEntries(&context_);
    v1::ImportEntriesRequest message;
    message.mutable_header()->set_list("demo");
    message.mutable_header()->set_file("file.csv");
    message.mutable_header()->set_replace(replace);
    message.mutable_header()->set_allow_empty(allow_empty);
    stream_->Write(message);
  }
  ~Sender() {
    context_.TryCancel();
    if (!finished_) stream_->Finish();
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// Sends records and reads the acknowledgement. False where the call has ended.
  bool Send(std::uint64_t from, std::uint64_t to, std::int64_t first_line = 1) {
    v1::ImportEntriesRequest message;
    for (std::uint64_t number = from; number < to; ++number) {
      v1::ImportRecord& record = *message.mutable_records()->add_records();
      record.set_line(first_line + static_cast<std::int64_t>(number - from));
      *record.mutable_entry() = ToProto(MakeRecord(number));
    }
    return stream_->Write(message) && stream_->Read(&last);
  }
  /// Ends the stream; `last` is then the server's last message.
  grpc::Status Finish() {
    stream_->WritesDone();
    while (stream_->Read(&last)) {
    }
    finished_ = true;
    return stream_->Finish();
  }

  v1::ImportEntriesResponse last;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ImportEntriesRequest, v1::ImportEntriesResponse>> stream_;
  bool finished_ = false;
};

class ImportCallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(catalog_->CreateList(MakeConfig("demo")));
    context_.catalog = catalog_.get();
    context_.metrics = metrics_.get();
    context_.admin_executor = &admin_executor_;
    context_.bulk_executor = &bulk_executor_;
    context_.gate = &gate_;
    context_.ready = &ready_;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    stub_ = v1::HashListService::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
  }
  void TearDown() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  [[nodiscard]] std::uint64_t Entries() const { return catalog_->GetList("demo")->entry_count; }

  FakeStore store_;
  std::unique_ptr<lists::Catalog> catalog_ = lists::Catalog::Open(store_, {}).value();
  std::unique_ptr<obs::Metrics> metrics_ = obs::Metrics::Create();
  scan::Executor admin_executor_{2, 64, "admin"};
  scan::Executor bulk_executor_{2, 64, "bulk", true};
  CallGate gate_;
  std::atomic<bool> ready_ = true;
  ServiceContext context_;
  HashListServiceImpl service_{context_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::HashListService::Stub> stub_;
};

// A drain waits for what was accepted: a message, not the hours that a sender may be silent.
TEST_F(ImportCallTest, ASilentSenderHoldsUpNoDrain) {
  Sender sender(*stub_);
  ASSERT_TRUE(sender.Send(0, 5));
  EXPECT_EQ(sender.last.committed_count(), 5);
  gate_.Close();
  EXPECT_TRUE(gate_.WaitUntilEmpty(steady_clock::now() + seconds(10)));
  EXPECT_FALSE(sender.Send(5, 10, 6));
  const grpc::Status status = sender.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(FromGrpc(status).reason, Reason::kDraining);
  EXPECT_EQ(Entries(), 5U) << "what was committed is kept, and nothing after it";
}

// Single administrative calls and imports do not wait for each other's threads.
TEST_F(ImportCallTest, RecordsAreTakenWhileAdministrationIsBusy) {
  std::latch begun(2);
  std::latch release(1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(admin_executor_.Submit([&] {
      begun.count_down();
      release.wait();
    }));
  }
  begun.wait();
  Sender sender(*stub_);
  EXPECT_TRUE(sender.Send(0, 5));
  EXPECT_EQ(Entries(), 5U);
  release.count_down();
  EXPECT_TRUE(sender.Finish().ok());
}

TEST_F(ImportCallTest, ImportsAreBounded) {
  std::vector<std::unique_ptr<Sender>> senders;
  for (int i = 0; i < ImportSlots::kMax; ++i) {
    senders.push_back(std::make_unique<Sender>(*stub_));
    ASSERT_TRUE(senders.back()->Send(0, 1));
  }
  Sender refused(*stub_);
  EXPECT_FALSE(refused.Send(0, 1));
  const grpc::Status status = refused.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(FromGrpc(status).reason, Reason::kOverloaded);
  // One that ended makes room at once.
  EXPECT_TRUE(senders.back()->Finish().ok());
  EXPECT_TRUE(Sender(*stub_).Send(0, 1));
  // So do those that went away, as soon as that is noticed.
  senders.clear();
  EXPECT_TRUE(testing::PollUntil(
      [&] {
        for (int i = 0; i < ImportSlots::kMax; ++i) {
          senders.push_back(std::make_unique<Sender>(*stub_));
          if (!senders.back()->Send(0, 1)) return senders.clear(), false;
        }
        return true;
      },
      seconds(20)));
}

TEST_F(ImportCallTest, ReplacingCommitsNothingBeforeTheLastMessage) {
  {
    Sender sender(*stub_, true);
    ASSERT_TRUE(sender.Send(0, 5));
    EXPECT_EQ(sender.last.committed_count(), 0);
    EXPECT_EQ(sender.last.staged_count(), 5);
    EXPECT_EQ(sender.last.generation(), 0);
    EXPECT_EQ(metrics_->Exposition().find("result=\"added\""), std::string::npos) << "nothing is counted yet";
    ASSERT_TRUE(sender.Finish().ok());
    EXPECT_TRUE(sender.last.done());
    EXPECT_EQ(sender.last.committed_count(), 5);
    EXPECT_EQ(sender.last.staged_count(), 0);
    EXPECT_EQ(sender.last.generation(), catalog_->Current()->number);
    EXPECT_NE(metrics_->Exposition().find("result=\"added\""), std::string::npos);
  }
  Sender plain(*stub_);
  ASSERT_TRUE(plain.Send(0, 5));
  EXPECT_EQ(plain.last.staged_count(), 0);
}

TEST_F(ImportCallTest, AnEmptyReplacementHasToBeMeant) {
  ASSERT_TRUE(Sender(*stub_).Send(0, 5));
  // The first import may still be on its way out, and a replacement has to be alone.
  grpc::Status status;
  ASSERT_TRUE(testing::PollUntil(
      [&] {
        status = Sender(*stub_, true).Finish();
        return FromGrpc(status).reason != Reason::kStoreBusy;
      },
      seconds(20)));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("allow_empty"));
  EXPECT_EQ(Entries(), 5U);
  ASSERT_TRUE(Sender(*stub_, true, true).Finish().ok());
  EXPECT_EQ(Entries(), 0U);
}

TEST_F(ImportCallTest, LinesAreNumbers) {
  Sender sender(*stub_);
  EXPECT_FALSE(sender.Send(0, 1, -1));
  EXPECT_EQ(FromGrpc(sender.Finish()).reason, Reason::kRequestInvalid);
}

}  // namespace
}  // namespace hashgate::rpc
