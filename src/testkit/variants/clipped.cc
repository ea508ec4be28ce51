#include "testkit/variants/clipped.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "testkit/variants/trick.h"

namespace hashgate::testkit::variants {
namespace {

/// Luma of the clamped colours of (y, 128 + chroma, 128 + chroma). Source: ITU-T T.871.
double SeenLuma(int y, int chroma) {
  const auto clamped = [](double sample) { return std::clamp(sample, 0.0, 255.0); };
  return 0.299 * clamped(y + 1.402 * chroma) + 0.587 * clamped(y - 1.058 * chroma) +
         0.114 * clamped(y + 1.772 * chroma);
}

/// What the planes are chosen from. Towards red and blue, light colours lose luma by clamping; towards green,
/// dark ones win some.
struct Range {
  int flat, stored_least, stored_most;  // of the stored luma
  int seen_least, seen_most;            // reachable from every stored luma
  int towards;                          // sign of the chroma
};
constexpr Range RangeOf(Plane plane, bool stores) {
  if (plane == Plane::kLight) return {245, 228, 255, stores ? 180 : 174, stores ? 226 : 243, 1};
  return {10, 0, 24, stores ? 26 : 12, stores ? 70 : 80, -1};
}

/// For each stored luma and wanted luma, the amount of chroma.
std::vector<std::array<std::uint8_t, 256>> MakeTable(const Range& range) {
  std::vector<std::array<std::uint8_t, 256>> table(256);
  for (int y = 0; y < 256; ++y) {
    for (int wanted = 0; wanted < 256; ++wanted) {
      double nearest = 256;
      for (int chroma = 0; chroma < 128; ++chroma) {
        const double off = std::abs(SeenLuma(y, chroma * range.towards) - wanted);
        if (off >= nearest) continue;
        nearest = off;
        table[static_cast<std::size_t>(y)][static_cast<std::size_t>(wanted)] =
            static_cast<std::uint8_t>(chroma);
      }
    }
  }
  return table;
}

int Scaled(int value, int least, int most) {
  return least + value * (most - least) / 255;
}

constexpr int kConstant = 230;   // mean of every block
constexpr int kMostSteps = 240;  // of the highest frequency: samples stay within what decoders can hold

/// The mean of a block's 64 clamped samples.
double SeenMean(int steps) {
  double sum = 0;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      const auto wave = [](int at) { return std::cos((2 * at + 1) * 7 * std::numbers::pi / 16); };
      const double sample = kConstant + steps * kJpegBlockQuantum / 4.0 * wave(x) * wave(y);
      sum += std::clamp(std::round(sample), 0.0, 255.0);
    }
  }
  return sum / 64;
}

template <Plane kPlane, bool kStoresStranger, bool kHalveChroma = false, int kTimesAsLarge = 1>
Result<Bytes> ByChroma(const Scene& scene) {
  const auto large = [](const Picture& picture) {
    return ResizeArea(picture, picture.width * kTimesAsLarge, picture.height * kTimesAsLarge);
  };
  const Picture stored = large(scene.stranger);
  return EncodeJpeg(ChromaCarries(large(scene.listed), kPlane, kStoresStranger ? &stored : nullptr),
                    {.quality = 95, .colour = JpegOptions::Colour::kStoredYcc, .halve_chroma = kHalveChroma});
}

template <int kBlocks>
Result<Bytes> ByFrequency(const Scene& scene) {
  const Picture& seen = scene.listed;
  const int longer = std::max(seen.width, seen.height);
  return FinestCarries(seen, kBlocks * seen.width / longer, kBlocks * seen.height / longer);
}

// The large ones are for decoders that take short cuts with large pictures only.
constexpr std::array kTricks = {
    Trick{"jpeg-clipped-chroma", "jpg", ByChroma<Plane::kLight, false>},
    Trick{"jpeg-clipped-chroma-halved", "jpg", ByChroma<Plane::kLight, false, true>},
    Trick{"jpeg-clipped-chroma-dark", "jpg", ByChroma<Plane::kDark, false>},
    Trick{"jpeg-clipped-chroma-other-luma", "jpg", ByChroma<Plane::kLight, true>},
    Trick{"jpeg-clipped-chroma-other-luma-dark", "jpg", ByChroma<Plane::kDark, true>},
    Trick{"jpeg-clipped-chroma-other-luma-large", "jpg", ByChroma<Plane::kLight, true, true, 3>},
    Trick{"jpeg-clipped-frequencies", "jpg", ByFrequency<240>},
    Trick{"jpeg-clipped-frequencies-large", "jpg", ByFrequency<320>},
};

}  // namespace

Picture ChromaCarries(const Picture& seen, Plane plane, const Picture* stored) {
  const Range range = RangeOf(plane, stored != nullptr);
  const auto table = MakeTable(range);
  const Picture wanted = Grey(seen);
  const Picture luma = stored != nullptr ? Grey(*stored) : MakePicture(seen.width, seen.height);
  Picture planes = MakePicture(seen.width, seen.height);
  for (std::size_t i = 0; i < planes.pixels.size(); i += 3) {
    const int y =
        stored != nullptr ? Scaled(luma.pixels[i], range.stored_least, range.stored_most) : range.flat;
    const int target = Scaled(wanted.pixels[i], range.seen_least, range.seen_most);
    const int chroma =
        128 + range.towards * table[static_cast<std::size_t>(y)][static_cast<std::size_t>(target)];
    planes.pixels[i] = static_cast<std::uint8_t>(y);
    planes.pixels[i + 1] = planes.pixels[i + 2] = static_cast<std::uint8_t>(chroma);
  }
  return planes;
}

Result<Bytes> FinestCarries(const Picture& seen, int columns, int rows) {
  std::vector<double> means;
  for (int steps = 0; steps <= kMostSteps; ++steps) means.push_back(SeenMean(steps));
  // More of the highest frequency, less of the mean: the brightest pixel of `seen` has none of it.
  const Picture wanted = Grey(ResizeArea(seen, columns, rows));
  std::vector<JpegBlock> blocks;
  for (std::size_t i = 0; i < wanted.pixels.size(); i += 3) {
    const double target = means.back() + wanted.pixels[i] * (means.front() - means.back()) / 255;
    const auto found = std::ranges::find_if(means, [&](double mean) { return mean <= target; });
    blocks.push_back({.constant = (kConstant - 128) * 8 / kJpegBlockQuantum,
                      .finest = static_cast<int>(std::min(found, means.end() - 1) - means.begin())});
  }
  return EncodeJpegBlocks(columns, rows, blocks);
}

std::span<const Trick> ClippedTricks() {
  return kTricks;
}

}  // namespace hashgate::testkit::variants
