// libjpeg reports errors by longjmp; every object with a destructor lives outside the function that calls
// setjmp, so that a jump skips none.
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

#include "testkit/encode.h"

namespace hashgate::testkit {
namespace {

struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf jump;
};

void OnError(j_common_ptr info) {
  std::longjmp(reinterpret_cast<ErrorManager*>(info->err)->jump, 1);
}
void OnMessage(j_common_ptr /*info*/) {}

void InstallErrors(ErrorManager& errors, jpeg_error_mgr*& slot) {
  slot = jpeg_std_error(&errors.base);
  errors.base.error_exit = OnError;
  errors.base.output_message = OnMessage;
}

// The picture's samples in the colour space that is stored.
struct Samples {
  int components = 3;
  J_COLOR_SPACE space = JCS_RGB;
  std::vector<std::uint8_t> rows;
};

bool HasInks(JpegOptions::Colour colour) {
  using Colour = JpegOptions::Colour;
  return colour == Colour::kCmyk || colour == Colour::kYcck || colour == Colour::kAmounts;
}

Samples Convert(const Picture& picture, JpegOptions::Colour colour) {
  Samples samples;
  const Picture rgb = colour == JpegOptions::Colour::kGrey ? Grey(picture) : picture;
  const auto channels = static_cast<std::size_t>(rgb.channels);
  const std::size_t count = rgb.pixels.size() / channels;
  if (colour == JpegOptions::Colour::kGrey) {
    samples.components = 1;
    samples.space = JCS_GRAYSCALE;
  } else if (HasInks(colour)) {
    samples.components = 4;
    samples.space = JCS_CMYK;
  } else if (colour == JpegOptions::Colour::kStoredYcc) {
    samples.space = JCS_YCbCr;
  }
  samples.rows.reserve(count * static_cast<std::size_t>(samples.components));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* pixel = rgb.pixels.data() + i * channels;
    // With no black ink, Adobe's inverted cyan, magenta and yellow are red, green and blue, and inverted
    // black is 255.
    samples.rows.insert(samples.rows.end(), pixel, pixel + std::min(samples.components, 3));
    if (samples.components == 4) samples.rows.push_back(255);
  }
  if (colour == JpegOptions::Colour::kAmounts) {
    for (std::uint8_t& sample : samples.rows) sample = static_cast<std::uint8_t>(255 - sample);
  }
  return samples;
}

std::vector<jpeg_scan_info> ScanPerCoefficient(int components) {
  std::vector<jpeg_scan_info> scans;
  jpeg_scan_info constant{};
  constant.comps_in_scan = components;
  for (int c = 0; c < components; ++c) constant.component_index[c] = c;
  scans.push_back(constant);
  for (int c = 0; c < components; ++c) {
    for (int k = 1; k < 64; ++k) {
      jpeg_scan_info scan{};
      scan.comps_in_scan = 1;
      scan.component_index[0] = c;
      scan.Ss = scan.Se = k;
      scans.push_back(scan);
    }
  }
  return scans;
}

struct Destination {
  unsigned char** buffer;
  unsigned long* size;
};

/// A file of these sides and samples, otherwise as libjpeg thinks best.
void Begin(jpeg_compress_struct& info, Destination to, int width, int height, int components,
           J_COLOR_SPACE space) {
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, to.buffer, to.size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = components;
  info.in_color_space = space;
  jpeg_set_defaults(&info);
}

