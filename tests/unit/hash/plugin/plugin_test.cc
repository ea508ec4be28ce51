#include "hash/plugin/plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace hashgate::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string PathOf(const std::string& name) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "plugins" / (name + ".so");
}

std::string WhyNot(const std::string& name, Algorithm expected = Algorithm::kUnspecified,
                   const std::string& config = {}) {
  const auto plugin = Plugin::Load(PathOf(name), expected, config);
  if (plugin) return "loaded";
  EXPECT_EQ(plugin.error().reason, Reason::kConfigInvalid);
  EXPECT_EQ(plugin.error().field, "decoder.plugins");
  EXPECT_THAT(plugin.error().message, HasSubstr(PathOf(name)));
  return plugin.error().message;
}

// Noise, rows `stride` samples apart.
std::vector<std::uint8_t> Noise(std::size_t size) {
  std::vector<std::uint8_t> samples(size);
  std::uint32_t state = 1;
  for (std::uint8_t& sample : samples)
    sample = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return samples;
}

TEST(Plugin, SaysWhatItIs) {
  const auto grid = Plugin::Load(PathOf("grid_plugin"), Algorithm::kPhotoDna, "grid");
  ASSERT_TRUE(grid) << grid.error().message;
  EXPECT_EQ(grid->algorithm(), Algorithm::kPhotoDna);
  EXPECT_EQ(grid->name(), "example-grid");
  EXPECT_EQ(grid->version(), "1");
  EXPECT_EQ(grid->channels(), 1U);
  EXPECT_FALSE(grid->turns());
  const auto turned = Plugin::Load(PathOf("test_plugin_turned"), Algorithm::kUnspecified, "");
  ASSERT_TRUE(turned) << turned.error().message;
  EXPECT_EQ(turned->channels(), 3U);
  EXPECT_TRUE(turned->turns());
}

TEST(Plugin, HashesRowsWhereverTheyLie) {
  const auto plugin = Plugin::Load(PathOf("test_plugin"), Algorithm::kUnspecified, "");
  ASSERT_TRUE(plugin) << plugin.error().message;
  constexpr std::uint32_t kWidth = 20;
  constexpr std::uint32_t kHeight = 10;
  constexpr std::size_t kStride = 100;
  const std::vector<std::uint8_t> wide = Noise(kStride * kHeight);
  std::vector<std::uint8_t> packed;
  for (std::uint32_t y = 0; y < kHeight; ++y) {
    packed.insert(packed.end(), wide.begin() + static_cast<std::ptrdiff_t>(y * kStride),
                  wide.begin() + static_cast<std::ptrdiff_t>(y * kStride + 3 * kWidth));
  }
  const auto far_apart =
      plugin->Hash({.pixels = wide.data(), .stride = kStride, .width = kWidth, .height = kHeight});
  const auto together = plugin->Hash(
      {.pixels = packed.data(), .stride = std::size_t{3} * kWidth, .width = kWidth, .height = kHeight});
  ASSERT_EQ(far_apart.size(), 144U);
  EXPECT_EQ(far_apart, together);
}

TEST(Plugin, ThatFailsGivesNothing) {
  const auto plugin = Plugin::Load(PathOf("test_plugin"), Algorithm::kUnspecified, "fail");
  ASSERT_TRUE(plugin) << plugin.error().message;
  const std::vector<std::uint8_t> samples = Noise(std::size_t{3} * 161 * 10);
  EXPECT_TRUE(
      plugin->Hash({.pixels = samples.data(), .stride = std::size_t{3} * 161, .width = 161, .height = 10})
          .empty());
  EXPECT_EQ(
      plugin->Hash({.pixels = samples.data(), .stride = std::size_t{3} * 160, .width = 160, .height = 10})
          .size(),
      144U);
}

TEST(Plugin, WhatDoesNotFitIsRefusedByName) {
  EXPECT_THAT(WhyNot("no_such_plugin"), HasSubstr("cannot be loaded"));
  EXPECT_THAT(WhyNot("test_plugin_no_symbol"), HasSubstr("has no function hashgate_plugin_get"));
  EXPECT_THAT(WhyNot("test_plugin_other_abi"), HasSubstr("is for version 2 of the interface"));
  EXPECT_THAT(WhyNot("test_plugin_other_layout"), HasSubstr("another layout"));
  EXPECT_THAT(WhyNot("test_plugin_other_size"), HasSubstr("of 143 bytes, and they have 144"));
  EXPECT_THAT(WhyNot("test_plugin_pdq"), HasSubstr("does not compare"));
  EXPECT_THAT(WhyNot("test_plugin_unknown"), HasSubstr("(algorithm 77)"));
  EXPECT_THAT(WhyNot("test_plugin", Algorithm::kPHash), HasSubstr("makes photodna and not phash"));
  EXPECT_THAT(WhyNot("test_plugin", Algorithm::kPhotoDna, "refuse"),
              AllOf(HasSubstr("could not be initialised"), HasSubstr("the licence?has ended")));
  EXPECT_THAT(WhyNot("test_plugin", Algorithm::kPhotoDna, "forgetful"), HasSubstr("the same hash twice"));
  EXPECT_THAT(WhyNot("test_plugin_turned", Algorithm::kPhotoDna, "other-form"),
              HasSubstr("among its turned forms"));
}

}  // namespace
}  // namespace hashgate::plugin
