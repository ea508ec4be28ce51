#include "exchange/ncmec/windows.h"

#include <algorithm>

namespace hashgate::exchange {
namespace {

constexpr std::chrono::seconds kLongest{std::chrono::hours(24) * 365 * 50};
constexpr double kGrow = 4;

std::chrono::seconds Scaled(std::chrono::seconds length, double factor) {
  const double scaled = static_cast<double>(length.count()) * factor;
  const double most = static_cast<double>(kLongest.count());
  return std::clamp(std::chrono::seconds(static_cast<std::int64_t>(std::min(scaled, most))),
                    Windows::kShortest, kLongest);
}

}  // namespace

void Windows::Took(std::chrono::seconds length, std::uint64_t entries) {
  const double wanted = static_cast<double>(options_.wanted_entries);
  length_ =
      Scaled(length, std::min(wanted / static_cast<double>(std::max<std::uint64_t>(entries, 1)), kGrow));
}

void Windows::GaveUp(std::chrono::seconds length, std::uint64_t entries) {
  const double wanted = static_cast<double>(options_.wanted_entries);
  const double share = wanted / 2 / static_cast<double>(std::max<std::uint64_t>(entries, 1));
  length_ = Scaled(length, std::min(share, 0.5));
}

}  // namespace hashgate::exchange
