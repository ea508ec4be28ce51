// What calls came back with. Private to the load generator.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/load.h"

namespace hashgate::bench {

inline constexpr std::size_t kStageCount = 8;

/// Threads: confined.
struct Tally {
  std::vector<std::uint32_t> latency_micros;  ///< of calls whose files were looked at
  std::vector<std::uint32_t> refusal_micros;
  std::map<std::string, std::uint64_t> verdicts;
  std::map<std::string, std::uint64_t> errors;
  std::uint64_t held = 0;  ///< calls that were accepted and not evaluated
  std::array<double, kStageCount> stage_micros{};

  void Add(const Tally& other);
};

const char* PathOf(Method method);
/// Counts one finished call.
void Record(Method method, const grpc::Status& status, grpc::ByteBuffer& response,
            std::chrono::steady_clock::duration time, Tally& tally);
LoadResult ToResult(const LoadPlan& plan, Tally tally);

Result<std::vector<std::shared_ptr<grpc::Channel>>> Connect(const LoadPlan& plan);

/// RunLoad where the plan has a rate.
Result<LoadResult> RunOpenLoop(const LoadPlan& plan);

}  // namespace hashgate::bench
