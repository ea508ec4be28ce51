#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "bench/load/tally.h"

namespace hashgate::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Beyond so many calls without an answer the client itself would be what is measured.
constexpr std::size_t kMaxOutstanding = 20'000;
constexpr std::uint64_t kSeed = 17;

/// Sends calls at moments that were fixed beforehand, whatever becomes of the calls before. Times count from
/// the moment a call was due, so that a stall of the client or the server is seen by every call that it
/// delays (no coordinated omission).
class OpenLoop {
 public:
  OpenLoop(const LoadPlan& plan, const std::vector<std::shared_ptr<grpc::Channel>>& channels)
      : plan_(plan), path_(PathOf(plan.method)) {
    for (const auto& channel : channels) stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
  }

  Tally Run(std::uint64_t& offered) {
    std::mt19937_64 random(kSeed);
    std::exponential_distribution<double> gap(plan_.rate);
    const Clock::time_point start = Clock::now();
    begin_ = start + plan_.warm_up;
    end_ = begin_ + plan_.measure;
    Clock::time_point due = start;
    for (std::uint64_t number = 0; due < end_; ++number) {
      std::this_thread::sleep_until(due);
      Send(number, due);
      if (due >= begin_) ++offered;
      due += std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(plan_.constant ? 1 / plan_.rate : gap(random)));
    }
    // Every call has a deadline, so this ends.
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return outstanding_ == 0; });
    return std::move(tally_);
  }

 private:
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
    Clock::time_point due;
  };

  void Send(std::uint64_t number, Clock::time_point due) {
    {
      const std::lock_guard lock(mutex_);
      if (outstanding_ >= kMaxOutstanding) {
        ++tally_.errors["CLIENT_FULL"];
        return;
      }
      ++outstanding_;
    }
    auto call = std::make_shared<Call>();
    call->due = due;
    call->context.set_deadline(std::chrono::system_clock::now() + plan_.deadline);
    call->request = grpc::ByteBuffer(&plan_.requests[number % plan_.requests.size()], 1);
    stubs_[number % stubs_.size()]->UnaryCall(
        &call->context, path_, {}, &call->request, &call->response,
        [this, call](const grpc::Status& status) { Done(status, *call); });
  }

  void Done(const grpc::Status& status, Call& call) {
    const Clock::time_point now = Clock::now();
    const std::lock_guard lock(mutex_);
    if (call.due >= begin_) Record(plan_.method, status, call.response, now - call.due, tally_);
    if (--outstanding_ == 0) changed_.notify_all();
  }

  const LoadPlan& plan_;
  const std::string path_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  Clock::time_point begin_;
  Clock::time_point end_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t outstanding_ = 0;
  Tally tally_;
};

}  // namespace

Result<LoadResult> RunOpenLoop(const LoadPlan& plan) {
  HASHGATE_ASSIGN_OR_RETURN(const auto channels, Connect(plan));
  OpenLoop loop(plan, channels);
  std::uint64_t offered = 0;
  Tally tally = loop.Run(offered);
  LoadResult result = ToResult(plan, std::move(tally));
  result.offered = offered;
  return result;
}

}  // namespace hashgate::bench
