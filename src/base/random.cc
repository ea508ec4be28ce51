#include "base/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace hashgate {

void FillRandom(std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::getrandom(out.data() + done, out.size() - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) std::abort();
    done += static_cast<std::size_t>(got);
  }
}

namespace {

/// Random bytes of which each is given out once, fetched for many ids at a time: a call of the kernel takes
/// longer than all the rest of an id.
class RandomPool {
 public:
  static constexpr std::size_t kUlidBytes = 10;

  std::span<const std::uint8_t, kUlidBytes> Take() {
    if (used_ == bytes_.size()) {
      FillRandom(bytes_);
      used_ = 0;
    }
    const std::span<const std::uint8_t, kUlidBytes> taken(bytes_.data() + used_, kUlidBytes);
    used_ += kUlidBytes;
    return taken;
  }

 private:
  std::array<std::uint8_t, 64 * kUlidBytes> bytes_{};
  std::size_t used_ = sizeof(bytes_);
};

}  // namespace

std::string NewUlid(std::int64_t unix_millis) {
  static constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  thread_local RandomPool pool;
  // 48 bits of time, then 80 random ones.
  std::uint64_t high = static_cast<std::uint64_t>(unix_millis) << 16;
  std::uint64_t low = 0;
  const auto random = pool.Take();
  high |= static_cast<std::uint64_t>(random[0]) << 8 | random[1];
  for (std::size_t i = 2; i < RandomPool::kUlidBytes; ++i) low = low << 8 | random[i];
  // 26 digits of 5 bits, from the last: the first holds the 3 bits at the top.
  std::string text(26, '0');
  for (std::size_t digit = 26; digit-- > 0;) {
    text[digit] = kAlphabet[low & 31];
    low = low >> 5 | high << 59;
    high >>= 5;
  }
  return text;
}

}  // namespace hashgate
