// Requests as servers see them, answers as callers see them, and when a request is sent again.
#include "exchange/http/http_client.h"

#include <cstdlib>
#include <thread>

#include "hashgate/version.h"
#include "http_client_fixture.h"
#include "testing/poll.h"

namespace hashgate::exchange {
namespace {

using hashgate::testing::FakeCall;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(HttpClientTest, SendsWhatItIsTold) {
  Serve();
  HttpOptions options = Options();
  options.headers = {{"X-Key", "the-key"}, {"X-Empty", ""}};
  options.base_url += "/npo/";
  Connect(options);
  ASSERT_TRUE(client_->Send({.url = "/v2/entries?from=1", .headers = {{"Accept", "application/xml"}}}, {}));
  ASSERT_TRUE(client_->Send({.method = "PUT",
                             .url = server_->base_url() + "/npo/v2/feedback",
                             .headers = {{"Content-Type", "application/xml; charset=utf-8"}},
                             .body = "<affirmative/>"},
                            {}));
  ASSERT_TRUE(client_->Send({.method = "POST", .url = "/empty"}, {}));
  const std::vector<FakeCall> calls = server_->calls();
  ASSERT_EQ(calls.size(), 3U);
  const FakeRequest& get = calls[0].request;
  EXPECT_EQ(get.method, "GET");
  EXPECT_EQ(get.target, "/npo/v2/entries?from=1");
  EXPECT_EQ(get.Header("authorization"), "Basic dGhlLXVzZXI6dGhlLXBhc3N3b3Jk");
  EXPECT_EQ(get.Header("x-key"), "the-key");
  EXPECT_TRUE(get.headers.contains("x-empty"));
  EXPECT_EQ(get.Header("accept"), "application/xml");
  EXPECT_EQ(get.Header("accept-encoding"), "gzip");
  EXPECT_EQ(get.Header("user-agent"), "hashgate/" + std::string(EngineVersion()));
  EXPECT_FALSE(get.headers.contains("content-type"));
  const FakeRequest& put = calls[1].request;
  EXPECT_EQ(put.method, "PUT");
  EXPECT_EQ(put.target, "/npo/v2/feedback");
  EXPECT_EQ(put.body, "<affirmative/>");
  EXPECT_EQ(put.Header("content-type"), "application/xml; charset=utf-8");
  const FakeRequest& post = calls[2].request;
  EXPECT_EQ(post.method, "POST");
  EXPECT_EQ(post.Header("content-length"), "0");
  EXPECT_FALSE(post.headers.contains("content-type"));
  EXPECT_FALSE(post.headers.contains("expect"));
}

TEST_F(HttpClientTest, GivesTheAnswerAsItIs) {
  Serve([](const FakeRequest& request) {
    return FakeReply{.status = std::atoi(request.path.substr(1).c_str()),
                     .headers = {{"X-Mixed-Case", " two words "}, {"X-Mixed-Case", "second"}},
                     .body = std::string("\0binary\r\n", 9)};
  });
  Connect();
  for (const int status : {200, 201, 202, 204, 304, 400, 404, 409, 410, 418, 422, 501, 505}) {
    const Result<HttpResponse> answer = Get("/" + std::to_string(status));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->Header("x-mixed-case"), "two words");
    EXPECT_EQ(answer->Header("x-none"), "");
    EXPECT_EQ(answer->body, status == 204 || status == 304 ? std::string() : std::string("\0binary\r\n", 9));
  }
  EXPECT_TRUE(pauses_.empty());
}

TEST_F(HttpClientTest, InterimAnswersLeaveNothingBehind) {
  ServeRaw(
      "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\nX-Interim: 1\r\n\r\n"
      "HTTP/1.1 200 OK\r\nX-Final: 1\r\nContent-Length: 2\r\n\r\nok");
  Connect();
  const Result<HttpResponse> answer = Get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_EQ(answer->Header("x-final"), "1");
  EXPECT_EQ(answer->Header("x-interim"), "");
}

TEST_F(HttpClientTest, KeepsItsConnection) {
  Serve();
  Connect();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Get());
  EXPECT_EQ(server_->connection_count(), 1);
  EXPECT_EQ(server_->call_count(), 20U);
}

