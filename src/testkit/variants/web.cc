#include <array>

#include "testkit/variants/trick.h"

namespace hashgate::testkit::variants {
namespace {

template <BmpOptions kOptions>
Result<Bytes> Bmp(const Scene& scene) {
  return EncodeBmp(scene.listed, kOptions);
}

Result<Bytes> HalfClearWebp(const Scene& scene, bool lossless) {
  Picture picture = WithAlpha(scene.listed);
  for (std::size_t i = 3; i < picture.pixels.size(); i += 4) picture.pixels[i] = 150;
  return EncodeWebp(picture, {.lossless = lossless, .quality = lossless ? 20 : 85});
}

constexpr std::array kTricks = {
    Trick{"gif", "gif", [](const Scene& scene) { return EncodeGif({&scene.listed, 1}); }},
    Trick{"webp", "webp", [](const Scene& scene) { return EncodeWebp(scene.listed, {.quality = 80}); }},
    Trick{"webp-lossless", "webp",
          [](const Scene& scene) { return EncodeWebp(scene.listed, {.lossless = true, .quality = 20}); }},
    Trick{"webp-half-clear", "webp", [](const Scene& scene) { return HalfClearWebp(scene, false); }},
    Trick{"webp-lossless-half-clear", "webp", [](const Scene& scene) { return HalfClearWebp(scene, true); }},
    Trick{"webp-cut-at-90", "webp",
          [](const Scene& scene) -> Result<Bytes> {
            HASHGATE_ASSIGN_OR_RETURN(Bytes webp, EncodeWebp(scene.listed));
            webp.resize(webp.size() * 9 / 10);
            return webp;
          }},
    Trick{"bmp-8", "bmp", Bmp<{.bits = 8}>},
    Trick{"bmp-24", "bmp", Bmp<{.bits = 24}>},
    Trick{"bmp-24-top-down", "bmp", Bmp<{.bits = 24, .top_down = true}>},
    Trick{"bmp-32", "bmp", Bmp<{.bits = 32}>},
    Trick{"bmp-32-top-down", "bmp", Bmp<{.bits = 32, .top_down = true}>},
};

}  // namespace

std::span<const Trick> WebTricks() {
  return kTricks;
}

}  // namespace hashgate::testkit::variants
