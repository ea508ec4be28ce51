#include "testkit/edits.h"

#include <algorithm>

namespace hashgate::testkit {
namespace {

// How much of source pixel i each of the new pixels covers, as whole numbers: new pixel k covers
// [k * from, (k + 1) * from), source pixel i covers [i * to, (i + 1) * to).
struct Cover {
  int first = 0;
  std::vector<std::int64_t> weights;
};

std::vector<Cover> Covers(int from, int to) {
  std::vector<Cover> covers(static_cast<std::size_t>(to));
  for (int k = 0; k < to; ++k) {
    const std::int64_t begin = static_cast<std::int64_t>(k) * from;
    const std::int64_t end = begin + from;
    Cover& cover = covers[static_cast<std::size_t>(k)];
    cover.first = static_cast<int>(begin / to);
    for (std::int64_t i = cover.first; i * to < end; ++i) {
      cover.weights.push_back(std::min(end, (i + 1) * to) - std::max(begin, i * to));
    }
  }
  return covers;
}

}  // namespace

Picture ResizeArea(const Picture& picture, int width, int height) {
  const std::vector<Cover> columns = Covers(picture.width, width);
  const std::vector<Cover> rows = Covers(picture.height, height);
  const auto channels = static_cast<std::size_t>(picture.channels);
  const std::size_t row_size = static_cast<std::size_t>(width) * channels;
  std::vector<std::int64_t> narrow(row_size * static_cast<std::size_t>(picture.height));
  for (int y = 0; y < picture.height; ++y) {
    std::int64_t* out = narrow.data() + static_cast<std::size_t>(y) * row_size;
    for (const Cover& cover : columns) {
      for (std::size_t c = 0; c < channels; ++c) {
        const std::uint8_t* in = picture.pixels.data() + picture.offset(cover.first, y) + c;
        std::int64_t sum = 0;
        for (std::size_t i = 0; i < cover.weights.size(); ++i) sum += cover.weights[i] * in[i * channels];
        *out++ = sum;
      }
    }
  }
  Picture result = MakePicture(width, height, picture.channels);
  const std::int64_t area = static_cast<std::int64_t>(picture.width) * picture.height;
  std::size_t at = 0;
  for (const Cover& cover : rows) {
    for (std::size_t column = 0; column < row_size; ++column) {
      std::int64_t sum = area / 2;
      for (std::size_t i = 0; i < cover.weights.size(); ++i) {
        sum += cover.weights[i] * narrow[(static_cast<std::size_t>(cover.first) + i) * row_size + column];
      }
      result.pixels[at++] = static_cast<std::uint8_t>(sum / area);
    }
  }
  return result;
}

Picture Turn(const Picture& picture, Dihedral dihedral) {
  const int w = picture.width;
  const int h = picture.height;
  const bool swaps = dihedral == Dihedral::kRotate90 || dihedral == Dihedral::kRotate270 ||
                     dihedral == Dihedral::kFlipPlus1 || dihedral == Dihedral::kFlipMinus1;
  Picture result = MakePicture(swaps ? h : w, swaps ? w : h, picture.channels);
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < result.width; ++x) {
      int from_x = x;
      int from_y = y;
      switch (dihedral) {
        case Dihedral::kOriginal: break;
        case Dihedral::kRotate90: from_x = w - 1 - y, from_y = x; break;
        case Dihedral::kRotate180: from_x = w - 1 - x, from_y = h - 1 - y; break;
        case Dihedral::kRotate270: from_x = y, from_y = h - 1 - x; break;
        case Dihedral::kFlipX: from_y = h - 1 - y; break;
        case Dihedral::kFlipY: from_x = w - 1 - x; break;
        case Dihedral::kFlipPlus1: from_x = y, from_y = x; break;
        case Dihedral::kFlipMinus1: from_x = w - 1 - y, from_y = h - 1 - x; break;
      }
      std::copy_n(picture.pixels.data() + picture.offset(from_x, from_y), picture.channels,
                  result.pixels.data() + result.offset(x, y));
    }
  }
  return result;
}

Picture ShrinkNn512(const Picture& picture) {
  if (picture.width <= kNn512Side && picture.height <= kNn512Side) return picture;
  Picture out = MakePicture(kNn512Side, kNn512Side, picture.channels);
  for (int y = 0; y < kNn512Side; ++y) {
    for (int x = 0; x < kNn512Side; ++x) {
      const std::size_t from =
          picture.offset(x * picture.width / kNn512Side, y * picture.height / kNn512Side);
      std::copy_n(&picture.pixels[from], picture.channels, &out.pixels[out.offset(x, y)]);
    }
  }
  return out;
}

