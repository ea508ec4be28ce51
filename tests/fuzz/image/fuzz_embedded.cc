// Pictures inside files, whatever the bytes: each lies in the file and begins as a JPEG does, none twice.
#include <cstdint>
#include <cstdlib>

#include "image/embedded.h"

namespace {

using hashgate::ByteSpan;
using hashgate::decode::Format;

void Check(Format format, ByteSpan bytes) {
  const auto found = hashgate::image::FindEmbedded(format, bytes, std::size_t{64} << 10);
  if (found.pictures.size() > hashgate::image::kMaxEmbedded) std::abort();
  if (found.more && found.pictures.size() != hashgate::image::kMaxEmbedded) std::abort();
  for (std::size_t i = 0; i < found.pictures.size(); ++i) {
    const ByteSpan picture = found.pictures[i];
    if (picture.data() < bytes.data() || picture.data() + picture.size() > bytes.data() + bytes.size()) {
      std::abort();
    }
    if (picture.size() < 4 || picture[0] != 0xff || picture[1] != 0xd8) std::abort();
    for (std::size_t k = 0; k < i; ++k) {
      if (found.pictures[k].data() == picture.data()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const Format format : {Format::kJpeg, Format::kPng, Format::kWebp, Format::kGif}) {
    Check(format, {data, size});
  }
  return 0;
}
