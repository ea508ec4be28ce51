// Source of the container: ISO/IEC 23008-12; libheif's documentation of its decoding interface.
#include "image/heif/heif.h"

#include <libheif/heif.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "image/color_profile.h"
#include "image/embedded.h"
#include "image/heif/boxes.h"
#include "image/heif/heif_pictures.h"
#include "image/heif/hevc_plugin.h"
#include "image/view_hashes.h"
#include "image/view_vectors.h"

namespace hashgate::image {
namespace {

struct Release {
  void operator()(heif_context* context) const { heif_context_free(context); }
  void operator()(const heif_image_handle* handle) const { heif_image_handle_release(handle); }
  void operator()(heif_image* image) const { heif_image_release(image); }
  void operator()(heif_decoding_options* options) const { heif_decoding_options_free(options); }
};
using Context = std::unique_ptr<heif_context, Release>;
using Handle = std::unique_ptr<heif_image_handle, Release>;
using Image = std::unique_ptr<heif_image, Release>;

Cause CauseOf(const heif_error& error) {
  // Its limits are those of sides.
  if (error.subcode == heif_suberror_Security_limit_exceeded) return Cause::kTooManyPixels;
  switch (error.code) {
    case heif_error_Ok: return Cause::kNone;
    case heif_error_Unsupported_filetype:
    case heif_error_Unsupported_feature: return Cause::kUnsupportedFormat;
    case heif_error_Memory_allocation_error: return Cause::kTooCostly;
    default: return Cause::kCorrupt;
  }
}

// Reads the boxes; nothing is decoded.
Cause Open(ByteSpan bytes, const decode::Limits& limits, Context& context) {
  context.reset(heif_context_alloc());
  if (context == nullptr) throw std::bad_alloc();
  heif_context_set_maximum_image_size_limit(context.get(), static_cast<int>(limits.max_side));
  // In the calling thread.
  heif_context_set_max_decoding_threads(context.get(), 0);
  LimitHevc(limits.max_side, limits.max_pixels);
  return CauseOf(
      heif_context_read_from_memory_without_copy(context.get(), bytes.data(), bytes.size(), nullptr));
}

// Sides that a handle declares, before and after it is turned and cut.
Cause CheckHandle(const heif_image_handle* handle, const decode::Limits& limits) {
  const auto side = [](int value) { return static_cast<std::uint64_t>(std::max(value, 0)); };
  const std::uint64_t width = side(heif_image_handle_get_width(handle));
  const std::uint64_t height = side(heif_image_handle_get_height(handle));
  const std::uint64_t stored_width = side(heif_image_handle_get_ispe_width(handle));
  const std::uint64_t stored_height = side(heif_image_handle_get_ispe_height(handle));
  if (const Cause cause = CheckSides(width, height, limits); cause != Cause::kNone) return cause;
  if (const Cause cause = CheckSides(stored_width, stored_height, limits); cause != Cause::kNone)
    return cause;
  // The picture as stored, as colours, and our copy of these.
  const std::uint64_t bytes_per_pixel = heif_image_handle_get_luma_bits_per_pixel(handle) > 8 ? 14 : 10;
  return std::max(width * height, stored_width * stored_height) * bytes_per_pixel > limits.memory_bytes
             ? Cause::kTooCostly
             : Cause::kNone;
}

// heif_image's alpha may be multiplied into its colours; ours is not.
void Divide(Bitmap& bitmap) {
  for (std::size_t i = 0; i + 3 < bitmap.samples.size(); i += 4) {
    const std::uint32_t alpha = bitmap.samples[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (std::size_t k = i; k < i + 3; ++k) {
      bitmap.samples[k] = static_cast<std::uint8_t>(std::min(255U, bitmap.samples[k] * 255U / alpha));
    }
  }
}

// A file may give a profile and code points; viewers differ in which one they take.
bool HasUnusualColors(const heif_image_handle* handle, const decode::Limits& limits) {
  heif_color_profile_nclx* points = nullptr;
  if (heif_image_handle_get_nclx_color_profile(handle, &points).code == heif_error_Ok && points != nullptr) {
    const bool unusual = AreUnusualHeifCodePoints(points->color_primaries, points->transfer_characteristics);
    heif_nclx_color_profile_free(points);
    if (unusual) return true;
  }
  const std::size_t size = heif_image_handle_get_raw_color_profile_size(handle);
  if (size == 0) return false;
  if (size > limits.max_profile_bytes) return true;
  std::vector<std::uint8_t> profile(size);
  return heif_image_handle_get_raw_color_profile(handle, profile.data()).code != heif_error_Ok ||
         IsUnusualProfile(profile);
}

// What decoding one picture gives.
struct Picture {
  Bitmap bitmap;
  bool colour_unusual = false;
};

// kTruncated: parts of it are made up, for the stream is damaged there; nobody says which.
Cause DecodeHandle(const heif_image_handle* handle, const decode::Limits& limits, Picture& out) {
  if (const Cause cause = CheckHandle(handle, limits); cause != Cause::kNone) return cause;
  const bool alpha = heif_image_handle_has_alpha_channel(handle) != 0;
  const std::unique_ptr<heif_decoding_options, Release> options(heif_decoding_options_alloc());
  if (options == nullptr) throw std::bad_alloc();
  options->convert_hdr_to_8bit = 1;
  heif_image* decoded = nullptr;
  static_cast<void>(TakeHevcReport());
  const heif_error error =
      heif_decode_image(handle, &decoded, heif_colorspace_RGB,
                        alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, options.get());
  const Image image(decoded);
  if (error.code != heif_error_Ok || image == nullptr) {
    return error.code == heif_error_Ok ? Cause::kCorrupt : CauseOf(error);
  }
  const int width = heif_image_get_width(image.get(), heif_channel_interleaved);
  const int height = heif_image_get_height(image.get(), heif_channel_interleaved);
  int stride = 0;
  const std::uint8_t* from = heif_image_get_plane_readonly(image.get(), heif_channel_interleaved, &stride);
  if (from == nullptr || width <= 0 || height <= 0) return Cause::kCorrupt;
  // The stream decides, whatever the container said.
  if (const Cause cause =
          CheckSides(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height), limits);
      cause != Cause::kNone) {
    return cause;
  }
  Bitmap bitmap(static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height), alpha ? 4 : 3);
  if (static_cast<std::size_t>(std::max(stride, 0)) < bitmap.stride()) return Cause::kCorrupt;
  for (std::uint32_t y = 0; y < bitmap.height; ++y) {
    std::memcpy(bitmap.Row(y), from + static_cast<std::size_t>(stride) * y, bitmap.stride());
  }
  if (alpha && heif_image_handle_is_premultiplied_alpha(handle) != 0) Divide(bitmap);
  const HevcReport report = TakeHevcReport();
  out = {.bitmap = std::move(bitmap),
         .colour_unusual = report.colours_unusual || HasUnusualColors(handle, limits)};
  return report.damaged ? Cause::kTruncated : Cause::kNone;
}

Handle PrimaryOf(heif_context* context, heif_error& error) {
  heif_image_handle* handle = nullptr;
  error = heif_context_get_primary_image_handle(context, &handle);
  return Handle(handle);
}

// Thumbnails of `handle`, as far as `handles` has room. False where there are more.
bool CollectThumbnails(const heif_image_handle* handle, std::vector<Handle>& handles) {
  const int count = heif_image_handle_get_number_of_thumbnails(handle);
  const auto room =
      static_cast<int>(kMaxHeifPictures - std::min<std::size_t>(handles.size(), kMaxHeifPictures));
  std::vector<heif_item_id> ids(static_cast<std::size_t>(std::clamp(count, 0, room)));
  heif_image_handle_get_list_of_thumbnail_IDs(handle, ids.data(), static_cast<int>(ids.size()));
  for (const heif_item_id id : ids) {
    heif_image_handle* thumbnail = nullptr;
    if (heif_image_handle_get_thumbnail(handle, id, &thumbnail).code == heif_error_Ok) {
      handles.emplace_back(thumbnail);
    }
  }
  return count <= room;
}

// Pictures of the file beside the primary one, which need not be on the list itself.
std::vector<heif_item_id> OthersOf(heif_context* context) {
  const int count = heif_context_get_number_of_top_level_images(context);
  std::vector<heif_item_id> ids(static_cast<std::size_t>(std::max(count, 0)));
  ids.resize(static_cast<std::size_t>(std::max(
      heif_context_get_list_of_top_level_image_IDs(context, ids.data(), static_cast<int>(ids.size())), 0)));
  heif_item_id primary = 0;
  if (heif_context_get_primary_image_ID(context, &primary).code == heif_error_Ok) std::erase(ids, primary);
  return ids;
}

// As many of them as are looked at. False where there are more.
bool CollectOthers(heif_context* context, std::vector<Handle>& handles) {
  for (const heif_item_id id : OthersOf(context)) {
    if (handles.size() == kMaxHeifPictures) return false;
    heif_image_handle* other = nullptr;
    if (heif_context_get_image_handle(context, id, &other).code == heif_error_Ok) handles.emplace_back(other);
  }
  return true;
}

// The pictures in all of a picture's Exif, one budget for them.
void LookAtExifOf(const heif_image_handle* handle, const decode::Wanted& wanted, const decode::Limits& limits,
                  decode::DecodeResult& result) {
  const int count = heif_image_handle_get_number_of_metadata_blocks(handle, "Exif");
  std::vector<heif_item_id> ids(static_cast<std::size_t>(std::max(count, 0)));
  heif_image_handle_get_list_of_metadata_block_IDs(handle, "Exif", ids.data(), static_cast<int>(ids.size()));
  std::vector<std::uint8_t> all;
  for (const heif_item_id id : ids) {
    const std::size_t size = heif_image_handle_get_metadata_size(handle, id);
    if (size == 0) continue;
    if (size > limits.max_exif_bytes || all.size() > limits.max_exif_bytes - size) {
      result.embedded_unseen = true;
      return;
    }
    const std::size_t before = all.size();
    all.resize(before + size);
    if (heif_image_handle_get_metadata(handle, id, all.data() + before).code != heif_error_Ok) {
      all.resize(before);
      result.embedded_unseen = true;
    }
  }
  LookAtExif(all, wanted, limits, result);
}

}  // namespace

