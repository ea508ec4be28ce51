#include "base/hex.h"
#include "image/heif/heif.h"
#include "image/process.h"
#include "image/tiny_modern_pictures.h"

namespace hashgate::image {

void WarmUpHeif() {
  for (const std::string_view picture : {kTinyHeic, kTinyAvif}) {
    if (const auto bytes = HexDecode(picture)) {
      static_cast<void>(ProcessUpload(*bytes, decode::Format::kUnknown, {}, {}));
    }
  }
}

}  // namespace hashgate::image
