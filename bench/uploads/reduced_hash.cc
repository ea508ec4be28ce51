// How far the hash of a large JPEG that is not decoded whole lies from that of a full decode: of every given
// photograph, cropped in several ways and stored anew by several qualities and samplings.
// Run: build/release/bench/reduced_hash JPEG...; prints JSON.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include <jpeglib.h>  // needs <cstdio> before it

#include "hash/perceptual/pdq.h"
#include "image/codec.h"
#include "image/jpeg_reduced.h"
#include "image/luma.h"

namespace hashgate {
namespace {

using Bytes = std::vector<std::uint8_t>;

decode::Limits WideLimits() {
  return {.max_bytes = 256ULL << 20, .max_pixels = 250'000'000, .memory_bytes = 4ULL << 30};
}

/// A part of the picture, stored with `factor` x `factor` pixels for a sample of chroma.
Bytes Store(const image::Bitmap& picture, std::uint32_t left, std::uint32_t top, std::uint32_t width,
            std::uint32_t height, int quality, int factor) {
  jpeg_compress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &memory, &size);
  codec.image_width = width;
  codec.image_height = height;
  codec.input_components = static_cast<int>(picture.channels);
  codec.in_color_space = picture.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, quality, TRUE);
  codec.comp_info[0].h_samp_factor = codec.comp_info[0].v_samp_factor = factor;
  jpeg_start_compress(&codec, TRUE);
  for (std::uint32_t y = 0; y < height; ++y) {
    auto* row = const_cast<JSAMPROW>(picture.Row(top + y) + std::size_t{left} * picture.channels);
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  Bytes out(memory, memory + size);
  jpeg_destroy_compress(&codec);
  std::free(memory);
  return out;
}

struct Found {
  std::map<int, int> forms_by_bits;
  int files = 0;
  int left_to_codec = 0;
  int worst_quality = 0;  ///< difference of the two qualities
};

void Compare(const Bytes& file, Found& found) {
  ++found.files;
  const auto reduced = image::ReduceJpeg(file, WideLimits());
  const auto quick =
      reduced ? perceptual::ComputeReducedPdqForms(reduced->view(), static_cast<int>(reduced->height),
                                                   static_cast<int>(reduced->width), image::kReduction)
              : std::nullopt;
  if (!quick) {
    ++found.left_to_codec;
    return;
  }
  const image::Decoded decoded = image::DecodeJpeg(file, WideLimits());
  image::ViewRows rows(decoded.bitmap, {.opaque = true});
  const auto full = perceptual::ComputePdqForms(rows);
  for (std::size_t turn = 0; turn < full->forms.size(); ++turn) {
    ++found.forms_by_bits[Distance(quick->forms[turn], full->forms[turn])];
  }
  found.worst_quality = std::max(found.worst_quality, std::abs(quick->quality - full->quality));
}

void CompareParts(const image::Bitmap& picture, Found& found) {
  constexpr std::array<std::array<double, 4>, 5> kParts = {
      {{0, 0, 1, 1}, {0, 0, 0.8, 0.8}, {0.2, 0, 0.8, 0.9}, {0.1, 0.2, 0.9, 0.7}, {0.3, 0.3, 0.6, 0.6}}};
  constexpr std::array<int, 4> kQualities = {80, 85, 90, 95};
  for (const auto& [x, y, width, height] : kParts) {
    const auto part = [](double share, std::uint32_t side) {
      return static_cast<std::uint32_t>(share * side);
    };
    const std::uint32_t columns = part(width, picture.width);
    const std::uint32_t rows = part(height, picture.height);
    if (std::min(columns, rows) < image::kMinReducedSide) continue;
    for (const int quality : kQualities) {
      for (const int factor : {1, 2}) {
        Compare(
            Store(picture, part(x, picture.width), part(y, picture.height), columns, rows, quality, factor),
            found);
      }
    }
  }
}

}  // namespace
}  // namespace hashgate

int main(int argc, char** argv) {
  hashgate::Found found;
  for (int i = 1; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    const hashgate::Bytes file(std::istreambuf_iterator<char>(in), {});
    const hashgate::image::Decoded decoded = hashgate::image::DecodeJpeg(file, hashgate::WideLimits());
    if (decoded.cause != hashgate::Cause::kNone) {
      std::fprintf(stderr, "reduced_hash: cannot decode %s\n", argv[i]);
      return 1;
    }
    hashgate::CompareParts(decoded.bitmap, found);
  }
  std::printf("{\"files\": %d, \"left_to_codec\": %d, \"worst_quality\": %d, \"forms_by_bits\": {",
              found.files, found.left_to_codec, found.worst_quality);
  const char* comma = "";
  for (const auto& [bits, count] : found.forms_by_bits) {
    std::printf("%s\"%d\": %d", comma, bits, count);
    comma = ", ";
  }
  std::printf("}}\n");
  return 0;
}
