// The files below some paths, in a fixed order, without holding more than the names of the folders on the
// way.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hashgate::cli {

struct WalkItem {
  std::string path;
  std::string error;  ///< why it is not a file that can be read; empty where it is one
};

/// Folders are searched to the bottom, their names in byte order; links to folders are not followed (they may
/// lead in circles), and inside folders only regular files count. Paths given by name are always an item.
/// Threads: confined.
class FileWalk {
 public:
  explicit FileWalk(std::vector<std::string> paths);
  /// The next file; empty at the end.
  std::optional<WalkItem> Next();

 private:
  /// Names still to visit, the next at the back.
  struct Level {
    std::string folder;  ///< empty for the paths given
    std::vector<std::string> names;
  };
  std::vector<Level> levels_;
};

}  // namespace hashgate::cli