TEST_F(HttpClientTest, TriesAgainUntilItWorks) {
  Serve();
  Connect();
  server_->FailNext({{.drop = Fault::Drop::kBeforeEffect}, {.status = 503}, {.cut_body_at = 1}});
  const Result<HttpResponse> answer = Get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_EQ(server_->call_count(), 4U);
  EXPECT_EQ(pauses_.size(), 3U);
}

TEST_F(HttpClientTest, EveryTransientStatusIsTriedAgain) {
  Serve();
  Connect();
  for (const int status : {429, 500, 502, 503, 504}) {
    server_->FailNext({{.status = status}});
    EXPECT_TRUE(Get()) << status;
  }
  EXPECT_EQ(pauses_.size(), 5U);
}

TEST_F(HttpClientTest, AttemptsAreBounded) {
  Serve();
  Connect();
  server_->SetPlan([](const FakeRequest&) { return Fault{.status = 503, .retry_after = "2"}; });
  const Result<HttpResponse> answer = Get();
  ExpectError(answer, Reason::kExchangeUnreachable, server_->base_url() + "/v2/status: answers 503");
  EXPECT_EQ(answer.error().retry_after, seconds(2));
  EXPECT_EQ(server_->call_count(), 4U);
  EXPECT_EQ(pauses_.size(), 3U);
}

TEST_F(HttpClientTest, NobodyListens) {
  Serve();
  HttpOptions options = Options();
  server_.reset();
  Connect(options);
  ExpectError(Get(), Reason::kExchangeUnreachable, "no connection");
  EXPECT_EQ(pauses_.size(), 3U);
}

