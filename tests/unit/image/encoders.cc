#include "unit/image/encoders.h"

#include <gif_lib.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>

#include "golden/pdq/pictures.h"

#include <jpeglib.h>
#include <png.h>

namespace hashgate::testing {
namespace {

void Append(Bytes& to, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

/// Colours in order of appearance, alpha included, and each pixel's index.
struct Indexed {
  std::vector<std::array<std::uint8_t, 4>> colors;
  Bytes pixels;
};
Indexed MakeIndexed(const Rgba& picture) {
  Indexed out;
  std::map<std::array<std::uint8_t, 4>, std::uint8_t> seen;
  for (std::size_t i = 0; i < picture.samples.size(); i += 4) {
    const std::array<std::uint8_t, 4> color = {picture.samples[i], picture.samples[i + 1],
                                               picture.samples[i + 2], picture.samples[i + 3]};
    const auto [at, fresh] = seen.try_emplace(color, static_cast<std::uint8_t>(out.colors.size()));
    if (fresh) {
      if (out.colors.size() == 256) throw std::invalid_argument("more than 256 colours");
      out.colors.push_back(color);
    }
    out.pixels.push_back(at->second);
  }
  return out;
}

}  // namespace

Rgba GreyPicture(int height, int width) {
  Rgba picture{width, height, {}};
  for (const std::uint8_t v : GoldenPixels("lattice", height, width)) {
    picture.samples.insert(picture.samples.end(), {v, v, v, 255});
  }
  return picture;
}

Rgba ColorPicture(int height, int width) {
  Rgba picture{width, height, {}};
  for (int r = 0; r < height; ++r) {
    for (int c = 0; c < width; ++c) {
      for (const int shift : {0, 500, 900}) {
        const int v = GoldenPixel("lattice", r + shift, c + shift, height, width) / 64 * 85;
        picture.samples.push_back(static_cast<std::uint8_t>(v));
      }
      picture.samples.push_back(255);
    }
  }
  return picture;
}

Rgba CropRows(const Rgba& picture, int rows) {
  Rgba out{picture.width, rows, picture.samples};
  out.samples.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(picture.width) * 4);
  return out;
}

Bytes EncodeJpeg(const Rgba& picture, const JpegOptions& options) {
  jpeg_compress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &memory, &size);
  codec.image_width = static_cast<JDIMENSION>(picture.width);
  codec.image_height = static_cast<JDIMENSION>(picture.height);
  const bool inks = options.color == JpegColor::kCmyk || options.color == JpegColor::kYcck;
  const bool grey = options.color == JpegColor::kGrey;
  codec.input_components = inks ? 4 : (grey ? 1 : 3);
  codec.in_color_space = inks ? JCS_CMYK : (grey ? JCS_GRAYSCALE : JCS_RGB);
  jpeg_set_defaults(&codec);
  if (options.color == JpegColor::kRgb) jpeg_set_colorspace(&codec, JCS_RGB);
  if (options.color == JpegColor::kYcck) jpeg_set_colorspace(&codec, JCS_YCCK);
  if (options.color == JpegColor::kCmyk) codec.write_Adobe_marker = options.adobe_marker ? TRUE : FALSE;
  jpeg_set_quality(&codec, options.quality, TRUE);
  codec.restart_interval = static_cast<unsigned>(options.restart_interval);
  for (int i = 0; i < codec.num_components; ++i) {
    codec.comp_info[i].h_samp_factor = i == 0 ? options.across : 1;
    codec.comp_info[i].v_samp_factor = i == 0 ? options.down : 1;
  }
  if (options.progressive) jpeg_simple_progression(&codec);
  jpeg_start_compress(&codec, TRUE);
  Bytes row;
  for (int r = 0; r < picture.height; ++r) {
    row.clear();
    for (int c = 0; c < picture.width; ++c) {
      const std::uint8_t* p = picture.At(r, c);
      if (grey) {
        row.push_back(p[0]);
      } else {
        // Adobe's inverted inks without black: each value is the light that is left.
        row.insert(row.end(), {p[0], p[1], p[2]});
        if (inks) row.push_back(options.black);
      }
    }
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&codec, &line, 1);
  }
  jpeg_finish_compress(&codec);
  Bytes out(memory, memory + size);
  jpeg_destroy_compress(&codec);
  std::free(memory);
  return out;
}

