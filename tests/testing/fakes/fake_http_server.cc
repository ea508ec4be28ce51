#include "testing/fakes/fake_http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace hashgate::testing {
namespace {

constexpr std::size_t kMostHeadBytes = 1U << 20;
constexpr std::size_t kMostBodyBytes = 64U << 20;

void Require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "fake server: %s\n", what);
  std::abort();
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

void ReadTarget(FakeRequest& request) {
  const std::size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark == std::string::npos) return;
  std::string_view rest = std::string_view(request.target).substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(pair.size(), equals + 1));
    request.query[PercentDecoded(pair.substr(0, equals))] = PercentDecoded(value);
  }
}

FakeRequest ReadHead(std::string_view head) {
  FakeRequest request;
  const std::string_view first = head.substr(0, head.find("\r\n"));
  const std::size_t space = std::min(first.find(' '), first.size());
  const std::size_t second = std::min(first.find(' ', space + 1), first.size());
  request.method = first.substr(0, space);
  if (second > space) request.target = first.substr(space + 1, second - space - 1);
  ReadTarget(request);
  std::string_view rest = head.substr(std::min(head.size(), first.size() + 2));
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(line.size(), colon + 1));
    while (value.starts_with(' ')) value.remove_prefix(1);
    request.headers[LowerCase(line.substr(0, colon))] = value;
  }
  return request;
}

std::shared_ptr<void> MakeTls(const ServerIdentity& identity) {
  const auto bio = [](const std::string& pem) {
    return std::unique_ptr<BIO, decltype(&BIO_free)>(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  };
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(bio(identity.certificate_pem).get(), nullptr, nullptr, nullptr), &X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(bio(identity.key_pem).get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  Require(context != nullptr && SSL_CTX_use_certificate(context.get(), certificate.get()) == 1 &&
              SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1,
          "the certificate does not load");
  return context;
}

}  // namespace

std::string PercentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string FakeRequest::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::string FakeRequest::Query(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

/// One client's connection, with or without TLS. Threads: confined.
class FakeHttpServer::Connection final : public FakeWire {
 public:
  Connection(FakeHttpServer& server, int fd) : server_(server), fd_(fd) {}

  bool Start() {
    if (server_.tls_ == nullptr) return true;
    ssl_.reset(SSL_new(static_cast<SSL_CTX*>(server_.tls_.get())));
    return ssl_ != nullptr && SSL_set_fd(ssl_.get(), fd_) == 1 && SSL_accept(ssl_.get()) == 1;
  }

  // Empty: the client is gone, or sends what is no request.
  std::optional<FakeRequest> Read() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (buffer_.size() > kMostHeadBytes || !ReadMore()) return std::nullopt;
    }
    FakeRequest request = ReadHead(std::string_view(buffer_).substr(0, end));
    const std::string length = request.Header("content-length");
    std::size_t size = 0;
    std::from_chars(length.data(), length.data() + length.size(), size);
    if (size > kMostBodyBytes) return std::nullopt;
    while (buffer_.size() < end + 4 + size) {
      if (!ReadMore()) return std::nullopt;
    }
    request.body = buffer_.substr(end + 4, size);
    buffer_.erase(0, end + 4 + size);
    return request;
  }

  bool Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const long sent = ssl_ != nullptr ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                                        : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  bool Wait(std::chrono::milliseconds time) override { return server_.WaitFor(time); }

 private:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  bool ReadMore() {
    char piece[16'384];
    const long got =
        ssl_ != nullptr ? SSL_read(ssl_.get(), piece, sizeof piece) : ::recv(fd_, piece, sizeof piece, 0);
    if (got <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(got));
    return true;
  }

  FakeHttpServer& server_;
  const int fd_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  std::string buffer_;
};

FakeHttpServer::FakeHttpServer(Handler handler) : FakeHttpServer(std::move(handler), Options{}) {}

FakeHttpServer::FakeHttpServer(Handler handler, Options options)
    : handler_(std::move(handler)), options_(std::move(options)) {
  if (options_.identity) tls_ = MakeTls(*options_.identity);
  listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  Require(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
              ::listen(listener_.get(), 64) == 0 &&
              ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0,
          "cannot listen");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this] { Accept(); });
}

