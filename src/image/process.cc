#include "image/process.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "decode/sniff.h"
#include "image/border.h"
#include "image/codec.h"
#include "image/color_request.h"
#include "image/embedded.h"
#include "image/jpeg_reduced.h"
#include "image/luma.h"
#include "image/png_pieces.h"
#include "image/view_hashes.h"
#include "image/view_vectors.h"

namespace hashgate::image {
namespace {

using Clock = std::chrono::steady_clock;

std::uint32_t MicrosSince(Clock::time_point start) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(micros, 0, std::numeric_limits<std::uint32_t>::max()));
}

/// True where a view's hash differs from all of `others`. What nobody sees takes the place of no view that is
/// seen.
bool IsUnlike(const decode::ViewHashes& view, const std::vector<decode::ViewHashes>& others) {
  if (view.pdq.empty()) return false;
  return std::ranges::none_of(others, [&](const decode::ViewHashes& other) {
    return (view.hidden || !other.hidden) && !other.pdq.empty() && other.pdq[0].forms == view.pdq[0].forms;
  });
}

/// A border of one colour around a picture leaves next to nothing of its hash.
void HashTrimmed(const Bitmap& bitmap, Over over, const decode::Wanted& wanted, VectorBudget& budget,
                 decode::DecodeResult& result) {
  ViewRows rows(bitmap, over);
  for (const Part& inside : InsideBorders(rows)) {
    if (std::max(inside.width, inside.height) < kMinUsableSide) continue;
    decode::ViewHashes view = HashPart(ViewKind::kTrimmed, bitmap, over, inside, budget.Take(wanted, bitmap));
    if (IsUnlike(view, result.views)) result.views.push_back(std::move(view));
  }
}

void HashDecoded(const Decoded& decoded, decode::Wanted wanted, decode::DecodeResult& result) {
  const Bitmap& bitmap = decoded.bitmap;
  // The second pipeline picks single pixels, which a picture decoded at a smaller scale no longer has.
  wanted.pdq_nn512 = wanted.pdq_nn512 && !decoded.scaled;
  const ViewKind whole = result.cause == Cause::kTruncated ? ViewKind::kTruncatedPart : ViewKind::kWhole;
  // Where nothing shows through there is nothing to mix.
  const Over white{.opaque = !result.has_alpha, .background = 255};
  result.views.push_back(HashView(whole, bitmap, white, wanted));
  VectorBudget budget;
  if (result.has_alpha) {
    result.views.push_back(
        HashView(ViewKind::kOverBlack, bitmap, {.background = 0}, budget.Take(wanted, bitmap)));
    // Colours under clear pixels may hold another picture than is seen. Some viewers show it where they do
    // not take alpha for what it is.
    const bool hidden = !decoded.alpha_disputed;
    decode::ViewHashes colors = HashView(ViewKind::kAlternate, bitmap, {.opaque = true},
                                         hidden ? WithoutVectors(wanted) : budget.Take(wanted, bitmap));
    colors.hidden = hidden;
    if (!colors.hidden || IsUnlike(colors, result.views)) result.views.push_back(std::move(colors));
  }
  HashTrimmed(bitmap, white, wanted, budget, result);
  if (result.has_alpha) HashTrimmed(bitmap, {.background = 0}, wanted, budget, result);
  if (decoded.alternate.width != 0) {
    AddFlattened(ViewKind::kAlternate, 0, decoded.alternate, budget.Take(wanted, decoded.alternate),
                 result.views);
  }
}

/// A picture of 16 bits may have its detail in the low ones, which samples of 8 bits do not keep.
void HashStretched(ByteSpan bytes, SampleRange range, const decode::Wanted& wanted,
                   const decode::Limits& limits, decode::DecodeResult& result) {
  const Bitmap stretched = DecodePngStretched(bytes, range, limits);
  if (stretched.height == 0) return;
  decode::ViewHashes view =
      HashView(ViewKind::kAlternate, stretched, {.opaque = true}, WithoutVectors(wanted));
  view.hidden = true;
  if (IsUnlike(view, result.views)) result.views.push_back(std::move(view));
}

