// What a worker does with any request: the record's fields as an enemy of the worker would set them, format,
// wishes and limits included, and then the upload. A reply that the server accepts, within those limits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "decode/record.h"
#include "image/process.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hashgate::decode;
  RequestRecord request;
  if (size < sizeof request) return 0;
  std::memcpy(&request, data, sizeof request);
  const hashgate::ByteSpan rest(data + sizeof request, size - sizeof request);
  // A worker ends where the length is more than its buffer holds. The upload is taken from the end, so that
  // seeds stay good where the record grows.
  const hashgate::ByteSpan upload = rest.last(std::min<std::size_t>(request.length, rest.size()));
  // Work is bounded here and nowhere else: small, but any small number.
  Limits limits = request.limits;
  limits.max_pixels = std::min<std::uint64_t>(limits.max_pixels, 1 << 18);
  limits.max_scan_pixels = std::min<std::uint64_t>(limits.max_scan_pixels, 1 << 22);
  // A server never says none: configuration begins at one, and every picture is a frame.
  limits.max_frames = std::max(limits.max_frames, 1U);
  const Wanted wanted{.pdq_full = true, .pdq_nn512 = request.want_nn512 != 0};
  const auto result =
      hashgate::image::ProcessUpload(upload, static_cast<Format>(request.format), wanted, limits);
  if (result.cause > hashgate::Cause::kTooCostly) std::abort();
  if (upload.size() > limits.max_bytes && result.cause != hashgate::Cause::kTooLarge &&
      result.cause != hashgate::Cause::kEmpty) {
    std::abort();
  }
  for (const ViewHashes& view : result.views) {
    if (std::uint64_t{view.width} * view.height > limits.max_pixels) std::abort();
  }
  const auto reply = EncodeReply(result, request.job_id);
  // A format that this build does not know would not pass; the server never sends one.
  if (FormatName(static_cast<Format>(request.format)) == "unknown" && request.format != 0) return 0;
  if (!DecodeReply(reply, request.job_id, limits).has_value()) std::abort();
  return 0;
}
