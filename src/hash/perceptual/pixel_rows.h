// Pictures of 8-bit samples, row by row: what PDQ is computed from without a plane of luma.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hash/perceptual/pdq_textbook.h"

namespace hashgate::perceptual {

/// The rows of one picture. Each row is cols * channels samples: 1 channel is grey, 3 are red, green, blue,
/// and of 4 the last is not looked at. Threads: confined.
class PixelRows {
 public:
  PixelRows(int rows, int cols, int channels) : rows_(rows), cols_(cols), channels_(channels) {}
  virtual ~PixelRows() = default;
  PixelRows(const PixelRows&) = delete;
  PixelRows& operator=(const PixelRows&) = delete;

  /// Points `out` at the rows from `first` on. They stay until the next call. REQUIRES: all of them exist.
  virtual void Rows(int first, std::span<const std::uint8_t*> out) = 0;

  [[nodiscard]] int rows() const { return rows_; }
  [[nodiscard]] int cols() const { return cols_; }
  [[nodiscard]] int channels() const { return channels_; }
  /// Samples of a row, all channels.
  [[nodiscard]] std::size_t row_size() const {
    return static_cast<std::size_t>(cols_) * static_cast<std::size_t>(channels_);
  }

 private:
  int rows_;
  int cols_;
  int channels_;
};

/// Rows that lie in memory one after the other, without padding. Borrows the samples.
class StoredRows final : public PixelRows {
 public:
  StoredRows(const std::uint8_t* samples, int rows, int cols, int channels)
      : PixelRows(rows, cols, channels), samples_(samples) {}
  void Rows(int first, std::span<const std::uint8_t*> out) override;

 private:
  const std::uint8_t* samples_;
};

/// 299 R + 587 G + 114 B.
inline constexpr int kRedWeight = 299;
inline constexpr int kGreenWeight = 587;
inline constexpr int kBlueWeight = 114;

/// The luma of `count` pixels. Grey samples are their own luma. Of colours it is the weighted sum above, a
/// whole number, divided by 1000 and rounded once: that is the luma of the PDQ description, and a grey stored
/// as red, green and blue comes out as exactly its own value, so that a picture hashes alike in every colour
/// mode it can be stored in.
void LumaOf(const std::uint8_t* pixels, int channels, std::size_t count, float* luma);

/// The whole picture's luma, as the textbook wants it. Memory: 4 bytes a pixel.
LumaPlane DrawLuma(PixelRows& pixels);

}  // namespace hashgate::perceptual
