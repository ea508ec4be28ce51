#include <array>

#include "image/heif/heif.h"
#include "image/heif/hevc_plugin.h"

namespace hashgate::image {

std::span<const Codec> HeifCodecs() {
  static constexpr std::array kCodecs = {
      Codec{decode::Format::kHeif, &DecodeHeif, &DecodeHeifFurther},
      Codec{decode::Format::kAvif, &DecodeAvif, &DecodeAvifFurther},
  };
  // Without it libheif's own decoder would start a thread, and the lock would end the worker.
  static const bool registered = RegisterHevcDecoder();
  return registered ? std::span<const Codec>(kCodecs) : std::span<const Codec>();
}

}  // namespace hashgate::image
