#include "hash/perceptual/pdq.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>

#include "hash/perceptual/pdq_division.h"
#include "hash/perceptual/pdq_exact.h"
#include "hash/perceptual/pdq_operator.h"
#include "hash/perceptual/pdq_rows.h"

namespace hashgate::perceptual {
namespace {

/// A turn as mirrorings before a transposition: index into MirroredBlocks, then whether transposed.
struct Route {
  std::size_t mirrored;
  bool transposed;
};
constexpr std::array<Route, kDihedralCount> kRoutes = {{
    {0, false},  // kOriginal
    {1, true},   // kRotate90
    {3, false},  // kRotate180
    {2, true},   // kRotate270
    {2, false},  // kFlipX
    {1, false},  // kFlipY
    {0, true},   // kFlipPlus1
    {3, true},   // kFlipMinus1
}};

bool IsHashable(int rows, int cols) {
  return rows >= kMinHashableSide && cols >= kMinHashableSide;
}

/// The blocks of a picture, and a turn's own in the textbook's order where that is asked for.
struct Source {
  MirroredBlocks blocks;
  Tolerance tolerance;
  std::function<Block64(Dihedral)> exact;  ///< null: nothing is computed so
};

PdqFormSet FormsOf(const Source& source, PdqFormsTrace& trace) {
  std::array<Division, 4> divisions;
  for (std::size_t i = 0; i < 4; ++i) {
    divisions[i] = Divide(DctOf(source.blocks[i]), source.tolerance.coefficient);
  }
  const std::optional<int> quality = SafeQuality(source.blocks[0], source.tolerance.sample);
  trace = {.exact_turns = 0, .tolerance = source.tolerance.coefficient};

  PdqFormSet out;
  out.quality = quality.has_value() ? *quality : QualityWithin(source.blocks[0], 0).ours;
  for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
    const Route route = kRoutes[turn];
    const Division& division = divisions[route.mirrored];
    const bool is_original = turn == static_cast<std::size_t>(Dihedral::kOriginal);
    if (source.exact == nullptr || (division.is_safe && (!is_original || quality.has_value()))) {
      out.forms[turn] = route.transposed ? division.transposed : division.bits;
      continue;
    }
    const Block64 block = source.exact(static_cast<Dihedral>(turn));
    out.forms[turn] = BitsOf(DctOf(block));
    if (is_original) out.quality = QualityOf(block);
    ++trace.exact_turns;
  }
  return out;
}

/// How far averages instead of samples usually carry a coefficient: on half of all photographs by less, root
/// mean square, and hardly ever by thrice as much.
constexpr double kReducedTolerance = 0.15;
/// The quality passes kMinUsablePdqQuality by so much that a full decode's does. That a picture says too
/// little is never said by averages.
constexpr int kQualityMargin = 5;

/// A plane that holds a whole picture is wiped before its memory is given back.
struct WipedPlane {
  WipedPlane() = default;
  WipedPlane(const WipedPlane&) = delete;
  WipedPlane& operator=(const WipedPlane&) = delete;
  ~WipedPlane() {
    if (!plane.samples.empty()) ::explicit_bzero(plane.samples.data(), plane.samples.size() * sizeof(float));
  }
  LumaPlane plane;
};

}  // namespace

std::optional<PdqValue> ComputePdq(const LumaView& luma) {
  if (!IsHashable(luma.rows, luma.cols)) return std::nullopt;
  const Block64 block = ExactDownsample(luma, Dihedral::kOriginal);
  return PdqValue{BitsOf(DctOf(block)), QualityOf(block)};
}

std::optional<PdqFormSet> ComputePdqForms(const LumaView& luma, PdqFormsTrace& trace) {
  if (!IsHashable(luma.rows, luma.cols)) return std::nullopt;
  return FormsOf({.blocks = DownsampleMirrored(luma),
                  .tolerance = ToleranceFor(luma.rows, luma.cols, false),
                  .exact = [&luma](Dihedral turn) { return ExactDownsample(luma, turn); }},
                 trace);
}

