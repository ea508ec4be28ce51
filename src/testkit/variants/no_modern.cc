// For builds of a part of the tree, without the classes of HEIF and TIFF.
#include "testkit/variants/trick.h"

namespace hashgate::testkit::variants {

std::span<const Trick> ModernTricks() {
  return {};
}

}  // namespace hashgate::testkit::variants
