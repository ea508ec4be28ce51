#include "testkit/pictures.h"

#include <algorithm>

#include "testkit/canvas.h"
#include "testkit/draw_flat.h"
#include "testkit/noise_field.h"
#include "testkit/random_source.h"

namespace hashgate::testkit {
namespace {

Picture DrawGradient(RandomSource& random, int width, int height) {
  Picture picture = MakePicture(width, height);
  const int from[3] = {random.Range(0, 255), random.Range(0, 255), random.Range(0, 255)};
  const int to[3] = {random.Range(0, 255), random.Range(0, 255), random.Range(0, 255)};
  const int along_x = random.Range(0, 4);
  const int along_y = 4 - along_x;
  const int span = std::max(1, along_x * (width - 1) + along_y * (height - 1));
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int t = along_x * x + along_y * y;
      for (int c = 0; c < 3; ++c) {
        picture.pixels[at++] = static_cast<std::uint8_t>(from[c] + (to[c] - from[c]) * t / span);
      }
    }
  }
  return picture;
}

Picture DrawSingleColour(RandomSource& random, int width, int height) {
  Picture picture = MakePicture(width, height);
  const Colour colour{static_cast<std::uint8_t>(random.Range(0, 255)),
                      static_cast<std::uint8_t>(random.Range(0, 255)),
                      static_cast<std::uint8_t>(random.Range(0, 255))};
  Canvas(picture).Box(0, 0, width, height, colour);
  return picture;
}

Picture DrawLattice(RandomSource& random, int width, int height) {
  // The product of a curve across and a curve down has a DCT of rank one, whatever the curves are.
  std::vector<int> across(static_cast<std::size_t>(width));
  std::vector<int> down(static_cast<std::size_t>(height));
  NoiseField(static_cast<std::uint32_t>(random.Next()), {14, 1, 2, 60}, width, height).Row(0, across);
  NoiseField(static_cast<std::uint32_t>(random.Next()), {14, 1, 2, 60}, height, width).Row(0, down);
  Picture picture = MakePicture(width, height);
  std::size_t at = 0;
  for (const int v : down) {
    for (const int u : across) {
      const int grey = std::clamp(128 + u * v / 1024, 0, 255);
      for (int c = 0; c < 3; ++c) picture.pixels[at++] = static_cast<std::uint8_t>(grey);
    }
  }
  return picture;
}

}  // namespace

Picture MakePicture(int width, int height, int channels) {
  Picture picture{width, height, channels, {}};
  picture.pixels.resize(picture.offset(0, height));
  return picture;
}

std::string_view PictureKindName(PictureKind kind) {
  switch (kind) {
    case PictureKind::kPhoto: return "photo";
    case PictureKind::kScreenshot: return "screenshot";
    case PictureKind::kEmoji: return "emoji";
    case PictureKind::kTextPage: return "textpage";
    case PictureKind::kGradient: return "gradient";
    case PictureKind::kFlat: return "flat";
    case PictureKind::kLattice: return "lattice";
  }
  return "photo";
}

Picture Draw(PictureKind kind, std::uint64_t seed, int width, int height) {
  // Each kind draws from its own sequence, so that neighbouring seeds of two kinds share nothing.
  RandomSource random(seed * 0xd1342543de82ef95ULL + static_cast<std::uint64_t>(kind) + 1);
  switch (kind) {
    case PictureKind::kPhoto: return DrawPhoto(seed, width, height);
    case PictureKind::kScreenshot: return DrawScreenshot(random, width, height);
    case PictureKind::kEmoji: return DrawEmoji(random, width, height);
    case PictureKind::kTextPage: return DrawTextPage(random, width, height);
    case PictureKind::kGradient: return DrawGradient(random, width, height);
    case PictureKind::kFlat: return DrawSingleColour(random, width, height);
    case PictureKind::kLattice: return DrawLattice(random, width, height);
  }
  return {};
}

std::vector<Picture> DrawAnimation(std::uint64_t seed, int width, int height, int count) {
  RandomSource random(seed ^ 0xa1f3a7e5ULL);
  const Picture ground = DrawPhoto(seed + 0x5eed, width, height, {.noise = 0});
  struct Mover {
    int x, y, step_x, step_y, radius;
    Colour colour;
  };
  std::vector<Mover> movers;
  for (int i = random.Range(2, 6); i > 0; --i) {
    movers.push_back(
        {random.Range(0, width),
         random.Range(0, height),
         random.Range(-width / 12 - 1, width / 12 + 1),
         random.Range(-height / 12 - 1, height / 12 + 1),
         random.Range(2, 3 + width / 6),
         {static_cast<std::uint8_t>(random.Range(0, 255)), static_cast<std::uint8_t>(random.Range(0, 255)),
          static_cast<std::uint8_t>(random.Range(0, 255))}});
  }
  std::vector<Picture> frames;
  for (int i = 0; i < count; ++i) {
    Picture frame = ground;
    Canvas canvas(frame);
    for (Mover& mover : movers) {
      canvas.Ellipse(mover.x, mover.y, mover.radius, mover.radius, mover.colour);
      mover.x = (mover.x + mover.step_x + width) % width;
      mover.y = (mover.y + mover.step_y + height) % height;
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

}  // namespace hashgate::testkit
