#include "testkit/modern_encoders.h"

#include <avif/avif.h>
#include <libheif/heif.h>
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace hashgate::testkit {
namespace {

void Check(const heif_error& error) {
  if (error.code != heif_error_Ok) throw std::runtime_error(error.message);
}
void Check(avifResult result) {
  if (result != AVIF_RESULT_OK) throw std::runtime_error(avifResultToString(result));
}
void Check(bool good) {
  if (!good) throw std::runtime_error("the TIFF encoder failed");
}

heif_error Append(heif_context* /*context*/, const void* data, std::size_t size, void* user) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  static_cast<Bytes*>(user)->insert(static_cast<Bytes*>(user)->end(), bytes, bytes + size);
  return {heif_error_Ok, heif_suberror_Unspecified, ""};
}

struct Release {
  void operator()(heif_context* context) const { heif_context_free(context); }
  void operator()(heif_encoder* encoder) const { heif_encoder_release(encoder); }
  void operator()(heif_image* image) const { heif_image_release(image); }
  void operator()(heif_image_handle* handle) const { heif_image_handle_release(handle); }
  void operator()(avifEncoder* encoder) const { avifEncoderDestroy(encoder); }
  void operator()(avifImage* image) const { avifImageDestroy(image); }
};

std::unique_ptr<heif_image, Release> ToHeif(const Rgba& picture, bool alpha) {
  heif_image* made = nullptr;
  Check(heif_image_create(picture.width, picture.height, heif_colorspace_RGB,
                          alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, &made));
  std::unique_ptr<heif_image, Release> image(made);
  Check(heif_image_add_plane(made, heif_channel_interleaved, picture.width, picture.height, 8));
  int stride = 0;
  std::uint8_t* plane = heif_image_get_plane(made, heif_channel_interleaved, &stride);
  const int channels = alpha ? 4 : 3;
  for (int y = 0; y < picture.height; ++y) {
    std::uint8_t* to = plane + std::ptrdiff_t{y} * stride;
    for (int x = 0; x < picture.width; ++x, to += channels) std::copy_n(picture.At(y, x), channels, to);
  }
  return image;
}

// The TIFF writer's file, in memory.
struct Target {
  Bytes bytes;
  std::size_t at = 0;
};

tmsize_t ReadBack(thandle_t handle, void* to, tmsize_t size) {
  auto& target = *static_cast<Target*>(handle);
  const std::size_t left = target.bytes.size() - std::min(target.at, target.bytes.size());
  const std::size_t count = std::min(left, static_cast<std::size_t>(size));
  std::memcpy(to, target.bytes.data() + target.at, count);
  target.at += count;
  return static_cast<tmsize_t>(count);
}
tmsize_t Write(thandle_t handle, void* from, tmsize_t size) {
  auto& target = *static_cast<Target*>(handle);
  const auto count = static_cast<std::size_t>(size);
  if (target.bytes.size() < target.at + count) target.bytes.resize(target.at + count);
  std::memcpy(target.bytes.data() + target.at, from, count);
  target.at += count;
  return size;
}
toff_t Seek(thandle_t handle, toff_t offset, int whence) {
  auto& target = *static_cast<Target*>(handle);
  if (whence == SEEK_SET) target.at = offset;
  if (whence == SEEK_CUR) target.at += offset;
  if (whence == SEEK_END) target.at = target.bytes.size() + offset;
  return target.at;
}
int Close(thandle_t /*handle*/) {
  return 0;
}
toff_t SizeOf(thandle_t handle) {
  return static_cast<Target*>(handle)->bytes.size();
}

int ChannelsOf(TiffColor color) {
  switch (color) {
    case TiffColor::kGrey:
    case TiffColor::kPalette: return 1;
    case TiffColor::kRgb: return 3;
    case TiffColor::kRgba:
    case TiffColor::kCmyk: return 4;
  }
  return 3;
}

std::uint16_t Photometric(const TiffOptions& options) {
  switch (options.color) {
    case TiffColor::kGrey: return PHOTOMETRIC_MINISBLACK;
    case TiffColor::kPalette: return PHOTOMETRIC_PALETTE;
    case TiffColor::kCmyk: return PHOTOMETRIC_SEPARATED;
    case TiffColor::kRgb:
    case TiffColor::kRgba: break;
  }
  return PHOTOMETRIC_RGB;
}

std::uint16_t Compression(TiffPacking packing) {
  switch (packing) {
    case TiffPacking::kNone: return COMPRESSION_NONE;
    case TiffPacking::kLzw: return COMPRESSION_LZW;
    case TiffPacking::kDeflate: return COMPRESSION_ADOBE_DEFLATE;
    case TiffPacking::kPackBits: return COMPRESSION_PACKBITS;
    case TiffPacking::kJpeg: return COMPRESSION_JPEG;
    case TiffPacking::kZstd: return COMPRESSION_ZSTD;
  }
  return COMPRESSION_NONE;
}

// One sample of a pixel, 8 bits. A palette has the grey of red.
std::uint8_t Sample(const std::uint8_t* pixel, TiffColor color, int channel) {
  if (color == TiffColor::kCmyk) {
    return channel == 3 ? std::uint8_t{0} : static_cast<std::uint8_t>(255 - pixel[channel]);
  }
  return pixel[channel];
}

// Samples of a rectangle as the file stores them; what lies outside the picture is zero.
Bytes Piece(const Rgba& picture, const TiffOptions& options, int left, int top, int width, int height,
            int plane) {
  Bytes out;
  const int channels = ChannelsOf(options.color);
  for (int y = top; y < top + height; ++y) {
    for (int x = left; x < left + width; ++x) {
      for (int c = 0; c < channels; ++c) {
        if (plane >= 0 && c != plane) continue;
        const bool inside = y < picture.height && x < picture.width;
        const std::uint8_t value = inside ? Sample(picture.At(y, x), options.color, c) : std::uint8_t{0};
        out.insert(out.end(), static_cast<std::size_t>(options.depth / 8), value);
      }
    }
  }
  return out;
}

void WriteDirectoryFacts(TIFF* tiff, const Rgba& picture, const TiffOptions& options) {
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(picture.width));
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(picture.height));
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, options.depth);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, ChannelsOf(options.color));
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, Photometric(options));
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, options.separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, Compression(options.packing));
  if (options.color == TiffColor::kRgba) {
    const std::uint16_t extra = EXTRASAMPLE_UNASSALPHA;
    TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &extra);
  }
  if (options.color == TiffColor::kPalette) {
    std::vector<std::uint16_t> ramp(256);
    for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<std::uint16_t>(i * 257);
    TIFFSetField(tiff, TIFFTAG_COLORMAP, ramp.data(), ramp.data(), ramp.data());
  }
}

