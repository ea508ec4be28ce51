// As fuzz_image.cc, for the codecs of a worker class of its own.
#include <cstdint>
#include <cstdlib>

#include "decode/record.h"
#include "image/process.h"
#ifdef HASHGATE_FUZZ_HEIF
#include "image/heif/heif.h"
#else
#include "image/tiff/tiff.h"
#endif

namespace {

bool UseClass() {
#ifdef HASHGATE_FUZZ_HEIF
  hashgate::image::UseCodecs(hashgate::image::HeifCodecs());
#else
  hashgate::image::UseCodecs(hashgate::image::TiffCodecs());
#endif
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool used = UseClass();
  if (!used) std::abort();
  hashgate::decode::Limits limits;
  limits.max_pixels = 1 << 18;
  const auto result =
      hashgate::image::ProcessUpload({data, size}, hashgate::decode::Format::kUnknown, {}, limits);
  if (result.cause > hashgate::Cause::kTooCostly) std::abort();
  if (result.cause == hashgate::Cause::kNone && result.views.empty()) std::abort();
  const auto reply = hashgate::decode::EncodeReply(result, 1);
  if (!hashgate::decode::DecodeReply(reply, 1, limits).has_value()) std::abort();
  return 0;
}
