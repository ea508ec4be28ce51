// libpng reports errors by longjmp; every object with a destructor lives outside the function that calls
// setjmp, so that a jump skips none.
#include <algorithm>
#include <csetjmp>

#include <png.h>

#include "testkit/encode.h"

namespace hashgate::testkit {
namespace {

// Rows as the file stores them.
struct Rows {
  int width = 0;
  int height = 0;
  int bit_depth = 8;
  int colour_type = PNG_COLOR_TYPE_RGB;
  int channels = 3;
  std::vector<png_color> palette;
  std::vector<png_byte> palette_alpha;
  std::vector<png_byte> samples;
};

void Append(png_structp png, png_bytep data, png_size_t size) {
  auto* bytes = static_cast<Bytes*>(png_get_io_ptr(png));
  bytes->insert(bytes->end(), data, data + size);
}
void Flush(png_structp /*png*/) {}
void OnError(png_structp png, png_const_charp /*message*/) {
  png_longjmp(png, 1);
}
void OnWarning(png_structp /*png*/, png_const_charp /*message*/) {}

bool Write(const Rows& rows, const PngOptions& options, std::vector<png_bytep>& row_pointers, Bytes& bytes) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, OnError, OnWarning);
  if (png == nullptr) return false;
  png_infop info = png_create_info_struct(png);
  if (info == nullptr || setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  png_set_write_fn(png, &bytes, Append, Flush);
  png_set_compression_level(png, options.compression);
  png_set_IHDR(png, info, static_cast<png_uint_32>(rows.width), static_cast<png_uint_32>(rows.height),
               rows.bit_depth, rows.colour_type,
               options.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (!rows.palette.empty()) {
    png_set_PLTE(png, info, rows.palette.data(), static_cast<int>(rows.palette.size()));
  }
  if (!rows.palette_alpha.empty()) {
    png_set_tRNS(png, info, rows.palette_alpha.data(), static_cast<int>(rows.palette_alpha.size()), nullptr);
  }
  png_write_info(png, info);
  png_write_image(png, row_pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return true;
}

Result<Bytes> Encode(Rows rows, const PngOptions& options) {
  const std::size_t row_size = rows.samples.size() / static_cast<std::size_t>(rows.height);
  std::vector<png_bytep> row_pointers;
  row_pointers.reserve(static_cast<std::size_t>(rows.height));
  for (int y = 0; y < rows.height; ++y) {
    row_pointers.push_back(rows.samples.data() + static_cast<std::size_t>(y) * row_size);
  }
  Bytes bytes;
  if (!Write(rows, options, row_pointers, bytes)) {
    return Fail(Reason::kInvariantBroken, "libpng refused a generated picture");
  }
  return bytes;
}

}  // namespace

Result<Bytes> EncodePng(const Picture& picture, const PngOptions& options) {
  using Colour = PngOptions::Colour;
  Rows rows{picture.width, picture.height, 8, PNG_COLOR_TYPE_RGB, 3, {}, {}, {}};
  const bool grey = options.colour == Colour::kGrey || options.colour == Colour::kGrey16 ||
                    options.colour == Colour::kGreyAlpha;
  const bool wide = options.colour == Colour::kRgb16 || options.colour == Colour::kGrey16;
  const bool alpha = options.colour == Colour::kRgba || options.colour == Colour::kGreyAlpha;
  if (grey) rows.colour_type = PNG_COLOR_TYPE_GRAY;
  if (alpha) rows.colour_type |= PNG_COLOR_MASK_ALPHA;
  if (wide) rows.bit_depth = 16;
  const Picture source = grey ? Grey(picture) : picture;
  const std::size_t colours = grey ? 1 : 3;
  const std::size_t pixels =
      static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height);
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::uint8_t* pixel = source.pixels.data() + i * static_cast<std::size_t>(source.channels);
    for (std::size_t c = 0; c < colours; ++c) {
      rows.samples.push_back(pixel[c]);
      if (wide) rows.samples.push_back(pixel[c]);
    }
    if (alpha) rows.samples.push_back(picture.channels == 4 ? picture.pixels[i * 4 + 3] : 255);
  }
  return Encode(std::move(rows), options);
}

Result<Bytes> EncodePng(const IndexedPicture& picture, const PngOptions& options) {
  Rows rows{picture.width, picture.height, 8, PNG_COLOR_TYPE_PALETTE, 1, {}, {}, picture.indices};
  for (const auto& colour : picture.palette) rows.palette.push_back({colour[0], colour[1], colour[2]});
  if (picture.transparent) {
    rows.palette_alpha.assign(rows.palette.size(), 255);
    rows.palette_alpha[kTransparentIndex] = 0;
  }
  return Encode(std::move(rows), options);
}

}  // namespace hashgate::testkit