void WriteColorFacts(TIFF* tiff, const TiffOptions& options) {
  if (!options.profile.empty()) {
    TIFFSetField(tiff, TIFFTAG_ICCPROFILE, static_cast<std::uint32_t>(options.profile.size()),
                 options.profile.data());
  }
  if (options.transfer) {
    std::vector<std::uint16_t> curve(256);
    TIFFSetField(tiff, TIFFTAG_TRANSFERFUNCTION, curve.data(), curve.data(), curve.data());
  }
  if (options.primaries.size() == 6) {
    TIFFSetField(tiff, TIFFTAG_PRIMARYCHROMATICITIES, options.primaries.data());
  }
}

void WritePage(TIFF* tiff, const Rgba& picture, const TiffOptions& options, bool last) {
  WriteDirectoryFacts(tiff, picture, options);
  if (last) WriteColorFacts(tiff, options);
  if (options.tile > 0) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, options.tile);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, options.tile);
  } else {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, options.rows_per_strip);
  }
  const int planes = options.separate ? ChannelsOf(options.color) : 1;
  for (int plane = 0; plane < planes; ++plane) {
    const int only = options.separate ? plane : -1;
    if (options.tile > 0) {
      for (int top = 0; top < picture.height; top += options.tile) {
        for (int left = 0; left < picture.width; left += options.tile) {
          Bytes piece = Piece(picture, options, left, top, options.tile, options.tile, only);
          const auto number =
              TIFFComputeTile(tiff, static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(top), 0,
                              static_cast<std::uint16_t>(plane));
          Check(TIFFWriteEncodedTile(tiff, number, piece.data(), static_cast<tmsize_t>(piece.size())) > 0);
        }
      }
      continue;
    }
    for (int top = 0; top < picture.height; top += options.rows_per_strip) {
      const int rows = std::min(options.rows_per_strip, picture.height - top);
      Bytes piece = Piece(picture, options, 0, top, picture.width, rows, only);
      const auto number =
          TIFFComputeStrip(tiff, static_cast<std::uint32_t>(top), static_cast<std::uint16_t>(plane));
      Check(TIFFWriteEncodedStrip(tiff, number, piece.data(), static_cast<tmsize_t>(piece.size())) > 0);
    }
  }
  Check(TIFFWriteDirectory(tiff) == 1);
}