/// The marker that ends a JPEG is there, perhaps with something behind it.
bool HasEndMarker(ByteSpan bytes) {
  constexpr std::array<std::uint8_t, 2> kEnd = {0xff, 0xd9};
  return !std::ranges::find_end(bytes, kEnd).empty();
}

/// Averages in place of all pixels, where the JPEG has them. What would only turn out at the end, after all
/// the work, is looked at first.
std::optional<ReducedLuma> Reduce(ByteSpan bytes, const decode::HeaderFacts& facts,
                                  const decode::Limits& limits) {
  if (facts.scans != 1 || !HasEndMarker(bytes)) return std::nullopt;
  return ReduceJpeg(bytes, limits);
}

/// Hashes the averages of a large JPEG. False, with `result` as it was, where they are not enough.
bool HashReduced(ByteSpan bytes, const ReducedLuma& luma, const decode::Limits& limits,
                 decode::DecodeResult& result) {
  auto view = HashReducedView(luma);
  if (!view) return false;
  // Where a border ends is seen pixel by pixel.
  AverageRows rows(luma);
  if (!InsideBorders(rows, kLaxBorder).empty()) return false;
  // Of a picture beyond the limits the view is the smaller one: a larger one is no answer that a worker may
  // give.
  if (CheckSides(luma.width, luma.height, limits) != Cause::kNone) {
    view->width = static_cast<std::uint32_t>(rows.cols());
    view->height = static_cast<std::uint32_t>(rows.rows());
  }
  result.views.push_back(*std::move(view));
  result.width = luma.width;
  result.height = luma.height;
  result.frames_total = 1;
  result.frames_seen = 1;
  result.trailing_bytes = luma.trailing_bytes;
  result.colour_unusual = AsksForUnusualColors(result.format, bytes, limits.max_profile_bytes);
  return true;
}

/// Averages as a smaller picture in grey.
Decoded PictureOf(const ReducedLuma& luma) {
  Decoded out{.width = luma.width,
              .height = luma.height,
              .frames_total = 1,
              .trailing_bytes = luma.trailing_bytes,
              .scaled = true};
  AverageRows rows(luma);
  out.bitmap = Bitmap(static_cast<std::uint32_t>(rows.cols()), static_cast<std::uint32_t>(rows.rows()), 1);
  for (std::uint32_t y = 0; y < out.bitmap.height; ++y) {
    std::array<const std::uint8_t*, 1> row{};
    rows.Rows(static_cast<int>(y), row);
    std::copy_n(row[0], out.bitmap.width, out.bitmap.Row(y));
  }
  return out;
}

