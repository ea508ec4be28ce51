// Scenes that behave like photographs for a codec and for a perceptual hash: a lit background, ridges of
// terrain, textured and shaded shapes in front of each other, a soft lens and sensor noise.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "testkit/noise_field.h"
#include "testkit/pictures.h"
#include "testkit/random_source.h"

namespace hashgate::testkit {
namespace {

struct Rgb {
  int r = 0, g = 0, b = 0;
};

Rgb Blend(const Rgb& a, const Rgb& b, int share) {  // share of b, 0..1024
  return {a.r + (b.r - a.r) * share / 1024, a.g + (b.g - a.g) * share / 1024,
          a.b + (b.b - a.b) * share / 1024};
}
Rgb Lit(const Rgb& c, int light) {  // 1024 leaves the colour as it is
  return {c.r * light / 1024, c.g * light / 1024, c.b * light / 1024};
}
std::uint8_t Clamp(int v) {
  return static_cast<std::uint8_t>(std::clamp(v, 0, 255));
}

// Sine of whole degrees, of 1024. Source: Bhaskara I's rational approximation (7th century), in integers.
int Sine(int degrees) {
  degrees = ((degrees % 360) + 360) % 360;
  const int sign = degrees < 180 ? 1 : -1;
  const int x = degrees % 180;
  return sign * (4 * x * (180 - x) * 1024) / (40500 - x * (180 - x));
}
int Cosine(int degrees) {
  return Sine(degrees + 90);
}

Rgb RandomColour(RandomSource& random, int low, int high) {
  // One shared brightness and small differences keep most colours muted, as in photographs.
  const int base = random.Range(low, high);
  const int spread = random.Range(8, 70);
  return {std::clamp(base + random.Range(-spread, spread), 0, 255),
          std::clamp(base + random.Range(-spread, spread), 0, 255),
          std::clamp(base + random.Range(-spread, spread), 0, 255)};
}

struct Blob {
  int x = 0, y = 0, radius = 0;
  Rgb shift;
};

struct Ridge {
  std::vector<int> height;  // y of the ridge line for each pixel column, in units
  Rgb near_colour, far_colour;
  int texture = 0;  // strength of the texture, of 1024
  std::size_t field = 0;
};

enum class Outline : std::uint8_t { kEllipse, kBox, kPolygon };

struct Shape {
  Outline outline = Outline::kEllipse;
  int x = 0, y = 0, half_width = 0, half_height = 0;
  int cosine = 1024, sine = 0;
  std::array<std::array<int, 3>, 6> planes{};  // polygon: normal x, normal y (of 1024), offset
  int plane_count = 0;
  Rgb colour, second_colour;
  int pattern_x = 0, pattern_y = 0;  // period of windows or stripes in units; 0 none
  int shade = 0;                     // of 1024
  int texture = 0;
  std::size_t field = 0;
};

constexpr std::size_t kFields = 4;

struct Scene {
  Rgb sky_low, sky_high, cloud;
  int gradient_x = 0, gradient_y = 0;
  int cloud_strength = 0, ground_strength = 0;
  std::vector<Blob> blobs;
  std::vector<Ridge> ridges;
  std::vector<Shape> shapes;
  int light_x = 0, light_y = 0;
  int vignette = 0;
};

Shape RandomShape(RandomSource& random, int width_units, int height_units) {
  Shape shape;
  shape.outline = static_cast<Outline>(random.Range(0, 2));
  shape.x = random.Range(-2000, width_units + 2000);
  shape.y = random.Range(-2000, height_units + 2000);
  // Sizes spread evenly by ratio: a few large shapes, many small ones.
  static constexpr std::array<int, 8> kSizes = {900, 1400, 2100, 3200, 4800, 7200, 10800, 15000};
  const int size = kSizes[static_cast<std::size_t>(random.Range(0, 7))];
  shape.half_width = size * random.Range(50, 150) / 100;
  shape.half_height = size * random.Range(50, 150) / 100;
  const int angle = random.Chance(50) ? random.Range(-8, 8) : random.Range(0, 359);
  shape.cosine = Cosine(angle);
  shape.sine = Sine(angle);
  if (shape.outline == Outline::kPolygon) {
    shape.plane_count = random.Range(3, 6);
    for (int i = 0; i < shape.plane_count; ++i) {
      const int direction = i * 360 / shape.plane_count + random.Range(-20, 20);
      shape.planes[static_cast<std::size_t>(i)] = {
          Cosine(direction), Sine(direction),
          std::min(shape.half_width, shape.half_height) * random.Range(55, 95) / 100};
    }
  }
  shape.colour = RandomColour(random, 20, 225);
  shape.second_colour = RandomColour(random, 10, 240);
  if (random.Chance(45)) {
    shape.pattern_x = random.Range(600, 4000);
    shape.pattern_y = random.Chance(60) ? random.Range(600, 4000) : 0;
  }
  shape.shade = random.Range(200, 700);
  shape.texture = random.Range(100, 900);
  shape.field = static_cast<std::size_t>(random.Range(0, kFields - 1));
  return shape;
}

Scene RandomScene(RandomSource& random, int width, int height) {
  const int longer = std::max(width, height);
  const int width_units = static_cast<int>(static_cast<std::int64_t>(width) * kUnit / longer);
  const int height_units = static_cast<int>(static_cast<std::int64_t>(height) * kUnit / longer);
  Scene scene;
  scene.sky_low = RandomColour(random, 30, 220);
  scene.sky_high = RandomColour(random, 30, 220);
  scene.cloud = RandomColour(random, 90, 255);
  const int direction = random.Range(0, 359);
  scene.gradient_x = Cosine(direction);
  scene.gradient_y = Sine(direction);
  scene.cloud_strength = random.Range(200, 1800);
  scene.ground_strength = random.Range(100, 500);
  const int light = random.Range(0, 359);
  scene.light_x = Cosine(light);
  scene.light_y = Sine(light);
  scene.vignette = random.Range(0, 400);
  for (int i = random.Range(4, 10); i > 0; --i) {
    const int size = random.Range(3000, 20000);
    const int strength = random.Range(20, 90) * (random.Chance(50) ? 1 : -1);
    const Rgb tint = RandomColour(random, 60, 255);
    scene.blobs.push_back({random.Range(0, width_units),
                           random.Range(0, height_units),
                           size,
                           {tint.r * strength / 255, tint.g * strength / 255, tint.b * strength / 255}});
  }
  std::vector<int> line(static_cast<std::size_t>(width));
  for (int i = 0, count = random.Range(0, 4); i < count; ++i) {
    Ridge ridge;
    const NoiseField::Shape profile_shape{random.Range(2, 6), 1, 7, random.Range(40, 62)};
    NoiseField profile(static_cast<std::uint32_t>(random.Next()), profile_shape, width, height);
    profile.Row(0, line);
    const int level = height_units * random.Range(25 + 12 * i, 45 + 14 * i) / 100;
    const int relief = height_units * random.Range(10, 60) / 100;
    const int slope = random.Range(-300, 300);
    for (int x = 0; x < width; ++x) {
      const int ux = static_cast<int>((2LL * x + 1) * kUnit / (2LL * longer));
      const int from_middle = ux - width_units / 2;
      ridge.height.push_back(
          level -
          static_cast<int>(static_cast<std::int64_t>(line[static_cast<std::size_t>(x)]) * relief / 1024) +
          static_cast<int>(static_cast<std::int64_t>(from_middle) * slope / 1024));
    }
    ridge.near_colour = RandomColour(random, 15, 170);
    const Rgb haze = RandomColour(random, 40, 230);
    ridge.far_colour = Blend(ridge.near_colour, haze, random.Range(200, 800));
    ridge.texture = random.Range(400, 1400);
    ridge.field = static_cast<std::size_t>(random.Range(0, kFields - 1));
    scene.ridges.push_back(std::move(ridge));
  }
  for (int i = random.Range(5, 22); i > 0; --i) {
    scene.shapes.push_back(RandomShape(random, width_units, height_units));
  }
  return scene;
}

// The part of a shape's colour at local coordinates (p, q); false outside the outline. `light` comes back in
// parts of 1024.
bool Inside(const Shape& shape, std::int64_t p, std::int64_t q, const Scene& scene, int& light) {
  const std::int64_t a = shape.half_width;
  const std::int64_t b = shape.half_height;
  std::int64_t lean = 0;  // how far the surface turns to the light, -1024..1024
  switch (shape.outline) {
    case Outline::kEllipse: {
      const std::int64_t reach = p * p * 1024 / (a * a) + q * q * 1024 / (b * b);
      if (reach >= 1024) return false;
      lean = (p * scene.light_x / a + q * scene.light_y / b) - reach / 4;
      break;
    }
    case Outline::kBox:
      if (p < -a || p > a || q < -b || q > b) return false;
      lean = (p * scene.light_x / a + q * scene.light_y / b) / 3;
      break;
    case Outline::kPolygon: {
      std::int64_t nearest = INT64_MAX;
      int facet = 0;
      for (int i = 0; i < shape.plane_count; ++i) {
        const auto& plane = shape.planes[static_cast<std::size_t>(i)];
        const std::int64_t inside = plane[2] - (p * plane[0] + q * plane[1]) / 1024;
        if (inside < 0) return false;
        if (inside < nearest) {
          nearest = inside;
          facet = i;
        }
      }
      // Each side is the foot of a flat facet that rises to the middle.
      const auto& plane = shape.planes[static_cast<std::size_t>(facet)];
      lean = (static_cast<std::int64_t>(plane[0]) * scene.light_x +
              static_cast<std::int64_t>(plane[1]) * scene.light_y) /
             1400;
      break;
    }
  }
  light = 1024 + static_cast<int>(lean * shape.shade / 1024);
  return true;
}

class PhotoPainter {
 public:
  PhotoPainter(std::uint64_t seed, int width, int height)
      : random_(seed), picture_(MakePicture(width, height)) {
    scene_ = RandomScene(random_, width, height);
    for (std::size_t i = 0; i < kFields; ++i) {
      const bool streaked = i == kFields - 1;
      const NoiseField::Shape shape{random_.Range(2, streaked ? 4 : 9), random_.Range(2, streaked ? 14 : 9),
                                    9, random_.Range(50, 66)};
      fields_.emplace_back(static_cast<std::uint32_t>(random_.Next()), shape, width, height);
      rows_[i].resize(static_cast<std::size_t>(width));
    }
    colours_.resize(static_cast<std::size_t>(width));
  }

