// The operator's listener: its pages, its bounds, and that it ends whenever it is told to.
#include "http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "testing/http_get.h"
#include "testing/poll.h"

namespace hashgate::http {
namespace {

using hashgate::testing::ConnectTo;
using hashgate::testing::HttpExchange;
using hashgate::testing::HttpGet;
using std::chrono::seconds;
using ::testing::HasSubstr;

class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = HttpServer::Start(Content(), {.listen = "127.0.0.1:0"});
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  HttpContent Content() {
    return {.ready =
                [this] {
                  return std::vector<ReadyCheck>{{"index", true, "loaded"},
                                                 {"store", store_ok_.load(), "it is what it is"}};
                },
            .metrics = [] { return std::string("hashgate_up 1\n"); }};
  }

  std::atomic<bool> store_ok_ = true;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, Pages) {
  const int port = server_->port();
  EXPECT_EQ(HttpGet(port, "/healthz").body, "ok\n");
  EXPECT_EQ(HttpGet(port, "/metrics").body, "hashgate_up 1\n");
  EXPECT_THAT(HttpGet(port, "/metrics").head, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(HttpGet(port, "/").body, HasSubstr("/readyz"));
  EXPECT_EQ(HttpGet(port, "/nothing").status, 404);
  EXPECT_EQ(HttpGet(port, "/../etc/passwd").status, 404);
}

TEST_F(HttpServerTest, ReadinessNamesWhatIsWrong) {
  EXPECT_EQ(HttpGet(server_->port(), "/readyz").status, 200);
  store_ok_ = false;
  const auto reply = HttpGet(server_->port(), "/readyz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.body, "not ready\nok   index: loaded\nFAIL store: it is what it is\n");
}

TEST_F(HttpServerTest, OtherMethodsAreNotServed) {
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    const std::string request =
        std::string(method) +
        " /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(HttpExchange(server_->port(), request).status, 404) << method;
  }
}

TEST_F(HttpServerTest, LargeBodiesAreRefused) {
  const auto post = [this](std::size_t size) {
    return HttpExchange(server_->port(),
                        "POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                            std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'))
        .status;
  };
  EXPECT_EQ(post(8 * 1024), 404);
  EXPECT_EQ(post(8 * 1024 + 1), 413);
}

// A request is read into memory: what never ends must not be read for as long as it may last.
TEST_F(HttpServerTest, EndlessHeadersAreCutOff) {
  // Time for a whole request that cannot be what ends them.
  auto server =
      HttpServer::Start(Content(), {.listen = "127.0.0.1:0", .request_time = std::chrono::seconds(60)});
  ASSERT_TRUE(server) << server.error().message;
  std::string short_lines;
  for (int i = 0; i < 500; ++i) short_lines += "X: y\r\n";
  for (const std::string& part : {std::string(3'000, 'x'), short_lines}) {
    const int endless = ConnectTo((*server)->port());
    const std::string head = "GET /healthz HTTP/1.1\r\nX: ";
    ASSERT_EQ(::send(endless, head.data(), head.size(), MSG_NOSIGNAL), static_cast<ssize_t>(head.size()));
    std::size_t sent = 0;
    const bool closed = hashgate::testing::PollUntil(
        [&] {
          const ssize_t count = ::send(endless, part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
          if (count > 0) sent += static_cast<std::size_t>(count);
          char byte = 0;
          const ssize_t read = ::recv(endless, &byte, 1, MSG_DONTWAIT);
          return read == 0 || (read < 0 && errno != EAGAIN);
        },
        seconds(8));
    EXPECT_TRUE(closed);
    EXPECT_GT(sent, 30'000U);
    // What lies in the buffers of the connection counts here, and is never read.
    EXPECT_LT(sent, 20U << 20);
    ::close(endless);
  }
}

TEST_F(HttpServerTest, PartsOfAPageAreNotServed) {
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\nRange: bytes=0-,0-,0-,0-\r\n\r\n";
  const auto reply = HttpExchange(server_->port(), request);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "ok\n");
}

TEST_F(HttpServerTest, IdleConnectionsDoNotBlockReadinessForLong) {
  std::vector<int> idle;
  for (int i = 0; i < 24; ++i) idle.push_back(ConnectTo(server_->port()));
  // Three silent clients for each thread stand before us; each may hold it for two seconds and no longer.
  EXPECT_EQ(HttpGet(server_->port(), "/readyz", seconds(12)).status, 200);
  for (const int fd : idle) ::close(fd);
}

// Each byte comes in time for a single read; the head as a whole does not.
TEST_F(HttpServerTest, HeadsThatDripAreCutOff) {
  auto server = HttpServer::Start(
      Content(), {.listen = "127.0.0.1:0", .threads = 1, .request_time = std::chrono::milliseconds(500)});
  ASSERT_TRUE(server) << server.error().message;
  const int drip = ConnectTo((*server)->port());
  const std::string head = "GET /healthz HTTP/1.1\r\nX: ";
  ASSERT_EQ(::send(drip, head.data(), head.size(), MSG_NOSIGNAL), static_cast<ssize_t>(head.size()));
  const auto begun = std::chrono::steady_clock::now();
  const auto closed = [drip] {
    ::send(drip, "x", 1, MSG_NOSIGNAL);
    char byte = 0;
    const ssize_t count = ::recv(drip, &byte, 1, MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno == ECONNRESET);
  };
  EXPECT_TRUE(hashgate::testing::PollUntil(closed, seconds(10)));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(5));
  EXPECT_EQ(HttpGet((*server)->port(), "/healthz").status, 200) << "the only thread is free again";
  ::close(drip);
}

// Connections that are kept and used slowly would hold every thread.
TEST_F(HttpServerTest, AConnectionHasOneRequest) {
  const std::string get = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string next = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto reply = HttpExchange(server_->port(), get + next);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "ok\n");
}

TEST_F(HttpServerTest, ATakenPortIsRefused) {
  const auto second =
      HttpServer::Start(Content(), {.listen = "127.0.0.1:" + std::to_string(server_->port())});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, Reason::kAddressUnavailable);
}

TEST_F(HttpServerTest, AddressesThatAreNone) {
  for (const char* listen : {"", "localhost", "localhost:", "localhost:http", "localhost:70000", ":80"}) {
    const auto server = HttpServer::Start(Content(), {.listen = listen, .insecure = true});
    ASSERT_FALSE(server) << listen;
    EXPECT_EQ(server.error().reason, Reason::kConfigInvalid) << listen;
  }
}

TEST_F(HttpServerTest, OthersMayReachItOnlyOnRequest) {
  const auto refused = HttpServer::Start(Content(), {.listen = "0.0.0.0:0"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kInsecureListener);
  EXPECT_TRUE(HttpServer::Start(Content(), {.listen = "0.0.0.0:0", .insecure = true}));
}

// A server that is stopped before its thread came to its loop once never ended.
TEST_F(HttpServerTest, EndsHoweverSoonItIsStopped) {
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(HttpServer::Start(Content(), {.listen = "127.0.0.1:0"}));
  }
}

}  // namespace
}  // namespace hashgate::http
