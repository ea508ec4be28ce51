// A client, and the servers on loopback that it talks to.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "exchange/http/http_client.h"
#include "testing/fake_clock.h"
#include "testing/fakes/fake_http_server.h"

namespace hashgate::exchange {

class HttpClientTest : public ::testing::Test {
 protected:
  using FakeHttpServer = hashgate::testing::FakeHttpServer;
  using FakeReply = hashgate::testing::FakeReply;
  using FakeRequest = hashgate::testing::FakeRequest;
  using FakeWire = hashgate::testing::FakeWire;
  using Fault = hashgate::testing::Fault;

  /// Answers with the body "ok" unless told otherwise.
  void Serve(FakeHttpServer::Handler handler = [](const FakeRequest&) { return FakeReply{.body = "ok"}; }) {
    server_ = std::make_unique<FakeHttpServer>(std::move(handler));
  }
  /// Every connection gets these bytes as an answer, and then no more.
  void ServeRaw(std::string bytes) {
    Serve([bytes](const FakeRequest&) {
      return FakeReply{.raw = [bytes](FakeWire& wire) { wire.Write(bytes); }};
    });
  }

  /// Credentials and time limits that cannot be what ends a test; pauses that are noted, not waited for.
  HttpOptions Options() {
    HttpOptions options;
    options.base_url = server_ != nullptr ? server_->base_url() : "http://127.0.0.1:1";
    options.username = "the-user";
    options.password = "the-password";
    options.request_timeout = std::chrono::minutes(30);
    options.stall_timeout = std::chrono::minutes(30);
    options.seed = 1;
    options.clock = &clock_;
    options.wait = [this](std::chrono::milliseconds pause, const std::stop_token& stop) {
      pauses_.push_back(pause);
      return !stop.stop_requested();
    };
    return options;
  }

  void Connect(HttpOptions options) {
    Result<std::unique_ptr<HttpClient>> client = HttpClient::Create(std::move(options));
    ASSERT_TRUE(client) << client.error().message;
    client_ = *std::move(client);
  }
  void Connect() { Connect(Options()); }

  Result<HttpResponse> Get(const std::string& url = "/v2/status?access_token=the-token") {
    return client_->Send({.url = url}, stop_.get_token());
  }

  /// That the error is `reason`, and says nothing that is secret.
  static void ExpectError(const Result<HttpResponse>& answer, Reason reason, std::string_view says = "") {
    ASSERT_FALSE(answer) << "status " << answer->status;
    EXPECT_EQ(answer.error().reason, reason) << answer.error().message;
    EXPECT_THAT(answer.error().message, ::testing::HasSubstr(std::string(says)));
    for (const char* secret : {"the-user", "the-password", "the-token", "the-key"}) {
      EXPECT_THAT(answer.error().message, ::testing::Not(::testing::HasSubstr(secret)));
    }
  }

  hashgate::testing::FakeClock clock_;
  std::vector<std::chrono::milliseconds> pauses_;
  std::stop_source stop_;
  std::unique_ptr<FakeHttpServer> server_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace hashgate::exchange
