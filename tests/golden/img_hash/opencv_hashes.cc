// Asks OpenCV's img_hash for the hashes of the generated pictures, and prints them as
// tests/golden/img_hash/opencv.txt holds them. Built only where img_hash is found, and only on request
// (docs/img_hash.md).
#include <cstdio>
#include <opencv2/core/version.hpp>
#include <opencv2/img_hash.hpp>
#include <vector>

#include "golden/img_hash/pictures.h"

namespace {

void Print(const std::string& name, const char* algorithm, const cv::Mat& hash) {
  std::printf("%s %s ", name.c_str(), algorithm);
  for (int i = 0; i < hash.cols; ++i) std::printf("%02x", hash.at<unsigned char>(0, i));
  std::printf("\n");
}

// OpenCV takes blue first.
cv::Mat MatOf(const hashgate::golden::GoldenPicture& picture) {
  cv::Mat mat(static_cast<int>(picture.height), static_cast<int>(picture.width),
              picture.channels == 1 ? CV_8UC1 : CV_8UC3);
  const std::size_t channels = picture.channels;
  for (std::size_t i = 0; i < picture.samples.size(); i += channels) {
    for (std::size_t c = 0; c < channels; ++c) mat.data[i + c] = picture.samples[i + channels - 1 - c];
  }
  return mat;
}

}  // namespace

int main() {
  std::printf("# OpenCV %s\n", CV_VERSION);
  hashgate::golden::ForEachGolden([](const hashgate::golden::GoldenPicture& picture) {
    const cv::Mat mat = MatOf(picture);
    cv::Mat hash;
    cv::img_hash::marrHildrethHash(mat, hash);
    Print(picture.name, "marr_hildreth", hash);
    cv::img_hash::pHash(mat, hash);
    Print(picture.name, "phash", hash);
    cv::img_hash::blockMeanHash(mat, hash);
    Print(picture.name, "block_mean", hash);
    cv::img_hash::averageHash(mat, hash);
    Print(picture.name, "average", hash);
  });
  return 0;
}
