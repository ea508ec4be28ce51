// A fake Graph API over real HTTP, a client of it, and a list.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "exchange/threatexchange/threatexchange_client.h"
#include "integration/exchange/kind_fixture.h"
#include "testing/fakes/graph_server.h"

namespace hashgate::exchange {

using testing::GraphDescriptor;
using testing::GraphSwitches;
using testing::GraphUpdate;

class ThreatExchangeTest : public KindTest {
 protected:
  void MakeClient() override {
    HttpOptions http = HurriedHttp(server_.base_url());
    http.max_response_bytes = 1 << 20;
    http.asked_too_often = AskedTooOften;
    auto made = HttpClient::Create(std::move(http));
    ASSERT_TRUE(made) << made.error().message;
    options_.base_url = server_.base_url();
    options_.privacy_group = "4711";
    options_.access_token = token_;
    options_.clock = &clock_;
    auto client = NewThreatExchangeClient(*std::move(made), options_);
    ASSERT_TRUE(client) << client.error().message;
    client_ = *std::move(client);
  }

  /// An update whose PDQ hash is made up from its number.
  [[nodiscard]] GraphUpdate Update(std::uint64_t number, std::chrono::seconds ago) const {
    return {.id = std::to_string(9'000 + number),
            .indicator = Hex(Algorithm::kPdq, number),
            .last_updated = Seconds(ago),
            .descriptors = {{.id = std::to_string(70'000 + number)}}};
  }
  void Put(std::uint64_t number, std::chrono::seconds ago) { server_.Put(Update(number, ago)); }
  void Tombstone(std::uint64_t number, std::chrono::seconds ago) {
    GraphUpdate update = Update(number, ago);
    update.should_delete = true;
    server_.Put(update);
  }
  [[nodiscard]] bool Holds(std::uint64_t number) const { return Held(Algorithm::kPdq, number) == 1; }

  testing::GraphServer server_;
  ThreatExchangeOptions options_;
  std::string token_ = "1001|a-secret";
};

}  // namespace hashgate::exchange
