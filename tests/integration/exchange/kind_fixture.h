// A list over a store in memory, and syncs of it with a client of any kind: what the tests of kinds share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "exchange/http/http_client.h"
#include "exchange/sync/syncer.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"
#include "testing/quiet_catalog.h"

namespace hashgate::exchange {

class KindTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Reopen();
    CreateList();
  }

  /// As after a restart: the store is what it was.
  void Reopen() {
    client_.reset();
    catalog_.reset();
    catalog_ = testing::OpenQuietCatalog(store_);
    ASSERT_NE(catalog_, nullptr);
  }
  void CreateList() {
    lists::ListConfig config = testing::MakeConfig("fed");
    config.purpose = purpose_;
    auto list = catalog_->CreateList(config);
    ASSERT_TRUE(list) << list.error().message;
    list_ = list->id;
  }

  /// Makes client_.
  virtual void MakeClient() = 0;

  /// Options by which a client fails soon.
  static HttpOptions HurriedHttp(const std::string& base_url) {
    HttpOptions http;
    http.base_url = base_url;
    http.attempts = 2;
    http.max_backoff = std::chrono::seconds(5);
    http.wait = [](std::chrono::milliseconds, const std::stop_token& stop) { return !stop.stop_requested(); };
    return http;
  }

  SyncRecord Sync(bool from_the_beginning = false, const std::stop_token& stop = {}) {
    if (client_ == nullptr) MakeClient();
    Syncer syncer(*catalog_, *client_, {.exchange = "fed", .list = "fed", .gates = gates_, .clock = &clock_});
    const auto record = syncer.Sync(stop, {}, from_the_beginning);
    EXPECT_TRUE(record) << record.error().message;
    return record.value_or(SyncRecord());
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
  /// Entries whose hash of that algorithm is the one made up from `number`.
  [[nodiscard]] std::size_t Held(Algorithm algorithm, std::uint64_t number) const {
    const auto page = catalog_->ListEntries("fed", "", 10'000);
    if (!page) return 0;
    const HashValue wanted = testing::MakeHash(algorithm, number);
    std::size_t held = 0;
    for (const lists::Entry& entry : page->entries) {
      for (const HashValue& hash : entry.record.hashes) {
        held += hash.algorithm == algorithm && hash.bytes == wanted.bytes ? 1 : 0;
      }
    }
    return held;
  }
  [[nodiscard]] lists::EntryRecord Entry(const std::string& source_id) const {
    const auto page = catalog_->ListEntries("fed", "", 10'000);
    for (const lists::Entry& entry : page->entries) {
      if (entry.record.source_id == source_id) return entry.record;
    }
    ADD_FAILURE() << "no entry " << source_id;
    return {};
  }
  [[nodiscard]] std::uint64_t Entries() const { return catalog_->GetList("fed")->entry_count; }
  [[nodiscard]] StoredExchange Stored() const { return LoadStoredExchange(*catalog_, "fed").value(); }
  [[nodiscard]] std::string FirstQuarantined() const {
    const auto all = catalog_->ListQuarantined("fed", 1);
    return all && !all->empty() ? all->front().reason : std::string();
  }
  [[nodiscard]] std::int64_t Seconds(std::chrono::seconds ago) const {
    return std::chrono::floor<std::chrono::seconds>(clock_.Wall() - ago).time_since_epoch().count();
  }

  testing::FakeStore store_;
  testing::FakeClock clock_;
  GateLimits gates_;
  Purpose purpose_ = Purpose::kTest;
  std::unique_ptr<ExchangeClient> client_;
  std::unique_ptr<lists::Catalog> catalog_;
  lists::ListId list_ = 0;
};

}  // namespace hashgate::exchange