bool Compress(const Picture& picture, const JpegOptions& options, Samples& samples,
              const std::vector<jpeg_scan_info>& scans, unsigned char** buffer, unsigned long* size) {
  jpeg_compress_struct info;
  ErrorManager errors;
  InstallErrors(errors, info.err);
  if (setjmp(errors.jump) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  Begin(info, {buffer, size}, picture.width, picture.height, samples.components, samples.space);
  if (options.colour == JpegOptions::Colour::kYcck) jpeg_set_colorspace(&info, JCS_YCCK);
  jpeg_set_quality(&info, options.quality, TRUE);
  info.dct_method = JDCT_ISLOW;
  if (samples.components == 3 && !options.halve_chroma) {
    info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  }
  if (samples.space == JCS_CMYK) {
    info.write_Adobe_marker = options.colour != JpegOptions::Colour::kAmounts ? TRUE : FALSE;
  }
  info.restart_in_rows = options.restart_rows;
  if (!scans.empty()) {
    info.scan_info = scans.data();
    info.num_scans = static_cast<int>(scans.size());
  } else if (options.progressive) {
    jpeg_simple_progression(&info);
  }
  jpeg_start_compress(&info, TRUE);
  const std::size_t row_size = samples.rows.size() / static_cast<std::size_t>(picture.height);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = samples.rows.data() + info.next_scanline * row_size;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

bool CompressBlocks(int columns, int rows, std::span<const JpegBlock> blocks, unsigned char** buffer,
                    unsigned long* size) {
  jpeg_compress_struct info;
  ErrorManager errors;
  InstallErrors(errors, info.err);
  if (setjmp(errors.jump) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  Begin(info, {buffer, size}, columns * DCTSIZE, rows * DCTSIZE, 1, JCS_GRAYSCALE);
  static constexpr std::array<unsigned, DCTSIZE2> kQuanta = [] {
    std::array<unsigned, DCTSIZE2> quanta{};
    quanta.fill(kJpegBlockQuantum);
    return quanta;
  }();
  jpeg_add_quant_table(&info, 0, kQuanta.data(), 100, TRUE);
  jvirt_barray_ptr arrays[1] = {
      info.mem->request_virt_barray(reinterpret_cast<j_common_ptr>(&info), JPOOL_IMAGE, TRUE,
                                    static_cast<JDIMENSION>(columns), static_cast<JDIMENSION>(rows), 1)};
  jpeg_write_coefficients(&info, arrays);
  for (int row = 0; row < rows; ++row) {
    JBLOCKARRAY line = info.mem->access_virt_barray(reinterpret_cast<j_common_ptr>(&info), arrays[0],
                                                    static_cast<JDIMENSION>(row), 1, TRUE);
    for (int column = 0; column < columns; ++column) {
      const JpegBlock& block = blocks[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                                      static_cast<std::size_t>(column)];
      line[0][column][0] = static_cast<JCOEF>(block.constant);
      line[0][column][DCTSIZE2 - 1] = static_cast<JCOEF>(block.finest);
    }
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

bool Decompress(ByteSpan bytes, const JpegReading& reading, Picture& picture) {
  jpeg_decompress_struct info;
  ErrorManager errors;
  InstallErrors(errors, info.err);
  if (setjmp(errors.jump) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes.data(), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&info, TRUE);
  info.out_color_space = reading.luma_only ? JCS_GRAYSCALE : JCS_RGB;
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(reading.denominator);
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  picture = MakePicture(static_cast<int>(info.output_width), static_cast<int>(info.output_height),
                        info.output_components);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = picture.pixels.data() + picture.offset(0, static_cast<int>(info.output_scanline));
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}

Result<Bytes> TakeBuffer(bool written, unsigned char* buffer, unsigned long size) {
  Bytes bytes;
  if (written) bytes.assign(buffer, buffer + size);
  std::free(buffer);
  if (!written) return Fail(Reason::kInvariantBroken, "libjpeg refused a generated picture");
  return bytes;
}

}  // namespace

Result<Bytes> EncodeJpeg(const Picture& picture, const JpegOptions& options) {
  Samples samples = Convert(picture, options.colour);
  std::vector<jpeg_scan_info> scans;
  if (options.scan_per_coefficient) scans = ScanPerCoefficient(samples.components);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  const bool written = Compress(picture, options, samples, scans, &buffer, &size);
  return TakeBuffer(written, buffer, size);
}

Result<Bytes> EncodeJpegBlocks(int columns, int rows, std::span<const JpegBlock> blocks) {
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  const bool written = CompressBlocks(columns, rows, blocks, &buffer, &size);
  return TakeBuffer(written, buffer, size);
}

Result<Picture> DecodeJpeg(ByteSpan bytes, const JpegReading& reading) {
  Picture picture;
  if (!Decompress(bytes, reading, picture)) {
    return Fail(Reason::kInvariantBroken, "libjpeg refused its own file");
  }
  if (!reading.luma_only) return picture;
  Picture grey = MakePicture(picture.width, picture.height);
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) grey.pixels[i] = picture.pixels[i / 3];
  return grey;
}

}  // namespace hashgate::testkit
