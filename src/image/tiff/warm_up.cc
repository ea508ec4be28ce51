#include "base/hex.h"
#include "image/process.h"
#include "image/tiff/tiff.h"
#include "image/tiny_modern_pictures.h"

namespace hashgate::image {

void WarmUpTiff() {
  if (const auto bytes = HexDecode(kTinyTiff)) {
    static_cast<void>(ProcessUpload(*bytes, decode::Format::kUnknown, {}, {}));
  }
}

}  // namespace hashgate::image