  Picture Paint(int noise) {
    for (int y = 0; y < picture_.height; ++y) PaintRow(y);
    Soften();
    if (noise > 0) AddNoise(static_cast<std::uint32_t>(random_.Next()), noise);
    return std::move(picture_);
  }

 private:
  [[nodiscard]] std::int64_t Units(int pixel) const {
    return (2LL * pixel + 1) * kUnit / (2LL * std::max(picture_.width, picture_.height));
  }

  void PaintRow(int y) {
    for (std::size_t i = 0; i < kFields; ++i) fields_[i].Row(y, rows_[i]);
    const std::int64_t uy = Units(y);
    PaintBackground(uy);
    for (const Ridge& ridge : scene_.ridges) PaintRidge(ridge, uy);
    for (const Shape& shape : scene_.shapes) PaintShape(shape, uy);
    const std::int64_t dy = uy - Units(picture_.height / 2);
    std::uint8_t* out = picture_.pixels.data() + picture_.offset(0, y);
    for (int x = 0; x < picture_.width; ++x) {
      const std::int64_t dx = Units(x) - Units(picture_.width / 2);
      const int falloff = static_cast<int>((dx * dx + dy * dy) * scene_.vignette / (2LL * kUnit * kUnit / 2));
      const Rgb c = Lit(colours_[static_cast<std::size_t>(x)], 1024 - falloff);
      *out++ = Clamp(c.r);
      *out++ = Clamp(c.g);
      *out++ = Clamp(c.b);
    }
  }