FakeHttpServer::~FakeHttpServer() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
    for (const auto& [connection, fd] : open_sockets_) ::shutdown(fd, SHUT_RDWR);
  }
  ending_changed_.notify_all();
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  threads_.clear();
}

std::string FakeHttpServer::base_url() const {
  return (tls_ == nullptr ? "http://127.0.0.1:" : "https://localhost:") + std::to_string(port_);
}

void FakeHttpServer::FailNext(std::vector<Fault> faults) {
  const std::lock_guard<std::mutex> lock(mutex_);
  next_faults_.insert(next_faults_.end(), faults.begin(), faults.end());
}

void FakeHttpServer::SetPlan(Plan plan) {
  const std::lock_guard<std::mutex> lock(mutex_);
  plan_ = std::move(plan);
}

std::vector<FakeCall> FakeHttpServer::calls() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return {calls_.begin(), calls_.end()};
}

std::size_t FakeHttpServer::call_count() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return call_count_;
}

int FakeHttpServer::connection_count() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return connection_count_;
}

void FakeHttpServer::Accept() {
  while (true) {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::lock_guard<std::mutex> lock(mutex_);
    if (ending_) return;
    if (!socket.valid()) continue;
    const int number = ++connection_count_;
    open_sockets_[number] = socket.get();
    threads_.emplace_back(
        [this, number, held = std::move(socket)]() mutable { Serve(std::move(held), number); });
  }
}

void FakeHttpServer::Serve(UniqueFd socket, int number) {
  // OpenSSL writes without asking to be spared the signal.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Connection connection(*this, socket.get());
  bool open = connection.Start();
  while (open) {
    std::optional<FakeRequest> request = connection.Read();
    if (!request) break;
    request->connection = number;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      request->call = ++call_count_;
    }
    open = Answer(connection, *std::move(request));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  open_sockets_.erase(number);
  ::shutdown(socket.get(), SHUT_RDWR);
}

bool FakeHttpServer::Answer(Connection& connection, FakeRequest request) {
  const Fault fault = NextFault(request).value_or(Fault{});
  if (fault.drop == Fault::Drop::kBeforeEffect) {
    Log(std::move(request), 0, false);
    return false;
  }
  FakeReply reply;
  const bool has_effect = fault.status == 0;
  if (has_effect) {
    const std::lock_guard<std::mutex> lock(handler_mutex_);
    reply = handler_(request);
  } else {
    reply.status = fault.status;
  }
  const bool is_dropped = fault.drop == Fault::Drop::kAfterEffect;
  const bool is_head = request.method == "HEAD";
  Log(std::move(request), is_dropped || reply.raw ? 0 : reply.status, has_effect);
  if (is_dropped || !WaitFor(fault.delay)) return false;
  if (reply.raw) {
    reply.raw(connection);
    return false;
  }
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Status\r\n";
  if (!fault.retry_after.empty()) head += "Retry-After: " + fault.retry_after + "\r\n";
  for (const auto& [name, value] : reply.headers) head.append(name).append(": ").append(value).append("\r\n");
  const bool has_body = reply.status != 204 && reply.status != 304;
  if (has_body) head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  head += "\r\n";
  std::string_view body = has_body && !is_head ? std::string_view(reply.body) : std::string_view();
  const bool is_cut = fault.cut_body_at && *fault.cut_body_at < body.size();
  if (is_cut) body = body.substr(0, *fault.cut_body_at);
  return connection.Write(head) && connection.Write(body) && !is_cut;
}

std::optional<Fault> FakeHttpServer::NextFault(const FakeRequest& request) {
  Plan plan;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!next_faults_.empty()) {
      Fault fault = next_faults_.front();
      next_faults_.pop_front();
      return fault;
    }
    plan = plan_;
  }
  const std::lock_guard<std::mutex> lock(handler_mutex_);
  return plan ? plan(request) : std::nullopt;
}

bool FakeHttpServer::WaitFor(std::chrono::milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return !ending_changed_.wait_for(lock, time, [this] { return ending_; });
}

void FakeHttpServer::Log(FakeRequest request, int status, bool had_effect) {
  const std::lock_guard<std::mutex> lock(mutex_);
  calls_.push_back({std::move(request), status, had_effect});
  if (calls_.size() > options_.kept_calls) calls_.pop_front();
}

}  // namespace hashgate::testing
