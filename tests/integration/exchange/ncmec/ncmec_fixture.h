// A fake NCMEC server over real HTTP, a client of it, and a list over a store in memory.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "exchange/http/http_client.h"
#include "exchange/ncmec/ncmec_client.h"
#include "exchange/sync/syncer.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/fakes/ncmec_server.h"
#include "testing/list_records.h"
#include "testing/quiet_catalog.h"

namespace hashgate::exchange {

using testing::NcmecEntry;
using testing::NcmecSwitches;

class NcmecTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.clock = &clock_;
    options_.since = clock_.Wall() - std::chrono::hours(24 * 365);
    Reopen();
    auto list = catalog_->CreateList(testing::MakeConfig("npo"));
    ASSERT_TRUE(list) << list.error().message;
    list_ = list->id;
  }

  /// As after a restart: the store is what it was.
  void Reopen() {
    client_.reset();
    catalog_.reset();
    catalog_ = testing::OpenQuietCatalog(store_);
    ASSERT_NE(catalog_, nullptr);
  }

  void MakeClient() {
    HttpOptions http;
    http.base_url = server_.base_url();
    http.username = "a-user";
    http.password = password_;
    http.attempts = 2;
    http.max_backoff = std::chrono::seconds(5);
    http.wait = [](std::chrono::milliseconds, const std::stop_token& stop) { return !stop.stop_requested(); };
    auto made = HttpClient::Create(std::move(http));
    ASSERT_TRUE(made) << made.error().message;
    client_ = NewNcmecClient(*std::move(made), options_);
  }

  SyncRecord Sync(bool from_the_beginning = false) {
    if (client_ == nullptr) MakeClient();
    Syncer syncer(*catalog_, *client_, {.exchange = "npo", .list = "npo", .gates = gates_, .clock = &clock_});
    const auto record = syncer.Sync({}, {}, from_the_beginning);
    EXPECT_TRUE(record) << record.error().message;
    return record.value_or(SyncRecord());
  }

  testing::NcmecEnvironment& server() { return server_.environment(); }
  [[nodiscard]] WallTime Ago(std::chrono::seconds time) const { return clock_.Wall() - time; }

  /// An entry with an MD5 and a SHA-1 made up from its number.
  static NcmecEntry Entry(std::uint64_t number, WallTime when) {
    NcmecEntry entry;
    entry.id = "e" + std::to_string(number);
    entry.timestamp = when;
    entry.classification = "A1";
    entry.fingerprints = {{"md5", Hex(Algorithm::kMd5, number)}, {"sha1", Hex(Algorithm::kSha1, number)}};
    return entry;
  }
  static std::string Hex(Algorithm algorithm, std::uint64_t number) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : testing::MakeHash(algorithm, number).bytes) {
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
    return text;
  }

  [[nodiscard]] bool Holds(std::uint64_t number) const {
    return !testing::FindBySha1(*catalog_->Current(), list_, number).empty();
  }
  [[nodiscard]] std::uint64_t Entries() const { return catalog_->GetList("npo")->entry_count; }
  [[nodiscard]] StoredExchange Stored() const { return LoadStoredExchange(*catalog_, "npo").value(); }

  testing::FakeStore store_;
  testing::FakeClock clock_;
  testing::NcmecServer server_{testing::NcmecServer::Options{.clock = &clock_}};
  NcmecOptions options_;
  GateLimits gates_;
  std::string password_ = "a-password";
  std::unique_ptr<ExchangeClient> client_;
  std::unique_ptr<lists::Catalog> catalog_;
  lists::ListId list_ = 0;
};

}  // namespace hashgate::exchange
