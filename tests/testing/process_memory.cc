#include "testing/process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/unique_fd.h"

namespace hashgate::testing {
namespace {

constexpr std::size_t kMostPlaces = 20;
constexpr std::size_t kPiece = std::size_t{4} << 20;

void FindInRange(int memory, std::uint64_t from, std::uint64_t to, const std::string& name,
                 const std::vector<std::string>& needles, std::vector<std::string>& places, bool& read) {
  std::size_t longest = 1;
  for (const std::string& needle : needles) longest = std::max(longest, needle.size());
  std::vector<char> piece(kPiece + longest);
  for (std::uint64_t at = from; at < to && places.size() < kMostPlaces; at += kPiece) {
    // Pieces overlap, so that nothing is missed between two of them.
    const std::size_t wanted = std::min<std::uint64_t>(kPiece + longest, to - at);
    const ssize_t got = ::pread(memory, piece.data(), wanted, static_cast<off_t>(at));
    if (got <= 0) continue;
    read = true;
    for (const std::string& needle : needles) {
      const char* found = static_cast<const char*>(
          ::memmem(piece.data(), static_cast<std::size_t>(got), needle.data(), needle.size()));
      if (found == nullptr) continue;
      std::ostringstream line;
      line << "needle " << &needle - needles.data() << " at " << std::hex
           << at + static_cast<std::uint64_t>(found - piece.data()) << " in " << name;
      places.push_back(line.str());
    }
  }
}

}  // namespace

std::vector<std::string> FindInMemory(pid_t pid, const std::vector<std::string>& needles, bool* readable) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const UniqueFd memory(::open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<std::string> places;
  bool read = false;
  std::ifstream maps(folder + "/maps");
  for (std::string line; memory.valid() && std::getline(maps, line);) {
    std::istringstream fields(line);
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    char dash = 0;
    std::string rights;
    std::string skipped;
    std::string name;
    fields >> std::hex >> from >> dash >> to >> rights >> skipped >> skipped >> skipped >> name;
    const bool is_file = name.starts_with("/") && !name.starts_with("/memfd:");
    if (rights.empty() || rights[0] != 'r' || name.starts_with("[v") || (is_file && rights[1] != 'w'))
      continue;
    FindInRange(memory.get(), from, to, name.empty() ? "anonymous memory" : name, needles, places, read);
  }
  if (readable != nullptr) *readable = read;
  return places;
}

}  // namespace hashgate::testing
