// Short ways to put bytes through ProcessUpload and to look at the answer.
#pragma once

#include <algorithm>
#include <vector>

#include "hash/perceptual/pdq.h"
#include "image/process.h"
#include "unit/image/encoders.h"

namespace hashgate::testing {

inline decode::DecodeResult Process(const Bytes& bytes, const decode::Limits& limits = {}) {
  return image::ProcessUpload(bytes, decode::Format::kUnknown, {}, limits);
}

/// Luma of the picture over a grey background, by the plain formula.
inline perceptual::LumaPlane LumaOf(const Rgba& picture, int background) {
  perceptual::LumaPlane plane{{}, picture.height, picture.width};
  for (std::size_t i = 0; i < picture.samples.size(); i += 4) {
    int weighed = 0;
    const int alpha = picture.samples[i + 3];
    const int weights[] = {299, 587, 114};
    for (std::size_t k = 0; k < 3; ++k) {
      weighed += weights[k] * ((picture.samples[i + k] * alpha + background * (255 - alpha) + 127) / 255);
    }
    plane.samples.push_back(static_cast<float>(weighed) / 1000.0F);
  }
  return plane;
}

inline perceptual::PdqFormSet ExpectedForms(const Rgba& picture, int background = 255) {
  return *perceptual::ComputePdqForms(LumaOf(picture, background).view());
}

/// Greatest distance over the eight forms of view `index`.
inline int WorstDistance(const decode::DecodeResult& result, std::size_t index,
                         const perceptual::PdqFormSet& expected) {
  int worst = 0;
  for (std::size_t turn = 0; turn < kDihedralCount; ++turn) {
    worst = std::max(worst, Distance(result.views.at(index).pdq.at(0).forms[turn], expected.forms[turn]));
  }
  return worst;
}

}  // namespace hashgate::testing
