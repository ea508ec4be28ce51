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

#include "bench/load/tally.h"
#include "hashgate/v1/scan_service.pb.h"

namespace hashgate::bench {
namespace {

using Clock = std::chrono::steady_clock;

// What all slots have in common.
struct Shared {
  Shared(const LoadPlan& load_plan, std::latch& all_ended)
      : plan(load_plan),
        ended(all_ended),
        path(PathOf(plan.method)),
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
    context_->set_deadline(std::chrono::system_clock::now() + shared_.plan.deadline);
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
    if (now >= shared_.begin && now < shared_.end) {
      Record(shared_.plan.method, status, response_, now - began_, tally_);
    }
    if (now < shared_.end) {
      Start();
    } else {
      shared_.ended.count_down();
    }
  }

  Shared& shared_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::ClientContext> context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  Clock::time_point began_;
  Tally tally_;
};

}  // namespace

Result<LoadResult> RunLoad(const LoadPlan& plan) {
  if (plan.rate > 0) return RunOpenLoop(plan);
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

  Tally sum;
  for (const auto& slot : slots) sum.Add(slot->tally());
  return ToResult(plan, std::move(sum));
}

}  // namespace hashgate::bench
