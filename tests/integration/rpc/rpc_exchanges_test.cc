// ExchangeService over a runner that does what a test says.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "exchange/sync/runner.h"
#include "hashgate/v1/exchange_service.grpc.pb.h"
#include "hashgate/v1/hash_list_service.grpc.pb.h"
#include "integration/rpc/rpc_fixture.h"

namespace hashgate::testing {
namespace {

using ::testing::HasSubstr;

/// Has no exchange but one whose test takes as long as it is held.
class HeldRunner final : public exchange::ExchangeRunner {
 public:
  void Stop() override {}
  Result<std::vector<exchange::ExchangeStatus>> All() const override {
    return std::vector<exchange::ExchangeStatus>();
  }
  Result<exchange::ExchangeStatus> Get(std::string_view) const override { return Nothing(); }
  Result<std::uint64_t> RequestSync(std::string_view, bool) override { return Nothing(); }
  Result<std::string> Test(std::string_view name, const std::stop_token&) override {
    ++begun;
    PollUntil([&] { return !hold; }, seconds(30));
    if (name != "npo") return Nothing();
    return std::string("well");
  }
  Status OverrideGate(std::string_view, exchange::Gate, std::string_view, std::string_view) override {
    return Nothing();
  }
  void SendFeedbackSoon(std::string_view) override {}
  [[nodiscard]] bool IsStale(std::string_view) const override { return false; }
  [[nodiscard]] const exchange::ExchangeSettings* FeederOf(std::string_view list) const override {
    return list == "fed" ? &feeder : nullptr;
  }

  exchange::ExchangeSettings feeder{.name = "npo"};
  std::atomic<bool> hold = false;
  std::atomic<int> begun = 0;

 private:
  static std::unexpected<Error> Nothing() { return Fail(Reason::kExchangeNotFound, "no such exchange"); }
};

class RpcExchangesTest : public RpcServerTest {
 protected:
  void SetUp() override {
    context_.exchanges = &runner_;
    RpcServerTest::SetUp();
    stub_ = v1::ExchangeService::NewStub(Channel());
  }
  void TearDown() override {
    runner_.hold = false;
    RpcServerTest::TearDown();
  }
  grpc::Status Test(const std::string& name) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(30));
    v1::TestExchangeRequest request;
    request.set_name(name);
    v1::TestExchangeResponse response;
    return stub_->TestExchange(&context, request, &response);
  }

  HeldRunner runner_;
  std::unique_ptr<v1::ExchangeService::Stub> stub_;
};

TEST_F(RpcExchangesTest, OneTestAtATimeAndOtherAdministrationGoesOn) {
  runner_.hold = true;
  grpc::Status first;
  std::jthread waiting([&] { first = Test("npo"); });
  ASSERT_TRUE(PollUntil([&] { return runner_.begun == 1; }, seconds(10)));
  for (int i = 0; i < 8; ++i) {
    const grpc::Status second = Test("npo");
    EXPECT_EQ(second.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_THAT(second.error_message(), HasSubstr("another test of an exchange is under way"));
  }
  // The fixture's admin executor has one thread.
  grpc::ClientContext context;
  SetTimeout(context, seconds(10));
  v1::ListHashListsResponse lists;
  const auto admin = v1::HashListService::NewStub(Channel());
  EXPECT_TRUE(admin->ListHashLists(&context, {}, &lists).ok());
  EXPECT_EQ(runner_.begun, 1);
  runner_.hold = false;
  waiting.join();
  EXPECT_TRUE(first.ok()) << first.error_message();
  EXPECT_EQ(Test("another").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(Test("npo").ok()) << "a failure leaves the way free";
}

TEST_F(RpcExchangesTest, AListThatAnExchangeFeedsTakesNoFiles) {
  AddList("fed");
  AddEntry("fed", {.source_id = "a", .hashes = {MakeHash(Algorithm::kPdq, 6, 100)}});
  const auto import = [this](const std::string& list, bool replace) {
    grpc::ClientContext context;
    SetTimeout(context, seconds(30));
    const auto lists = v1::HashListService::NewStub(Channel());
    const auto stream = lists->ImportEntries(&context);
    v1::ImportEntriesRequest header;
    header.mutable_header()->set_list(list);
    header.mutable_header()->set_replace(replace);
    header.mutable_header()->set_allow_empty(true);
    stream->Write(header);
    stream->WritesDone();
    v1::ImportEntriesResponse response;
    while (stream->Read(&response)) {
    }
    return stream->Finish();
  };
  for (const bool replace : {false, true}) {
    const grpc::Status refused = import("fed", replace);
    EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(refused.error_message(), HasSubstr("exchange 'npo' feeds this list"));
  }
  EXPECT_EQ(catalog_->GetList("fed")->entry_count, 1U);
  EXPECT_TRUE(import("listed", true).ok());
  EXPECT_EQ(catalog_->GetList("listed")->entry_count, 0U);
}

}  // namespace
}  // namespace hashgate::testing
