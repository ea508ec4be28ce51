#include "decode/plugin_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "decode/protocol.h"
#include "hash/core/vector_algorithms.h"

namespace hashgate::decode {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PluginFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/hashgate-plugin-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    file_ = folder_ / "plugin.so";
    std::ofstream(file_) << "x";
    ASSERT_EQ(::chmod(file_.c_str(), 0755), 0);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string WhyNot(const fs::path& path) {
    const auto checked = CheckPluginFile(path);
    if (checked) return "accepted";
    EXPECT_EQ(checked.error().reason, Reason::kConfigInvalid);
    EXPECT_EQ(checked.error().field, "decoder.plugins");
    EXPECT_THAT(checked.error().message, HasSubstr(path.string()));
    return checked.error().message;
  }

  fs::path folder_;
  fs::path file_;
};

TEST_F(PluginFileTest, AFileOfOnesOwnPasses) {
  const auto checked = CheckPluginFile(file_);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(*checked, fs::canonical(file_));
}

TEST_F(PluginFileTest, LinksAreFollowedToWhatIsLoaded) {
  fs::create_symlink(file_, folder_ / "link.so");
  const auto checked = CheckPluginFile(folder_ / "link.so");
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(*checked, fs::canonical(file_));
  ASSERT_EQ(::chmod(file_.c_str(), 0777), 0);
  EXPECT_THAT(WhyNot(folder_ / "link.so"), HasSubstr("can be written by everybody"));
}

TEST_F(PluginFileTest, WhatOthersCouldExchangeIsRefused) {
  EXPECT_THAT(WhyNot("plugin.so"), HasSubstr("is not an absolute path"));
  EXPECT_THAT(WhyNot(folder_ / "none.so"), HasSubstr("cannot be found"));
  EXPECT_THAT(WhyNot(folder_), HasSubstr("is not a regular file"));
  ASSERT_EQ(::chmod(file_.c_str(), 0666), 0);
  EXPECT_THAT(WhyNot(file_), HasSubstr("can be written by everybody"));
  ASSERT_EQ(::chmod(file_.c_str(), 0644), 0);
  EXPECT_EQ(WhyNot(file_), "accepted");
  ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
  EXPECT_THAT(WhyNot(file_), HasSubstr("lies in a folder that others could change"));
  // As /tmp is: nobody else can rename what lies there.
  ASSERT_EQ(::chmod(folder_.c_str(), 01777), 0);
  EXPECT_EQ(WhyNot(file_), "accepted");
}

