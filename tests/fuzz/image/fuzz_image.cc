// Whatever the bytes: a definite cause, no crash, bounded work, and a reply that the server accepts. One
// target a format, each with its own corpus; the code is the same because the bytes name the format. Formats
// of a worker class of its own are built with that class's codecs in place of the core ones.
#include <cstdint>
#include <cstdlib>

#include "decode/record.h"
#include "image/process.h"
#if defined(HASHGATE_FUZZ_HEIF)
#include "image/heif/heif.h"
#elif defined(HASHGATE_FUZZ_TIFF)
#include "image/tiff/tiff.h"
#endif

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
#if defined(HASHGATE_FUZZ_HEIF)
  hashgate::image::UseCodecs(hashgate::image::HeifCodecs());
#elif defined(HASHGATE_FUZZ_TIFF)
  hashgate::image::UseCodecs(hashgate::image::TiffCodecs());
#endif
  return 0;
}

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
