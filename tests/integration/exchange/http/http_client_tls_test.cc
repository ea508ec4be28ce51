// TLS: only servers that a trusted authority vouches for by name are talked to.
#include <filesystem>
#include <fstream>

#include "http_client_fixture.h"

namespace hashgate::exchange {
namespace {

using hashgate::testing::ServerIdentity;
using hashgate::testing::TestAuthority;

class HttpClientTlsTest : public HttpClientTest {
 protected:
  void ServeAs(const ServerIdentity& identity) {
    server_ = std::make_unique<FakeHttpServer>([](const FakeRequest&) { return FakeReply{.body = "ok"}; },
                                               FakeHttpServer::Options{.identity = identity});
  }
  /// A client that trusts `authority` alone.
  void ConnectTrusting(const TestAuthority& authority) {
    const std::filesystem::path file = "authority.pem";
    std::ofstream(file, std::ios::trunc) << authority.pem();
    HttpOptions options = Options();
    options.ca_file = file.string();
    Connect(options);
  }

  TestAuthority authority_;
};

TEST_F(HttpClientTlsTest, TheRightAuthorityIsTrusted) {
  ServeAs(authority_.Issue("localhost"));
  ConnectTrusting(authority_);
  for (int i = 0; i < 3; ++i) {
    const Result<HttpResponse> answer = Get();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "ok");
  }
  EXPECT_EQ(server_->connection_count(), 1);
}

TEST_F(HttpClientTlsTest, AnotherAuthorityIsNot) {
  const TestAuthority other("Another Authority");
  ServeAs(other.Issue("localhost"));
  ConnectTrusting(authority_);
  ExpectError(Get(), Reason::kExchangeUnreachable, "certificate is not trusted");
  EXPECT_EQ(server_->call_count(), 0U);
  EXPECT_TRUE(pauses_.empty()) << "asked again in vain";
}

TEST_F(HttpClientTlsTest, AnotherAuthorityOfTheSameNameIsNot) {
  const TestAuthority other;
  ServeAs(other.Issue("localhost"));
  ConnectTrusting(authority_);
  ExpectError(Get(), Reason::kExchangeUnreachable, "TLS did not come about");
  EXPECT_EQ(server_->call_count(), 0U);
}

TEST_F(HttpClientTlsTest, TheSystemsAuthoritiesDoNotVouchForIt) {
  ServeAs(authority_.Issue("localhost"));
  Connect();
  ExpectError(Get(), Reason::kExchangeUnreachable, "certificate is not trusted");
  EXPECT_EQ(server_->call_count(), 0U);
}

TEST_F(HttpClientTlsTest, AnotherNameIsNotTrusted) {
  ServeAs(authority_.Issue("exchange.test"));
  ConnectTrusting(authority_);
  ExpectError(Get(), Reason::kExchangeUnreachable, "certificate is not trusted");
  EXPECT_EQ(server_->call_count(), 0U);
}

TEST_F(HttpClientTlsTest, DroppedConnectionsAreTriedAgain) {
  ServeAs(authority_.Issue("localhost"));
  ConnectTrusting(authority_);
  server_->FailNext({{.drop = Fault::Drop::kBeforeEffect}, {.cut_body_at = 1}});
  const Result<HttpResponse> answer = Get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "ok");
}

TEST_F(HttpClientTlsTest, AServerWithoutTlsIsNotTalkedTo) {
  Serve();
  HttpOptions options = Options();
  options.base_url.replace(0, 4, "https");
  options.connect_timeout = std::chrono::milliseconds(300);
  options.attempts = 1;
  Connect(options);
  ExpectError(Get(), Reason::kExchangeUnreachable, "in time");
  EXPECT_EQ(server_->call_count(), 0U);
}

}  // namespace
}  // namespace hashgate::exchange