TEST_F(HttpClientTest, RetryAfterIsKept) {
  Serve();
  Connect();
  server_->FailNext({{.status = 429, .retry_after = "17"}});
  ASSERT_TRUE(Get());
  EXPECT_THAT(pauses_, ElementsAre(milliseconds(17'000)));
  pauses_.clear();
  // 2026-11-18T11:06:40Z is what the clock stands at.
  server_->FailNext({{.status = 503, .retry_after = "Wed, 18 Nov 2026 11:07:20 GMT"}});
  ASSERT_TRUE(Get());
  EXPECT_THAT(pauses_, ElementsAre(milliseconds(40'000)));
}

TEST_F(HttpClientTest, ALongRetryAfterIsLeftToTheCaller) {
  Serve();
  Connect();
  server_->FailNext({{.status = 429, .retry_after = "61"}});
  const Result<HttpResponse> answer = Get();
  ExpectError(answer, Reason::kExchangeUnreachable, "answers 429");
  EXPECT_EQ(answer.error().retry_after, seconds(61));
  EXPECT_TRUE(pauses_.empty());
}

TEST_F(HttpClientTest, WhatMayNotBeRepeatedIsSentOnce) {
  Serve();
  Connect();
  // A kept connection: libcurl itself would send again what a dead one swallowed.
  ASSERT_TRUE(Get());
  const HttpRequest once{.method = "POST", .url = "/submit", .body = "report", .retry = false};
  server_->FailNext({{.drop = Fault::Drop::kAfterEffect}});
  ExpectError(client_->Send(once, {}), Reason::kExchangeUnreachable);
  EXPECT_EQ(server_->call_count(), 2U);
  server_->FailNext({{.status = 503}});
  ExpectError(client_->Send(once, {}), Reason::kExchangeUnreachable, "answers 503");
  EXPECT_EQ(server_->call_count(), 3U);
  EXPECT_TRUE(pauses_.empty());
}

TEST_F(HttpClientTest, RefusedCredentialsAreNotTriedAgain) {
  Serve();
  Connect();
  for (const int status : {401, 403}) {
    server_->FailNext({{.status = status}});
    ExpectError(Get(), Reason::kExchangeRefused, "credentials are not accepted");
  }
  EXPECT_EQ(server_->call_count(), 2U);
}

TEST_F(HttpClientTest, RedirectsAreNotFollowed) {
  FakeHttpServer elsewhere([](const FakeRequest&) { return FakeReply{.body = "taken"}; });
  Serve([&](const FakeRequest&) {
    return FakeReply{.status = 302, .headers = {{"Location", elsewhere.base_url() + "/?the-token"}}};
  });
  Connect();
  ExpectError(Get(), Reason::kExchangeProtocol, "redirects are not followed");
  EXPECT_EQ(elsewhere.call_count(), 0U);
  EXPECT_EQ(server_->call_count(), 1U);
}

TEST_F(HttpClientTest, OnlyTheConfiguredServerIsAsked) {
  Serve();
  FakeHttpServer elsewhere([](const FakeRequest&) { return FakeReply{.body = "taken"}; });
  Connect();
  for (const std::string& url : {elsewhere.base_url() + "/the-token", std::string("//127.0.0.1/the-token"),
                                 std::string("/x/../the-token"), std::string("/the-token\r\nHost: x"),
                                 std::string("file:///etc/hostname"), std::string()}) {
    ExpectError(Get(url), Reason::kExchangeProtocol);
  }
  EXPECT_EQ(server_->call_count() + elsewhere.call_count(), 0U);
}

TEST_F(HttpClientTest, HeadersCannotCarryLineBreaks) {
  Serve();
  Connect();
  for (const HttpHeader& header :
       {HttpHeader{"X-A", "1\r\nX-B: the-token"}, HttpHeader{"X-A\nX-B", "the-token"},
        HttpHeader{"", "the-token"}, HttpHeader{"X A", "the-token"}}) {
    ExpectError(client_->Send({.url = "/", .headers = {header}}, {}), Reason::kRequestInvalid);
  }
  ExpectError(client_->Send({.method = "GET / HTTP/1.1\r\n", .url = "/"}, {}), Reason::kRequestInvalid);
  EXPECT_EQ(server_->call_count(), 0U);
}

TEST_F(HttpClientTest, OptionsAreChecked) {
  Serve();
  const auto refused = [&](const std::function<void(HttpOptions&)>& change) {
    HttpOptions options = Options();
    change(options);
    const Result<std::unique_ptr<HttpClient>> client = HttpClient::Create(options);
    if (client) return std::string("taken");
    EXPECT_EQ(client.error().reason, Reason::kConfigInvalid);
    EXPECT_THAT(client.error().message, ::testing::Not(HasSubstr("the-key")));
    return client.error().field;
  };
  EXPECT_EQ(refused([](HttpOptions&) {}), "taken");
  EXPECT_EQ(refused([](HttpOptions& o) { o.base_url = "http://exchange.test"; }), "base_url");
  EXPECT_EQ(refused([](HttpOptions& o) { o.base_url = "https://a:the-key@exchange.test"; }), "base_url");
  EXPECT_EQ(refused([](HttpOptions& o) {
              o.base_url = "http://exchange.test";
              o.allow_plain_http = true;
            }),
            "taken");
  EXPECT_EQ(refused([](HttpOptions& o) { o.headers = {{"X", "the-key\n"}}; }), "headers");
  EXPECT_EQ(refused([](HttpOptions& o) { o.ca_file = "no-such-file.pem"; }), "ca_file");
  for (const char* proxy :
       {"socks5://127.0.0.1", "http://u:the-key@127.0.0.1:1", "http://127.0.0.1:1/x", "x"}) {
    EXPECT_EQ(refused([&](HttpOptions& o) { o.proxy = proxy; }), "proxy") << proxy;
  }
  EXPECT_EQ(refused([](HttpOptions& o) { o.attempts = 0; }), "attempts");
  EXPECT_EQ(refused([](HttpOptions& o) { o.connect_timeout = milliseconds(0); }), "connect_timeout");
  EXPECT_EQ(refused([](HttpOptions& o) { o.request_timeout = std::chrono::hours(2); }), "request_timeout");
  EXPECT_EQ(refused([](HttpOptions& o) { o.max_response_bytes = 0; }), "max_response_bytes");
}

TEST_F(HttpClientTest, AProxyIsUsedWhereItIsNamed) {
  Serve();
  HttpOptions options = Options();
  options.base_url = "http://exchange.test";
  options.allow_plain_http = true;
  options.proxy = server_->base_url();
  options.proxy_username = "proxy-user";
  options.proxy_password = "the-key";
  Connect(options);
  ASSERT_TRUE(Get());
  EXPECT_EQ(server_->calls()[0].request.target, "http://exchange.test/v2/status?access_token=the-token");
  EXPECT_EQ(server_->calls()[0].request.Header("proxy-authorization"), "Basic cHJveHktdXNlcjp0aGUta2V5");
  server_->FailNext({{.status = 407}});
  ExpectError(Get(), Reason::kExchangeRefused, "proxy");
  // With TLS the proxy is asked for a tunnel only.
  options.base_url = "https://exchange.test";
  Connect(options);
  server_->FailNext({{.status = 407}});
  ExpectError(Get(), Reason::kExchangeRefused, "proxy");
  const FakeRequest connect = server_->calls().back().request;
  EXPECT_EQ(connect.method, "CONNECT");
  EXPECT_EQ(connect.target, "exchange.test:443");
  EXPECT_EQ(connect.Header("authorization"), "");
}

TEST_F(HttpClientTest, ProxiesOfTheEnvironmentAreNotAsked) {
  Serve();
  FakeHttpServer proxy([](const FakeRequest&) { return FakeReply{.body = "taken"}; });
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"})
    ::setenv(name, proxy.base_url().c_str(), 1);
  Connect();
  const Result<HttpResponse> answer = Get();
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) ::unsetenv(name);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
  EXPECT_EQ(proxy.call_count(), 0U);
}

// Nothing but the stop ends these within the test's time limit.
TEST_F(HttpClientTest, AStopEndsASilentAnswer) {
  Serve();
  Connect();
  server_->SetPlan([](const FakeRequest&) { return Fault{.delay = std::chrono::hours(1)}; });
  std::jthread stopper([&] {
    EXPECT_TRUE(hashgate::testing::PollUntil([&] { return server_->call_count() == 1; }, seconds(60)));
    stop_.request_stop();
  });
  ExpectError(Get(), Reason::kCancelled, server_->base_url() + "/v2/status: stopped");
  EXPECT_EQ(server_->call_count(), 1U);
}

TEST_F(HttpClientTest, AStopEndsAPauseBetweenAttempts) {
  Serve();
  HttpOptions options = Options();
  options.wait = nullptr;
  options.max_backoff = std::chrono::hours(1);
  Connect(options);
  server_->SetPlan([](const FakeRequest&) { return Fault{.status = 503, .retry_after = "3000"}; });
  std::jthread stopper([&] {
    EXPECT_TRUE(hashgate::testing::PollUntil([&] { return server_->calls().size() == 1; }, seconds(60)));
    stop_.request_stop();
  });
  ExpectError(Get(), Reason::kCancelled);
  EXPECT_EQ(server_->call_count(), 1U);
}

TEST_F(HttpClientTest, AStopBeforehandSendsNothing) {
  Serve();
  Connect();
  stop_.request_stop();
  ExpectError(Get(), Reason::kCancelled);
  EXPECT_EQ(server_->call_count(), 0U);
}

}  // namespace
}  // namespace hashgate::exchange
