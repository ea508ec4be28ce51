#include "app/cli/file_walk.h"

#include <sys/stat.h>

#include "unit/cli/fake_server.h"

namespace hashgate::cli {
namespace {

class FileWalkTest : public CliTest {
 protected:
  std::string Walk(std::vector<std::string> paths) {
    FileWalk walk(std::move(paths));
    std::string out;
    while (const auto item = walk.Next()) {
      std::string path = item->path;
      if (path.starts_with(folder_.string())) path.erase(0, folder_.string().size());
      out += path + (item->error.empty() ? "" : " !") + "\n";
    }
    return out;
  }
};

TEST_F(FileWalkTest, FoldersAreSearchedInByteOrder) {
  Write("b/2", "");
  Write("b/10", "");
  Write("a.txt", "");
  Write("b/c/z", "");
  Write("B", "");
  EXPECT_EQ(Walk({folder_.string()}), "/B\n/a.txt\n/b/10\n/b/2\n/b/c/z\n");
}

TEST_F(FileWalkTest, GivenPathsKeepTheirOrderAndAreAlwaysAnItem) {
  Write("x", "");
  EXPECT_EQ(Walk({"/no/such", (folder_ / "x").string(), "/dev/null"}), "/no/such !\n/x\n/dev/null !\n");
}

TEST_F(FileWalkTest, LinksToFilesCountLinksToFoldersDoNot) {
  Write("d/x", "");
  std::filesystem::create_symlink(folder_ / "d", folder_ / "loop");
  std::filesystem::create_symlink("..", folder_ / "d" / "up");
  std::filesystem::create_symlink("d/x", folder_ / "link");
  std::filesystem::create_symlink("nowhere", folder_ / "dangling");
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(Walk({folder_.string()}), "/d/x\n/dangling !\n/link\n");
}

}  // namespace
}  // namespace hashgate::cli
