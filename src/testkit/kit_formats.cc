// One listed picture in every format and colour mode: each must be found by its PDQ.
#include <algorithm>

#include "testkit/kit_draft.h"

namespace hashgate::testkit {

Status AddFormats(KitDraft& draft) {
  const Picture picture = draft.NextPhoto(176, 132, 0);
  draft.ListPdq(kCsamList, picture);
  const Expectation block = Matched(Verdict::kBlock, HarmClass::kCsam, {kCsamList});
  const std::string why = "a listed picture stored as ";
  const Picture grey = Grey(picture);
  const IndexedPicture indexed = ReduceColours(picture);
  const Picture reduced = Expand(indexed);

  using Jpeg = JpegOptions;
  const auto add_jpeg = [&](const char* file, const Jpeg& options, const char* what) -> Status {
    HASHGATE_ASSIGN_OR_RETURN(Encoded jpeg, AsJpeg(picture, options));
    draft.Add(file, std::move(jpeg), block, why + what);
    return {};
  };
  HASHGATE_RETURN_IF_ERROR(add_jpeg("format-jpeg.jpg", {}, "baseline JPEG with halved chroma"));
  HASHGATE_RETURN_IF_ERROR(add_jpeg("format-jpeg-444.jpg", {.halve_chroma = false}, "JPEG with full chroma"));
  HASHGATE_RETURN_IF_ERROR(
      add_jpeg("format-jpeg-progressive.jpg", {.progressive = true}, "progressive JPEG"));
  HASHGATE_RETURN_IF_ERROR(
      add_jpeg("format-jpeg-restart.jpg", {.restart_rows = 1}, "JPEG with restart markers"));
  HASHGATE_RETURN_IF_ERROR(add_jpeg("format-jpeg-grey.jpg", {.colour = Jpeg::Colour::kGrey}, "grey JPEG"));
  HASHGATE_RETURN_IF_ERROR(add_jpeg("format-jpeg-cmyk.jpg", {.quality = 92, .colour = Jpeg::Colour::kCmyk},
                                    "CMYK JPEG, inverted as Adobe writes it"));

  using Png = PngOptions;
  const auto add_png = [&](const char* file, const Picture& source, const Png& options,
                           std::vector<Picture> views, const char* what) -> Status {
    HASHGATE_ASSIGN_OR_RETURN(Bytes png, EncodePng(source, options));
    draft.Add(file, {std::move(png), std::move(views)}, block, why + what);
    return {};
  };
  HASHGATE_RETURN_IF_ERROR(add_png("format-png.png", picture, {}, {picture}, "RGB PNG"));
  HASHGATE_RETURN_IF_ERROR(
      add_png("format-png-interlaced.png", picture, {.interlaced = true}, {picture}, "interlaced PNG"));
  HASHGATE_RETURN_IF_ERROR(add_png("format-png-rgba.png", picture, {.colour = Png::Colour::kRgba}, {picture},
                                   "PNG with opaque alpha"));
  HASHGATE_RETURN_IF_ERROR(
      add_png("format-png-grey.png", picture, {.colour = Png::Colour::kGrey}, {grey}, "grey PNG"));
  HASHGATE_RETURN_IF_ERROR(
      add_png("format-png-16bit.png", picture, {.colour = Png::Colour::kRgb16}, {picture}, "16-bit PNG"));
  HASHGATE_RETURN_IF_ERROR(add_png("format-png-grey-16bit.png", picture, {.colour = Png::Colour::kGrey16},
                                   {grey}, "grey 16-bit PNG"));
  HASHGATE_ASSIGN_OR_RETURN(Bytes palette_png, EncodePng(indexed));
  draft.Add("format-png-palette.png", {palette_png, {reduced}}, block, why + "palette PNG");

  // White everywhere, and the picture in the alpha: nothing to see on white, the picture on black.
  Picture ghost = WithAlpha(picture);
  for (std::size_t i = 0; i < ghost.pixels.size(); i += 4) {
    ghost.pixels[i + 3] = grey.pixels[i / 4 * 3];
    ghost.pixels[i] = ghost.pixels[i + 1] = ghost.pixels[i + 2] = 255;
  }
  HASHGATE_RETURN_IF_ERROR(add_png("format-png-visible-on-black.png", ghost,
                                   {.colour = Png::Colour::kGreyAlpha},
                                   {OverGrey(ghost, 255), OverGrey(ghost, 0)},
                                   "white with the picture in its transparency: seen on a dark page only"));

  HASHGATE_ASSIGN_OR_RETURN(Bytes webp, EncodeWebp(picture));
  HASHGATE_ASSIGN_OR_RETURN(Picture webp_pixels, DecodeWebp(webp));
  draft.Add("format-webp.webp", {webp, {webp_pixels}}, block, why + "lossy WebP");
  HASHGATE_ASSIGN_OR_RETURN(Bytes lossless, EncodeWebp(picture, {.lossless = true}));
  draft.Add("format-webp-lossless.webp", {lossless, {picture}}, block, why + "lossless WebP");
  HASHGATE_ASSIGN_OR_RETURN(Bytes webp_alpha, EncodeWebp(WithAlpha(picture), {.quality = 90}));
  HASHGATE_ASSIGN_OR_RETURN(Picture webp_alpha_pixels, DecodeWebp(webp_alpha));
  draft.Add("format-webp-alpha.webp", {webp_alpha, {webp_alpha_pixels}}, block, why + "WebP with alpha");

  HASHGATE_ASSIGN_OR_RETURN(Bytes gif, EncodeGif({&picture, 1}));
  draft.Add("format-gif.gif", {gif, {reduced}}, block, why + "GIF");
  std::vector<Picture> frames = {picture};
  for (Picture& frame : DrawAnimation(31, picture.width, picture.height, 2))
    frames.push_back(std::move(frame));
  const auto add_gif = [&](const char* file, const char* which) -> Status {
    HASHGATE_ASSIGN_OR_RETURN(Bytes animated, EncodeGif(frames));
    std::vector<Picture> shown;
    shown.reserve(frames.size());
    for (const Picture& frame : frames) shown.push_back(Expand(ReduceColours(frame)));
    draft.Add(file, {animated, std::move(shown)}, block,
              std::string("an animation whose ") + which + " is listed");
    return {};
  };
  HASHGATE_RETURN_IF_ERROR(add_gif("format-gif-animated.gif", "first frame"));
  std::ranges::rotate(frames, frames.begin() + 1);
  HASHGATE_RETURN_IF_ERROR(add_gif("format-gif-animated-later.gif", "last frame"));

  for (const int bits : {8, 24, 32}) {
    HASHGATE_ASSIGN_OR_RETURN(Bytes bmp, EncodeBmp(picture, {.bits = bits, .top_down = bits == 32}));
    draft.Add("format-bmp-" + std::to_string(bits) + ".bmp", {bmp, {bits == 8 ? reduced : picture}}, block,
              why + "BMP with " + std::to_string(bits) + " bits a pixel");
  }
  return {};
}

}  // namespace hashgate::testkit