Decoded DecodeHeif(ByteSpan bytes, const decode::Limits& limits) {
  Decoded out;
  Context context;
  out.cause = Open(bytes, limits, context);
  if (out.cause != Cause::kNone) return out;
  heif_error error{};
  const Handle primary = PrimaryOf(context.get(), error);
  if (primary == nullptr) {
    out.cause = error.code == heif_error_Ok ? Cause::kCorrupt : CauseOf(error);
    return out;
  }
  out.width = static_cast<std::uint32_t>(std::max(heif_image_handle_get_width(primary.get()), 0));
  out.height = static_cast<std::uint32_t>(std::max(heif_image_handle_get_height(primary.get()), 0));
  // libheif reads no tracks, and viewers that do show them in place of the still: one more, never seen.
  const std::size_t pictures = 1 + OthersOf(context.get()).size() + (HasTracks(bytes) ? 1 : 0);
  out.frames_total = static_cast<std::uint32_t>(pictures);
  if (out.frames_total > limits.max_frames) {
    out.cause = Cause::kTooManyFrames;
    return out;
  }
  Picture picture;
  out.cause = DecodeHandle(primary.get(), limits, picture);
  out.bitmap = std::move(picture.bitmap);
  out.colour_unusual = picture.colour_unusual;
  out.warned = out.cause == Cause::kTruncated;
  return out;
}

