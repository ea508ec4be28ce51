#include "bench/load/tally.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <utility>

#include "hashgate/v1/scan_service.pb.h"
#include "rpc/wire/error_status.h"

namespace hashgate::bench {
namespace {

constexpr std::chrono::seconds kConnectTime{10};

struct Stage {
  const char* name;
  std::int64_t (v1::Timings::*micros)() const;
};
constexpr std::array<Stage, kStageCount> kStages = {Stage{"queue", &v1::Timings::queue_micros},
                                                    Stage{"digest", &v1::Timings::digest_micros},
                                                    Stage{"decode_wait", &v1::Timings::decode_wait_micros},
                                                    Stage{"decode", &v1::Timings::decode_micros},
                                                    Stage{"hash", &v1::Timings::hash_micros},
                                                    Stage{"match", &v1::Timings::match_micros},
                                                    Stage{"decide", &v1::Timings::decide_micros},
                                                    Stage{"total", &v1::Timings::total_micros}};

// Whether the file was looked at.
bool Count(const v1::ScanResult& result, Tally& tally) {
  ++tally.verdicts[v1::Verdict_Name(result.verdict())];
  for (std::size_t i = 0; i < kStages.size(); ++i) {
    tally.stage_micros[i] += static_cast<double>((result.timings().*kStages[i].micros)());
  }
  return result.outcome() != v1::OUTCOME_NOT_EVALUATED;
}

enum class Answer : std::uint8_t { kUnreadable, kHeld, kEvaluated };

Answer CountScan(grpc::ByteBuffer& buffer, Tally& tally) {
  v1::ScanImageResponse response;
  if (!grpc::SerializationTraits<v1::ScanImageResponse>::Deserialize(&buffer, &response).ok() ||
      !response.has_result()) {
    return Answer::kUnreadable;
  }
  return Count(response.result(), tally) ? Answer::kEvaluated : Answer::kHeld;
}

Answer CountMatch(grpc::ByteBuffer& buffer, Tally& tally) {
  v1::MatchHashesResponse response;
  if (!grpc::SerializationTraits<v1::MatchHashesResponse>::Deserialize(&buffer, &response).ok() ||
      response.results().empty()) {
    return Answer::kUnreadable;
  }
  bool evaluated = true;
  for (const v1::ScanResult& result : response.results()) evaluated = Count(result, tally) && evaluated;
  return evaluated ? Answer::kEvaluated : Answer::kHeld;
}

template <typename T>
void Append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void Tally::Add(const Tally& other) {
  Append(latency_micros, other.latency_micros);
  Append(refusal_micros, other.refusal_micros);
  for (const auto& [name, count] : other.verdicts) verdicts[name] += count;
  for (const auto& [name, count] : other.errors) errors[name] += count;
  held += other.held;
  for (std::size_t i = 0; i < stage_micros.size(); ++i) stage_micros[i] += other.stage_micros[i];
}

const char* PathOf(Method method) {
  return method == Method::kScanImage ? "/hashgate.v1.ScanService/ScanImage"
                                      : "/hashgate.v1.ScanService/MatchHashes";
}

void Record(Method method, const grpc::Status& status, grpc::ByteBuffer& response,
            std::chrono::steady_clock::duration time, Tally& tally) {
  const auto micros =
      static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
  if (!status.ok()) {
    ++tally.errors[std::string(ReasonName(rpc::FromGrpc(status).reason))];
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) tally.refusal_micros.push_back(micros);
    return;
  }
  switch (method == Method::kScanImage ? CountScan(response, tally) : CountMatch(response, tally)) {
    case Answer::kUnreadable: ++tally.errors["UNREADABLE_ANSWER"]; break;
    case Answer::kHeld: ++tally.held; break;
    case Answer::kEvaluated: tally.latency_micros.push_back(micros); break;
  }
}

LoadResult ToResult(const LoadPlan& plan, Tally tally) {
  LoadResult result;
  result.seconds = std::chrono::duration<double>(plan.measure).count();
  result.answered = tally.latency_micros.size();
  result.held = tally.held;
  std::ranges::sort(tally.latency_micros);
  std::ranges::sort(tally.refusal_micros);
  result.latency_micros = std::move(tally.latency_micros);
  result.refusal_micros = std::move(tally.refusal_micros);
  result.verdicts = std::move(tally.verdicts);
  result.errors = std::move(tally.errors);
  for (std::size_t i = 0; i < kStages.size(); ++i) {
    result.stages.push_back({.name = kStages[i].name, .sum_micros = tally.stage_micros[i]});
  }
  return result;
}

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

}  // namespace hashgate::bench
