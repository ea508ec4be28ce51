#include "image/view_vectors.h"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "hash/img_hash/img_hash.h"
#include "hash/perceptual/pixel_rows.h"
#include "hash/plugin/plugin.h"

namespace hashgate::image {
namespace {

std::uint8_t GreyOf(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((perceptual::kRedWeight * rgb[0] + perceptual::kGreenWeight * rgb[1] +
                                    perceptual::kBlueWeight * rgb[2] + 500) /
                                   1000);
}

/// Puts a row of `count` pixels with `from_channels` samples there, as `channels` samples each.
void Convert(const std::uint8_t* from, std::uint32_t from_channels, std::uint32_t count,
             std::uint32_t channels, std::uint8_t* to) {
  for (std::uint32_t i = 0; i < count; ++i, from += from_channels, to += channels) {
    if (channels == 1) {
      *to = from_channels == 1 ? *from : GreyOf(from);
    } else if (from_channels == 1) {
      std::fill_n(to, 3, *from);
    } else {
      std::copy_n(from, 3, to);
    }
  }
}

/// A part's pixels as a plug-in wants them, where they lie or as a copy.
class PluginPixels {
 public:
  PluginPixels(const Bitmap& bitmap, Over over, const Part& part, std::uint32_t channels)
      : picture_{.pixels = nullptr, .stride = bitmap.stride(), .width = part.width, .height = part.height} {
    if (bitmap.channels == channels) {
      picture_.pixels = bitmap.Row(part.top) + std::size_t{part.left} * channels;
      return;
    }
    const std::size_t stride = std::size_t{part.width} * channels;
    copy_ = WipedBuffer<std::uint8_t>(stride * part.height);
    ViewRows whole(bitmap, over);
    PartRows rows(whole, part);
    for (std::uint32_t y = 0; y < part.height; ++y) {
      std::array<const std::uint8_t*, 1> row{};
      rows.Rows(static_cast<int>(y), row);
      Convert(row[0], static_cast<std::uint32_t>(rows.channels()), part.width, channels,
              copy_.data() + y * stride);
    }
    picture_.pixels = copy_.data();
    picture_.stride = stride;
  }

  [[nodiscard]] const hashgate_picture& picture() const { return picture_; }

 private:
  WipedBuffer<std::uint8_t> copy_;
  hashgate_picture picture_;
};

std::vector<std::uint8_t> HashBy(const plugin::Plugin& plugin, const Bitmap& bitmap, Over over,
                                 const Part& part) try {
  return plugin.Hash(PluginPixels(bitmap, over, part, plugin.channels()).picture());
} catch (const std::bad_alloc&) {
  return {};
}

}  // namespace

std::uint64_t FormsOfView(decode::AlgorithmSet wanted) {
  std::uint64_t forms = 0;
  for (const Algorithm algorithm : kImgHashes) forms += wanted.Has(algorithm) ? kDihedralCount : 0;
  for (const plugin::Plugin& plugin : plugin::Plugins()) {
    if (wanted.Has(plugin.algorithm())) forms += plugin.turns() ? kDihedralCount : 1;
  }
  return forms;
}

void AddVectors(const Bitmap& bitmap, Over over, const Part& part, decode::AlgorithmSet wanted,
                decode::ViewHashes& view) {
  for (const Algorithm algorithm : kImgHashes) {
    if (!wanted.Has(algorithm)) continue;
    ViewRows whole(bitmap, over);
    PartRows rows(whole, part);
    view.vectors.push_back({.algorithm = algorithm, .bytes = img_hash::HashForms(algorithm, rows)});
  }
  for (const plugin::Plugin& plugin : plugin::Plugins()) {
    if (!wanted.Has(plugin.algorithm())) continue;
    std::vector<std::uint8_t> bytes = HashBy(plugin, bitmap, over, part);
    if (bytes.empty()) {
      view.vectors_failed.Add(plugin.algorithm());
    } else {
      view.vectors.push_back({.algorithm = plugin.algorithm(), .bytes = std::move(bytes)});
    }
  }
}

}  // namespace hashgate::image
