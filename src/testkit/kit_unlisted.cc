// Files that no list knows, and files that cannot be looked at.
#include <algorithm>

#include "testkit/kit_draft.h"
#include "testkit/random_source.h"
#include "testkit/raw_files.h"

namespace hashgate::testkit {

Status AddUnlistedFiles(KitDraft& draft) {
  constexpr CoverageLevel kComplete = CoverageLevel::kComplete;
  constexpr CoverageLevel kExactOnly = CoverageLevel::kExactOnly;
  HASHGATE_ASSIGN_OR_RETURN(Encoded photo, AsJpeg(draft.NextPhoto(480, 360), {.quality = 75}));
  draft.Add("allow-photo.jpg", photo, Allowed(kComplete), "an unrelated picture");
  HASHGATE_ASSIGN_OR_RETURN(Encoded misnamed, AsJpeg(draft.NextPhoto(), {.quality = 70}));
  draft.Add("allow-photo-misnamed.txt", misnamed, Allowed(kComplete),
            "a JPEG by its bytes: names are never looked at");
  const Picture screen = Draw(PictureKind::kScreenshot, 3, 400, 300);
  HASHGATE_ASSIGN_OR_RETURN(Bytes screen_png, EncodePng(ReduceColours(screen)));
  draft.Add("allow-screenshot.png", {screen_png, {Expand(ReduceColours(screen))}}, Allowed(kComplete),
            "a screenshot");
  HASHGATE_ASSIGN_OR_RETURN(Encoded page, AsJpeg(Draw(PictureKind::kTextPage, 2, 300, 400),
                                                 {.quality = 60, .colour = JpegOptions::Colour::kGrey}));
  draft.Add("allow-text-page.jpg", page, Allowed(kComplete), "a scanned page");
  const Picture emoji = Draw(PictureKind::kEmoji, 5, 96, 96);
  HASHGATE_ASSIGN_OR_RETURN(Bytes emoji_png, EncodePng(emoji, {.colour = PngOptions::Colour::kRgba}));
  draft.Add("allow-emoji.png", {emoji_png, {OverGrey(emoji, 255), OverGrey(emoji, 0)}}, Allowed(kComplete),
            "a symbol on a transparent ground");

  const Picture tiny = draft.NextPhoto(16, 16);
  HASHGATE_ASSIGN_OR_RETURN(Bytes tiny_png, EncodePng(tiny));
  draft.Add("allow-tiny.png", {tiny_png, {}}, Allowed(kExactOnly),
            "both sides under 24 pixels: too small to recognise, only digests count");
  const Picture flat = Draw(PictureKind::kFlat, 1, 200, 150);
  HASHGATE_ASSIGN_OR_RETURN(Bytes flat_png, EncodePng(flat));
  draft.Add("allow-flat.png", {flat_png, {flat}}, Allowed(kExactOnly),
            "one colour: PDQ quality 0, only digests count");
  Picture pale = draft.NextPhoto(160, 120, 0);
  while (HashOf(pale).quality > 40) pale = LowerContrast(pale, 90);
  HASHGATE_ASSIGN_OR_RETURN(Bytes pale_png, EncodePng(pale));
  draft.Add("allow-low-quality.png", {pale_png, {pale}}, Allowed(kExactOnly),
            "PDQ quality under 50 and no match: only digests count");

  const auto other = [&](const char* file, Bytes bytes, const char* what) {
    draft.Add(file, {std::move(bytes), {}}, Allowed(kExactOnly, Cause::kNotAnImage),
              std::string(what) + ": recognised as no picture, matched by digest only");
  };
  other("not-an-image-text.txt",
        FromText("Plain words, and some that are not ASCII: \xc3\xa4 \xe2\x82\xac.\n"), "a text");
  other("not-an-image-archive.zip", ZipHolding("note.txt", "a note in an archive\n"), "a ZIP archive");
  other("not-an-image-document.pdf", SmallPdf(), "a PDF document");
  other("not-an-image-video.mp4", SmallMp4(), "a video");
  other("not-an-image-audio.wav", SmallWav(), "a sound");
  return {};
}

Status AddUnscannableFiles(KitDraft& draft) {
  draft.Add("hold-empty.jpg", {}, Held(Cause::kEmpty), "no bytes at all");

  HASHGATE_ASSIGN_OR_RETURN(Bytes jpeg, EncodeJpeg(draft.NextPhoto(), {.quality = 75}));
  HASHGATE_ASSIGN_OR_RETURN(Bytes png, EncodePng(draft.NextPhoto(160, 120)));
  Bytes bad_header = png;
  bad_header[29] ^= 0xff;  // the checksum of IHDR
  bad_header.resize(4000);
  draft.Add("hold-corrupt.png", {bad_header, {}}, Held(Cause::kCorrupt), "the header's checksum is wrong");
  draft.Add("hold-corrupt.jpg", {JpegWithoutTables(jpeg), {}}, Held(Cause::kCorrupt),
            "its Huffman tables cannot be, so no pixel can be read");

  Bytes half_jpeg = jpeg;
  half_jpeg.resize(jpeg.size() / 2);
  draft.Add("hold-truncated.jpg", {half_jpeg, {}}, Held(Cause::kTruncated, CoverageLevel::kPartial),
            "cut in the middle: looked up for what it shows, but part of it is missing");
  Bytes half_png = png;
  half_png.resize(png.size() / 2);
  draft.Add("hold-truncated.png", {half_png, {}}, Held(Cause::kTruncated, CoverageLevel::kPartial),
            "cut in the middle: looked up for what it shows, but part of it is missing");

  Bytes noise = {0x9b, 0x00, 0x13, 0x37};
  RandomSource random(99);
  for (int i = 0; i < 1000; ++i) noise.push_back(static_cast<std::uint8_t>(random.Next()));
  draft.Add("hold-unsupported-unknown.bin", {noise, {}}, Held(Cause::kUnsupportedFormat),
            "bytes of no known kind: never taken for clean");
  draft.Add("hold-unsupported.tif", {SmallTiff(), {}}, Held(Cause::kUnsupportedFormat),
            "TIFF is recognised as a picture but not decoded by default");
  draft.Add("hold-unsupported.svg",
            {FromText("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" "
                      "height=\"9\"><circle cx=\"4\" cy=\"4\" r=\"3\"/></svg>\n"),
             {}},
            Held(Cause::kUnsupportedFormat), "text that a browser draws is a picture");
  draft.Add("hold-unsupported.html",
            {FromText("<!DOCTYPE html>\n<html><body><p>A page.</p></body></html>\n"), {}},
            Held(Cause::kUnsupportedFormat), "text that a browser draws may show a picture");

  draft.Add("hold-too-many-pixels.png", {PngDeclaring(40'000, 40'000), {}}, Held(Cause::kTooManyPixels),
            "69 bytes that declare 1.6 thousand million pixels");
  draft.Add("hold-too-many-pixels.jpg", {JpegDeclaring(jpeg, 65'000, 65'000), {}},
            Held(Cause::kTooManyPixels), "a frame header that declares 4.2 thousand million pixels");
  HASHGATE_ASSIGN_OR_RETURN(
      Bytes costly, EncodeJpeg(draft.NextPhoto(96, 72), {.quality = 50, .scan_per_coefficient = true}));
  draft.Add("hold-too-costly.jpg", {costly, {}}, Held(Cause::kTooCostly),
            "190 scans: each makes a decoder go over all pixels again");
  return {};
}

}  // namespace hashgate::testkit
