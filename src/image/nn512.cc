#include "image/nn512.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace hashgate::image {
namespace {

using Positions = perceptual::PickedSide::Positions;

// The part of a side that begins at `first`.
perceptual::PickedSide SideOf(std::uint32_t first, std::uint32_t length) {
  perceptual::PickedSide side{.plain = Nn512Positions(length, false),
                              .mirrored = Nn512Positions(length, true)};
  for (Positions* positions : {&side.plain, &side.mirrored}) {
    for (std::uint32_t& position : *positions) position += first;
  }
  return side;
}

// The positions that a side is picked from, ascending, each once. Afterwards `side` means places among them.
std::vector<std::uint32_t> Condense(perceptual::PickedSide& side) {
  std::vector<std::uint32_t> used(side.plain.begin(), side.plain.end());
  used.insert(used.end(), side.mirrored.begin(), side.mirrored.end());
  std::ranges::sort(used);
  const auto repeats = std::ranges::unique(used);
  used.erase(repeats.begin(), repeats.end());
  for (Positions* positions : {&side.plain, &side.mirrored}) {
    for (std::uint32_t& position : *positions) {
      position = static_cast<std::uint32_t>(std::ranges::lower_bound(used, position) - used.begin());
    }
  }
  return used;
}

// Only what is picked is mixed with the background.
perceptual::PdqFormSet MixedForms(const Bitmap& bitmap, std::uint8_t background, const Part& part) {
  perceptual::PickedSide rows = SideOf(part.top, part.height);
  perceptual::PickedSide columns = SideOf(part.left, part.width);
  const std::vector<std::uint32_t> used_rows = Condense(rows);
  const std::vector<std::uint32_t> used_columns = Condense(columns);
  Bitmap mixed(static_cast<std::uint32_t>(used_columns.size()), static_cast<std::uint32_t>(used_rows.size()),
               4);
  for (std::uint32_t y = 0; y < mixed.height; ++y) {
    const std::uint8_t* from = bitmap.Row(used_rows[y]);
    std::uint8_t* row = mixed.Row(y);
    for (std::size_t x = 0; x < used_columns.size(); ++x) {
      std::copy_n(from + std::size_t{used_columns[x]} * 4, 4, row + x * 4);
    }
    MixPixels(row, mixed.width, background, row);
  }
  return perceptual::ComputePickedPdqForms({.samples = mixed.samples.data(),
                                            .width = mixed.width,
                                            .channels = static_cast<int>(mixed.channels),
                                            .rows = rows,
                                            .columns = columns});
}

}  // namespace

bool IsChangedByNn512(std::uint32_t width, std::uint32_t height) {
  return width > kNn512Side || height > kNn512Side;
}

std::array<std::uint32_t, kNn512Side> Nn512Positions(std::uint32_t length, bool mirrored) {
  std::array<std::uint32_t, kNn512Side> positions{};
  for (std::uint32_t k = 0; k < kNn512Side; ++k) {
    const auto at = static_cast<std::uint32_t>(std::uint64_t{k} * length / kNn512Side);
    positions[k] = mirrored ? length - 1 - at : at;
  }
  return positions;
}

perceptual::PdqFormSet Nn512Forms(const Bitmap& bitmap, Over over, const Part& part) {
  if (bitmap.channels == 4 && !over.opaque) return MixedForms(bitmap, over.background, part);
  return perceptual::ComputePickedPdqForms({.samples = bitmap.samples.data(),
                                            .width = bitmap.width,
                                            .channels = static_cast<int>(bitmap.channels),
                                            .rows = SideOf(part.top, part.height),
                                            .columns = SideOf(part.left, part.width)});
}

}  // namespace hashgate::image
