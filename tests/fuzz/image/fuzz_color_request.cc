// Profiles and the chunks that carry them, whatever the bytes: no crash, and a profile that is cut is never a
// usual one.
#include <cstdint>
#include <cstdlib>

#include "image/color_profile.h"
#include "image/color_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using hashgate::decode::Format;
  const hashgate::ByteSpan bytes(data, size);
  if (!hashgate::image::IsUnusualProfile(bytes)) {
    const std::size_t declared =
        std::size_t{data[0]} << 24 | std::size_t{data[1]} << 16 | std::size_t{data[2]} << 8 | data[3];
    if (!hashgate::image::IsUnusualProfile(bytes.first(declared - 1))) std::abort();
  }
  for (const Format format : {Format::kPng, Format::kJpeg, Format::kWebp, Format::kBmp, Format::kGif}) {
    if (hashgate::image::AsksForUnusualColors(format, bytes, std::size_t{1} << 20) && format == Format::kGif)
      std::abort();
  }
  return 0;
}
