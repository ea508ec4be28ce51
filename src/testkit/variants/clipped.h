// Pictures that appear where samples are clamped to 0..255. Whoever reads the luma plane alone, or blocks
// without their high frequencies, sees something else.
#pragma once

#include "testkit/encode.h"

namespace hashgate::testkit::variants {

/// How bright the stored luma is.
enum class Plane : std::uint8_t { kLight, kDark };

/// Y, Cb and Cr of a picture whose luma, once its colours are clamped, is `seen`, in fewer levels. The stored
/// luma plane is flat, or `stored` in few levels near white or black. Requires: of one size.
Picture ChromaCarries(const Picture& seen, Plane plane, const Picture* stored = nullptr);

/// A grey JPEG of constant blocks under the highest frequency, whose clamped part makes each block as bright
/// as `seen` asks, which is made one pixel a block.
Result<Bytes> FinestCarries(const Picture& seen, int columns, int rows);

}  // namespace hashgate::testkit::variants
