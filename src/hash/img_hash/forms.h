// The hashes of one algorithm, each of a picture in all its forms.
#pragma once

#include <cstdint>
#include <vector>

#include "hash/perceptual/pixel_rows.h"

namespace hashgate::img_hash {

// As HashForms. The sources of each are named in its file.
std::vector<std::uint8_t> AverageForms(perceptual::PixelRows& pixels);
std::vector<std::uint8_t> PHashForms(perceptual::PixelRows& pixels);
std::vector<std::uint8_t> BlockMeanForms(perceptual::PixelRows& pixels);
std::vector<std::uint8_t> MarrHildrethForms(perceptual::PixelRows& pixels);

}  // namespace hashgate::img_hash
