// Words of each picture format: magic numbers, chunk and box names, markers and numbers at the edge.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "testkit/hostile/parts.h"

namespace hashgate::testkit::hostile {

struct Dictionary {
  const char* name;  ///< "png"; also of the fuzz targets that use it
  Layout layout;
  std::span<const std::string_view> words;
};
std::span<const Dictionary> Dictionaries();
/// The one of that layout; kOther has the words of TIFF.
const Dictionary& DictionaryOf(Layout layout);
/// As libFuzzer reads it: one quoted word a line.
std::string DictionaryText(const Dictionary& dictionary);

}  // namespace hashgate::testkit::hostile