TEST_F(PluginFileTest, WhatAGroupCouldExchangeIsRefusedUnlessItIsRootsGroup) {
  // Only root can choose; anybody else's own group is not root's.
  const gid_t group = ::geteuid() == 0 ? 50 : ::getegid();
  ASSERT_EQ(::chown(file_.c_str(), static_cast<uid_t>(-1), group), 0);
  ASSERT_EQ(::chown(folder_.c_str(), static_cast<uid_t>(-1), group), 0);
  const std::string who = "can be written by the group " + std::to_string(group);
  ASSERT_EQ(::chmod(file_.c_str(), 0664), 0);
  EXPECT_THAT(WhyNot(file_), ::testing::AllOf(HasSubstr(who), HasSubstr("chmod g-w"), HasSubstr("/opt")));
  ASSERT_EQ(::chmod(file_.c_str(), 0644), 0);
  EXPECT_EQ(WhyNot(file_), "accepted");
  // As Debian's /usr/local/lib is.
  ASSERT_EQ(::chmod(folder_.c_str(), 02775), 0);
  EXPECT_THAT(WhyNot(file_), ::testing::AllOf(HasSubstr("lies in a folder"), HasSubstr(who)));
  ASSERT_EQ(::chmod(folder_.c_str(), 01775), 0);
  EXPECT_EQ(WhyNot(file_), "accepted");
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chown(file_.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(folder_.c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(file_.c_str(), 0664), 0);
  ASSERT_EQ(::chmod(folder_.c_str(), 0775), 0);
  EXPECT_EQ(WhyNot(file_), "accepted");
}

TEST_F(PluginFileTest, OtherUsersFilesAreRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown(file_.c_str(), 65'534, 65'534), 0);
  EXPECT_THAT(WhyNot(file_), HasSubstr("belongs to the user 65534"));
  ASSERT_EQ(::chown(file_.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(folder_.c_str(), 65'534, 65'534), 0);
  EXPECT_THAT(WhyNot(file_), HasSubstr("belongs to the user 65534"));
}

TEST_F(PluginFileTest, AConfigurationIsCheckedWithItsFile) {
  const auto why_not = [&](std::string config) {
    const auto made = MakePluginSetup(file_, Algorithm::kPhotoDna, std::move(config));
    return made ? "made" : made.error().message;
  };
  EXPECT_EQ(why_not(std::string(kMaxPluginConfig, 'c')), "made");
  EXPECT_THAT(why_not(std::string(kMaxPluginConfig + 1, 'c')), HasSubstr("more than 16384 bytes"));
  EXPECT_THAT(why_not(std::string("a\0b", 3)), HasSubstr("zeros"));
  const auto made = MakePluginSetup(file_, Algorithm::kPhotoDna, "key");
  ASSERT_TRUE(made);
  EXPECT_EQ(*made,
            (PluginSetup{.path = fs::canonical(file_), .algorithm = Algorithm::kPhotoDna, .config = "key"}));
  ASSERT_EQ(::chmod(file_.c_str(), 0777), 0);
  EXPECT_THAT(why_not("key"), HasSubstr("can be written by everybody"));
}

TEST(PluginSetup, SurvivesTheRoundTrip) {
  const std::vector<PluginSetup> none;
  EXPECT_EQ(DecodeSetup(EncodeSetup(none)), none);
  const std::vector<PluginSetup> some = {
      {.path = "/a", .algorithm = Algorithm::kPhotoDna, .config = ""},
      {.path = std::string(kMaxPluginPath, 'p'), .config = std::string(kMaxPluginConfig, 'c')}};
  EXPECT_EQ(DecodeSetup(EncodeSetup(some)), some);
  const std::vector<PluginSetup> most(kMaxPlugins, some[1]);
  EXPECT_LT(EncodeSetup(most).size(), kMaxSetupBytes);
  EXPECT_EQ(DecodeSetup(EncodeSetup(most)), most);
}

TEST(PluginSetup, NothingElseIsTaken) {
  const std::vector<PluginSetup> some = {{.path = "/a", .algorithm = Algorithm::kPhotoDna, .config = "k"}};
  const std::string whole = EncodeSetup(some);
  ASSERT_TRUE(DecodeSetup(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(DecodeSetup(whole.substr(0, length))) << length;
  }
  EXPECT_FALSE(DecodeSetup(whole + 'x'));
  const auto refuses = [](PluginSetup plugin) { return !DecodeSetup(EncodeSetup({&plugin, 1})).has_value(); };
  EXPECT_TRUE(refuses({.path = ""}));
  EXPECT_TRUE(refuses({.path = std::string(kMaxPluginPath + 1, 'p')}));
  EXPECT_TRUE(refuses({.path = "/a", .config = std::string(kMaxPluginConfig + 1, 'c')}));
  EXPECT_TRUE(refuses({.path = "/a", .config = std::string(1, '\0')}));
  EXPECT_TRUE(refuses({.path = "/a", .algorithm = static_cast<Algorithm>(kAlgorithmCount)}));
  EXPECT_FALSE(DecodeSetup(EncodeSetup(std::vector<PluginSetup>(kMaxPlugins + 1, some[0]))));
  std::string other_version = whole;
  ++other_version[4];
  EXPECT_FALSE(DecodeSetup(other_version));
}

TEST(PluginSetup, OnlyWhatIsComparedOneByOneIsMade) {
  EXPECT_TRUE(IsMadeByPlugins(Algorithm::kPhotoDna));
  for (const Algorithm other : {Algorithm::kUnspecified, Algorithm::kMd5, Algorithm::kSha256, Algorithm::kPdq,
                                static_cast<Algorithm>(99)}) {
    EXPECT_FALSE(IsMadeByPlugins(other)) << AlgorithmName(other);
  }
}

}  // namespace
}  // namespace hashgate::decode
