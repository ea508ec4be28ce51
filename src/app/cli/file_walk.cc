#include "app/cli/file_walk.h"

#include <algorithm>
#include <filesystem>

namespace hashgate::cli {
namespace fs = std::filesystem;

FileWalk::FileWalk(std::vector<std::string> paths) {
  std::ranges::reverse(paths);
  levels_.push_back({"", std::move(paths)});
}

std::optional<WalkItem> FileWalk::Next() {
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.names.empty()) {
      levels_.pop_back();
      continue;
    }
    const bool given = levels_.size() == 1;
    const std::string name = std::move(level.names.back());
    level.names.pop_back();
    const std::string path = given ? name : (fs::path(level.folder) / name).string();
    std::error_code error;
    const fs::file_status itself = given ? fs::status(path, error) : fs::symlink_status(path, error);
    if (fs::is_directory(itself)) {
      std::vector<std::string> names;
      fs::directory_iterator it(path, error);
      for (; !error && it != fs::directory_iterator(); it.increment(error)) {
        names.push_back(it->path().filename().string());
      }
      if (error) return WalkItem{path, "cannot be listed: " + error.message()};
      std::ranges::sort(names, std::ranges::greater());
      levels_.push_back({path, std::move(names)});
      continue;
    }
    const fs::file_status target = fs::is_symlink(itself) ? fs::status(path, error) : itself;
    if (fs::is_regular_file(target)) return WalkItem{path, ""};
    if (given) return WalkItem{path, error ? "cannot be read: " + error.message() : "is not a regular file"};
    // A link that leads nowhere looks like content to a person, so it is not passed over in silence.
    if (!fs::exists(target)) return WalkItem{path, "cannot be read: the file does not exist"};
  }
  return std::nullopt;
}

}  // namespace hashgate::cli