Bytes EditCoefficients(const Bytes& file, const std::function<void(int, int, int, std::int16_t*)>& edit,
                       bool progressive) {
  jpeg_error_mgr errors{};
  jpeg_decompress_struct from{};
  from.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&from);
  jpeg_mem_src(&from, file.data(), file.size());
  jpeg_read_header(&from, TRUE);
  jvirt_barray_ptr* const blocks = jpeg_read_coefficients(&from);
  const auto common = reinterpret_cast<j_common_ptr>(&from);
  for (int i = 0; i < from.num_components; ++i) {
    const jpeg_component_info& component = from.comp_info[i];
    for (JDIMENSION row = 0; row < component.height_in_blocks; ++row) {
      const JBLOCKARRAY line = from.mem->access_virt_barray(common, blocks[i], row, 1, TRUE);
      for (JDIMENSION column = 0; column < component.width_in_blocks; ++column) {
        edit(i, static_cast<int>(row), static_cast<int>(column), line[0][column]);
      }
    }
  }
  jpeg_compress_struct to{};
  to.err = &errors;
  jpeg_create_compress(&to);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&to, &memory, &size);
  jpeg_copy_critical_parameters(&from, &to);
  if (progressive) jpeg_simple_progression(&to);
  jpeg_write_coefficients(&to, blocks);
  jpeg_finish_compress(&to);
  Bytes out(memory, memory + size);
  jpeg_destroy_compress(&to);
  jpeg_destroy_decompress(&from);
  std::free(memory);
  return out;
}

Bytes RepeatFirstScan(Bytes file, int count) {
  const auto is_marker = [&](std::size_t at) { return file[at] == 0xff && file[at + 1] != 0; };
  std::size_t first = 0;
  while (!(is_marker(first) && file[first + 1] == 0xda)) ++first;
  std::size_t behind = first + 2;
  while (!is_marker(behind)) ++behind;
  const Bytes scan(file.begin() + static_cast<std::ptrdiff_t>(first),
                   file.begin() + static_cast<std::ptrdiff_t>(behind));
  Bytes scans;
  for (int i = 0; i < count; ++i) scans.insert(scans.end(), scan.begin(), scan.end());
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(behind), scans.begin(), scans.end());
  return file;
}

