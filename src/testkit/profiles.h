// Colour profiles, written by the ICC specification's layout.
#pragma once

#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "testkit/rgba.h"

namespace hashgate::testkit::profiles {

inline constexpr std::array<double, 3> kSrgbLuminances = {0.2225, 0.7169, 0.0606};

using ProfileTag = std::pair<std::string, Bytes>;

inline void PutBe(Bytes& to, std::uint32_t value, int bytes) {
  for (int i = bytes; i-- > 0;) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
inline void PutText(Bytes& to, const std::string& text) {
  for (const char c : text) to.push_back(static_cast<std::uint8_t>(c));
}
inline void PutFixed(Bytes& to, double value) {
  PutBe(to, static_cast<std::uint32_t>(static_cast<std::int32_t>(std::lround(value * 65536))), 4);
}

/// A 'curv' of one power, to 1/256.
inline Bytes GammaCurve(double gamma) {
  Bytes out;
  PutText(out, "curv");
  PutBe(out, 0, 4);
  PutBe(out, 1, 4);
  PutBe(out, static_cast<std::uint32_t>(std::lround(gamma * 256)), 2);
  return out;
}

/// A 'curv' of 64 values of `curve`, which maps 0..1 to 0..1.
template <typename Curve>
Bytes TableCurve(const Curve& curve) {
  constexpr int kCount = 64;
  Bytes out;
  PutText(out, "curv");
  PutBe(out, 0, 4);
  PutBe(out, kCount, 4);
  for (int i = 0; i < kCount; ++i) {
    PutBe(out, static_cast<std::uint32_t>(std::lround(curve(i / 63.0) * 65535)), 2);
  }
  return out;
}

/// A 'para' of the given kind.
inline Bytes Function(int kind, const std::vector<double>& parameters) {
  Bytes out;
  PutText(out, "para");
  PutBe(out, 0, 4);
  PutBe(out, static_cast<std::uint32_t>(kind), 2);
  PutBe(out, 0, 2);
  for (const double parameter : parameters) PutFixed(out, parameter);
  return out;
}
inline Bytes SrgbFunction() {
  return Function(3, {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045});
}

inline Bytes CodePoints(int primaries, int transfer) {
  Bytes out;
  PutText(out, "cicp");
  PutBe(out, 0, 4);
  for (const int value : {primaries, transfer, 0, 1}) out.push_back(static_cast<std::uint8_t>(value));
  return out;
}

/// A display profile of the given space and tags.
inline Bytes ProfileOf(const std::string& space, const std::vector<ProfileTag>& tags) {
  Bytes data;
  Bytes table;
  PutBe(table, static_cast<std::uint32_t>(tags.size()), 4);
  const std::size_t start = 132 + tags.size() * 12;
  for (const auto& [name, value] : tags) {
    PutText(table, name);
    PutBe(table, static_cast<std::uint32_t>(start + data.size()), 4);
    PutBe(table, static_cast<std::uint32_t>(value.size()), 4);
    data.insert(data.end(), value.begin(), value.end());
    while (data.size() % 4 != 0) data.push_back(0);
  }
  Bytes out;
  PutBe(out, static_cast<std::uint32_t>(start + data.size()), 4);
  PutText(out, "test");
  PutBe(out, 0x04200000, 4);
  PutText(out, "mntr");
  PutText(out, space);
  PutText(out, "XYZ ");
  out.resize(36);
  PutText(out, "acsp");
  out.resize(128);
  out.insert(out.end(), table.begin(), table.end());
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

/// An RGB profile: three primaries of these luminances, one curve for all, and `more` tags.
inline Bytes Profile(const std::array<double, 3>& luminances, const Bytes& curve,
                     const std::vector<ProfileTag>& more = {}) {
  std::vector<ProfileTag> tags;
  const std::array<std::string, 3> channels = {"r", "g", "b"};
  for (std::size_t i = 0; i < 3; ++i) {
    Bytes primary;
    PutText(primary, "XYZ ");
    PutBe(primary, 0, 4);
    for (const double value : {0.3, luminances[i], 0.2}) PutFixed(primary, value);
    tags.emplace_back(channels[i] + "XYZ", primary);
    tags.emplace_back(channels[i] + "TRC", curve);
  }
  tags.insert(tags.end(), more.begin(), more.end());
  return ProfileOf("RGB ", tags);
}

inline Bytes GreyProfile(const Bytes& curve) {
  return ProfileOf("GRAY", {{"kTRC", curve}});
}

}  // namespace hashgate::testkit::profiles
