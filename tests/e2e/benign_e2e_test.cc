// Ordinary pictures pass: a generated corpus under the policy `standard`, with the test kit's lists and
// 100,000 random entries. 200 pictures; HASHGATE_FULL=1 takes 2,000.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "base/mutex.h"
#include "testing/kit.h"
#include "testing/seed.h"
#include "testing/server_process.h"
#include "testkit/corpus.h"

namespace hashgate::testing {
namespace {

constexpr int kRandomEntries = 100'000;

TEST(BenignTest, OrdinaryPicturesAreAllowed) {
  const char* full = std::getenv("HASHGATE_FULL");
  const int count = full != nullptr && *full != '\0' ? 2'000 : 200;
  const auto server = StartServer(FreshFolder());
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  ASSERT_TRUE(ImportKit(client));
  ASSERT_TRUE(client.CreateList(SyntheticList("random")).ok());
  std::vector<v1::ImportRecord> records;
  for (int i = 0; i < kRandomEntries; ++i) {
    records.push_back(RecordOf(i + 1, "random-" + std::to_string(i), v1::ALGORITHM_PDQ,
                               SyntheticHash(v1::ALGORITHM_PDQ, static_cast<std::uint64_t>(i))));
    records.back().mutable_entry()->mutable_hashes(0)->set_quality(100);
  }
  const ImportReply imported = client.Import("random", records, 4'000);
  ASSERT_TRUE(imported.status.ok()) << imported.status.error_message();
  ASSERT_EQ(imported.last.added_count(), kRandomEntries);

  std::atomic<int> next = 0;
  std::atomic<int> allowed = 0;
  std::atomic<int> complete = 0;
  Mutex mutex;
  std::string others;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] {
        for (int at = next++; at < count; at = next++) {
          const auto file = testkit::BenignFile(Seed(), at);
          ASSERT_TRUE(file) << file.error().message;
          const ScanReply reply = client.Scan({file->bytes.begin(), file->bytes.end()});
          ASSERT_TRUE(reply.status.ok()) << file->name << ": " << reply.status.error_message();
          const v1::ScanResult& result = reply.result;
          complete += result.coverage().level() == v1::COVERAGE_LEVEL_COMPLETE ? 1 : 0;
          EXPECT_TRUE(result.verdict() != v1::VERDICT_REVIEW || result.matches_size() > 0)
              << file->name << " is to be reviewed without a candidate";
          if (result.verdict() == v1::VERDICT_ALLOW) {
            ++allowed;
          } else {
            const MutexLock lock(mutex);
            others += Describe(ToKitAnswer(file->name, result)) + "\n";
          }
        }
      });
    }
  }
  std::cout << allowed << " of " << count << " allowed, " << complete << " looked at completely\n" << others;
  EXPECT_GE(allowed * 1'000, count * 999) << others;
  // Most must have been hashed: a gate that looks at nothing allows everything.
  EXPECT_GT(complete * 2, count);
}

}  // namespace
}  // namespace hashgate::testing
