#include "image/nn512.h"

#include <cstddef>
#include <cstring>
#include <span>

namespace hashgate::image {
namespace {

using Positions = std::array<std::uint32_t, kNn512Side>;

// A constant number of channels lets the compiler copy a pixel without a loop.
template <std::size_t kChannels>
void PickRow(const std::uint8_t* from, const Positions& columns, std::uint8_t* to) {
  for (const std::uint32_t column : columns) {
    std::memcpy(to, from + static_cast<std::size_t>(column) * kChannels, kChannels);
    to += kChannels;
  }
}

// The same for three channels of a side over 512: four bytes at once, the last of which the next pixel's copy
// writes over. Only the first and the last of the 512 can be the last pixel of the row, behind which there
// may be nothing.
void PickWideRgbRow(const std::uint8_t* from, const Positions& columns, std::uint8_t* to) {
  const auto pixel = [&](std::size_t k) { return from + static_cast<std::size_t>(columns[k]) * 3; };
  std::memcpy(to, pixel(0), 3);
  for (std::size_t k = 1; k + 1 < kNn512Side; ++k) std::memcpy(to + 3 * k, pixel(k), 4);
  std::memcpy(to + 3 * (std::size_t{kNn512Side} - 1), pixel(kNn512Side - 1), 3);
}

void Pick(const Bitmap& bitmap, std::uint32_t row, const Positions& columns, std::uint8_t* to) {
  const std::uint8_t* from = bitmap.Row(row);
  switch (bitmap.channels) {
    case 1: PickRow<1>(from, columns, to); break;
    case 3:
      bitmap.width > kNn512Side ? PickWideRgbRow(from, columns, to) : PickRow<3>(from, columns, to);
      break;
    default: PickRow<4>(from, columns, to); break;
  }
}

/// The shrunk picture, picked as its rows are asked for: it is read while it is still in the cache.
class PickedRows final : public perceptual::PixelRows {
 public:
  PickedRows(const Bitmap& bitmap, bool mirror_columns, bool mirror_rows)
      : PixelRows(static_cast<int>(kNn512Side), static_cast<int>(kNn512Side),
                  static_cast<int>(bitmap.channels)),
        bitmap_(bitmap),
        columns_(Nn512Positions(bitmap.width, mirror_columns)),
        positions_(Nn512Positions(bitmap.height, mirror_rows)) {}

  void Rows(int first, std::span<const std::uint8_t*> out) override {
    if (picked_.size() < out.size() * row_size()) {
      picked_ = WipedBuffer<std::uint8_t>(out.size() * row_size());
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      std::uint8_t* row = picked_.data() + i * row_size();
      Pick(bitmap_, positions_[static_cast<std::size_t>(first) + i], columns_, row);
      out[i] = row;
    }
  }

 private:
  const Bitmap& bitmap_;
  const Positions columns_;
  const Positions positions_;
  WipedBuffer<std::uint8_t> picked_;  // as many rows as were ever asked for at once
};

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

std::optional<perceptual::PdqFormSet> FormsOf(const Bitmap& bitmap, const Mirroring& mirroring, Over over) {
  if (bitmap.channels == 4 && !over.opaque) {
    // Only what was picked is mixed with the background.
    const Bitmap shrunk = ShrinkNn512(bitmap, mirroring.columns, mirroring.rows);
    ViewRows rows(shrunk, over);
    return perceptual::ComputePdqForms(rows);
  }
  PickedRows rows(bitmap, mirroring.columns, mirroring.rows);
  return perceptual::ComputePdqForms(rows);
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

Bitmap ShrinkNn512(const Bitmap& bitmap, bool mirror_columns, bool mirror_rows) {
  const auto columns = Nn512Positions(bitmap.width, mirror_columns);
  const auto rows = Nn512Positions(bitmap.height, mirror_rows);
  Bitmap out(kNn512Side, kNn512Side, bitmap.channels);
  for (std::uint32_t y = 0; y < kNn512Side; ++y) Pick(bitmap, rows[y], columns, out.Row(y));
  return out;
}

std::optional<perceptual::PdqFormSet> Nn512Forms(const Bitmap& bitmap, Over over) {
  perceptual::PdqFormSet out;
  for (const Mirroring& mirroring : kMirrorings) {
    const auto forms = FormsOf(bitmap, mirroring, over);
    if (!forms) return std::nullopt;
    const auto form = [&forms](Dihedral turn) { return forms->forms[static_cast<std::size_t>(turn)]; };
    out.forms[static_cast<std::size_t>(mirroring.plain)] = form(Dihedral::kOriginal);
    out.forms[static_cast<std::size_t>(mirroring.transposed)] = form(Dihedral::kFlipPlus1);
    if (mirroring.plain == Dihedral::kOriginal) out.quality = forms->quality;
  }
  return out;
}

}  // namespace hashgate::image
