// Any bytes as a serialised request of ScanService: over a real connection into the real handlers, with a
// real scanner, catalog and index behind them, a store in memory, and the codecs in this process where a
// worker would be. The call ends with an answer that has a verdict, or with a status; nothing is left behind.
//
// The first byte chooses the method; of ScanUpload the rest is cut into messages, at lengths that its bytes
// say.
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "decode/sniff.h"
#include "hashgate/v1/scan_service.pb.h"
#include "image/process.h"
#include "lists/catalog.h"
#include "rpc/grpc_server.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"

namespace {

using namespace hashgate;  // NOLINT: many of its names are needed
using std::chrono::milliseconds;
using std::chrono::seconds;

[[noreturn]] void Die(const std::string& why) {
  std::cerr << "fuzz_scan_request: " << why << '\n';
  std::abort();
}

template <typename T>
T Need(Result<T> result) {
  if (!result) Die(result.error().message);
  return *std::move(result);
}

// The codecs without a process around them, within limits that keep an input short.
class CodecsHere final : public decode::Decoder {
 public:
  Result<decode::DecodeResult> Decode(ByteSpan upload, decode::Format format, const decode::Wanted& wanted,
                                      SteadyTime /*deadline*/,
                                      const std::function<bool()>& /*cancelled*/) override {
    decode::Limits limits;
    limits.max_pixels = 1 << 16;
    limits.max_scan_pixels = 1 << 20;
    return image::ProcessUpload(upload, format, wanted, limits);
  }
  [[nodiscard]] decode::PoolStats Stats() const override { return {}; }
};

class Gate {
 public:
  Gate() {
    policy_ = Need(policy::LoadProfile("standard"));
    catalog_ = Need(lists::Catalog::Open(store_, {}));
    Need(catalog_->CreateList(testing::MakeConfig("listed")));
    idempotency_ = Need(scan::IdempotencyTable::Open(store_, catalog_->StoreKey(), Clock::System(), {}));
    scanner_ = std::make_unique<scan::Scanner>(scan::ScannerParts{.catalog = catalog_.get(),
                                                                  .decoder = &decoder_,
                                                                  .idempotency = idempotency_.get(),
                                                                  .metrics = metrics_.get()},
                                               scan::ScannerOptions{.max_decode_bytes = 1 << 20}, policy_);
    context_.scanner = scanner_.get();
    context_.catalog = catalog_.get();
    context_.policy = [this] { return policy_; };
    context_.metrics = metrics_.get();
    context_.scan_executor = &scan_executor_;
    context_.admin_executor = &admin_executor_;
    context_.bulk_executor = &bulk_executor_;
    context_.gate = &gate_;
    context_.bytes = &bytes_;
    context_.streams = &streams_;
    context_.ready = &ready_;
    context_.options.max_inline_bytes = 1 << 20;
    context_.options.max_upload_pause = milliseconds(2'000);
    context_.options.surfaces.emplace("default", scan::Surface{});
    server_ = Need(rpc::GrpcServer::Start(context_, {.listen = "127.0.0.1:0"}));
    const std::string address = "127.0.0.1:" + std::to_string(server_->port());
    stub_ =
        std::make_unique<grpc::GenericStub>(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  }
  ~Gate() {
    gate_.Close();
    server_->Stop(Clock::System().Steady() + seconds(10));
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // One call that sends `messages` and reads to its end; the messages that came back.
  grpc::Status Call(const std::string& method, const std::vector<std::string>& messages,
                    std::vector<std::string>& answers) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + seconds(20));
    grpc::CompletionQueue queue;
    const auto call = stub_->PrepareCall(&context, method, &queue);
    const auto wait = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    call->StartCall(nullptr);
    bool open = wait();
    for (const std::string& message : messages) {
      if (!open) break;
      grpc::Slice slice(message);
      call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
      open = wait();
    }
    if (open) {
      call->WritesDone(nullptr);
      wait();
    }
    for (;;) {
      grpc::ByteBuffer buffer;
      call->Read(&buffer, nullptr);
      if (!wait()) break;
      grpc::Slice slice;
      if (!buffer.DumpToSingleSlice(&slice).ok()) Die("an answer that cannot be read");
      answers.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
    grpc::Status status;
    call->Finish(&status, nullptr);
    wait();
    queue.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
    }
    return status;
  }

  // gRPC ends a call for the server shortly after the client has its answer.
  void ExpectNothingLeft() {
    const SteadyTime deadline = Clock::System().Steady() + seconds(20);
    while (gate_.inside() != 0 || bytes_.used() != 0) {
      if (Clock::System().Steady() > deadline) Die("a call has left something behind");
      std::this_thread::yield();
    }
  }

 private:
  testing::FakeStore store_;
  CodecsHere decoder_;
  std::shared_ptr<const policy::Policy> policy_;
  std::unique_ptr<obs::Metrics> metrics_ = obs::Metrics::Create();
  std::unique_ptr<lists::Catalog> catalog_;
  std::unique_ptr<scan::IdempotencyTable> idempotency_;
  std::unique_ptr<scan::Scanner> scanner_;
  std::atomic<bool> ready_ = true;
  rpc::CallGate gate_;
  rpc::ShareBudget bytes_{64 << 20};
  rpc::ShareBudget streams_{8};
  rpc::ServiceContext context_;
  scan::ScanExecutor scan_executor_{{.threads = 1, .workers = 1, .max_queued = 64}};
  scan::Executor admin_executor_{1, 4, "admin"};
  scan::Executor bulk_executor_{1, 4, "bulk", true};
  std::unique_ptr<rpc::GrpcServer> server_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

void CheckResult(const v1::ScanResult& result) {
  if (result.verdict() == v1::VERDICT_UNSPECIFIED || result.outcome() == v1::OUTCOME_UNSPECIFIED) {
    Die("an answer without a verdict or an outcome");
  }
  const bool clean = result.outcome() == v1::OUTCOME_NOT_MATCHED;
  if (result.verdict() == v1::VERDICT_ALLOW && !clean) Die("allowed although it was not looked at");
}

template <typename Response>
Response Parse(const std::vector<std::string>& answers) {
  Response response;
  if (answers.size() != 1 || !response.ParseFromString(answers[0])) Die("an answer that cannot be read");
  return response;
}

std::vector<std::string> Cut(std::string_view bytes) {
  std::vector<std::string> messages;
  while (!bytes.empty() && messages.size() < 64) {
    const std::size_t length = std::min<std::size_t>(bytes.size() - 1, static_cast<std::uint8_t>(bytes[0]));
    messages.emplace_back(bytes.substr(1, length));
    bytes.remove_prefix(1 + length);
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Gate gate;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<std::string> answers;
  const std::string service = "/hashgate.v1.ScanService/";
  switch (data[0] % 4) {
    case 0:
      if (gate.Call(service + "ScanImage", {std::string(bytes)}, answers).ok()) {
        CheckResult(Parse<v1::ScanImageResponse>(answers).result());
      }
      break;
    case 1:
      if (gate.Call(service + "ScanUpload", Cut(bytes), answers).ok()) {
        CheckResult(Parse<v1::ScanUploadResponse>(answers).result());
      }
      break;
    case 2:
      if (gate.Call(service + "MatchHashes", {std::string(bytes)}, answers).ok()) {
        const auto response = Parse<v1::MatchHashesResponse>(answers);
        for (const v1::ScanResult& file : response.results()) CheckResult(file);
      }
      break;
    default:
      if (gate.Call(service + "GetFailPolicy", {std::string(bytes)}, answers).ok()) {
        static_cast<void>(Parse<v1::GetFailPolicyResponse>(answers));
      }
  }
  gate.ExpectNothingLeft();
  return 0;
}
