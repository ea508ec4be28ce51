#include "testkit/draw_flat.h"

#include <algorithm>
#include <array>
#include <string>

#include "testkit/canvas.h"
#include "testkit/noise_field.h"

namespace hashgate::testkit {
namespace {

Colour RandomColour(RandomSource& random, int low, int high) {
  return {static_cast<std::uint8_t>(random.Range(low, high)),
          static_cast<std::uint8_t>(random.Range(low, high)),
          static_cast<std::uint8_t>(random.Range(low, high))};
}

std::string RandomWords(RandomSource& random, int characters) {
  static constexpr std::array<std::string_view, 24> kSyllables = {
      "an", "ter", "lo",  "mi",  "ra", "sel", "ko", "tan", "be", "ru",  "vi", "dor",
      "es", "pa",  "lin", "cha", "o",  "gre", "um", "sti", "fe", "war", "ny", "quo"};
  std::string text;
  while (static_cast<int>(text.size()) < characters) {
    std::string word;
    for (int i = random.Range(1, 4); i > 0; --i) {
      word += kSyllables[static_cast<std::size_t>(random.Range(0, 23))];
    }
    if (random.Chance(12)) word[0] = static_cast<char>(word[0] - 'a' + 'A');
    if (random.Chance(5)) word = std::to_string(random.Range(1, 2999));
    text += word + ' ';
  }
  text.resize(static_cast<std::size_t>(std::max(0, characters)));
  return text;
}

void Paragraph(Canvas& canvas, RandomSource& random, int x, int y, int width, int lines, int scale,
               Colour colour) {
  const int columns = width / (6 * scale);
  if (columns < 3) return;
  for (int i = 0; i < lines; ++i) {
    const int length = i == lines - 1 ? random.Range(2, columns) : random.Range(columns * 8 / 10, columns);
    canvas.Text(x, y + i * 10 * scale, scale, RandomWords(random, length), colour);
  }
}

void Window(Canvas& canvas, RandomSource& random, int x, int y, int width, int height, bool dark) {
  const Colour paper = dark ? RandomColour(random, 20, 60) : RandomColour(random, 225, 255);
  const Colour ink = dark ? RandomColour(random, 180, 250) : RandomColour(random, 0, 90);
  const Colour accent = RandomColour(random, 30, 230);
  canvas.Box(x + 3, y + 3, width, height, {40, 40, 45});
  canvas.Box(x, y, width, height, paper);
  canvas.Box(x, y, width, 14, accent);
  canvas.Text(x + 6, y + 4, 1, RandomWords(random, std::min(24, width / 8)), {250, 250, 250});
  for (int i = 0; i < 3; ++i) canvas.Ellipse(x + width - 8 - 11 * i, y + 7, 3, 3, paper);
  canvas.Frame(x, y, width, height, ink);
  int cursor = y + 20;
  while (cursor < y + height - 14) {
    const int block = std::min(random.Range(12, 110), y + height - 6 - cursor);
    switch (random.Range(0, 5)) {
      case 0: {
        const int side = std::min({block, width - 16, 160});
        if (side > 12) {
          canvas.Paste(x + 8, cursor, DrawPhoto(random.Next(), side * 4 / 3, side, {.noise = 0}));
          Paragraph(canvas, random, x + 16 + side * 4 / 3, cursor, width - 28 - side * 4 / 3, side / 10, 1,
                    ink);
        }
        break;
      }
      case 1:
        for (int i = 0, bar = random.Range(6, 18); i * (bar + 4) < width - 20; ++i) {
          const int tall = random.Range(3, std::max(4, block - 2));
          canvas.Box(x + 8 + i * (bar + 4), cursor + block - tall, bar, tall, accent);
        }
        break;
      case 2:
        canvas.Box(x + 8, cursor, random.Range(30, std::max(31, width - 20)), 13, accent);
        canvas.Text(x + 12, cursor + 3, 1, RandomWords(random, 8), paper);
        break;
      default:
        if (width > 20) Paragraph(canvas, random, x + 8, cursor, width - 16, std::max(1, block / 10), 1, ink);
        break;
    }
    cursor += block + 8;
  }
}

bool InsideStar(std::int64_t dx, std::int64_t dy, std::int64_t radius) {
  // Five half-planes; a point of a five-pointed star lies inside at least four of them.
  static constexpr std::array<std::array<int, 2>, 5> kNormals = {
      {{0, 1000}, {951, 309}, {588, -809}, {-588, -809}, {-951, 309}}};
  int inside = 0;
  for (const auto& normal : kNormals) {
    if (dx * normal[0] + dy * normal[1] <= radius * 400) ++inside;
  }
  return inside >= 4;
}

}  // namespace

Picture DrawScreenshot(RandomSource& random, int width, int height) {
  Picture picture = MakePicture(width, height);
  Canvas canvas(picture);
  const bool dark = random.Chance(40);
  if (random.Chance(35)) {
    picture = DrawPhoto(random.Next(), width, height, {.noise = 0});
  } else {
    canvas.Box(0, 0, width, height, dark ? RandomColour(random, 10, 70) : RandomColour(random, 150, 240));
  }
  const int bar = std::max(10, height / 28);
  const int side = random.Chance(60) ? random.Range(width / 10, width / 4) : 0;
  const Colour bar_colour = RandomColour(random, 20, 200);
  for (int i = random.Range(1, 4); i > 0; --i) {
    const int w = random.Range(width / 3, std::max(width / 3, width - side - 8));
    const int h = random.Range(height / 3, std::max(height / 3, height - bar - 8));
    const int x = side + random.Range(0, std::max(0, width - side - w));
    const int y = bar + random.Range(0, std::max(0, height - bar - h));
    Window(canvas, random, x, y, w, h, dark);
  }
  if (side > 0) {
    canvas.Box(0, bar, side, height - bar, RandomColour(random, 30, 220));
    for (int y = bar + 8; y < height - 12; y += random.Range(14, 34)) {
      canvas.Ellipse(10, y + 4, 5, 5, RandomColour(random, 40, 250));
      canvas.Text(20, y, 1, RandomWords(random, (side - 24) / 6), {245, 245, 245});
    }
  }
  canvas.Box(0, 0, width, bar, bar_colour);
  canvas.Text(6, (bar - 7) / 2, 1, RandomWords(random, width / 14), {255, 255, 255});
  return picture;
}

Picture DrawEmoji(RandomSource& random, int width, int height) {
  Picture picture = MakePicture(width, height, 4);
  Canvas canvas(picture);
  const int cx = width / 2;
  const int cy = height / 2;
  const int radius = std::max(1, std::min(width, height) * random.Range(40, 48) / 100);
  const Colour body = random.Chance(50) ? Colour{252, 202, 60} : RandomColour(random, 60, 250);
  const Colour edge{static_cast<std::uint8_t>(body.r * 3 / 4), static_cast<std::uint8_t>(body.g * 3 / 4),
                    static_cast<std::uint8_t>(body.b * 3 / 4)};
  const Colour ink{90, 50, 20};
  const int shape = random.Range(0, 3);
  if (shape == 0) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        if (InsideStar(x - cx, y - cy, radius)) canvas.Set(x, y, body);
      }
    }
  } else if (shape == 1) {
    const int half = radius * 55 / 100;
    canvas.Ellipse(cx - half, cy - half / 2, half, half, body);
    canvas.Ellipse(cx + half, cy - half / 2, half, half, body);
    for (int y = 0; y <= radius + half / 2; ++y) {
      const int reach = 2 * half * (radius + half / 2 - y) / (radius + half / 2);
      canvas.Box(cx - reach, cy - half / 2 + y, 2 * reach, 1, body);
    }
  } else {
    canvas.Ellipse(cx, cy, radius, radius, edge);
    canvas.Ellipse(cx, cy, radius * 92 / 100, radius * 92 / 100, body);
  }
  const int eye = std::max(1, radius * random.Range(10, 18) / 100);
  const int apart = radius * random.Range(28, 42) / 100;
  const int eye_y = cy - radius * random.Range(12, 30) / 100;
  canvas.Ellipse(cx - apart, eye_y, eye, eye * random.Range(100, 160) / 100, ink);
  if (random.Chance(80)) {
    canvas.Ellipse(cx + apart, eye_y, eye, eye, ink);
  } else {
    canvas.Box(cx + apart - eye, eye_y, 2 * eye, std::max(1, eye / 3), ink);
  }
  const int mouth = radius * random.Range(25, 50) / 100;
  const int mouth_y = cy + radius * 25 / 100;
  switch (random.Range(0, 3)) {
    case 0:
      canvas.Ellipse(cx, mouth_y, mouth, mouth * 6 / 10, ink);
      canvas.Box(cx - mouth, mouth_y - mouth * 6 / 10, 2 * mouth + 1, mouth * 6 / 10, body);
      break;
    case 1: canvas.Ellipse(cx, mouth_y + mouth / 3, mouth / 2, mouth / 2, ink); break;
    case 2: canvas.Box(cx - mouth, mouth_y, 2 * mouth, std::max(1, mouth / 5), ink); break;
    default:
      canvas.Ellipse(cx, mouth_y, mouth, mouth / 2, ink);
      canvas.Ellipse(cx, mouth_y + mouth / 5, mouth * 6 / 10, mouth / 4, {225, 80, 90});
      break;
  }
  if (random.Chance(40)) {
    const Colour cheek = RandomColour(random, 120, 240);
    canvas.Ellipse(cx - apart - eye, mouth_y, eye, eye * 7 / 10, cheek);
    canvas.Ellipse(cx + apart + eye, mouth_y, eye, eye * 7 / 10, cheek);
  }
  return picture;
}

