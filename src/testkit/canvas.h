// Flat drawing for screens, pages and symbols.
#pragma once

#include <cstdint>
#include <string_view>

#include "testkit/pictures.h"

namespace hashgate::testkit {

struct Colour {
  std::uint8_t r = 0, g = 0, b = 0;
};

/// Draws onto a picture it borrows. Everything is cut to the picture; alpha, where there is any, becomes
/// opaque. Coordinates are pixels from the top left. Threads: confined.
class Canvas {
 public:
  explicit Canvas(Picture& picture) : picture_(picture) {}

  void Set(int x, int y, Colour colour);
  void Box(int x, int y, int width, int height, Colour colour);
  /// One pixel wide.
  void Frame(int x, int y, int width, int height, Colour colour);
  void Ellipse(int x, int y, int radius_x, int radius_y, Colour colour);
  /// Copies the colours of `source` so that its top left lies at (x, y).
  void Paste(int x, int y, const Picture& source);
  /// Draws ASCII letters and digits, 6 * scale pixels a character; anything else leaves a gap. `y` is the top
  /// of the 7 * scale pixels high line.
  void Text(int x, int y, int scale, std::string_view text, Colour colour);

 private:
  Picture& picture_;
};

}  // namespace hashgate::testkit
