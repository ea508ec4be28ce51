// The testkit's encoders of HEIC, AVIF and TIFF under the names that image tests use.
#pragma once

#include "testkit/modern_encoders.h"
#include "unit/image/encoders.h"

namespace hashgate::testing {

using testkit::AvifOptions;
using testkit::EncodeAvif;
using testkit::EncodeHeic;
using testkit::EncodeTiff;
using testkit::HeicOptions;
using testkit::TiffColor;
using testkit::TiffOptions;
using testkit::TiffPacking;

}  // namespace hashgate::testing