Picture DrawTextPage(RandomSource& random, int width, int height) {
  Picture page = MakePicture(width, height);
  Canvas canvas(page);
  const int paper = random.Range(225, 252);
  const Colour sheet{static_cast<std::uint8_t>(paper), static_cast<std::uint8_t>(paper - random.Range(0, 6)),
                     static_cast<std::uint8_t>(paper - random.Range(0, 22))};
  const Colour ink = RandomColour(random, 10, 60);
  canvas.Box(0, 0, width, height, sheet);
  const int margin = width * random.Range(6, 14) / 100;
  const int columns = width > 420 && random.Chance(35) ? 2 : 1;
  const int column_width = (width - 2 * margin - (columns - 1) * 16) / columns;
  for (int column = 0; column < columns; ++column) {
    const int x = margin + column * (column_width + 16);
    int y = height * random.Range(5, 12) / 100;
    while (y < height * 93 / 100) {
      const int rest = height * 94 / 100 - y;
      const int choice = random.Range(0, 9);
      if (choice == 0 && rest > 60) {
        const int tall = random.Range(40, std::min(rest, 41 + height / 4));
        canvas.Paste(x, y, DrawPhoto(random.Next(), column_width, tall, {.noise = 1}));
        canvas.Frame(x, y, column_width, tall, ink);
        y += tall + 10;
      } else if (choice == 1 && rest > 50) {
        const int rows = random.Range(3, std::min(8, rest / 12));
        for (int row = 0; row <= rows; ++row) canvas.Box(x, y + row * 12, column_width, 1, ink);
        for (int row = 0; row < rows; ++row) {
          for (int cell = 0; cell < 3; ++cell) {
            canvas.Text(x + 4 + cell * column_width / 3, y + row * 12 + 3, 1,
                        RandomWords(random, std::min(7, column_width / 24)), ink);
          }
        }
        y += rows * 12 + 14;
      } else if (choice == 2) {
        canvas.Text(x, y, 2, RandomWords(random, std::min(column_width / 12, random.Range(6, 22))), ink);
        y += 24;
      } else {
        const int lines = std::min(random.Range(2, 12), std::max(1, rest / 10));
        Paragraph(canvas, random, x, y, column_width, lines, 1, ink);
        y += lines * 10 + random.Range(4, 14);
      }
    }
  }
  // The scanner: a slight shear, uneven light and grain.
  Picture scan = MakePicture(width, height);
  const int shear = random.Range(-12, 12);
  const std::uint32_t grain = static_cast<std::uint32_t>(random.Next());
  NoiseField light(static_cast<std::uint32_t>(random.Next()), {2, 2, 3, 50}, width, height);
  std::vector<int> shade(static_cast<std::size_t>(width));
  std::size_t at = 0;
  for (int y = 0; y < height; ++y) {
    light.Row(y, shade);
    for (int x = 0; x < width; ++x) {
      const int from_y = std::clamp(y + shear * (x - width / 2) / 1000, 0, height - 1);
      const std::uint8_t* pixel = page.pixels.data() + page.offset(x, from_y);
      const std::uint32_t bits = Scramble(grain + static_cast<std::uint32_t>(at));
      const int noise = static_cast<int>(bits % 7) - 3 + shade[static_cast<std::size_t>(x)] / 64;
      for (int c = 0; c < 3; ++c) {
        scan.pixels[at++] = static_cast<std::uint8_t>(std::clamp(pixel[c] + noise, 0, 255));
      }
    }
  }
  return scan;
}

}  // namespace hashgate::testkit
