#include "image/heif/hevc_plugin.h"

#include <libde265/de265.h>
#include <libheif/heif_plugin.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "image/color_profile.h"

namespace hashgate::image {
namespace {

constexpr int kAboveBuiltIn = 200;  // libheif's own decoders have priority 100

struct Bounds {
  std::uint32_t max_side = 16'384;
  std::uint64_t max_pixels = 50'000'000;
};
Bounds g_bounds;  // NOLINT: libde265's allocation function has no better way to it; a worker has one thread

HevcReport g_report;  // NOLINT: likewise

struct ImageRelease {
  void operator()(heif_image* image) const { heif_image_release(image); }
};
using Image = std::unique_ptr<heif_image, ImageRelease>;

heif_error Good() {
  return {heif_error_Ok, heif_suberror_Unspecified, "ok"};
}
heif_error Bad() {
  return {heif_error_Decoder_plugin_error, heif_suberror_Unspecified, "the picture cannot be decoded"};
}
heif_error Unsupported() {
  return {heif_error_Unsupported_feature, heif_suberror_Unsupported_codec, "not decoded here"};
}

// Refuses pictures above the bounds before any of their memory is asked for.
int GetBuffer(de265_decoder_context* context, de265_image_spec* spec, de265_image* image, void* user) {
  const auto width = static_cast<std::uint64_t>(std::max(spec->width, 0));
  const auto height = static_cast<std::uint64_t>(std::max(spec->height, 0));
  // The coded size is rounded up to blocks of at most 64.
  constexpr std::uint64_t kBlock = 64;
  if (width > g_bounds.max_side + kBlock || height > g_bounds.max_side + kBlock ||
      width * height > g_bounds.max_pixels + (width + height) * kBlock) {
    return 0;
  }
  const de265_image_allocation* standard = de265_get_default_image_allocation_functions();
  return standard->get_buffer(context, spec, image, user);
}

void ReleaseBuffer(de265_decoder_context* context, de265_image* image, void* user) {
  de265_get_default_image_allocation_functions()->release_buffer(context, image, user);
}

const char* Name() {
  return "libde265 without threads";
}

int Priority(heif_compression_format format) {
  return format == heif_compression_HEVC ? kAboveBuiltIn : 0;
}

heif_error NewDecoder(void** decoder) {
  de265_decoder_context* context = de265_new_decoder();
  *decoder = context;
  if (context == nullptr) return Bad();
  de265_image_allocation functions{.get_buffer = GetBuffer, .release_buffer = ReleaseBuffer};
  de265_set_image_allocation_functions(context, &functions, nullptr);
  return Good();
}

void FreeDecoder(void* decoder) {
  if (decoder != nullptr) de265_free_decoder(decoder);
}

// NAL units, each behind its length in four bytes, the highest first.
heif_error PushData(void* decoder, const void* data, std::size_t size) {
  std::span<const std::uint8_t> rest(static_cast<const std::uint8_t*>(data), size);
  while (rest.size() >= 4) {
    const std::size_t length = std::size_t{rest[0]} << 24 | std::size_t{rest[1]} << 16 |
                               std::size_t{rest[2]} << 8 | std::size_t{rest[3]};
    rest = rest.subspan(4);
    if (length > rest.size()) return Bad();
    if (de265_push_NAL(decoder, rest.data(), static_cast<int>(length), 0, nullptr) != DE265_OK) return Bad();
    rest = rest.subspan(length);
  }
  return rest.empty() ? Good() : Bad();
}

heif_chroma ChromaOf(const de265_image* picture) {
  switch (de265_get_chroma_format(picture)) {
    case de265_chroma_mono: return heif_chroma_monochrome;
    case de265_chroma_420: return heif_chroma_420;
    case de265_chroma_422: return heif_chroma_422;
    case de265_chroma_444: return heif_chroma_444;
  }
  return heif_chroma_undefined;
}

bool CopyPlane(const de265_image* picture, int channel, heif_channel to_channel, heif_image* image) {
  const int width = de265_get_image_width(picture, channel);
  const int height = de265_get_image_height(picture, channel);
  const int bits = de265_get_bits_per_pixel(picture, channel);
  int from_stride = 0;
  const std::uint8_t* from = de265_get_image_plane(picture, channel, &from_stride);
  if (from == nullptr || width <= 0 || height <= 0 || bits < 8 || bits > 16) return false;
  if (heif_image_add_plane(image, to_channel, width, height, bits).code != heif_error_Ok) return false;
  int to_stride = 0;
  std::uint8_t* to = heif_image_get_plane(image, to_channel, &to_stride);
  const std::size_t row = static_cast<std::size_t>(width) * (bits > 8 ? 2 : 1);
  for (std::ptrdiff_t y = 0; y < height; ++y) std::memcpy(to + y * to_stride, from + y * from_stride, row);
  return true;
}

heif_error ToHeif(const de265_image* picture, heif_image** out) {
  const heif_chroma chroma = ChromaOf(picture);
  const bool grey = chroma == heif_chroma_monochrome;
  heif_image* made = nullptr;
  const heif_error created =
      heif_image_create(de265_get_image_width(picture, 0), de265_get_image_height(picture, 0),
                        grey ? heif_colorspace_monochrome : heif_colorspace_YCbCr, chroma, &made);
  if (created.code != heif_error_Ok) return created;
  Image image(made);
  if (!CopyPlane(picture, 0, heif_channel_Y, image.get())) return Bad();
  if (!grey && (!CopyPlane(picture, 1, heif_channel_Cb, image.get()) ||
                !CopyPlane(picture, 2, heif_channel_Cr, image.get()))) {
    return Bad();
  }
  if (AreUnusualHeifCodePoints(static_cast<unsigned>(de265_get_image_colour_primaries(picture)),
                               static_cast<unsigned>(de265_get_image_transfer_characteristics(picture)))) {
    g_report.colours_unusual = true;
  }
  // What the stream says of its colours, for files whose container says nothing.
  heif_color_profile_nclx* colors = heif_nclx_color_profile_alloc();
  if (colors == nullptr) return Bad();
  heif_nclx_color_profile_set_color_primaries(
      colors, static_cast<std::uint16_t>(de265_get_image_colour_primaries(picture)));
  heif_nclx_color_profile_set_transfer_characteristics(
      colors, static_cast<std::uint16_t>(de265_get_image_transfer_characteristics(picture)));
  heif_nclx_color_profile_set_matrix_coefficients(
      colors, static_cast<std::uint16_t>(de265_get_image_matrix_coefficients(picture)));
  colors->full_range_flag = de265_get_image_full_range_flag(picture) != 0 ? 1 : 0;
  heif_image_set_nclx_color_profile(image.get(), colors);
  heif_nclx_color_profile_free(colors);
  *out = image.release();
  return Good();
}

// These say nothing of the picture: one thread is what is asked for, and messages beside the picture are not
// used.
bool IsHarmless(de265_error warning) {
  return warning == DE265_WARNING_NO_WPP_CANNOT_USE_MULTITHREADING ||
         warning == DE265_WARNING_NUMBER_OF_THREADS_LIMITED_TO_MAXIMUM ||
         warning == DE265_WARNING_SPS_MISSING_CANNOT_DECODE_SEI;
}

// libde265 gives a picture all the same where its data is damaged, with whatever it has in the blocks that it
// could not read, and says so by a queue of warnings.
void ReportWarnings(de265_decoder_context* decoder) {
  for (;;) {
    const de265_error warning = de265_get_warning(decoder);
    if (warning == DE265_OK) return;
    if (!IsHarmless(warning)) g_report.damaged = true;
  }
}

heif_error DecodePicture(void* decoder, heif_image** out) {
  *out = nullptr;
  if (de265_flush_data(decoder) != DE265_OK) return Bad();
  const de265_image* picture = nullptr;
  int more = 1;
  while (more != 0 && picture == nullptr) {
    more = 0;
    if (de265_decode(decoder, &more) != DE265_OK) {
      g_report.damaged = true;
      more = 0;
    }
    ReportWarnings(decoder);
    picture = de265_get_next_picture(decoder);
  }
  return picture != nullptr ? ToHeif(picture, out) : Bad();
}

void SetStrict(void* /*decoder*/, int /*flag*/) {}

// Stands before libheif's own decoder of AV1.
int PriorityOfAv1(heif_compression_format format) {
  return format == heif_compression_AV1 ? kAboveBuiltIn : 0;
}
const char* NameOfAv1() {
  return "none";
}
heif_error RefuseDecoder(void** decoder) {
  *decoder = nullptr;
  return Unsupported();
}
heif_error RefuseData(void* /*decoder*/, const void* /*data*/, std::size_t /*size*/) {
  return Unsupported();
}
heif_error RefusePicture(void* /*decoder*/, heif_image** out) {
  *out = nullptr;
  return Unsupported();
}
void FreeNothing(void* /*decoder*/) {}

constexpr heif_decoder_plugin kHevc{.plugin_api_version = 3,
                                    .get_plugin_name = Name,
                                    .init_plugin = nullptr,
                                    .deinit_plugin = nullptr,
                                    .does_support_format = Priority,
                                    .new_decoder = NewDecoder,
                                    .free_decoder = FreeDecoder,
                                    .push_data = PushData,
                                    .decode_image = DecodePicture,
                                    .set_strict_decoding = SetStrict,
                                    .id_name = "hashgate-hevc"};
constexpr heif_decoder_plugin kNoAv1{.plugin_api_version = 3,
                                     .get_plugin_name = NameOfAv1,
                                     .init_plugin = nullptr,
                                     .deinit_plugin = nullptr,
                                     .does_support_format = PriorityOfAv1,
                                     .new_decoder = RefuseDecoder,
                                     .free_decoder = FreeNothing,
                                     .push_data = RefuseData,
                                     .decode_image = RefusePicture,
                                     .set_strict_decoding = SetStrict,
                                     .id_name = "hashgate-no-av1"};

}  // namespace

bool RegisterHevcDecoder() {
  return heif_register_decoder_plugin(&kHevc).code == heif_error_Ok &&
         heif_register_decoder_plugin(&kNoAv1).code == heif_error_Ok;
}

HevcReport TakeHevcReport() {
  return std::exchange(g_report, {});
}

void LimitHevc(std::uint32_t max_side, std::uint64_t max_pixels) {
  g_bounds = {.max_side = max_side, .max_pixels = max_pixels};
}

}  // namespace hashgate::image
