// hashgate-fake-ncmec as benchmarks and end-to-end tests start it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "exchange/http/http_client.h"
#include "testing/child_process.h"
#include "testing/poll.h"

namespace hashgate::testing {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

// What stands in `file` behind "listening on ", once the line is whole.
std::string BaseUrlIn(const std::string& file) {
  std::string url;
  EXPECT_TRUE(PollUntil(
      [&] {
        std::ifstream in(file);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        constexpr std::string_view kBefore = "listening on ";
        if (!text.starts_with(kBefore) || !text.ends_with('\n')) return false;
        url = text.substr(kBefore.size(), text.size() - kBefore.size() - 1);
        return true;
      },
      seconds(60)));
  return url;
}

TEST(FakeNcmecProgram, ServesAsManyEntriesAsItIsTold) {
  const std::filesystem::path build = std::filesystem::path(std::getenv("HASHGATE_BIN_DIR")).parent_path();
  const std::string program = (build / "tests" / "hashgate-fake-ncmec").string();
  // An earlier run's line would be read as this one's.
  std::filesystem::remove("fake.out");
  ChildProcess server({.command = {program, "--entries", "250", "--page-size", "100"},
                       .environment = {{"HASHGATE_FAKE_NCMEC_CREDENTIALS", "someone:with:colons"}},
                       .stdout_file = "fake.out"});
  exchange::HttpOptions options;
  options.base_url = BaseUrlIn("fake.out");
  options.username = "someone";
  options.password = "with:colons";
  auto client = exchange::HttpClient::Create(options);
  ASSERT_TRUE(client) << client.error().message;
  const std::string window = "/v2/entries?from=2024-01-01T00:00:00Z&to=2025-01-01T00:00:00Z";
  const auto page = (*client)->Send({.url = window}, {});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_THAT(page->body, HasSubstr("<images count=\"100\""));
  EXPECT_THAT(page->body, HasSubstr("<next>/v2/entries?"));

  options.username = "a-user";
  client = exchange::HttpClient::Create(options);
  ASSERT_TRUE(client) << client.error().message;
  const auto refused = (*client)->Send({.url = window}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kExchangeRefused);

  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(seconds(60)), 0);
}

}  // namespace
}  // namespace hashgate::testing
