#include "image/nn512.h"

#include <cstddef>
#include <cstring>

namespace hashgate::image {
namespace {

// A constant number of channels lets the compiler copy a pixel without a loop.
template <std::size_t kChannels>
void PickRow(const std::uint8_t* from, const std::array<std::uint32_t, kNn512Side>& columns,
             std::uint8_t* to) {
  for (const std::uint32_t column : columns) {
    std::memcpy(to, from + static_cast<std::size_t>(column) * kChannels, kChannels);
    to += kChannels;
  }
}

/// One mirroring of a picture, and the two turns that have it: as it is, and transposed.
struct Mirroring {
  bool columns;
  bool rows;
  Dihedral plain;
  Dihedral transposed;
};
constexpr std::array<Mirroring, 4> kMirrorings = {{
    {false, false, Dihedral::kOriginal, Dihedral::kFlipPlus1},
    {true, false, Dihedral::kFlipY, Dihedral::kRotate90},
    {false, true, Dihedral::kFlipX, Dihedral::kRotate270},
    {true, true, Dihedral::kRotate180, Dihedral::kFlipMinus1},
}};

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

Bitmap ShrinkNn512(const Bitmap& bitmap, bool mirror_columns, bool mirror_rows) {
  const auto columns = Nn512Positions(bitmap.width, mirror_columns);
  const auto rows = Nn512Positions(bitmap.height, mirror_rows);
  Bitmap out(kNn512Side, kNn512Side, bitmap.channels);
  for (std::uint32_t y = 0; y < kNn512Side; ++y) {
    const std::uint8_t* from = bitmap.Row(rows[y]);
    switch (bitmap.channels) {
      case 1: PickRow<1>(from, columns, out.Row(y)); break;
      case 3: PickRow<3>(from, columns, out.Row(y)); break;
      default: PickRow<4>(from, columns, out.Row(y)); break;
    }
  }
  return out;
}

std::optional<perceptual::PdqFormSet> Nn512Forms(const Bitmap& bitmap, Over over) {
  perceptual::PdqFormSet out;
  for (const Mirroring& mirroring : kMirrorings) {
    const Bitmap shrunk = ShrinkNn512(bitmap, mirroring.columns, mirroring.rows);
    ViewRows rows(shrunk, over);
    const auto forms = perceptual::ComputePdqForms(rows);
    if (!forms) return std::nullopt;
    const auto form = [&forms](Dihedral turn) { return forms->forms[static_cast<std::size_t>(turn)]; };
    out.forms[static_cast<std::size_t>(mirroring.plain)] = form(Dihedral::kOriginal);
    out.forms[static_cast<std::size_t>(mirroring.transposed)] = form(Dihedral::kFlipPlus1);
    if (mirroring.plain == Dihedral::kOriginal) out.quality = forms->quality;
  }
  return out;
}

}  // namespace hashgate::image
