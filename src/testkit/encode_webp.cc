#include <webp/decode.h>
#include <webp/encode.h>

#include "testkit/encode.h"

namespace hashgate::testkit {

Result<Bytes> EncodeWebp(const Picture& picture, const WebpOptions& options) {
  WebPConfig config;
  WebPPicture target;
  if (WebPConfigInit(&config) == 0 || WebPPictureInit(&target) == 0) {
    return Fail(Reason::kUnsupported, "libwebp has another ABI than this build expects");
  }
  config.lossless = options.lossless ? 1 : 0;
  config.quality = static_cast<float>(options.quality);
  config.exact = options.lossless ? 1 : 0;
  config.method = 3;
  target.use_argb = config.lossless;
  target.width = picture.width;
  target.height = picture.height;
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  target.writer = WebPMemoryWrite;
  target.custom_ptr = &writer;
  const int stride = picture.width * picture.channels;
  const int imported = picture.channels == 4 ? WebPPictureImportRGBA(&target, picture.pixels.data(), stride)
                                             : WebPPictureImportRGB(&target, picture.pixels.data(), stride);
  const bool written = imported != 0 && WebPEncode(&config, &target) != 0;
  Bytes bytes;
  if (written) bytes.assign(writer.mem, writer.mem + writer.size);
  WebPMemoryWriterClear(&writer);
  WebPPictureFree(&target);
  if (!written) return Fail(Reason::kInvariantBroken, "libwebp refused a generated picture");
  return bytes;
}

Result<Picture> DecodeWebp(ByteSpan bytes) {
  int width = 0;
  int height = 0;
  if (WebPGetInfo(bytes.data(), bytes.size(), &width, &height) == 0) {
    return Fail(Reason::kInvariantBroken, "libwebp refused its own file");
  }
  Picture picture = MakePicture(width, height);
  if (WebPDecodeRGBInto(bytes.data(), bytes.size(), picture.pixels.data(), picture.pixels.size(),
                        width * 3) == nullptr) {
    return Fail(Reason::kInvariantBroken, "libwebp refused its own file");
  }
  return picture;
}

}  // namespace hashgate::testkit
