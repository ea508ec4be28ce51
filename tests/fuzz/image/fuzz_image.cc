// Whatever the bytes: a definite cause, no crash, bounded work, and a reply that the server accepts. One
// target a format, each with its own corpus; the code is the same because the bytes name the format.
#include <cstdint>
#include <cstdlib>

#include "decode/record.h"
#include "image/process.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hashgate::decode::Limits limits;
  limits.max_pixels = 1 << 18;
  limits.max_scan_pixels = 1 << 24;
  limits.max_frame_pixels = 1 << 20;
  const auto result =
      hashgate::image::ProcessUpload({data, size}, hashgate::decode::Format::kUnknown, {}, limits);
  if (result.cause > hashgate::Cause::kTooCostly) std::abort();
  if (result.cause == hashgate::Cause::kNone && result.views.empty()) std::abort();
  const auto reply = hashgate::decode::EncodeReply(result, 1);
  if (!hashgate::decode::DecodeReply(reply, 1, limits).has_value()) std::abort();
  return 0;
}
