// Listed pictures stored in many ways, each of which a viewer shows as about the same picture. None of the
// files may be allowed.
#pragma once

#include <string>
#include <vector>

#include "testkit/corpus.h"
#include "testkit/variants/trick.h"

namespace hashgate::testkit::variants {

/// Every trick, in a fixed order. HEIC and AVIF are there where the build has their codecs.
std::vector<Trick> AllTricks();

/// The picture with that number and its stranger. Cost: about 50 ms.
Scene DrawScene(std::uint64_t seed, int picture);

/// The name of a picture's entry: "picture-00012".
std::string SourceId(int picture);
/// "00012-jpeg-q75.jpg".
std::string FileName(int picture, const Trick& trick);

/// A hash list as `hashgate lists import` takes it, CSV: PDQ (pipeline `full`) and quality of each picture as
/// drawn, before any storage. Cost: about 50 ms a picture.
std::string ListCsv(std::uint64_t seed, int pictures);
/// What lies in each file, CSV: file, number of the picture, trick.
std::string ManifestCsv(int pictures);

}  // namespace hashgate::testkit::variants
