// Pictures inside a file that viewers of its first picture do not show: thumbnails and second pictures.
#pragma once

#include <cstddef>
#include <vector>

#include "decode/record.h"
#include "hashgate/hash.h"

namespace hashgate::image {

/// Pictures inside one file that are looked at, at most.
inline constexpr std::size_t kMaxEmbedded = 8;

struct EmbeddedPictures {
  std::vector<ByteSpan> pictures;  ///< each from its first byte to its end; at most kMaxEmbedded
  bool more = false;               ///< there are others
};

/// Finds JPEGs inside a file: in the application segments of a JPEG (thumbnails of Exif, JFIF extensions and
/// editors), behind its end (MPF and MPO), in the segments of those that are found, a few levels deep,
/// and in the Exif of a PNG or WebP. They are found by how a JPEG begins, and not by the offsets that an Exif
/// or MPF index gives: those may lead elsewhere, and the bytes are there whether they do or not. What has no
/// frame header is none. An Exif of a PNG or WebP longer than `max_exif_bytes` is not searched and counts as
/// others. `bytes` have the format's magic. Sources: ITU-T T.81 annex B; CIPA DC-007 (MPF);
/// Exif 2.32, 4.5.8. Cost: linear in the bytes.
EmbeddedPictures FindEmbedded(decode::Format format, ByteSpan bytes, std::size_t max_exif_bytes);

/// Decodes and hashes what FindEmbedded finds and adds a hidden view (kEmbedded) of each that does not look
/// like the first view. Their pixels together are at most limits.max_pixels, and pixels times scans of all of
/// them and of the file's own picture, whose codec has run, at most limits.max_scan_pixels. Sets
/// embedded_unseen where one was left out or could not be decoded.
void LookAtEmbedded(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                    decode::DecodeResult& result);

/// Likewise, of the JPEGs in Exif that the file's codec has found: what it holds besides tags. Longer Exif
/// than limits.max_exif_bytes is not searched and sets embedded_unseen.
void LookAtExif(ByteSpan exif, const decode::Wanted& wanted, const decode::Limits& limits,
                decode::DecodeResult& result);

}  // namespace hashgate::image
