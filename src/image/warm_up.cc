#include "base/hex.h"
#include "image/process.h"
#include "image/tiny_pictures.h"

namespace hashgate::image {

void WarmUp() {
  for (const std::string_view picture : kTinyPictures) {
    // The results do not matter here; a test holds every picture to being decoded and hashed.
    if (const auto bytes = HexDecode(picture)) {
      static_cast<void>(ProcessUpload(*bytes, decode::Format::kUnknown, {}, {}));
    }
  }
}

}  // namespace hashgate::image
