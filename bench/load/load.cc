#include "bench/load/load.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <random>

#include "hashgate/v1/scan_service.pb.h"
#include "rpc/wire/error_status.h"

namespace hashgate::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kConnectTime{10};
constexpr std::chrono::seconds kCallTime{30};

struct Stage {
  const char* name;
  std::int64_t (v1::Timings::*micros)() const;
};
constexpr std::array kStages = {Stage{"queue", &v1::Timings::queue_micros},
                                Stage{"digest", &v1::Timings::digest_micros},
                                Stage{"decode_wait", &v1::Timings::decode_wait_micros},
                                Stage{"decode", &v1::Timings::decode_micros},
                                Stage{"hash", &v1::Timings::hash_micros},
                                Stage{"match", &v1::Timings::match_micros},
                                Stage{"decide", &v1::Timings::decide_micros},
                                Stage{"total", &v1::Timings::total_micros}};

// What one slot saw; slots are added up at the end, so that nothing is shared while calls run.
struct Tally {
  std::vector<std::uint32_t> latency_micros;
  std::map<std::string, std::uint64_t> verdicts;
  std::map<std::string, std::uint64_t> errors;
  std::array<double, kStages.size()> stage_micros{};
};

void Count(const v1::ScanResult& result, Tally& tally) {
  ++tally.verdicts[v1::Verdict_Name(result.verdict())];
  for (std::size_t i = 0; i < kStages.size(); ++i) {
    tally.stage_micros[i] += static_cast<double>((result.timings().*kStages[i].micros)());
  }
}

// What all slots have in common.
struct Shared {
  Shared(const LoadPlan& load_plan, std::latch& all_ended)
      : plan(load_plan),
        ended(all_ended),
        path(plan.method == Method::kScanImage ? "/hashgate.v1.ScanService/ScanImage"
                                               : "/hashgate.v1.ScanService/MatchHashes"),
        run_id(std::to_string(std::random_device()())),
        begin(Clock::now() + plan.warm_up),
        end(begin + plan.measure) {}

  const LoadPlan& plan;
  std::latch& ended;
  const std::string path;
  const std::string run_id;  // tells the request ids of two runs apart
  const Clock::time_point begin;
  const Clock::time_point end;
  std::atomic<std::uint64_t> calls{0};
};

// One call after the other. Its functions run on threads of gRPC, never two at once.
class Slot {
 public:
  Slot(Shared& shared, const std::shared_ptr<grpc::Channel>& channel) : shared_(shared), stub_(channel) {}

  void Start() {
    const std::uint64_t number = shared_.calls.fetch_add(1, std::memory_order_relaxed);
    std::vector<grpc::Slice> parts = {shared_.plan.requests[number % shared_.plan.requests.size()]};
    // Two encoded messages in a row are one message with the fields of both.
    if (shared_.plan.request_ids) parts.push_back(EncodeId(number));
    request_ = grpc::ByteBuffer(parts.data(), parts.size());
    response_.Clear();
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + kCallTime);
    began_ = Clock::now();
    stub_.UnaryCall(context_.get(), shared_.path, {}, &request_, &response_,
                    [this](const grpc::Status& status) { Done(status); });
  }

  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  [[nodiscard]] grpc::Slice EncodeId(std::uint64_t number) const {
    v1::ScanImageRequest request;
    request.mutable_header()->set_request_id(shared_.run_id + "-" + std::to_string(number));
    return request.SerializeAsString();
  }

  void Done(const grpc::Status& status) {
    const Clock::time_point now = Clock::now();
    if (now >= shared_.begin && now < shared_.end) Record(status, now - began_);
    if (now < shared_.end) {
      Start();
    } else {
      shared_.ended.count_down();
    }
  }

  void Record(const grpc::Status& status, Clock::duration time) {
    if (!status.ok()) {
      ++tally_.errors[std::string(ReasonName(rpc::FromGrpc(status).reason))];
      return;
    }
    const bool parsed = shared_.plan.method == Method::kScanImage ? CountScan() : CountMatch();
    if (!parsed) {
      ++tally_.errors["UNREADABLE_ANSWER"];
      return;
    }
    tally_.latency_micros.push_back(
        static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count()));
  }

  template <typename Response>
  bool Parse(Response& response) {
    return grpc::SerializationTraits<Response>::Deserialize(&response_, &response).ok();
  }
  bool CountScan() {
    v1::ScanImageResponse response;
    if (!Parse(response) || !response.has_result()) return false;
    Count(response.result(), tally_);
    return true;
  }
  bool CountMatch() {
    v1::MatchHashesResponse response;
    if (!Parse(response) || response.results().empty()) return false;
    for (const v1::ScanResult& result : response.results()) Count(result, tally_);
    return true;
  }

  Shared& shared_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  Clock::time_point began_;
  Tally tally_;
};

Result<std::vector<std::shared_ptr<grpc::Channel>>> Connect(const LoadPlan& plan) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  const auto deadline = std::chrono::system_clock::now() + kConnectTime;
  for (int i = 0; i < plan.connections; ++i) {
    grpc::ChannelArguments arguments;
    // Channels to one address share a connection unless their arguments differ.
    arguments.SetInt("hashgate.connection", i);
    channels.push_back(grpc::CreateCustomChannel(plan.server, grpc::InsecureChannelCredentials(), arguments));
    if (!channels.back()->WaitForConnected(deadline)) {
      return Fail(Reason::kServerUnreachable, "no connection to " + plan.server);
    }
  }
  return channels;
}

}  // namespace

Result<LoadResult> RunLoad(const LoadPlan& plan) {
  HASHGATE_ASSIGN_OR_RETURN(const auto channels, Connect(plan));
  std::latch ended(plan.in_flight);
  Shared shared(plan, ended);
  std::vector<std::unique_ptr<Slot>> slots;
  for (int i = 0; i < plan.in_flight; ++i) {
    slots.push_back(std::make_unique<Slot>(shared, channels[static_cast<std::size_t>(i) % channels.size()]));
  }
  for (const auto& slot : slots) slot->Start();
  // Every call has a deadline, so this ends.
  ended.wait();

  LoadResult result;
  result.seconds = std::chrono::duration<double>(plan.measure).count();
  for (const Stage& stage : kStages) result.stages.push_back({.name = stage.name});
  for (const auto& slot : slots) {
    const Tally& tally = slot->tally();
    result.latency_micros.insert(result.latency_micros.end(), tally.latency_micros.begin(),
                                 tally.latency_micros.end());
    for (const auto& [name, count] : tally.verdicts) result.verdicts[name] += count;
    for (const auto& [name, count] : tally.errors) result.errors[name] += count;
    for (std::size_t i = 0; i < kStages.size(); ++i) result.stages[i].sum_micros += tally.stage_micros[i];
  }
  result.answered = result.latency_micros.size();
  std::sort(result.latency_micros.begin(), result.latency_micros.end());
  return result;
}

}  // namespace hashgate::bench
