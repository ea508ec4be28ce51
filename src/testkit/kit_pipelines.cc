// Large pictures on a list of the nn512 pipeline: an honest copy, and a picture made to look like one to it.
#include "testkit/kit_draft.h"

namespace hashgate::testkit {
namespace {

// Twelve times a small scene: large enough for nn512 to leave out six pixels of seven, and small as a file.
constexpr int kWidth = 1536;
constexpr int kHeight = 1152;

Picture LargePhoto(KitDraft& draft) {
  return ResizeArea(draft.NextPhoto(kWidth / 12, kHeight / 12, 0), kWidth, kHeight);
}

// Gives `cover` the pixels of `hidden` that nn512 looks at, and no others.
Picture Plant(const Picture& hidden, Picture cover) {
  for (int row = 0; row < kNn512Side; ++row) {
    for (int col = 0; col < kNn512Side; ++col) {
      const std::size_t at = cover.offset(col * cover.width / kNn512Side, row * cover.height / kNn512Side);
      for (std::size_t i = 0; i < static_cast<std::size_t>(cover.channels); ++i) {
        cover.pixels[at + i] = hidden.pixels[at + i];
      }
    }
  }
  return cover;
}

}  // namespace

Status AddPipelines(KitDraft& draft) {
  const Picture listed = LargePhoto(draft);
  const PictureHash pdq = HashOf(ShrinkNn512(listed));
  KitEntry& entry = draft.List(kNn512List);
  entry.pdq = pdq.hash;
  entry.pdq_quality = pdq.quality;

  HASHGATE_ASSIGN_OR_RETURN(Encoded copy, AsJpeg(listed, {.quality = 60}));
  draft.Add("block-pdq-nn512.jpg", copy, Matched(Verdict::kBlock, HarmClass::kCsam, {kNn512List}),
            "a copy of a large picture whose list was made by the nn512 pipeline of PDQ");

  const Picture planted = Plant(listed, LargePhoto(draft));
  HASHGATE_ASSIGN_OR_RETURN(Bytes planted_png, EncodePng(planted, {.compression = 9}));
  draft.Add("review-pdq-nn512-planted.png", {planted_png, {planted}},
            Matched(Verdict::kReview, HarmClass::kCsam, {kNn512List}),
            "another picture: only the pixels that nn512 looks at are those of the listed one, so nothing "
            "is blocked unseen");
  return {};
}

}  // namespace hashgate::testkit
