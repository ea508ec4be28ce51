// Keeps a number of calls in flight against a running server for a time, or sends them at a rate, and counts
// what comes back.
#pragma once

#include <grpcpp/support/slice.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hashgate/error.h"

namespace hashgate::bench {

enum class Method : std::uint8_t { kScanImage, kMatchHashes };

struct LoadPlan {
  std::string server = "127.0.0.1:8461";
  Method method = Method::kScanImage;
  /// Encoded requests, taken one after the other by all calls. Not empty.
  std::vector<grpc::Slice> requests;
  int in_flight = 1;                       ///< calls at once; 1..1024
  int connections = 1;                     ///< that the calls are spread over; 1..64
  std::chrono::milliseconds warm_up{500};  ///< not counted
  std::chrono::milliseconds measure{5'000};
  std::chrono::milliseconds deadline{30'000};  ///< of each call
  double rate = 0;           ///< calls a second whatever becomes of them (open loop); 0: by `in_flight`
  bool constant = false;     ///< with a rate: the same time between calls, else Poisson arrivals
  bool request_ids = false;  ///< gives every call an id of its own, which the server remembers
};

/// Time of one stage as answers report it.
struct StageTime {
  const char* name;
  double sum_micros = 0;
};

struct LoadResult {
  std::uint64_t offered = 0;                  ///< calls that were due while measuring; with a rate only
  std::uint64_t answered = 0;                 ///< calls that were looked at while measuring
  std::uint64_t held = 0;                     ///< calls that were accepted and then not evaluated
  double seconds = 0;                         ///< how long that was
  std::vector<std::uint32_t> latency_micros;  ///< of those calls, sorted
  std::vector<std::uint32_t> refusal_micros;  ///< of calls refused with RESOURCE_EXHAUSTED, sorted
  std::map<std::string, std::uint64_t> verdicts;
  std::map<std::string, std::uint64_t> errors;  ///< calls that failed, by reason
  std::vector<StageTime> stages;
};

/// Errors: kServerUnreachable where no connection comes about in 10 s. Threads: confined. Cost: blocks for
/// the plan's time and then until the last call has ended.
Result<LoadResult> RunLoad(const LoadPlan& plan);

}  // namespace hashgate::bench
