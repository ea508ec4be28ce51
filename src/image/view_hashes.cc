#include "image/view_hashes.h"

#include "hash/perceptual/pdq.h"
#include "image/nn512.h"
#include "image/view_vectors.h"

namespace hashgate::image {
namespace {

void AddPdq(Pipeline pipeline, const perceptual::PdqFormSet& forms, decode::ViewHashes& view) {
  view.pdq.push_back({.pipeline = pipeline, .quality = forms.quality, .forms = forms.forms});
}

}  // namespace

decode::ViewHashes HashView(ViewKind kind, const Bitmap& bitmap, Over over, const decode::Wanted& wanted) {
  return HashPart(kind, bitmap, over, WholeOf(bitmap), wanted);
}

decode::ViewHashes HashPart(ViewKind kind, const Bitmap& bitmap, Over over, const Part& part,
                            const decode::Wanted& wanted) {
  decode::ViewHashes view{.kind = kind, .frame = 0, .width = part.width, .height = part.height};
  constexpr auto kLeast = static_cast<std::uint32_t>(perceptual::kMinHashableSide);
  view.hashable = part.width >= kLeast && part.height >= kLeast;
  if (!view.hashable || !wanted.pdq_full) return view;
  ViewRows whole(bitmap, over);
  PartRows rows(whole, part);
  const auto full = perceptual::ComputePdqForms(rows);
  if (!full) return view;
  AddPdq(Pipeline::kFull, *full, view);
  AddVectors(bitmap, over, part, wanted.vectors, view);
  if (!wanted.pdq_nn512) return view;
  if (!IsChangedByNn512(part.width, part.height)) {
    AddPdq(Pipeline::kNn512, *full, view);
  } else {
    AddPdq(Pipeline::kNn512, Nn512Forms(bitmap, over, part), view);
  }
  return view;
}

std::optional<decode::ViewHashes> HashReducedView(const ReducedLuma& luma) {
  const auto full = perceptual::ComputeReducedPdqForms(luma.view(), static_cast<int>(luma.height),
                                                       static_cast<int>(luma.width), kReduction);
  if (!full) return std::nullopt;
  decode::ViewHashes view{
      .kind = ViewKind::kWhole, .frame = 0, .width = luma.width, .height = luma.height, .hashable = true};
  AddPdq(Pipeline::kFull, *full, view);
  return view;
}

bool AddFlattened(ViewKind kind, std::uint32_t frame, const Bitmap& bitmap, const decode::Wanted& wanted,
                  std::vector<decode::ViewHashes>& views) {
  const bool has_alpha = HasTransparency(bitmap);
  // Where nothing shows through there is nothing to mix.
  views.push_back(HashView(kind, bitmap, {.opaque = !has_alpha, .background = 255}, wanted));
  views.back().frame = frame;
  if (has_alpha) {
    views.push_back(HashView(ViewKind::kOverBlack, bitmap, {.background = 0}, wanted));
    views.back().frame = frame;
  }
  return has_alpha;
}

}  // namespace hashgate::image