/// A sequence says when it was made; the same pictures shall be the same bytes. Source: ISO/IEC
/// 14496-12, 8.2.2.
void ClearTimes(Bytes& avif) {
  constexpr std::array<std::string_view, 3> kBoxes = {"mvhd", "tkhd", "mdhd"};
  constexpr std::size_t kVersion = 4;  // behind the name; 1: times of 8 bytes
  constexpr std::size_t kTimes = 8;
  constexpr std::string_view kData = "mdat";
  const auto end = std::search(avif.begin(), avif.end(), kData.begin(), kData.end());
  for (const std::string_view box : kBoxes) {
    auto at = std::search(avif.begin(), end, box.begin(), box.end());
    for (; at != end; at = std::search(at + 1, end, box.begin(), box.end())) {
      if (at[kVersion] == 1) std::fill_n(at + kTimes, 16, std::uint8_t{0});
    }
  }
}

}  // namespace

Bytes EncodeHeic(const Rgba& picture, const HeicOptions& options) {
  const std::unique_ptr<heif_context, Release> context(heif_context_alloc());
  heif_encoder* made = nullptr;
  Check(heif_context_get_encoder_for_format(context.get(), heif_compression_HEVC, &made));
  const std::unique_ptr<heif_encoder, Release> encoder(made);
  heif_encoder_set_lossy_quality(made, options.quality);
  heif_encoder_set_lossless(made, options.quality == 100 ? 1 : 0);
  if (options.quality == 100) Check(heif_encoder_set_parameter_string(made, "chroma", "444"));
  heif_image_handle* primary = nullptr;
  const auto image = ToHeif(picture, options.alpha);
  if (!options.profile.empty()) {
    Check(heif_image_set_raw_color_profile(image.get(), "prof", options.profile.data(),
                                           options.profile.size()));
  }
  Check(heif_context_encode_image(context.get(), image.get(), made, nullptr, &primary));
  const std::unique_ptr<heif_image_handle, Release> handle(primary);
  for (int i = 0; options.thumbnail_side > 0 && i < options.thumbnails; ++i) {
    heif_image_handle* thumbnail = nullptr;
    Check(heif_context_encode_thumbnail(context.get(), ToHeif(picture, false).get(), primary, made, nullptr,
                                        options.thumbnail_side, &thumbnail));
    heif_image_handle_release(thumbnail);
  }
  for (const Rgba& other : options.others) {
    Check(heif_context_encode_image(context.get(), ToHeif(other, false).get(), made, nullptr, nullptr));
  }
  if (!options.exif.empty()) {
    Check(heif_context_add_exif_metadata(context.get(), primary, options.exif.data(),
                                         static_cast<int>(options.exif.size())));
  }
  Check(heif_context_set_primary_image(context.get(), primary));
  Bytes out;
  heif_writer writer{.writer_api_version = 1, .write = Append};
  Check(heif_context_write(context.get(), &writer, &out));
  return out;
}

