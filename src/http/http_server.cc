#include "http/http_server.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <deque>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "base/net_address.h"
#include "hashgate/version.h"
#include "http/deadline_server.h"

namespace hashgate::http {
namespace {

constexpr std::size_t kMaxBodyBytes = 8 * 1024;
constexpr std::size_t kMaxRequestBytes = 32 * 1024;

// httplib's own pool queues without bound. This one makes the accepting thread wait, so that further
// connections stay in the kernel's bounded backlog.
class BoundedQueue final : public httplib::TaskQueue {
 public:
  BoundedQueue(int threads, std::size_t max_queued) : max_queued_(max_queued) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  }
  void enqueue(std::function<void()> task) override {
    const MutexLock lock(mutex_);
    while (tasks_.size() >= max_queued_ && !ending_) WaitABit(room_);
    tasks_.push_back(std::move(task));
    wake_.NotifyOne();
  }
  void shutdown() override {
    {
      const MutexLock lock(mutex_);
      ending_ = true;
      wake_.NotifyAll();
      room_.NotifyAll();
    }
    threads_.clear();
  }

 private:
  void WaitABit(CondVar& condition) HASHGATE_REQUIRES(mutex_) {
    condition.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::seconds(1));
  }
  void Run() {
    while (true) {
      std::function<void()> task;
      {
        const MutexLock lock(mutex_);
        while (tasks_.empty() && !ending_) WaitABit(wake_);
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
        room_.NotifyOne();
      }
      task();
    }
  }

  const std::size_t max_queued_;
  Mutex mutex_;
  CondVar wake_;
  CondVar room_;
  std::deque<std::function<void()>> tasks_ HASHGATE_GUARDED_BY(mutex_);
  bool ending_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;
};

struct Address {
  std::string host;
  int port = 0;
};

Result<Address> ParseAddress(const std::string& listen) {
  const auto refuse = [] {
    return Fail(Reason::kConfigInvalid, "http.listen must be host:port", "http.listen");
  };
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) return refuse();
  int port = -1;
  const char* const end = listen.data() + listen.size();
  const auto [rest, error] = std::from_chars(listen.data() + colon + 1, end, port);
  if (error != std::errc{} || rest != end || port < 0 || port > 65'535) return refuse();
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return Address{std::move(host), port};
}

class RunningServer final : public HttpServer {
 public:
  explicit RunningServer(HttpContent content) : content_(std::move(content)) {}
  ~RunningServer() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  Status Listen(const HttpServerOptions& options, const Address& address) {
    server_.new_task_queue = [threads = options.threads, max = options.max_queued] {
      return new BoundedQueue(threads, max);  // httplib deletes it
    };
    server_.set_payload_max_length(kMaxBodyBytes);
    // Short, because each silent connection holds a thread until it is over, and probes wait behind it.
    server_.set_silence_time(std::chrono::seconds(2));
    server_.set_request_time(options.request_time);
    server_.set_max_request_bytes(kMaxRequestBytes);
    // Parts of an answer are copies of it, as many as a header has room for, and nobody here needs any. The
    // request is httplib's own and was made without const.
    server_.set_pre_routing_handler([](const httplib::Request& request, httplib::Response&) {
      const_cast<httplib::Request&>(request).ranges.clear();
      return httplib::Server::HandlerResponse::Unhandled;
    });
    // SO_REUSEPORT, httplib's default, would let two servers share the port.
    server_.set_socket_options([](socket_t socket) {
      int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    server_.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) { Ready(response); });
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(content_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    server_.Get("/", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(
          "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Hashgate</title><h1>Hashgate " +
              std::string(EngineVersion()) +
              "</h1><ul><li><a href=\"/healthz\">/healthz</a> alive<li><a href=\"/readyz\">/readyz</a> "
              "ready, and why not<li><a href=\"/metrics\">/metrics</a> Prometheus</ul></html>\n",
          "text/html");
    });
    port_ = address.port == 0 ? server_.bind_to_any_port(address.host)
                              : (server_.bind_to_port(address.host, address.port) ? address.port : -1);
    if (port_ <= 0) {
      return Fail(Reason::kAddressUnavailable,
                  "cannot listen for HTTP on " + options.listen +
                      ": the port is taken or the address is not this machine's; change http.listen",
                  "http.listen");
    }
    thread_ = std::thread([this] {
      server_.listen_after_bind();
      ended_.store(true);
    });
    // Until its loop runs, stop() does nothing and the thread would serve for ever.
    while (!server_.is_running() && !ended_.load()) std::this_thread::yield();
    return {};
  }

  [[nodiscard]] int port() const override { return port_; }

 private:
  void Ready(httplib::Response& response) {
    const std::vector<ReadyCheck> checks = content_.ready();
    const bool ready = std::ranges::all_of(checks, [](const ReadyCheck& check) { return check.ok; });
    std::string text = ready ? "ready\n" : "not ready\n";
    for (const ReadyCheck& check : checks) {
      text += (check.ok ? "ok   " : "FAIL ") + check.name + ": " + check.detail + "\n";
    }
    response.status = ready ? 200 : 503;
    response.set_content(text, "text/plain");
  }

  const HttpContent content_;
  DeadlineServer server_;
  std::thread thread_;
  std::atomic<bool> ended_ = false;
  int port_ = 0;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpContent content, const HttpServerOptions& options) {
  const Result<Address> parsed = ParseAddress(options.listen);
  if (!parsed) return std::unexpected(parsed.error());
  const Address& address = *parsed;
  const bool loopback = IsLoopbackAddress(options.listen);
  if (!loopback && !options.insecure) {
    return Fail(
        Reason::kInsecureListener,
        "http.listen is " + options.listen +
            ", which others can reach, and this version has no TLS: put a TLS proxy in front and listen on "
            "loopback, or set http.insecure: true to accept the risk",
        "http.listen");
  }
  auto server = std::make_unique<RunningServer>(std::move(content));
  HASHGATE_RETURN_IF_ERROR(server->Listen(options, address));
  return server;
}

}  // namespace hashgate::http
