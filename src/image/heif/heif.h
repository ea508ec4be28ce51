// HEIC through libheif and libde265, AVIF through libavif and dav1d, in a worker class of their own.
#pragma once

#include "image/codec.h"

namespace hashgate::image {

/// The primary picture of a HEIC file, as a viewer shows it: grids joined, cropped, turned. Pictures in other
/// codecs than HEVC are kUnsupportedFormat. A damaged stream gives kTruncated and the whole bitmap, in which
/// the damaged blocks are made up. A track counts as one picture in frames_total that is never seen. Memory:
/// up to 14 bytes a pixel, checked first.
Decoded DecodeHeif(ByteSpan bytes, const decode::Limits& limits);
/// Thumbnails of the primary picture, JPEGs in its Exif, and the file's other pictures, as hidden kEmbedded,
/// since viewers show the primary one: at most kMaxHeifPictures, and Limits::max_frame_pixels of them.
void DecodeHeifFurther(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                       decode::DecodeResult& result);

/// The primary picture of an AVIF file, or the first of its track where it has no other. frames_total counts
/// it and the track's pictures; a track that cannot be opened counts as one, of too many samples it is
/// kTooManyFrames. The part that a clean aperture leaves is the bitmap's alternate. Files that are
/// AVIF by name and hold HEVC are decoded as such.
Decoded DecodeAvif(ByteSpan bytes, const decode::Limits& limits);
/// Pictures of the track as kFrame, and the part of each that a clean aperture leaves: first, last, and
/// evenly spaced ones, at most kMaxAvifFrames; at most Limits::max_frame_pixels are decoded to reach them.
/// frames_seen says how many were looked at.
void DecodeAvifFurther(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                       decode::DecodeResult& result);

inline constexpr std::uint32_t kMaxHeifPictures = 16;
inline constexpr std::uint32_t kMaxAvifFrames = 24;

/// The codecs of class heif. Registers what decodes HEVC without threads; call it before the lock.
std::span<const Codec> HeifCodecs();

/// As WarmUp (process.h), with a picture of each of them.
void WarmUpHeif();

}  // namespace hashgate::image