Bytes EncodeAvif(const std::vector<Rgba>& frames, const AvifOptions& options) {
  const std::unique_ptr<avifEncoder, Release> encoder(avifEncoderCreate());
  encoder->codecChoice = AVIF_CODEC_CHOICE_AOM;
  encoder->speed = 10;
  encoder->minQuantizer = encoder->maxQuantizer = (100 - options.quality) * 63 / 100;
  encoder->minQuantizerAlpha = encoder->maxQuantizerAlpha = 0;
  const bool lossless = options.quality == 100;
  for (const Rgba& frame : frames) {
    const std::unique_ptr<avifImage, Release> image(
        avifImageCreate(static_cast<std::uint32_t>(frame.width), static_cast<std::uint32_t>(frame.height), 8,
                        lossless ? AVIF_PIXEL_FORMAT_YUV444 : AVIF_PIXEL_FORMAT_YUV420));
    if (lossless) image->matrixCoefficients = AVIF_MATRIX_COEFFICIENTS_IDENTITY;
    image->transferCharacteristics = static_cast<avifTransferCharacteristics>(options.transfer);
    if (!options.profile.empty()) {
      avifImageSetProfileICC(image.get(), options.profile.data(), options.profile.size());
    }
    if (!options.exif.empty()) {
      avifImageSetMetadataExif(image.get(), options.exif.data(), options.exif.size());
    }
    if (options.clean_aperture.size() == 8) {
      image->transformFlags |= AVIF_TRANSFORM_CLAP;
      const std::vector<std::uint32_t>& fields = options.clean_aperture;
      image->clap = {.widthN = fields[0],
                     .widthD = fields[1],
                     .heightN = fields[2],
                     .heightD = fields[3],
                     .horizOffN = fields[4],
                     .horizOffD = fields[5],
                     .vertOffN = fields[6],
                     .vertOffD = fields[7]};
    }
    avifRGBImage colors{};
    avifRGBImageSetDefaults(&colors, image.get());
    colors.depth = 8;
    colors.format = AVIF_RGB_FORMAT_RGBA;
    colors.ignoreAlpha = options.alpha ? AVIF_FALSE : AVIF_TRUE;
    colors.pixels = const_cast<std::uint8_t*>(frame.samples.data());
    colors.rowBytes = static_cast<std::uint32_t>(frame.width) * 4;
    Check(avifImageRGBToYUV(image.get(), &colors));
    avifAddImageFlags flags = AVIF_ADD_IMAGE_FLAG_NONE;
    if (frames.size() == 1) flags = AVIF_ADD_IMAGE_FLAG_SINGLE;
    if (options.key_frames) flags |= AVIF_ADD_IMAGE_FLAG_FORCE_KEYFRAME;
    Check(avifEncoderAddImage(encoder.get(), image.get(), 1, flags));
  }
  avifRWData out = AVIF_DATA_EMPTY;
  Check(avifEncoderFinish(encoder.get(), &out));
  Bytes bytes(out.data, out.data + out.size);
  avifRWDataFree(&out);
  ClearTimes(bytes);
  return bytes;
}

Bytes EncodeTiff(const std::vector<Rgba>& pages, const TiffOptions& options) {
  Target target;
  TIFF* tiff = TIFFClientOpen("memory", options.big ? "w8" : "w", &target, ReadBack, Write, Seek, Close,
                              SizeOf, nullptr, nullptr);
  Check(tiff != nullptr);
  const std::unique_ptr<TIFF, void (*)(TIFF*)> closer(tiff, &TIFFClose);
  for (const Rgba& page : pages) WritePage(tiff, page, options, &page == &pages.back());
  TIFFFlush(tiff);
  return target.bytes;
}

}  // namespace hashgate::testkit

#ifdef HASHGATE_SANITIZED
// The HEVC encoder, which only tests have, does not give back all of its tables.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT: the run-time library's own name
  return "leak:libx265";
}
#endif
