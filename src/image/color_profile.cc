#include "image/color_profile.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

#include "decode/byte_order.h"

namespace hashgate::image {
namespace {

using decode::Be16;
using decode::Be32;

constexpr std::size_t kHeaderBytes = 128;
constexpr std::size_t kMaxTags = 100;
// Between these powers PDQ stays within 24 bits of the samples' own hash (measured on generated photographs:
// 13 bits in the mean at either end); linear samples, a power of 1, are up to 36 bits away.
constexpr double kLeastGamma = 1.4;
constexpr double kMostGamma = 3.2;
// Curves of sixteenths: where a curve is looked at.
constexpr int kSteps = 16;

bool Is(ByteSpan bytes, std::size_t at, std::string_view text) {
  return std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

double Fixed(ByteSpan bytes, std::size_t at) {
  return static_cast<double>(static_cast<std::int32_t>(Be32(bytes, at))) / 65536.0;
}

/// A curve that goes up from dark to light between the powers that are in use.
template <typename Curve>
bool IsUsualCurve(const Curve& curve) {
  constexpr double kSlack = 0.03;
  double before = -kSlack;
  for (int i = 0; i <= kSteps; ++i) {
    const double x = static_cast<double>(i) / kSteps;
    const double y = curve(x);
    // Written so that no number at all is unusual too.
    if (!(y >= before && y >= std::pow(x, kMostGamma) - kSlack && y <= std::pow(x, kLeastGamma) + kSlack)) {
      return false;
    }
    before = y;
  }
  return true;
}

bool IsUsualTable(ByteSpan tag) {
  const std::size_t count = Be32(tag, 8);
  if (count > (tag.size() - 12) / 2) return false;
  if (count == 0) return false;  // no curve at all: linear samples
  if (count == 1) return tag.size() >= 14 && !IsUnusualGamma(Be16(tag, 12) / 256.0);
  for (std::size_t i = 1; i < count; ++i) {
    if (Be16(tag, 12 + 2 * i) < Be16(tag, 10 + 2 * i)) return false;
  }
  return IsUsualCurve([&](double x) {
    const double at = x * static_cast<double>(count - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, count - 1);
    const double part = at - static_cast<double>(low);
    return (Be16(tag, 12 + 2 * low) * (1 - part) + Be16(tag, 12 + 2 * high) * part) / 65535.0;
  });
}

/// The functions of ICC.1:2022, 10.18: a power, with an offset and a linear part near black.
bool IsUsualFunction(ByteSpan tag) {
  constexpr std::array<std::size_t, 5> kParameters = {1, 3, 4, 5, 7};
  const std::size_t kind = Be16(tag, 8);
  if (kind >= kParameters.size() || tag.size() < 12 + 4 * kParameters[kind]) return false;
  std::array<double, 7> p{};
  for (std::size_t i = 0; i < kParameters[kind]; ++i) p[i] = Fixed(tag, 12 + 4 * i);
  const double power = p[0];
  const double a = kind == 0 ? 1 : p[1];
  const double b = kind == 0 ? 0 : p[2];
  return IsUsualCurve([&](double x) {
    const auto curved = [&] { return std::pow(std::max(a * x + b, 0.0), power); };
    switch (kind) {
      case 1: return a * x + b >= 0 ? curved() : 0.0;
      case 2: return (a * x + b >= 0 ? curved() : 0.0) + p[3];
      case 3: return x >= p[4] ? curved() : p[3] * x;
      case 4: return x >= p[4] ? curved() + p[5] : p[3] * x + p[6];
      default: return curved();
    }
  });
}

/// The tags of a profile that were asked for.
class Tags {
 public:
  /// Nullopt where the table does not fit or a tag is there twice, or one that brings look-up tables.
  static std::optional<Tags> Read(ByteSpan profile) {
    const std::size_t count = Be32(profile, kHeaderBytes);
    if (count > kMaxTags || profile.size() < kHeaderBytes + 4 + count * 12) return std::nullopt;
    Tags tags(profile, count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = tags.Entry(i);
      if (Is(profile, at, "A2B") || Is(profile, at, "D2B")) return std::nullopt;
      for (std::size_t k = 0; k < i; ++k) {
        if (std::memcmp(profile.data() + at, profile.data() + tags.Entry(k), 4) == 0) return std::nullopt;
      }
    }
    return tags;
  }

  /// The tag's data, at least 12 bytes; empty where it is not there or does not fit.
  [[nodiscard]] ByteSpan Find(std::string_view name) const {
    for (std::size_t i = 0; i < count_; ++i) {
      if (!Is(profile_, Entry(i), name)) continue;
      const std::size_t offset = Be32(profile_, Entry(i) + 4);
      const std::size_t size = Be32(profile_, Entry(i) + 8);
      if (size < 12 || offset > profile_.size() || size > profile_.size() - offset) return {};
      return profile_.subspan(offset, size);
    }
    return {};
  }

  [[nodiscard]] bool HasUsualCurve(std::string_view name) const {
    const ByteSpan tag = Find(name);
    if (tag.empty()) return false;
    if (Is(tag, 0, "curv")) return IsUsualTable(tag);
    return Is(tag, 0, "para") && IsUsualFunction(tag);
  }

  /// The luminance of a primary; nullopt where it is not there.
  [[nodiscard]] std::optional<double> Luminance(std::string_view name) const {
    const ByteSpan tag = Find(name);
    if (tag.size() < 20 || !Is(tag, 0, "XYZ ")) return std::nullopt;
    return Fixed(tag, 12);
  }

 private:
  Tags(ByteSpan profile, std::size_t count) : profile_(profile), count_(count) {}

  [[nodiscard]] std::size_t Entry(std::size_t i) const { return kHeaderBytes + 4 + i * 12; }

  ByteSpan profile_;
  std::size_t count_;
};

bool IsUsualRgb(const Tags& tags) {
  const auto red = tags.Luminance("rXYZ");
  const auto green = tags.Luminance("gXYZ");
  const auto blue = tags.Luminance("bXYZ");
  return red && green && blue && !AreUnusualLuminances({*red, *green, *blue}) && tags.HasUsualCurve("rTRC") &&
         tags.HasUsualCurve("gTRC") && tags.HasUsualCurve("bTRC");
}

}  // namespace

bool AreUnusualLuminances(const std::array<double, 3>& luminances) {
  // From the darkest to the brightest of the spaces named in the header, with room on both sides.
  struct Range {
    double least;
    double most;
  };
  constexpr std::array<Range, 3> kUsual = {{{0.15, 0.40}, {0.50, 0.85}, {-0.02, 0.15}}};
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    if (!(luminances[i] >= kUsual[i].least && luminances[i] <= kUsual[i].most)) return true;
    sum += luminances[i];
  }
  return !(sum > 0.9 && sum < 1.1);
}

/// Luminances of the primaries: those whose sum is white with luminance 1. Source: SMPTE RP 177.
bool AreUnusualPrimaries(const std::array<Chromaticity, 4>& points) {
  const Chromaticity& white = points[0];
  if (white.y <= 0) return true;
  const auto [r, g, b] = std::array{points[1], points[2], points[3]};
  const auto determinant = [](const Chromaticity& p, const Chromaticity& q, const Chromaticity& s) {
    return (q.x - p.x) * (s.y - p.y) - (s.x - p.x) * (q.y - p.y);
  };
  const double all = determinant(r, g, b);
  if (!(std::abs(all) > 1e-6)) return true;
  // Barycentric shares of white, weighed by each primary's own y.
  return AreUnusualLuminances({determinant(white, g, b) / all * r.y / white.y,
                               determinant(r, white, b) / all * g.y / white.y,
                               determinant(r, g, white) / all * b.y / white.y});
}

bool IsUnusualGamma(double gamma) {
  return !(gamma >= kLeastGamma && gamma <= kMostGamma);
}

bool AreUnusualCodePoints(unsigned primaries, unsigned transfer) {
  constexpr std::array<unsigned, 6> kPrimaries = {1, 5, 6, 7, 9, 12};
  constexpr std::array<unsigned, 7> kTransfers = {1, 4, 5, 6, 13, 14, 15};
  return std::ranges::find(kPrimaries, primaries) == kPrimaries.end() ||
         std::ranges::find(kTransfers, transfer) == kTransfers.end();
}

bool AreUnusualHeifCodePoints(unsigned primaries, unsigned transfer) {
  constexpr unsigned kUnspecified = 2;
  constexpr unsigned kSrgbPrimaries = 1;
  constexpr unsigned kSrgbTransfer = 13;
  return AreUnusualCodePoints(primaries == kUnspecified ? kSrgbPrimaries : primaries,
                              transfer == kUnspecified ? kSrgbTransfer : transfer);
}

bool IsUnusualProfile(ByteSpan profile) {
  if (profile.size() < kHeaderBytes + 4) return true;
  const std::size_t declared = Be32(profile, 0);
  if (declared < kHeaderBytes + 4 || declared > profile.size() || !Is(profile, 36, "acsp")) return true;
  profile = profile.first(declared);
  if (!Is(profile, 12, "mntr") && !Is(profile, 12, "scnr")) return true;
  if (!Is(profile, 20, "XYZ ")) return true;
  const std::optional<Tags> tags = Tags::Read(profile);
  if (!tags) return true;
  // Code points overrule curves and primaries in programs that know them.
  if (const ByteSpan points = tags->Find("cicp");
      !points.empty() && AreUnusualCodePoints(points[8], points[9])) {
    return true;
  }
  if (Is(profile, 16, "RGB ")) return !IsUsualRgb(*tags);
  return !Is(profile, 16, "GRAY") || !tags->HasUsualCurve("kTRC");
}

}  // namespace hashgate::image
