#include "scan/cost.h"

#include <algorithm>

namespace hashgate::scan {
namespace {

// Every scan: sniffing, deciding, handing over and answering.
constexpr Cost kBase{150};
constexpr double kMicrosPerByte = 0.0015;
constexpr Cost kPerHash{60};
constexpr double kMicrosPerVectorPair = 0.005;

// Nanoseconds a pixel, decoded and hashed, on a server's core of 2022. Only their ratios matter for long.
double NanosPerPixel(decode::Format format, std::uint32_t scans) {
  using decode::Format;
  switch (format) {
    // A progressive picture's coefficients are gone over once a scan.
    case Format::kJpeg: return 3.0 + 3.0 * static_cast<double>(std::max<std::uint32_t>(scans, 1));
    case Format::kPng: return 14.0;
    case Format::kWebp: return 18.0;
    case Format::kGif: return 10.0;
    case Format::kBmp: return 4.0;
    case Format::kTiff: return 14.0;
    case Format::kHeif:
    case Format::kAvif: return 30.0;
    case Format::kUnknown:
    case Format::kVideo:
    case Format::kAudio:
    case Format::kArchive:
    case Format::kDocument:
    case Format::kText: break;
  }
  return 0.0;
}

// Pixels that a byte of an animation stands for, about. Still GIFs have fewer; that is learned.
double AnimatedPixelsPerByte(decode::Format format) {
  using decode::Format;
  if (format == Format::kGif || format == Format::kPng) return 4.0;
  return format == Format::kWebp ? 16.0 : 0.0;
}

std::uint8_t KindOf(decode::Format format) {
  return static_cast<std::uint8_t>(1 + static_cast<int>(format));
}

}  // namespace

Estimate DeclaredCost(ByteSpan content, std::uint64_t size, const decode::Limits& limits) {
  Cost cost = kBase + Cost(kMicrosPerByte * static_cast<double>(size));
  if (content.empty()) return {cost, KindOf(decode::Format::kUnknown)};
  const decode::Format format = decode::Sniff(content.first(std::min(content.size(), decode::kSniffBytes)));
  if (!decode::IsImage(format)) return {cost, KindOf(format)};
  const decode::HeaderFacts facts = decode::ReadHeader(format, content);
  const std::uint64_t most_pixels = format == decode::Format::kJpeg
                                        ? std::max(limits.max_pixels, limits.max_scaled_pixels)
                                        : limits.max_pixels;
  const std::uint64_t canvas =
      std::min(std::uint64_t{facts.width} * std::uint64_t{facts.height}, most_pixels);
  double pixels = static_cast<double>(canvas);
  if (facts.may_be_animated && canvas > 0) {
    const double frames = AnimatedPixelsPerByte(format) * static_cast<double>(content.size());
    pixels = std::max(pixels, std::min(frames, pixels + static_cast<double>(limits.max_frame_pixels)));
  }
  const double nanos = pixels * NanosPerPixel(format, std::min(facts.scans, limits.max_scans));
  // No worker may take longer than this, whatever a header declares.
  const Cost most = std::chrono::seconds(limits.cpu_seconds);
  return {cost + std::min(Cost(nanos / 1000.0), most), KindOf(format)};
}

Cost UsedBy(const StageTimings& timings, SteadyTime begun) {
  const Cost took = std::chrono::duration_cast<Cost>(std::chrono::steady_clock::now() - begun);
  // A worker that was killed at its limit says nothing of its own time: then all of the wait was for it.
  if (timings.decode + timings.hash == 0) return took;
  return std::max(Cost{}, took - Cost(static_cast<double>(timings.decode_wait)));
}

Estimate LookupCost(std::size_t hashes, std::uint64_t vector_pairs) {
  return {.time = kBase + static_cast<double>(hashes) * kPerHash +
                  Cost(static_cast<double>(vector_pairs) * kMicrosPerVectorPair)};
}

}  // namespace hashgate::scan
