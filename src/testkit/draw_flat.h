// Pictures made of flat shapes and text. Internal to the generator: use Draw() of pictures.h.
#pragma once

#include "testkit/pictures.h"
#include "testkit/random_source.h"

namespace hashgate::testkit {

/// Windows, bars, lines of text and thumbnails on a desktop or a phone's screen. RGB.
Picture DrawScreenshot(RandomSource& random, int width, int height);
/// A face, heart, star, sun or badge of few colours; everything around it is transparent. RGBA.
Picture DrawEmoji(RandomSource& random, int width, int height);
/// A scanned page: headings, paragraphs, perhaps a table or a figure; uneven paper and slight skew. RGB.
Picture DrawTextPage(RandomSource& random, int width, int height);

}  // namespace hashgate::testkit
