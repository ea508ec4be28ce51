// Servers that misbehave: whatever they send, and for however long, the client's memory and time are bounded.
#include <zlib.h>

#include <atomic>

#include "http_client_fixture.h"

namespace hashgate::exchange {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class HttpClientBoundsTest : public HttpClientTest {
 protected:
  /// A client that takes bodies of up to `bytes`.
  void ConnectWithRoomFor(std::size_t bytes) {
    HttpOptions options = Options();
    options.max_response_bytes = bytes;
    Connect(options);
  }
  void ServePacked(std::string body, std::string encoding = "gzip") {
    Serve([body, encoding](const FakeRequest&) {
      return FakeReply{.headers = {{"Content-Encoding", encoding}}, .body = body};
    });
  }
  /// Writes `head`, then `piece` again and again until the client closes, which it notes.
  void ServeEndless(std::string head, std::string piece) {
    Serve([this, head, piece](const FakeRequest&) {
      return FakeReply{.raw = [this, head, piece](FakeWire& wire) {
        wire.Write(head);
        while (wire.Write(piece)) sent_ += piece.size();
      }};
    });
  }

  std::atomic<std::size_t> sent_ = 0;
};

TEST_F(HttpClientBoundsTest, BodiesUpToTheLimitAreTaken) {
  Serve([](const FakeRequest&) { return FakeReply{.body = std::string(100'000, 'x')}; });
  ConnectWithRoomFor(100'000);
  const Result<HttpResponse> answer = Get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body.size(), 100'000U);
  ConnectWithRoomFor(99'999);
  ExpectError(Get(), Reason::kExchangeProtocol, "too large");
  EXPECT_EQ(server_->call_count(), 2U) << "asked again in vain";
}

TEST_F(HttpClientBoundsTest, EndlessBodiesAreEnded) {
  ServeEndless("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", std::string(65'536, 'x'));
  ConnectWithRoomFor(1'000'000);
  ExpectError(Get(), Reason::kExchangeProtocol, "too large");
  server_.reset();
  // What lies in the buffers of the connection counts here, and is never kept.
  EXPECT_LT(sent_, 40U << 20);
}

TEST_F(HttpClientBoundsTest, EndlessChunksAreEnded) {
  ServeEndless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n");
  ConnectWithRoomFor(10'000);
  ExpectError(Get(), Reason::kExchangeProtocol, "too large");
}

TEST_F(HttpClientBoundsTest, EndlessHeadersAreEnded) {
  for (const char* piece : {"X-A: b\r\n", "xxxxxxxxxxxxxxxx", "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n"}) {
    ServeEndless("HTTP/1.1 200 OK\r\nX: ", piece);
    if (std::string_view(piece).starts_with("HTTP")) ServeEndless(piece, piece);
    Connect();
    ExpectError(Get(), Reason::kExchangeProtocol);
  }
}

TEST_F(HttpClientBoundsTest, HeadersUpToTheLimitAreTaken) {
  Serve([](const FakeRequest&) {
    return FakeReply{.headers = {{"X-Long", std::string(30'000, 'x')}}, .body = "ok"};
  });
  HttpOptions options = Options();
  options.max_header_bytes = 31'000;
  Connect(options);
  ASSERT_TRUE(Get());
  options.max_header_bytes = 30'000;
  Connect(options);
  ExpectError(Get(), Reason::kExchangeProtocol, "headers are too large");
}

TEST_F(HttpClientBoundsTest, PackedBodiesAreUnpacked) {
  const std::string text(50'000, 'x');
  ServePacked(Gzip(text));
  ConnectWithRoomFor(50'000);
  const Result<HttpResponse> answer = Get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, text);
}

TEST_F(HttpClientBoundsTest, WhatUnpacksBeyondTheLimitIsEnded) {
  const std::string packed = Gzip(std::string(32U << 20, 'x'));
  ASSERT_LT(packed.size(), 100'000U);
  ServePacked(packed);
  ConnectWithRoomFor(1U << 20);
  ExpectError(Get(), Reason::kExchangeProtocol, "too large");
}

TEST_F(HttpClientBoundsTest, WhatUnpacksToNothingIsEnded) {
  // A gzip header whose file name never ends.
  ServeEndless("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" +
                   std::string("\x1f\x8b\x08\x08\0\0\0\0\0\x03", 10),
               std::string(16'384, 'n'));
  ConnectWithRoomFor(1U << 20);
  ExpectError(Get(), Reason::kExchangeProtocol);
}

TEST_F(HttpClientBoundsTest, OtherEncodingsAreRefused) {
  for (const char* encoding : {"br", "deflate", "gzip, gzip", "zstd", "gzip\t,br"}) {
    ServePacked(Gzip(Gzip("x")), encoding);
    Connect();
    ExpectError(Get(), Reason::kExchangeProtocol, "encoding");
  }
  ServePacked("this is not gzip");
  Connect();
  ExpectError(Get(), Reason::kExchangeProtocol);
}

TEST_F(HttpClientBoundsTest, WhatIsNotHttpIsRefused) {
  for (const char* bytes : {"SSH-2.0-OpenSSH_9.2\r\n", "<html>plain</html>"}) {
    ServeRaw(bytes);
    Connect();
    ExpectError(Get(), Reason::kExchangeProtocol, "not HTTP");
    EXPECT_EQ(server_->call_count(), 1U);
  }
}

TEST_F(HttpClientBoundsTest, BrokenOffAnswersAreNoAnswers) {
  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"}) {
    ServeRaw(bytes);
    Connect();
    ExpectError(Get(), Reason::kExchangeUnreachable);
    EXPECT_GE(server_->call_count(), 4U) << bytes;
  }
}

TEST_F(HttpClientBoundsTest, AnAnswerHasItsTime) {
  // A byte now and then: never silent, never done.
  Serve([](const FakeRequest&) {
    return FakeReply{.raw = [](FakeWire& wire) {
      wire.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
      while (wire.Write("x") && wire.Wait(milliseconds(20))) {
      }
    }};
  });
  HttpOptions options = Options();
  options.request_timeout = milliseconds(300);
  options.attempts = 2;
  Connect(options);
  ExpectError(Get(), Reason::kExchangeUnreachable, "in time");
  EXPECT_EQ(server_->call_count(), 2U);
}

TEST_F(HttpClientBoundsTest, AStallIsNoticed) {
  Serve();
  server_->SetPlan([](const FakeRequest&) { return Fault{.delay = std::chrono::hours(1)}; });
  HttpOptions options = Options();
  options.stall_timeout = seconds(1);
  options.attempts = 1;
  Connect(options);
  ExpectError(Get(), Reason::kExchangeUnreachable, "in time");
}

}  // namespace
}  // namespace hashgate::exchange
