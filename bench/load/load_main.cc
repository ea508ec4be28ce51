// hashgate-load: drives a running server and prints one line of JSON with rates, latencies and errors.
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "bench/load/load.h"
#include "hashgate/v1/scan_service.pb.h"

namespace hashgate::bench {
namespace {

constexpr std::string_view kUsage =
    "usage: hashgate-load [options] FILE...        scans the files, one after the other, again and again\n"
    "       hashgate-load [options] --match N      matches N random PDQ hashes a call, each of a file of its "
    "own\n"
    "  --one-file           all of them of one file\n"
    "  --server HOST:PORT   default 127.0.0.1:8461\n"
    "  --in-flight N        calls at once, default 1\n"
    "  --rate N             instead: so many calls a second, whatever becomes of them, at random moments\n"
    "  --constant           with --rate: at equal intervals\n"
    "  --deadline MS        of each call, default 30000\n"
    "  --connections N      that they are spread over, default 1\n"
    "  --warm-up MS         before counting, default 500\n"
    "  --measure MS         default 5000\n"
    "  --request-ids        gives every call a request id of its own\n";

// Different hashes to ask for, so that answers do not come out of a cache.
constexpr int kMatchRequests = 64;

struct Arguments {
  LoadPlan plan;
  int match = 0;
  bool one_file = false;
  std::vector<std::string> files;
};

bool ParseNumber(std::string_view text, int low, int high, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= low && value <= high;
}

bool TakeOption(std::string_view name, std::string_view value, Arguments& arguments) {
  LoadPlan& plan = arguments.plan;
  int number = 0;
  if (name == "--server") {
    plan.server = value;
    return true;
  }
  if (name == "--in-flight") return ParseNumber(value, 1, 1024, plan.in_flight);
  if (name == "--rate" && ParseNumber(value, 1, 1'000'000, number)) {
    plan.rate = number;
    return true;
  }
  if (name == "--deadline" && ParseNumber(value, 1, 3'600'000, number)) {
    plan.deadline = std::chrono::milliseconds(number);
    return true;
  }
  if (name == "--connections") return ParseNumber(value, 1, 64, plan.connections);
  if (name == "--match") return ParseNumber(value, 1, 1024, arguments.match);
  if (name == "--warm-up" && ParseNumber(value, 0, 600'000, number)) {
    plan.warm_up = std::chrono::milliseconds(number);
    return true;
  }
  if (name == "--measure" && ParseNumber(value, 1, 3'600'000, number)) {
    plan.measure = std::chrono::milliseconds(number);
    return true;
  }
  return false;
}

std::optional<Arguments> Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (!name.starts_with("--")) {
      arguments.files.emplace_back(name);
    } else if (name == "--request-ids") {
      arguments.plan.request_ids = true;
    } else if (name == "--constant") {
      arguments.plan.constant = true;
    } else if (name == "--one-file") {
      arguments.one_file = true;
    } else if (i + 1 == argc || !TakeOption(name, argv[++i], arguments)) {
      return std::nullopt;
    }
  }
  if ((arguments.match > 0) != arguments.files.empty()) return std::nullopt;
  if (arguments.one_file && arguments.match == 0) return std::nullopt;
  return arguments;
}

Status AddScans(Arguments& arguments) {
  for (const std::string& file : arguments.files) {
    std::ifstream in(file, std::ios::binary);
    v1::ScanImageRequest request;
    request.mutable_content()->assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    if (!in.good() && !in.eof()) return Fail(Reason::kFileUnreadable, "cannot read " + file);
    if (request.content().empty()) return Fail(Reason::kFileUnreadable, "nothing in " + file);
    arguments.plan.requests.emplace_back(request.SerializeAsString());
  }
  return {};
}

void AddMatches(Arguments& arguments) {
  arguments.plan.method = Method::kMatchHashes;
  std::mt19937_64 random(11);
  for (int i = 0; i < kMatchRequests; ++i) {
    v1::MatchHashesRequest request;
    for (int k = 0; k < arguments.match; ++k) {
      const bool same_file = arguments.one_file && k > 0;
      v1::HashValue& hash = *(same_file ? request.mutable_files(0) : request.add_files())->add_hashes();
      hash.set_algorithm(v1::ALGORITHM_PDQ);
      hash.set_pipeline(v1::PIPELINE_FULL);
      hash.set_quality(100);
      for (int byte = 0; byte < 32; ++byte)
        hash.mutable_value()->push_back(static_cast<char>(random() >> 32));
    }
    arguments.plan.requests.emplace_back(request.SerializeAsString());
  }
}

double Percentile(const std::vector<std::uint32_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5);
  return static_cast<double>(sorted[at]) / 1000;
}

std::string Counts(const std::map<std::string, std::uint64_t>& counts) {
  std::string text = "{";
  for (const auto& [name, count] : counts) {
    if (text.size() > 1) text += ", ";
    text += "\"" + name + "\": " + std::to_string(count);
  }
  return text + "}";
}

void Print(const LoadResult& result) {
  std::uint64_t results = 0;
  for (const auto& [name, count] : result.verdicts) results += count;
  const auto& latency = result.latency_micros;
  std::printf("{\"calls\": %llu, \"perSecond\": %.1f, \"p50Ms\": %.3f, \"p90Ms\": %.3f, \"p99Ms\": %.3f, ",
              static_cast<unsigned long long>(result.answered),
              static_cast<double>(result.answered) / result.seconds, Percentile(latency, 0.5),
              Percentile(latency, 0.9), Percentile(latency, 0.99));
  const auto& refusals = result.refusal_micros;
  std::printf(
      "\"offered\": %llu, \"held\": %llu, \"refused\": %llu, \"refusalP50Ms\": %.3f, \"refusalP99Ms\": "
      "%.3f, ",
      static_cast<unsigned long long>(result.offered), static_cast<unsigned long long>(result.held),
      static_cast<unsigned long long>(refusals.size()), Percentile(refusals, 0.5),
      Percentile(refusals, 0.99));
  std::printf("\"maxMs\": %.3f, \"results\": %llu, \"stageMicros\": {", Percentile(latency, 1),
              static_cast<unsigned long long>(results));
  for (std::size_t i = 0; i < result.stages.size(); ++i) {
    std::printf("%s\"%s\": %.1f", i == 0 ? "" : ", ", result.stages[i].name,
                results == 0 ? 0.0 : result.stages[i].sum_micros / static_cast<double>(results));
  }
  std::printf("}, \"verdicts\": %s, \"errors\": %s}\n", Counts(result.verdicts).c_str(),
              Counts(result.errors).c_str());
}

int Fails(const Error& error) {
  std::cerr << "hashgate-load: " << error.message << '\n';
  return 3;
}

}  // namespace
}  // namespace hashgate::bench

int main(int argc, char** argv) {
  namespace bench = hashgate::bench;
  auto arguments = bench::Parse(argc, argv);
  if (!arguments) {
    std::cerr << bench::kUsage;
    return 2;
  }
  if (arguments->match > 0) {
    bench::AddMatches(*arguments);
  } else if (const auto added = bench::AddScans(*arguments); !added) {
    return bench::Fails(added.error());
  }
  const auto result = bench::RunLoad(arguments->plan);
  if (!result) return bench::Fails(result.error());
  bench::Print(*result);
  // Refusals under load are a figure, not a failure; no answer at all is one.
  return result->answered + result->held + result->refusal_micros.size() > 0 ? 0 : 1;
}
