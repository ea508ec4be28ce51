#include "testkit/kit_builder.h"

#include <algorithm>

#include "hash/perceptual/pdq_textbook.h"
#include "testkit/kit_draft.h"

namespace hashgate::testkit {
namespace {

perceptual::PdqValue Textbook(const Picture& picture) {
  const Picture opaque = OverGrey(picture, 255);
  perceptual::LumaPlane luma{{}, opaque.height, opaque.width};
  luma.samples.reserve(opaque.pixels.size() / 3);
  for (std::size_t i = 0; i < opaque.pixels.size(); i += 3) {
    const auto r = static_cast<float>(opaque.pixels[i]);
    const auto g = static_cast<float>(opaque.pixels[i + 1]);
    const auto b = static_cast<float>(opaque.pixels[i + 2]);
    // A grey pixel's luma is its value: the weighted sum in floats may miss it in the last place.
    luma.samples.push_back(r == g && g == b ? r : 0.299F * r + 0.587F * g + 0.114F * b);
  }
  return perceptual::TextbookPdq(luma.view());
}

std::vector<KitList> Lists() {
  const auto list = [](const char* name, Purpose purpose, Trust trust = Trust::kTrusted,
                       int max_distance_bits = kDefaultPdqMaxDistanceBits,
                       Pipeline pdq_pipeline = Pipeline::kUnspecified) {
    return KitList{name,
                   purpose,
                   trust,
                   "Hashgate test kit",
                   "none: synthetic hashes of generated pictures",
                   max_distance_bits,
                   pdq_pipeline};
  };
  return {
      list(kCsamList, Purpose::kCsam),
      list(kLocalList, Purpose::kCsam, Trust::kLocal),
      list(kNarrowList, Purpose::kCsam, Trust::kTrusted, 8),
      list(kNn512List, Purpose::kCsam, Trust::kTrusted, kDefaultPdqMaxDistanceBits, Pipeline::kNn512),
      list(kUnverifiedList, Purpose::kCsam, Trust::kUnverified),
      list(kExploitativeList, Purpose::kExploitative),
      list(kNciiList, Purpose::kNciiAdult),
      list(kOwnRulesList, Purpose::kOwnRules),
      list(kTestList, Purpose::kTest),
  };
}

}  // namespace

PictureHash HashOf(const Picture& picture) {
  const perceptual::PdqValue value = Textbook(picture);
  return {value.hash, value.quality};
}

int NearestTurn(const Picture& picture, const PdqHash& listed) {
  int nearest = 256;
  for (int turn = 0; turn < kDihedralCount; ++turn) {
    const PdqHash hash = HashOf(Turn(picture, static_cast<Dihedral>(turn))).hash;
    nearest = std::min(nearest, Distance(hash, listed));
  }
  return nearest;
}

Result<Kit> BuildKit() {
  Kit kit;
  kit.lists = Lists();
  KitDraft draft(kit);
  HASHGATE_RETURN_IF_ERROR(AddListedPictures(draft));
  HASHGATE_RETURN_IF_ERROR(AddFormats(draft));
  HASHGATE_RETURN_IF_ERROR(AddUnlistedFiles(draft));
  HASHGATE_RETURN_IF_ERROR(AddUnscannableFiles(draft));
  HASHGATE_RETURN_IF_ERROR(AddPipelines(draft));
  std::ranges::sort(kit.cases, {}, &KitCase::file);
  HASHGATE_RETURN_IF_ERROR(CheckKit(kit));
  return kit;
}

Result<Canary> BuildCanary() {
  Canary canary;
  HASHGATE_ASSIGN_OR_RETURN(canary.jpeg,
                            EncodeJpeg(DrawPhoto(7'000'001, 192, 144, {.noise = 0}), {.quality = 70}));
  HASHGATE_ASSIGN_OR_RETURN(const Picture decoded, DecodeJpeg(canary.jpeg));
  canary.pdq = HashOf(decoded);
  if (canary.pdq.quality < 80) return Fail(Reason::kInvariantBroken, "the canary's quality is under 80");
  return canary;
}

}  // namespace hashgate::testkit
