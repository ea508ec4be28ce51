// A fake StopNCII server over real HTTP, a client of it, and a list of its purpose.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "exchange/stopncii/stopncii_client.h"
#include "integration/exchange/kind_fixture.h"
#include "testing/fakes/stopncii_server.h"

namespace hashgate::exchange {

using testing::StopNciiHash;
using testing::StopNciiSwitches;

class StopNciiTest : public KindTest {
 protected:
  StopNciiTest() { purpose_ = Purpose::kNciiAdult; }

  void MakeClient() override {
    HttpOptions http = HurriedHttp(server_.base_url());
    http.max_response_bytes = 1 << 20;
    auto made = HttpClient::Create(std::move(http));
    ASSERT_TRUE(made) << made.error().message;
    options_.fetch_key = fetch_key_;
    options_.feedback_key = feedback_key_;
    options_.subscription_key = "a-subscription-key";
    options_.clock = &clock_;
    client_ = NewStopNciiClient(*std::move(made), options_);
  }

  void Put(std::uint64_t number, std::chrono::seconds ago, const std::string& status = "Active") {
    server_.Put({.value = Hex(Algorithm::kPdq, number), .modified = Seconds(ago), .status = status});
  }
  [[nodiscard]] bool Holds(std::uint64_t number) const { return Held(Algorithm::kPdq, number) == 1; }

  testing::StopNciiServer server_;
  StopNciiOptions options_;
  std::string fetch_key_ = "a-fetch-key";
  std::string feedback_key_ = "a-feedback-key";
};

}  // namespace hashgate::exchange
