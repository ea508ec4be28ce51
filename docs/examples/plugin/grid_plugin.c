// An example of a hash plug-in (docs/plugins.md): 144 bytes of how the grey of a picture rises from left to right and
// from top to bottom, in a grid of 8 rows of 9 cells.
//
// This is NOT PhotoDNA, has nothing to do with how it works, and finds nothing on a list of its hashes. It says that it
// makes PhotoDNA only because those are the hashes of 144 bytes that Hashgate compares one by one. Use it to try the
// interface on a server whose lists hold hashes made by this very plug-in, and never elsewhere.
#include <math.h>
#include <string.h>

#include "hashgate/plugin.h"

enum { kRows = 8, kCols = 9, kCells = kRows * kCols, kBytes = 2 * kCells };

// Mean grey of a cell. Cells share their last row or column with the next one where sides are no multiples.
static double CellMean(const hashgate_picture* picture, uint32_t row, uint32_t col) {
  const uint32_t top = (uint32_t)((uint64_t)picture->height * row / kRows);
  const uint32_t left = (uint32_t)((uint64_t)picture->width * col / kCols);
  const uint32_t bottom = (uint32_t)(((uint64_t)picture->height * (row + 1) + kRows - 1) / kRows);
  const uint32_t right = (uint32_t)(((uint64_t)picture->width * (col + 1) + kCols - 1) / kCols);
  uint64_t sum = 0;
  for (uint32_t y = top; y < bottom; ++y) {
    const uint8_t* const pixels = picture->pixels + y * picture->stride;
    for (uint32_t x = left; x < right; ++x) sum += pixels[x];
  }
  return (double)sum / ((double)(bottom - top) * (double)(right - left));
}

static int Hash(const hashgate_picture* picture, uint8_t* hash) {
  double means[kRows][kCols];
  for (uint32_t row = 0; row < kRows; ++row) {
    for (uint32_t col = 0; col < kCols; ++col) means[row][col] = CellMean(picture, row, col);
  }
  double rises[kBytes];
  double squares = 0;
  for (int row = 0; row < kRows; ++row) {
    for (int col = 0; col < kCols; ++col) {
      // At the far edges what is compared lies on the other side of the picture, so that every byte says something.
      const double across = means[row][(col + 1) % kCols] - means[row][col];
      const double down = means[(row + 1) % kRows][col] - means[row][col];
      rises[2 * (row * kCols + col)] = across;
      rises[2 * (row * kCols + col) + 1] = down;
      squares += across * across + down * down;
    }
  }
  // Of a flat picture there is nothing to tell.
  const double spread = sqrt(squares / kBytes);
  if (spread < 0.5) return 1;
  for (int i = 0; i < kBytes; ++i) {
    // Contrast and brightness are taken out: 40 steps are the picture's usual rise.
    const double value = 128 + 40 * rises[i] / spread;
    hash[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : lround(value));
  }
  return HASHGATE_OK;
}

// The configuration of this plug-in is empty or "grid"; another text shows how a plug-in refuses.
static int Init(const char* config, char* error, size_t error_size) {
  if (config[0] == '\0' || strcmp(config, "grid") == 0) return HASHGATE_OK;
  const char* const sentence = "the only configuration is 'grid'";
  if (error_size > strlen(sentence)) memcpy(error, sentence, strlen(sentence) + 1);
  return 1;
}

__attribute__((visibility("default"))) const hashgate_plugin* hashgate_plugin_get(void) {
  static const hashgate_plugin plugin = {
      .abi_version = HASHGATE_PLUGIN_ABI,
      .struct_size = sizeof(hashgate_plugin),
      .algorithm = HASHGATE_ALGORITHM_PHOTODNA,
      .hash_size = kBytes,
      .pixel_format = HASHGATE_PIXELS_GREY,
      .name = "example-grid",
      .version = "1",
      .init = Init,
      .hash = Hash,
  };
  return &plugin;
}