Bytes EncodePng(const Rgba& picture, const PngOptions& options) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  Bytes out;
  png_set_write_fn(
      png, &out,
      [](png_structp writer, png_bytep data, size_t size) {
        auto& to = *static_cast<Bytes*>(png_get_io_ptr(writer));
        to.insert(to.end(), data, data + size);
      },
      [](png_structp) {});
  int type = PNG_COLOR_TYPE_RGB;
  switch (options.color) {
    case PngColor::kGrey: type = PNG_COLOR_TYPE_GRAY; break;
    case PngColor::kGreyAlpha: type = PNG_COLOR_TYPE_GRAY_ALPHA; break;
    case PngColor::kRgb: type = PNG_COLOR_TYPE_RGB; break;
    case PngColor::kRgba: type = PNG_COLOR_TYPE_RGB_ALPHA; break;
    case PngColor::kPalette: type = PNG_COLOR_TYPE_PALETTE; break;
  }
  png_set_IHDR(png, info, static_cast<png_uint_32>(picture.width), static_cast<png_uint_32>(picture.height),
               options.depth, type, options.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  Indexed indexed;
  if (options.color == PngColor::kPalette) {
    indexed = MakeIndexed(picture);
    std::vector<png_color> colors;
    Bytes alphas;
    bool transparent = false;
    for (const auto& color : indexed.colors) {
      colors.push_back({color[0], color[1], color[2]});
      alphas.push_back(color[3]);
      transparent = transparent || color[3] != 255;
    }
    png_set_PLTE(png, info, colors.data(), static_cast<int>(colors.size()));
    if (transparent) png_set_tRNS(png, info, alphas.data(), static_cast<int>(alphas.size()), nullptr);
  }
  png_write_info(png, info);
  if (options.depth < 8) png_set_packing(png);
  const auto pixels = static_cast<std::size_t>(picture.width);
  std::vector<Bytes> rows;
  for (int r = 0; r < picture.height; ++r) {
    Bytes row;
    for (int c = 0; c < picture.width; ++c) {
      const std::uint8_t* p = picture.At(r, c);
      const auto put = [&](std::uint8_t sample) {
        row.push_back(options.high_byte < 0 ? sample : static_cast<std::uint8_t>(options.high_byte));
        if (options.depth == 16) row.push_back(sample);
      };
      const auto put_alpha = [&](std::uint8_t sample) {
        row.push_back(sample);
        if (options.depth == 16) row.push_back(sample);
      };
      switch (options.color) {
        case PngColor::kGrey: put(static_cast<std::uint8_t>(p[0] >> (8 - std::min(options.depth, 8)))); break;
        case PngColor::kGreyAlpha: put(p[0]), put_alpha(p[3]); break;
        case PngColor::kRgb: put(p[0]), put(p[1]), put(p[2]); break;
        case PngColor::kRgba: put(p[0]), put(p[1]), put(p[2]), put_alpha(p[3]); break;
        case PngColor::kPalette:
          put(indexed.pixels[static_cast<std::size_t>(r) * pixels + static_cast<std::size_t>(c)]);
          break;
      }
    }
    rows.push_back(std::move(row));
  }
  std::vector<png_bytep> pointers;
  for (Bytes& row : rows) pointers.push_back(row.data());
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

Bytes PngChunk(const char* type, const Bytes& data) {
  Bytes out;
  out.reserve(data.size() + 12);
  const auto big_endian = [&](std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
  };
  big_endian(static_cast<std::uint32_t>(data.size()));
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::uint8_t>(type[i]));
  for (const std::uint8_t byte : data) out.push_back(byte);
  std::uint32_t crc = 0xffffffffU;
  for (std::size_t i = 4; i < out.size(); ++i) {
    crc ^= out[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
  }
  big_endian(~crc);
  return out;
}

Bytes PngFrameControl(std::uint32_t number, std::uint32_t width, std::uint32_t height) {
  Bytes data;
  for (const std::uint32_t value : {number, width, height, 0U, 0U}) {
    for (int shift = 24; shift >= 0; shift -= 8) data.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  data.insert(data.end(), {0, 1, 0, 10, 0, 0});
  return PngChunk("fcTL", data);
}

Bytes PngHeader(std::uint32_t width, std::uint32_t height, int depth, int color_type) {
  Bytes ihdr;
  for (const std::uint32_t side : {width, height}) {
    for (int shift = 24; shift >= 0; shift -= 8) ihdr.push_back(static_cast<std::uint8_t>(side >> shift));
  }
  ihdr.insert(ihdr.end(), {static_cast<std::uint8_t>(depth), static_cast<std::uint8_t>(color_type), 0, 0, 0});
  Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  const Bytes chunk = PngChunk("IHDR", ihdr);
  out.insert(out.end(), chunk.begin(), chunk.end());
  return out;
}

Bytes EncodeWebp(const Rgba& picture, bool lossless, bool alpha) {
  Bytes pixels;
  for (std::size_t i = 0; i < picture.samples.size(); ++i) {
    if (alpha || i % 4 != 3) pixels.push_back(picture.samples[i]);
  }
  std::uint8_t* memory = nullptr;
  const int stride = picture.width * (alpha ? 4 : 3);
  std::size_t size = 0;
  if (lossless) {
    size = alpha ? WebPEncodeLosslessRGBA(pixels.data(), picture.width, picture.height, stride, &memory)
                 : WebPEncodeLosslessRGB(pixels.data(), picture.width, picture.height, stride, &memory);
  } else {
    size = alpha ? WebPEncodeRGBA(pixels.data(), picture.width, picture.height, stride, 90, &memory)
                 : WebPEncodeRGB(pixels.data(), picture.width, picture.height, stride, 90, &memory);
  }
  Bytes out(memory, memory + size);
  WebPFree(memory);
  return out;
}

Bytes EncodeWebpAnimation(const std::vector<Rgba>& frames) {
  WebPAnimEncoderOptions options;
  WebPAnimEncoderOptionsInit(&options);
  options.kmax = 0;
  WebPAnimEncoder* encoder = WebPAnimEncoderNew(frames[0].width, frames[0].height, &options);
  WebPConfig config;
  WebPConfigInit(&config);
  config.lossless = 1;
  config.exact = 1;
  int at = 0;
  for (const Rgba& frame : frames) {
    WebPPicture picture;
    WebPPictureInit(&picture);
    picture.use_argb = 1;
    picture.width = frame.width;
    picture.height = frame.height;
    WebPPictureImportRGBA(&picture, frame.samples.data(), frame.width * 4);
    WebPAnimEncoderAdd(encoder, &picture, at, &config);
    WebPPictureFree(&picture);
    at += 100;
  }
  WebPAnimEncoderAdd(encoder, nullptr, at, nullptr);
  WebPData data;
  WebPDataInit(&data);
  WebPAnimEncoderAssemble(encoder, &data);
  Bytes out(data.bytes, data.bytes + data.size);
  WebPDataClear(&data);
  WebPAnimEncoderDelete(encoder);
  return out;
}

Bytes EncodeGif(const std::vector<Rgba>& frames, const GifOptions& options) {
  Bytes out;
  int error = 0;
  GifFileType* gif = EGifOpen(
      &out,
      [](GifFileType* file, const GifByteType* data, int size) {
        auto& to = *static_cast<Bytes*>(file->UserData);
        to.insert(to.end(), data, data + size);
        return size;
      },
      &error);
  EGifSetGifVersion(gif, true);
  const int width = options.canvas_width != 0 ? options.canvas_width : frames[0].width + options.left;
  const int height = options.canvas_height != 0 ? options.canvas_height : frames[0].height + options.top;
  EGifPutScreenDesc(gif, width, height, 8, 0, nullptr);
  for (const Rgba& frame : frames) {
    Rgba clean = frame;
    bool transparent = false;
    for (std::size_t i = 0; i < clean.samples.size(); i += 4) {
      const bool clear = clean.samples[i + 3] < 128;
      transparent = transparent || clear;
      if (clear) std::fill_n(&clean.samples[i], 4, std::uint8_t{0});
      if (!clear) clean.samples[i + 3] = 255;
    }
    const Indexed indexed = MakeIndexed(clean);
    std::array<GifColorType, 256> colors{};
    int transparent_index = NO_TRANSPARENT_COLOR;
    for (std::size_t i = 0; i < indexed.colors.size(); ++i) {
      colors[i] = {indexed.colors[i][0], indexed.colors[i][1], indexed.colors[i][2]};
      if (indexed.colors[i][3] == 0) transparent_index = static_cast<int>(i);
    }
    if (transparent) {
      const GraphicsControlBlock control{DISPOSAL_UNSPECIFIED, false, 10, transparent_index};
      std::array<GifByteType, 4> extension{};
      EGifGCBToExtension(&control, extension.data());
      EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, 4, extension.data());
    }
    ColorMapObject* map = GifMakeMapObject(256, colors.data());
    EGifPutImageDesc(gif, options.left, options.top, frame.width, frame.height, options.interlaced, map);
    GifFreeMapObject(map);
    const auto put = [&](int row) {
      const auto width_px = static_cast<std::size_t>(frame.width);
      Bytes line(
          indexed.pixels.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * width_px),
          indexed.pixels.begin() +
              static_cast<std::ptrdiff_t>((static_cast<std::size_t>(row) + 1) * width_px));
      EGifPutLine(gif, line.data(), frame.width);
    };
    if (options.interlaced) {
      for (const auto& [first, step] : {std::pair{0, 8}, {4, 8}, {2, 4}, {1, 2}}) {
        for (int row = first; row < frame.height; row += step) put(row);
      }
    } else {
      for (int row = 0; row < frame.height; ++row) put(row);
    }
  }
  EGifCloseFile(gif, &error);
  return out;
}

