#include "exchange/http/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <string>

#include "base/random.h"

namespace hashgate::exchange {
namespace {

constexpr std::chrono::seconds kLongest = std::chrono::days(30);

std::uint64_t RandomSeed() {
  std::uint8_t bytes[8];
  FillRandom(bytes);
  std::uint64_t seed = 0;
  for (const std::uint8_t byte : bytes) seed = seed << 8 | byte;
  return seed;
}

}  // namespace

bool IsTransientStatus(int status) {
  if (status >= 500) return status != 501 && status != 505;
  return status == 408 || status == 425 || status == 429;
}

std::chrono::milliseconds ParseRetryAfter(std::string_view value, WallTime now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (end == value.data() + value.size() && !value.empty()) {
    // A number of too many digits means long, not never.
    if (error == std::errc::result_out_of_range) return kLongest;
    return std::clamp<std::chrono::seconds>(std::chrono::seconds(seconds), {}, kLongest);
  }
  const std::optional<WallTime> date = ParseHttpDate(value);
  if (!date) return {};
  const auto left = std::chrono::ceil<std::chrono::seconds>(*date - now);
  return std::clamp<std::chrono::seconds>(left, {}, kLongest);
}

std::optional<WallTime> ParseHttpDate(std::string_view value) {
  const std::time_t date = curl_getdate(std::string(value).c_str(), nullptr);
  if (date == -1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(date);
}

Jitter::Jitter(std::chrono::milliseconds first, std::chrono::milliseconds most, std::uint64_t seed)
    : first_(first), most_(most), random_(seed == 0 ? RandomSeed() : seed) {}

std::chrono::milliseconds Jitter::After(int attempt) {
  std::chrono::milliseconds bound = std::min(first_, most_);
  for (int i = 1; i < attempt && bound < most_; ++i) bound = std::min(bound * 2, most_);
  std::uniform_int_distribution<std::int64_t> pause(0, bound.count());
  return std::chrono::milliseconds(pause(random_));
}

bool WaitUnlessStopped(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock<std::mutex> lock(mutex);
  condition.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace hashgate::exchange