std::optional<PdqFormSet> ComputePdqForms(PixelRows& pixels, PdqFormsTrace& trace) {
  if (!IsHashable(pixels.rows(), pixels.cols())) return std::nullopt;
  WipedPlane drawn;
  const auto luma = [&] {
    if (drawn.plane.samples.empty()) drawn.plane = DrawLuma(pixels);
    return drawn.plane.view();
  };
  const bool is_drawn = pixels.rows() > kMaxRowsSide || pixels.cols() > kMaxRowsSide;
  std::function<Block64(Dihedral)> exact;
  if (std::int64_t{pixels.rows()} * pixels.cols() <= kMaxExactPixels) {
    exact = [&luma](Dihedral turn) { return ExactDownsample(luma(), turn); };
  }
  return FormsOf(
      {.blocks = is_drawn ? DownsampleMirrored(luma())
                          : DownsampleRows(pixels, KernelFor(BoxWindow(pixels.rows()))),
       .tolerance = ToleranceFor(pixels.rows(), pixels.cols(), !is_drawn && pixels.channels() == 1),
       .exact = std::move(exact)},
      trace);
}

std::optional<PdqFormSet> ComputeReducedPdqForms(const LumaView& averages, int rows, int cols, int factor) {
  const MirroredBlocks blocks = DownsampleAverages(averages, rows, cols, factor);
  const int quality = QualityWithin(blocks[0], 0).ours;
  if (quality < kMinUsablePdqQuality + kQualityMargin) return std::nullopt;
  std::array<Division, 4> divisions;
  for (std::size_t i = 0; i < 4; ++i) {
    divisions[i] = Divide(DctOf(blocks[i]), kReducedTolerance);
    if (2 * divisions[i].pairs_in_doubt > kMaxReducedBits) return std::nullopt;
  }
  PdqFormSet out;
  out.quality = quality;
  for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
    const Division& division = divisions[kRoutes[turn].mirrored];
    out.forms[turn] = kRoutes[turn].transposed ? division.transposed : division.bits;
  }
  return out;
}

std::optional<PdqFormSet> ComputePdqForms(const LumaView& luma) {
  PdqFormsTrace trace;
  return ComputePdqForms(luma, trace);
}

std::optional<PdqFormSet> ComputePdqForms(PixelRows& pixels) {
  PdqFormsTrace trace;
  return ComputePdqForms(pixels, trace);
}

PdqFormSet ComputePickedPdqForms(const PickedPicture& picture, PdqFormsTrace& trace) {
  const auto exact = [&picture](Dihedral turn) {
    const Route route = kRoutes[static_cast<std::size_t>(turn)];
    WipedPlane drawn;
    drawn.plane = DrawPicked(picture, route.mirrored);
    return ExactDownsample(drawn.plane.view(), route.transposed ? Dihedral::kFlipPlus1 : Dihedral::kOriginal);
  };
  return FormsOf({.blocks = DownsamplePicked(picture, KernelFor(kMaxPickedWeight)),
                  .tolerance = ToleranceFor(kPickedSide, kPickedSide, picture.channels == 1),
                  .exact = exact},
                 trace);
}

PdqFormSet ComputePickedPdqForms(const PickedPicture& picture) {
  PdqFormsTrace trace;
  return ComputePickedPdqForms(picture, trace);
}

std::optional<PdqFormSet> ComputeExactPdqForms(const LumaView& luma) {
  if (!IsHashable(luma.rows, luma.cols)) return std::nullopt;
  PdqFormSet out;
  for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
    const Block64 block = ExactDownsample(luma, static_cast<Dihedral>(turn));
    out.forms[turn] = BitsOf(DctOf(block));
    if (turn == static_cast<std::size_t>(Dihedral::kOriginal)) out.quality = QualityOf(block);
  }
  return out;
}

}  // namespace hashgate::perceptual
