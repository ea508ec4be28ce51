// How large the spans of time are that entries are asked for in.
//
// NCMEC's API answers for a span of time, and in no order of time within it: only a span that was read to its
// end can be put behind. Long chains of pages tend to fail near their end, and single seconds may hold a bulk
// load. So spans shrink where much came or a chain failed, and grow where little came. Source of the
// observations: github.com/facebook/ThreatExchange, python-threatexchange's ncmec client.
#pragma once

#include <chrono>
#include <cstdint>

namespace hashgate::exchange {

/// Threads: confined.
class Windows {
 public:
  struct Options {
    std::uint64_t wanted_entries = 100'000;  ///< in a span
    std::uint64_t most_entries = 250'000;    ///< beyond, a span is given up for a shorter one
    std::chrono::seconds first{std::chrono::hours(24)};
  };
  static constexpr std::chrono::seconds kShortest{1};

  explicit Windows(const Options& options) : options_(options), length_(options.first) {}

  /// Of the next span, at least kShortest.
  [[nodiscard]] std::chrono::seconds length() const { return length_; }
  /// Whether a span of that length with so many entries so far is to be given up.
  [[nodiscard]] bool IsTooMuch(std::chrono::seconds length, std::uint64_t entries) const {
    return entries > options_.most_entries && length > kShortest;
  }
  /// A span was read to its end.
  void Took(std::chrono::seconds length, std::uint64_t entries);
  /// A span was given up after so many entries.
  void GaveUp(std::chrono::seconds length, std::uint64_t entries);

 private:
  Options options_;
  std::chrono::seconds length_;
};

}  // namespace hashgate::exchange