void Process(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
             decode::DecodeResult& result) {
  const DecodeFunction codec = FindCodec(result.format);
  if (codec == nullptr) {
    result.cause = Cause::kUnsupportedFormat;
    return;
  }
  const bool is_jpeg = result.format == decode::Format::kJpeg;
  const decode::HeaderFacts facts =
      is_jpeg ? decode::ReadHeader(result.format, bytes) : decode::HeaderFacts{};
  const bool is_beyond = CheckSides(facts.width, facts.height, limits) == Cause::kTooManyPixels;
  const auto start = Clock::now();
  std::optional<ReducedLuma> averages;
  // The second pipeline picks single pixels, which averages are not: of what is beyond the limits it is left
  // out. Plug-ins take pixels.
  const bool by_averages = wanted.pdq_full && wanted.vectors.empty();
  if (is_beyond || (is_jpeg && by_averages && !wanted.pdq_nn512)) averages = Reduce(bytes, facts, limits);
  if (averages && by_averages) {
    result.decode_micros = MicrosSince(start);
    const auto hashing = Clock::now();
    if (HashReduced(bytes, *averages, limits, result)) {
      // What follows needs the memory.
      averages.reset();
      LookAtEmbedded(bytes, wanted, limits, result);
      result.hash_micros = MicrosSince(hashing);
      return;
    }
  }
  // They take memory that decoding needs.
  if (!is_beyond) averages.reset();
  Decoded decoded = averages ? PictureOf(*averages) : codec(bytes, limits);
  averages.reset();
  result.decode_micros = MicrosSince(start);
  result.cause = decoded.cause;
  result.limit = decoded.limit;
  result.width = decoded.width;
  result.height = decoded.height;
  result.frames_total = decoded.frames_total;
  result.codec_warned = decoded.warned;
  result.trailing_bytes = decoded.trailing_bytes;
  if (decoded.cause != Cause::kNone && decoded.cause != Cause::kTruncated) return;
  if (decoded.bitmap.height == 0) return;
  result.frames_seen = 1;
  result.colour_unusual =
      decoded.colour_unusual || AsksForUnusualColors(result.format, bytes, limits.max_profile_bytes);
  result.has_alpha = HasTransparency(decoded.bitmap);
  const auto hashing = Clock::now();
  HashDecoded(decoded, wanted, result);
  if (decoded.frames_cut) result.cause = Cause::kTruncated;
  const bool fine = result.format == decode::Format::kPng && Is16BitPng(bytes);
  const SampleRange range = fine ? RangeOf(decoded.bitmap) : SampleRange{};
  // What follows needs the memory.
  decoded.bitmap = Bitmap();
  decoded.alternate = Bitmap();
  if (fine && range.IsNarrow()) HashStretched(bytes, range, wanted, limits, result);
  if (const FurtherFunction further = FindFurther(result.format); further != nullptr) {
    further(bytes, wanted, limits, result);
  }
  // What people see lies in frames: without any of them nothing here may look like having looked.
  if (decoded.frames_needed && result.frames_seen < 2) {
    result.views.clear();
    result.frames_seen = 0;
    result.cause = Cause::kUnsupportedFormat;
  }
  if (!result.views.empty()) LookAtEmbedded(bytes, wanted, limits, result);
  result.hash_micros = MicrosSince(hashing);
}

/// The limit behind a cause that a codec gave without naming it.
decode::Limit LimitOf(const decode::DecodeResult& result, const decode::Limits& limits) {
  if (result.limit != decode::Limit::kNone) return result.limit;
  switch (result.cause) {
    case Cause::kTooLarge: return decode::Limit::kBytes;
    case Cause::kTooManyPixels:
      return std::max(result.width, result.height) > limits.max_side ? decode::Limit::kSide
                                                                     : decode::Limit::kPixels;
    case Cause::kTooManyFrames: return decode::Limit::kFrames;
    case Cause::kTooCostly: return decode::Limit::kMemory;
    default: return decode::Limit::kNone;
  }
}

}  // namespace

decode::DecodeResult ProcessUpload(ByteSpan bytes, decode::Format format_hint, const decode::Wanted& wanted,
                                   const decode::Limits& limits) noexcept {
  decode::DecodeResult result;
  try {
    if (bytes.empty()) {
      result.cause = Cause::kEmpty;
      return result;
    }
    result.format = decode::Sniff(bytes.first(std::min(bytes.size(), decode::kSniffBytes)));
    if (bytes.size() > limits.max_bytes) {
      result.cause = Cause::kTooLarge;
      result.limit = decode::Limit::kBytes;
      return result;
    }
    if (result.format == decode::Format::kUnknown && !decode::IsDecodable(format_hint)) {
      result.format = format_hint;
    }
    Process(bytes, wanted, limits, result);
  } catch (const std::bad_alloc&) {
    result.views.clear();
    result.cause = Cause::kTooCostly;
  } catch (const std::length_error&) {
    result.views.clear();
    result.cause = Cause::kTooCostly;
  }
  result.limit = LimitOf(result, limits);
  return result;
}

}  // namespace hashgate::image