  void PaintBackground(std::int64_t uy) {
    for (std::size_t x = 0; x < colours_.size(); ++x) {
      const std::int64_t ux = Units(static_cast<int>(x));
      const std::int64_t along =
          ((ux - kUnit / 2) * scene_.gradient_x + (uy - kUnit / 2) * scene_.gradient_y) / kUnit;
      const int share = static_cast<int>(std::clamp<std::int64_t>(512 + along + rows_[0][x], 0, 1024));
      Rgb c = Blend(scene_.sky_low, scene_.sky_high, share);
      const int cloud = std::clamp(rows_[1][x] * scene_.cloud_strength / 512, 0, 1024);
      c = Blend(c, scene_.cloud, cloud);
      colours_[x] = Lit(c, 1024 + rows_[2][x] * scene_.ground_strength / 512);
    }
    for (const Blob& blob : scene_.blobs) {
      const std::int64_t dy = uy - blob.y;
      const std::int64_t square = static_cast<std::int64_t>(blob.radius) * blob.radius;
      if (dy * dy >= square) continue;
      for (std::size_t x = 0; x < colours_.size(); ++x) {
        const std::int64_t dx = Units(static_cast<int>(x)) - blob.x;
        const std::int64_t reach = dx * dx + dy * dy;
        if (reach >= square) continue;
        const std::int64_t rest = 1024 - reach * 1024 / square;
        const int weight = static_cast<int>(rest * rest / 1024);
        colours_[x].r += blob.shift.r * weight / 1024;
        colours_[x].g += blob.shift.g * weight / 1024;
        colours_[x].b += blob.shift.b * weight / 1024;
      }
    }
  }

  void PaintRidge(const Ridge& ridge, std::int64_t uy) {
    for (std::size_t x = 0; x < colours_.size(); ++x) {
      const std::int64_t depth = uy - ridge.height[x];
      if (depth < 0) continue;
      const int share = static_cast<int>(std::min<std::int64_t>(depth / 16, 1024));
      const Rgb c = Blend(ridge.far_colour, ridge.near_colour, share);
      colours_[x] = Lit(c, 1024 + rows_[ridge.field][x] * ridge.texture / 512);
    }
  }

