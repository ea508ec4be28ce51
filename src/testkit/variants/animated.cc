#include <algorithm>
#include <array>

#include "testkit/canvas.h"
#include "testkit/variants/trick.h"

namespace hashgate::testkit::variants {
namespace {

constexpr int kLong = 40;  // frames of a long animation

/// `count` whole frames of the stranger, each a little different, with the listed picture in place of one.
std::vector<PlacedFrame> Among(const Scene& scene, int count, int at) {
  std::vector<PlacedFrame> frames;
  for (int i = 0; i < count; ++i) {
    Picture frame = i == at ? scene.listed : scene.stranger;
    if (i != at) Canvas(frame).Ellipse(10 + 5 * i, frame.height / 2, 12, 12, {250, 220, 40});
    frames.push_back({.picture = std::move(frame)});
  }
  return frames;
}

/// The stranger, painted over by the listed picture part by part, and back again.
std::vector<PlacedFrame> InParts(const Scene& scene) {
  std::vector<PlacedFrame> frames = {{.picture = scene.stranger}};
  const int width = scene.listed.width / 8 * 2;
  const int height = scene.listed.height / 6 * 2;
  for (const Picture* picture : {&scene.listed, &scene.stranger}) {
    for (int top = 0; top < picture->height; top += height) {
      for (int left = 0; left < picture->width; left += width) {
        frames.push_back({.picture = Crop(*picture, left, top, std::min(width, picture->width - left),
                                          std::min(height, picture->height - top)),
                          .left = left,
                          .top = top});
      }
    }
  }
  return frames;
}

constexpr WebpOptions kWebp = {.quality = 80};

constexpr std::array kTricks = {
    Trick{"gif-second-of-3", "gif",
          [](const Scene& scene) { return EncodeGifAnimation(Among(scene, 3, 1)); }},
    Trick{"gif-middle-of-40", "gif",
          [](const Scene& scene) { return EncodeGifAnimation(Among(scene, kLong, 21)); }},
    Trick{"gif-last-of-40", "gif",
          [](const Scene& scene) { return EncodeGifAnimation(Among(scene, kLong, kLong - 1)); }},
    Trick{"gif-in-parts", "gif", [](const Scene& scene) { return EncodeGifAnimation(InParts(scene)); }},
    Trick{"apng-second-of-3", "png", [](const Scene& scene) { return EncodeApng(Among(scene, 3, 1)); }},
    Trick{"apng-default-apart", "png",
          [](const Scene& scene) { return EncodeApng(Among(scene, 3, 2), &scene.stranger); }},
    Trick{"apng-in-default-apart", "png",
          [](const Scene& scene) { return EncodeApng(Among(scene, 3, -1), &scene.listed); }},
    Trick{"apng-in-parts", "png", [](const Scene& scene) { return EncodeApng(InParts(scene)); }},
    Trick{"webp-second-of-3", "webp",
          [](const Scene& scene) { return EncodeWebpAnimation(Among(scene, 3, 1), kWebp); }},
    Trick{"webp-middle-of-40", "webp",
          [](const Scene& scene) { return EncodeWebpAnimation(Among(scene, kLong, 21), kWebp); }},
    Trick{"webp-in-parts", "webp",
          [](const Scene& scene) { return EncodeWebpAnimation(InParts(scene), kWebp); }},
};

}  // namespace

std::span<const Trick> AnimatedTricks() {
  return kTricks;
}

}  // namespace hashgate::testkit::variants
