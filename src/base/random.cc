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

std::string NewUlid(std::int64_t unix_millis) {
  static constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::array<std::uint8_t, 16> bytes{};
  FillRandom(std::span(bytes).subspan(6));
  for (int i = 0; i < 6; ++i)
    bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(unix_millis >> (40 - 8 * i));
  std::string text(26, '0');
  // 128 bits as 26 digits of 5 bits: the first digit holds the top 3.
  for (int digit = 0; digit < 26; ++digit) {
    unsigned value = 0;
    for (int bit = 0; bit < 5; ++bit) {
      const int position = digit * 5 + bit - 2;
      if (position < 0) continue;
      const unsigned set = (bytes[static_cast<std::size_t>(position / 8)] >> (7 - position % 8)) & 1U;
      value |= set << (4 - bit);
    }
    text[static_cast<std::size_t>(digit)] = kAlphabet[value];
  }
  return text;
}

}  // namespace hashgate
