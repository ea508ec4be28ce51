// A list that is replaced a hundred times while clients match: no call fails, and no verdict mixes two
// contents.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "testing/gate_client.h"
#include "testing/kit.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

constexpr int kSwaps = 100;
constexpr int kMatchers = 3;
constexpr std::int64_t kEntries = 500;

// Content number `turn`: the same hashes under other ids, each classified by the turn.
std::vector<v1::ImportRecord> Content(int turn) {
  std::vector<v1::ImportRecord> records;
  const std::string name = "turn-" + std::to_string(turn);
  for (std::int64_t number = 1; number <= kEntries; ++number) {
    const auto hash = static_cast<std::uint64_t>(number);
    v1::ImportRecord record = RecordOf(number, name + "-" + std::to_string(number), v1::ALGORITHM_SHA256,
                                       SyntheticHash(v1::ALGORITHM_SHA256, hash));
    v1::HashValue& pdq = *record.mutable_entry()->add_hashes();
    pdq.set_algorithm(v1::ALGORITHM_PDQ);
    pdq.set_value(SyntheticHash(v1::ALGORITHM_PDQ, hash));
    record.mutable_entry()->set_classification(name);
    records.push_back(std::move(record));
  }
  return records;
}

// What clients saw.
struct Seen {
  std::atomic<int> answers = 0;
  std::atomic<int> contents = 0;  // that followed each other
  std::atomic<int> failures = 0;
  std::atomic<int> mixed = 0;
  std::atomic<int> incomplete = 0;
  std::atomic<int> backwards = 0;
};

// One file with the PDQ hashes of three entries.
void Match(const ServerProcess& server, const std::atomic<bool>& stop, Seen& seen) {
  const GateClient client(server.NewChannel());
  std::int64_t generation = 0;
  std::string last;
  for (std::uint64_t number = 1; !stop; number = number % (kEntries - 2) + 1) {
    v1::MatchHashesRequest request;
    v1::HashSet& file = *request.add_files();
    const auto add = [&](v1::Algorithm algorithm, std::uint64_t entry) {
      v1::HashValue& hash = *file.add_hashes();
      hash.set_algorithm(algorithm);
      hash.set_value(SyntheticHash(algorithm, entry));
    };
    for (std::uint64_t entry = number; entry < number + 3; ++entry) add(v1::ALGORITHM_PDQ, entry);
    grpc::ClientContext context;
    SetTimeout(context, std::chrono::seconds(20));
    v1::MatchHashesResponse response;
    if (!client.scan().MatchHashes(&context, request, &response).ok() || response.results_size() != 1) {
      ++seen.failures;
      continue;
    }
    ++seen.answers;
    const v1::ScanResult& result = response.results(0);
    if (result.matches_size() != 3 || result.verdict() != v1::VERDICT_BLOCK) {
      ++seen.incomplete;
      continue;
    }
    const std::string& content = result.matches(0).classification();
    for (const v1::Match& match : result.matches()) {
      if (match.classification() != content || !match.source_id().starts_with(content + "-")) ++seen.mixed;
    }
    if (result.versions().generation() < generation) ++seen.backwards;
    generation = result.versions().generation();
    if (content != last) ++seen.contents;
    last = content;
  }
}

TEST(SwapsE2eTest, NoVerdictMixesContents) {
  const auto server = StartServer(FreshFolder("server"));
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  ASSERT_TRUE(client.CreateList(SyntheticList("swapped")).ok());
  ASSERT_TRUE(client.Import("swapped", Content(0), 1'000, {}, true).status.ok());
  std::atomic<bool> stop = false;
  Seen seen;
  std::vector<std::thread> matchers;
  for (int i = 0; i < kMatchers; ++i) matchers.emplace_back([&] { Match(*server, stop, seen); });
  for (int turn = 1; turn <= kSwaps; ++turn) {
    const ImportReply reply = client.Import("swapped", Content(turn), 1'000, {}, true);
    EXPECT_TRUE(reply.status.ok()) << turn << ": " << reply.status.error_message();
  }
  stop = true;
  for (std::thread& matcher : matchers) matcher.join();
  EXPECT_EQ(seen.failures, 0);
  EXPECT_EQ(seen.mixed, 0);
  EXPECT_EQ(seen.incomplete, 0) << "of " << seen.answers;
  EXPECT_EQ(seen.backwards, 0);
  EXPECT_GT(seen.answers, kSwaps);
  EXPECT_GT(seen.contents, kSwaps / 4) << "clients saw the swaps go by";
  RecordProperty("answers", seen.answers);
}

}  // namespace
}  // namespace hashgate::testing