void DecodeHeifFurther(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                       decode::DecodeResult& result) {
  const std::uint32_t tracks = HasTracks(bytes) ? 1 : 0;
  LookAtHeifPictures(bytes, result.frames_total - std::min(result.frames_total, tracks), wanted, limits,
                     result);
}

void LookAtHeifPictures(ByteSpan bytes, std::uint32_t counted, const decode::Wanted& wanted,
                        const decode::Limits& limits, decode::DecodeResult& result) {
  Context context;
  if (Open(bytes, limits, context) != Cause::kNone) return;
  heif_error error{};
  const Handle primary = PrimaryOf(context.get(), error);
  if (primary == nullptr) return;
  LookAtExifOf(primary.get(), wanted, limits, result);
  // Other pictures first: they count as pictures of the file, thumbnails do not.
  std::vector<Handle> handles;
  if (!CollectOthers(context.get(), handles)) result.embedded_unseen = true;
  const std::size_t others = handles.size();
  if (!CollectThumbnails(primary.get(), handles)) result.embedded_unseen = true;
  std::uint64_t left = limits.max_frame_pixels;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const heif_image_handle* handle = handles[i].get();
    // Until it has been looked at.
    const bool unseen = std::exchange(result.embedded_unseen, true);
    if (CheckHandle(handle, limits) != Cause::kNone) continue;
    const auto pixels = static_cast<std::uint64_t>(heif_image_handle_get_width(handle)) *
                        static_cast<std::uint64_t>(heif_image_handle_get_height(handle));
    if (pixels > left || result.views.size() + 2 > static_cast<std::size_t>(decode::kMaxViews)) return;
    left -= pixels;
    Picture picture;
    const Cause cause = DecodeHandle(handle, limits, picture);
    if (cause != Cause::kNone && cause != Cause::kTruncated) continue;
    const auto number = static_cast<std::uint32_t>(i < others ? i + 1 : 0);
    const std::size_t before = result.views.size();
    // The server takes no number of a picture that frames_total does not count.
    AddFlattened(ViewKind::kEmbedded, std::min(number, result.frames_total - 1), picture.bitmap,
                 WithoutVectors(wanted), result.views);
    for (decode::ViewHashes& view : std::span(result.views).subspan(before)) view.hidden = true;
    // What is left of a damaged one is hashed, and it does not count as looked at.
    if (cause == Cause::kTruncated) continue;
    result.embedded_unseen = unseen;
    if (i < others && result.frames_seen < counted) ++result.frames_seen;
  }
}

}  // namespace hashgate::image
