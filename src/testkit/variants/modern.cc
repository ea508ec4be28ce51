#include <array>
#include <stdexcept>

#include "testkit/modern_encoders.h"
#include "testkit/variants/trick.h"

namespace hashgate::testkit::variants {
namespace {

Rgba ToRgba(const Picture& picture) {
  const Picture opaque = WithAlpha(picture);
  return {.width = opaque.width, .height = opaque.height, .samples = opaque.pixels};
}

/// These encoders throw.
template <typename Encode>
Result<Bytes> Guarded(const Encode& encode) {
  try {
    return encode();
  } catch (const std::runtime_error& refusal) {
    return Fail(Reason::kInvariantBroken, refusal.what());
  }
}

constexpr std::array kTricks = {
    Trick{"heic", "heic",
          [](const Scene& scene) { return Guarded([&] { return EncodeHeic(ToRgba(scene.listed)); }); }},
    Trick{"heic-second-picture", "heic",
          [](const Scene& scene) {
            return Guarded(
                [&] { return EncodeHeic(ToRgba(scene.stranger), {.others = {ToRgba(scene.listed)}}); });
          }},
    Trick{"avif", "avif",
          [](const Scene& scene) { return Guarded([&] { return EncodeAvif({ToRgba(scene.listed)}); }); }},
    Trick{"avif-second-of-3", "avif",
          [](const Scene& scene) {
            return Guarded([&] {
              return EncodeAvif({ToRgba(scene.stranger), ToRgba(scene.listed), ToRgba(scene.stranger)});
            });
          }},
};

}  // namespace

std::span<const Trick> ModernTricks() {
  return kTricks;
}

}  // namespace hashgate::testkit::variants
