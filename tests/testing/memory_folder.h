// A feed's folder in memory, which a test may damage.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/signed/feed_writer.h"

namespace hashgate::testing {

/// Threads: confined.
class MemoryFolder final : public exchange::FeedFolder {
 public:
  Result<std::optional<std::string>> Read(const std::string& name, std::size_t most) override {
    const auto found = files.find(name);
    if (found == files.end()) return std::nullopt;
    if (found->second.size() > most) return Fail(Reason::kFileUnreadable, name + " is too large");
    return found->second;
  }
  Status Write(const std::string& name, std::string_view bytes) override {
    if (writes_left == 0) return Fail(Reason::kFileUnreadable, "no space");
    --writes_left;
    files[name] = bytes;
    return {};
  }
  Result<std::vector<std::string>> Names() override {
    std::vector<std::string> names;
    for (const auto& [name, bytes] : files) names.push_back(name);
    return names;
  }
  Status Remove(const std::string& name) override {
    files.erase(name);
    return {};
  }

  std::map<std::string, std::string> files;
  int writes_left = 1'000'000;
};

}  // namespace hashgate::testing
