// The testkit's colour profiles under the names that image tests use.
#pragma once

#include "testkit/profiles.h"
#include "unit/image/encoders.h"

namespace hashgate::testing {

using namespace testkit::profiles;

}  // namespace hashgate::testing
