// A real HTTP server on loopback that answers as a test says, and fails as a test plans: what stands for the
// servers of exchanges. It shares no code with the client that is tested. Only for tests: what it is sent is
// bounded, but not defended.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "testing/fakes/test_certificates.h"

namespace hashgate::testing {

struct FakeRequest {
  std::string method;
  std::string target;                          ///< as sent, with its query
  std::string path;                            ///< before the query, as sent
  std::map<std::string, std::string> query;    ///< decoded
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  int connection = 0;    ///< counted from 1
  std::size_t call = 0;  ///< counted from 1 over all connections

  [[nodiscard]] std::string Header(const std::string& name) const;
  [[nodiscard]] std::string Query(const std::string& name) const;
};

/// A segment or value of a URL as text.
std::string PercentDecoded(std::string_view text);

/// What a scripted answer writes to, byte for byte.
class FakeWire {
 public:
  virtual ~FakeWire() = default;
  /// False where the client is gone or the server ends.
  virtual bool Write(std::string_view bytes) = 0;
  /// False, early, where the server ends.
  virtual bool Wait(std::chrono::milliseconds time) = 0;
};

struct FakeReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// In place of all the above: writes the answer itself; then the connection is closed.
  std::function<void(FakeWire&)> raw;
};

/// What goes wrong with one call.
struct Fault {
  enum class Drop { kNever, kBeforeEffect, kAfterEffect };
  int status = 0;  ///< answered instead of asking the handler; 0: none
  std::string retry_after;
  std::chrono::milliseconds delay{0};  ///< before the answer
  /// So many bytes of the body are sent of the length that was announced, then the connection is closed.
  std::optional<std::size_t> cut_body_at;
  Drop drop = Drop::kNever;  ///< the connection is closed without an answer, before or after the handler ran
};

/// One call as it was seen and answered.
struct FakeCall {
  FakeRequest request;
  int status = 0;           ///< 0: dropped, or scripted
  bool had_effect = false;  ///< the handler ran
};

/// Threads: the handler and the plan are asked by one connection at a time; members are thread-safe.
class FakeHttpServer {
 public:
  using Handler = std::function<FakeReply(const FakeRequest&)>;
  using Plan = std::function<std::optional<Fault>(const FakeRequest&)>;
  struct Options {
    int port = 0;  ///< 0: a free one
    /// With it the server speaks TLS.
    std::optional<ServerIdentity> identity;
    /// Calls kept for assertions, the newest ones.
    std::size_t kept_calls = 10'000;
  };

  /// Listens on 127.0.0.1. Aborts where it cannot.
  FakeHttpServer(Handler handler, Options options);
  explicit FakeHttpServer(Handler handler);
  ~FakeHttpServer();
  FakeHttpServer(const FakeHttpServer&) = delete;
  FakeHttpServer& operator=(const FakeHttpServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  /// "http://127.0.0.1:PORT", or "https://localhost:PORT" with TLS.
  [[nodiscard]] std::string base_url() const;

  /// The next calls fail so, in this order; before any plan.
  void FailNext(std::vector<Fault> faults);
  /// Asked for every call. Empty: nothing fails.
  void SetPlan(Plan plan);

  [[nodiscard]] std::vector<FakeCall> calls() const;
  /// Calls so far, those that are no longer kept included.
  [[nodiscard]] std::size_t call_count() const;
  /// Connections so far.
  [[nodiscard]] int connection_count() const;

 private:
  class Connection;
  void Accept();
  void Serve(UniqueFd socket, int number);
  // False: the connection is closed.
  bool Answer(Connection& connection, FakeRequest request);
  std::optional<Fault> NextFault(const FakeRequest& request);
  bool WaitFor(std::chrono::milliseconds time);
  void Log(FakeRequest request, int status, bool had_effect);

  const Handler handler_;
  const Options options_;
  std::shared_ptr<void> tls_;
  UniqueFd listener_;
  int port_ = 0;

  std::mutex handler_mutex_;
  mutable std::mutex mutex_;
  std::condition_variable ending_changed_;
  bool ending_ = false;
  Plan plan_;
  std::deque<Fault> next_faults_;
  std::deque<FakeCall> calls_;
  std::size_t call_count_ = 0;
  int connection_count_ = 0;
  std::map<int, int> open_sockets_;  // connection to descriptor
  std::list<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace hashgate::testing