  void PaintShape(const Shape& shape, std::int64_t uy) {
    const std::int64_t dy = uy - shape.y;
    const std::int64_t reach = shape.half_width + shape.half_height;
    if (dy < -reach || dy > reach) return;
    const int longer = std::max(picture_.width, picture_.height);
    const std::int64_t first = std::max<std::int64_t>(0, (shape.x - reach) * longer / kUnit);
    const std::int64_t last = std::min<std::int64_t>(picture_.width - 1, (shape.x + reach) * longer / kUnit);
    for (std::int64_t x = first; x <= last; ++x) {
      const std::int64_t dx = Units(static_cast<int>(x)) - shape.x;
      const std::int64_t p = (dx * shape.cosine + dy * shape.sine) / 1024;
      const std::int64_t q = (dy * shape.cosine - dx * shape.sine) / 1024;
      int light = 0;
      if (!Inside(shape, p, q, scene_, light)) continue;
      bool second = false;
      if (shape.pattern_x > 0) {
        const std::int64_t u = p + kUnit * 2;
        const std::int64_t v = q + kUnit * 2;
        second = u % shape.pattern_x * 5 > std::int64_t{3} * shape.pattern_x &&
                 (shape.pattern_y == 0 || v % shape.pattern_y * 5 > std::int64_t{2} * shape.pattern_y);
      }
      const auto column = static_cast<std::size_t>(x);
      const int texture = rows_[shape.field][column] * shape.texture / 512;
      colours_[column] = Lit(second ? shape.second_colour : shape.colour, light + texture);
    }
  }

  // A 1-2-1 filter both ways: no lens draws edges one pixel sharp.
  void Soften() {
    const int width = picture_.width;
    const int height = picture_.height;
    std::vector<std::uint16_t> sums(static_cast<std::size_t>(width) * 3 * 3);
    const auto horizontal = [&](int y, std::uint16_t* out) {
      const std::uint8_t* in = picture_.pixels.data() + picture_.offset(0, y);
      for (int x = 0; x < width; ++x) {
        const int left = std::max(0, x - 1) * 3;
        const int right = std::min(width - 1, x + 1) * 3;
        for (int c = 0; c < 3; ++c) {
          out[x * 3 + c] = static_cast<std::uint16_t>(in[left + c] + 2 * in[x * 3 + c] + in[right + c]);
        }
      }
    };
    const auto row = [&](int y) {
      return sums.data() + static_cast<std::size_t>(y % 3) * static_cast<std::size_t>(width) * 3;
    };
    horizontal(0, row(0));
    for (int y = 0; y < height; ++y) {
      if (y + 1 < height) horizontal(y + 1, row(y + 1));
      const std::uint16_t* above = row(std::max(0, y - 1));
      const std::uint16_t* here = row(y);
      const std::uint16_t* below = row(std::min(height - 1, y + 1));
      std::uint8_t* out = picture_.pixels.data() + picture_.offset(0, y);
      for (int i = 0; i < width * 3; ++i) {
        out[i] = static_cast<std::uint8_t>((above[i] + 2 * here[i] + below[i] + 8) >> 4);
      }
    }
  }

  void AddNoise(std::uint32_t seed, int amplitude) {
    std::size_t at = 0;
    for (int y = 0; y < picture_.height; ++y) {
      const std::uint32_t row = Scramble(seed + static_cast<std::uint32_t>(y));
      for (int x = 0; x < picture_.width; ++x) {
        const std::uint32_t bits = Scramble(row + static_cast<std::uint32_t>(x));
        // Two bytes make a triangular distribution; the others tint it a little.
        const int grey =
            (static_cast<int>(bits & 255) + static_cast<int>((bits >> 8) & 255) - 255) * amplitude;
        for (int c = 0; c < 3; ++c) {
          const int tint = (static_cast<int>((bits >> (16 + 4 * c)) & 15) - 8) * amplitude * 6;
          picture_.pixels[at] = Clamp(picture_.pixels[at] + (grey + tint) / 255);
          ++at;
        }
      }
    }
  }

  RandomSource random_;
  Picture picture_;
  Scene scene_;
  std::vector<NoiseField> fields_;
  std::array<std::vector<int>, kFields> rows_;
  std::vector<Rgb> colours_;
};

}  // namespace

Picture DrawPhoto(std::uint64_t seed, int width, int height, const PhotoOptions& options) {
  return PhotoPainter(seed, width, height).Paint(options.noise);
}

}  // namespace hashgate::testkit