Picture Crop(const Picture& picture, int x, int y, int width, int height) {
  Picture result = MakePicture(width, height, picture.channels);
  for (int row = 0; row < height; ++row) {
    std::copy_n(picture.pixels.data() + picture.offset(x, y + row), width * picture.channels,
                result.pixels.data() + result.offset(0, row));
  }
  return result;
}

Picture Grey(const Picture& picture) {
  Picture result = MakePicture(picture.width, picture.height);
  const std::size_t count = result.pixels.size() / 3;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* in = picture.pixels.data() + i * static_cast<std::size_t>(picture.channels);
    const int luma = (299 * in[0] + 587 * in[1] + 114 * in[2] + 500) / 1000;
    std::fill_n(result.pixels.data() + i * 3, 3, static_cast<std::uint8_t>(luma));
  }
  return result;
}

Picture LowerContrast(const Picture& picture, int percent) {
  Picture result = picture;
  for (std::size_t i = 0; i < result.pixels.size(); ++i) {
    if (result.channels == 4 && i % 4 == 3) continue;
    result.pixels[i] = static_cast<std::uint8_t>(128 + (result.pixels[i] - 128) * percent / 100);
  }
  return result;
}

Picture WithAlpha(const Picture& picture) {
  if (picture.channels == 4) return picture;
  Picture result = MakePicture(picture.width, picture.height, 4);
  for (std::size_t i = 0; i * 3 < picture.pixels.size(); ++i) {
    std::copy_n(picture.pixels.data() + i * 3, 3, result.pixels.data() + i * 4);
    result.pixels[i * 4 + 3] = 255;
  }
  return result;
}

Picture OverGrey(const Picture& picture, std::uint8_t level) {
  if (picture.channels == 3) return picture;
  Picture result = MakePicture(picture.width, picture.height);
  for (std::size_t i = 0; i * 4 < picture.pixels.size(); ++i) {
    const int alpha = picture.pixels[i * 4 + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      const int mixed = picture.pixels[i * 4 + c] * alpha + level * (255 - alpha);
      result.pixels[i * 3 + c] = static_cast<std::uint8_t>((mixed + 127) / 255);
    }
  }
  return result;
}

IndexedPicture ReduceColours(const Picture& picture) {
  static constexpr std::array<int, 3> kLevels = {6, 7, 6};
  IndexedPicture indexed{picture.width, picture.height, false, {}, {}};
  for (int r = 0; r < 6; ++r) {
    for (int g = 0; g < 7; ++g) {
      for (int b = 0; b < 6; ++b) {
        indexed.palette.push_back({static_cast<std::uint8_t>(r * 255 / 5),
                                   static_cast<std::uint8_t>(g * 255 / 6),
                                   static_cast<std::uint8_t>(b * 255 / 5)});
      }
    }
  }
  indexed.palette.push_back({0, 0, 0});
  // Errors carried to the right and to the next row, in sixteenths; one column of margin on both sides.
  const std::size_t row_size = (static_cast<std::size_t>(picture.width) + 2) * 3;
  std::vector<int> here(row_size, 0);
  std::vector<int> next(row_size, 0);
  for (int y = 0; y < picture.height; ++y) {
    std::fill(next.begin(), next.end(), 0);
    for (int x = 0; x < picture.width; ++x) {
      const std::uint8_t* pixel = picture.pixels.data() + picture.offset(x, y);
      if (picture.channels == 4 && pixel[3] < 128) {
        indexed.transparent = true;
        indexed.indices.push_back(kTransparentIndex);
        continue;
      }
      int index = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t at = (static_cast<std::size_t>(x) + 1) * 3 + c;
        const int wanted = std::clamp(pixel[c] + here[at] / 16, 0, 255);
        const int steps = kLevels[c] - 1;
        const int level = (wanted * steps + 127) / 255;
        const int error = wanted - level * 255 / steps;
        index = index * kLevels[c] + level;
        here[at + 3] += error * 7;
        next[at - 3] += error * 3;
        next[at] += error * 5;
        next[at + 3] += error;
      }
      indexed.indices.push_back(static_cast<std::uint8_t>(index));
    }
    std::swap(here, next);
  }
  return indexed;
}

Picture Expand(const IndexedPicture& indexed) {
  Picture result = MakePicture(indexed.width, indexed.height, indexed.transparent ? 4 : 3);
  std::uint8_t* out = result.pixels.data();
  for (const std::uint8_t index : indexed.indices) {
    out = std::copy_n(indexed.palette[index].data(), 3, out);
    if (indexed.transparent) *out++ = index == kTransparentIndex ? 0 : 255;
  }
  return result;
}

}  // namespace hashgate::testkit
