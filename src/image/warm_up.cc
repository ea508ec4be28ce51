#include "image/process.h"

namespace hashgate::image {
void WarmUp() {}
}  // namespace hashgate::image
