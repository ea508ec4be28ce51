// The hashes of one view of a decoded picture.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "decode/record.h"
#include "image/jpeg_reduced.h"
#include "image/luma.h"
#include "image/part.h"
#include "image/pixels.h"

namespace hashgate::image {

/// PDQ of `bitmap` as `over` shows it, by each wanted pipeline, and the wanted vectors; without hashes where
/// a side is under 5 px. Cost: about 0.2 ns a sample; allocates a few rows. Throws std::bad_alloc.
decode::ViewHashes HashView(ViewKind kind, const Bitmap& bitmap, Over over, const decode::Wanted& wanted);
/// The same of a part of it.
decode::ViewHashes HashPart(ViewKind kind, const Bitmap& bitmap, Over over, const Part& part,
                            const decode::Wanted& wanted);

/// The whole picture's view by the first pipeline; nullopt where only a full decode can tell. Cost: about 0.1
/// ns a pixel.
std::optional<decode::ViewHashes> HashReducedView(const ReducedLuma& luma);

/// Adds the view over white, as `kind`, and the one over black where some pixel is not opaque. `frame` is the
/// number that both carry. Returns whether some pixel is not opaque.
bool AddFlattened(ViewKind kind, std::uint32_t frame, const Bitmap& bitmap, const decode::Wanted& wanted,
                  std::vector<decode::ViewHashes>& views);

}  // namespace hashgate::image
