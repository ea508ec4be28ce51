// Looks for bytes in the memory of another process, as root may.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace hashgate::testing {

/// Where one of `needles` lies in the memory of process `pid`: one line for each place, with the mapping's
/// name, at most 20. Files that are mapped for reading only are left out; their pages are on disk anyway.
/// `readable` (may be null) is set to whether the memory could be read at all.
std::vector<std::string> FindInMemory(pid_t pid, const std::vector<std::string>& needles,
                                      bool* readable = nullptr);

}  // namespace hashgate::testing
