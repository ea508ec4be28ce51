#include "http/deadline_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "base/unique_fd.h"

namespace hashgate::http {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Waits are cut into slices, so that a server that ends is noticed.
constexpr milliseconds kSlice{100};

bool WaitFor(int fd, short events, Clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{fd, events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

/// A socket whose reads and writes all end by one deadline, and from which a request of bounded size is read:
/// httplib limits neither the length of a header line nor how many there are.
class DeadlineStream final : public httplib::Stream {
 public:
  DeadlineStream(int fd, std::size_t max_bytes) : fd_(fd), bytes_left_(max_bytes) {}

  void SetDeadline(Clock::time_point deadline) { deadline_ = deadline; }

  [[nodiscard]] bool is_readable() const override { return HasMore() || WaitFor(fd_, POLLIN, deadline_); }
  [[nodiscard]] bool is_writable() const override { return WaitFor(fd_, POLLOUT, deadline_); }
  ssize_t read(char* to, std::size_t size) override {
    if (!HasMore()) {
      const std::size_t wanted = std::min(buffer_.size(), bytes_left_);
      if (wanted == 0 || !is_readable()) return -1;
      const ssize_t count = ::recv(fd_, buffer_.data(), wanted, 0);
      if (count <= 0) return count;
      bytes_left_ -= static_cast<std::size_t>(count);
      at_ = 0;
      size_ = static_cast<std::size_t>(count);
    }
    const std::size_t count = std::min(size, size_ - at_);
    std::copy_n(buffer_.data() + at_, count, to);
    at_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, std::size_t size) override {
    if (!is_writable()) return -1;
    return ::send(fd_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  // Nothing here asks for addresses.
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  [[nodiscard]] socket_t socket() const override { return fd_; }

 private:
  [[nodiscard]] bool HasMore() const { return at_ < size_; }

  const int fd_;
  std::size_t bytes_left_;
  Clock::time_point deadline_;
  std::array<char, 4096> buffer_{};
  std::size_t at_ = 0;
  std::size_t size_ = 0;
};

}  // namespace

bool DeadlineServer::process_and_close_socket(socket_t socket) {
  const UniqueFd owner(socket);
  DeadlineStream stream(socket, max_request_bytes_);
  const auto until = Clock::now() + silence_time_;
  bool readable = false;
  while (!readable && Clock::now() < until && svr_sock_ != INVALID_SOCKET) {
    readable = WaitFor(socket, POLLIN, std::min(until, Clock::now() + kSlice));
  }
  bool good = readable;
  if (readable) {
    stream.SetDeadline(Clock::now() + request_time_);
    bool closed = false;
    good = process_request(stream, true, closed, nullptr);
  }
  ::shutdown(socket, SHUT_RDWR);
  return good;
}

}  // namespace hashgate::http
