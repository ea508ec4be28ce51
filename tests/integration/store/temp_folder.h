// A fresh folder below the test's own, removed at the end.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace hashgate::testing {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::current_path() / "folder-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data()) != nullptr ? pattern : std::string();
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace hashgate::testing