Bytes EncodeBmp(const Rgba& picture, const BmpOptions& options) {
  Indexed indexed;
  std::size_t colors = 0;
  if (options.depth <= 8) {
    indexed = MakeIndexed(picture);
    colors = std::size_t{1} << options.depth;
  }
  const bool core = options.header == 12;
  const std::uint32_t loose_masks = options.fields && options.header == 40 ? 12 : 0;
  const auto palette_bytes = static_cast<std::uint32_t>(colors * (core ? 3 : 4));
  const std::size_t stride =
      (static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(options.depth) + 31) / 32 * 4;
  const auto data_bytes = static_cast<std::uint32_t>(stride * static_cast<std::size_t>(picture.height));
  const std::uint32_t offset = 14 + options.header + loose_masks + palette_bytes;
  Bytes out = {'B', 'M'};
  Append(out, offset + data_bytes, 4);
  Append(out, 0, 4);
  Append(out, offset, 4);
  Append(out, options.header, 4);
  const auto height = static_cast<std::uint32_t>(options.from_top ? -picture.height : picture.height);
  Append(out, static_cast<std::uint32_t>(picture.width), core ? 2 : 4);
  Append(out, height, core ? 2 : 4);
  Append(out, 1, 2);
  Append(out, static_cast<std::uint32_t>(options.depth), 2);
  if (!core) {
    Append(out, options.fields ? 3 : 0, 4);
    Append(out, data_bytes, 4);
    Append(out, 2835, 4);
    Append(out, 2835, 4);
    Append(out, 0, 4);
    Append(out, 0, 4);
    if (options.fields) {
      if (options.depth == 16) {
        for (const std::uint32_t mask : {0xf800U, 0x07e0U, 0x001fU}) Append(out, mask, 4);
      } else {
        for (const std::uint32_t mask : {0x000000ffU, 0x0000ff00U, 0x00ff0000U}) Append(out, mask, 4);
      }
      if (options.header > 52) Append(out, options.alpha ? 0xff000000U : 0U, 4);
    } else if (options.header >= 56) {
      for (int i = 0; i < 3; ++i) Append(out, 0, 4);
      const std::uint32_t mask = options.depth == 16 ? 0x8000U : 0xff000000U;
      Append(out, options.alpha ? mask : 0U, 4);
    }
    if (options.header < 40) out.resize(14 + options.header);
    while (out.size() < 14 + options.header) out.push_back(0);
  }
  for (std::size_t i = 0; i < colors; ++i) {
    std::array<std::uint8_t, 4> color{};
    if (i < indexed.colors.size()) color = indexed.colors[i];
    out.insert(out.end(), {color[2], color[1], color[0]});
    if (!core) out.push_back(0);
  }
  for (int i = 0; i < picture.height; ++i) {
    const int r = options.from_top ? i : picture.height - 1 - i;
    Bytes row(stride);
    for (int c = 0; c < picture.width; ++c) {
      const std::uint8_t* p = picture.At(r, c);
      const auto x = static_cast<std::size_t>(c);
      const auto depth = static_cast<std::size_t>(options.depth);
      if (depth <= 8) {
        const std::size_t pixel = static_cast<std::size_t>(r) * static_cast<std::size_t>(picture.width) + x;
        const std::size_t bit = x * depth;
        row[bit / 8] =
            static_cast<std::uint8_t>(row[bit / 8] | indexed.pixels[pixel] << (8 - depth - bit % 8));
      } else if (depth == 16) {
        const int value =
            options.fields
                ? (p[0] >> 3 << 11 | p[1] >> 2 << 5 | p[2] >> 3)
                : ((options.alpha ? p[3] >> 7 << 15 : 0) | p[0] >> 3 << 10 | p[1] >> 3 << 5 | p[2] >> 3);
        row[2 * x] = static_cast<std::uint8_t>(value);
        row[2 * x + 1] = static_cast<std::uint8_t>(value >> 8);
      } else {
        std::uint8_t* to = &row[x * depth / 8];
        to[0] = options.fields ? p[0] : p[2];
        to[1] = p[1];
        to[2] = options.fields ? p[2] : p[0];
        if (depth == 32) to[3] = options.alpha ? p[3] : 0;
      }
    }
    out.insert(out.end(), row.begin(), row.end());
  }
  return out;
}

}  // namespace hashgate::testing
