// The test kit, built into the binary: one harmless file for every verdict and cause that can be had with a
// file, the lists that go with them, and the expected answers; and the canary's picture. No codec is linked
// here: a tool that does link them makes the data while Hashgate is built.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "hashgate/error.h"
#include "hashgate/hash.h"

namespace hashgate::testkit {

/// One file of the kit. `name` is relative, with '/' between folders: "README.txt", "expected.json",
/// "lists.json", "lists/<list>.jsonl" and "files/<file>". Both members live as long as the program.
struct KitFile {
  std::string_view name;
  ByteSpan bytes;
};

/// All files of the kit, sorted by name; names are unique. Threads: thread-safe.
std::span<const KitFile> Files();

/// Called after each file; `done` goes from 1 to `total`.
using KitProgress = std::function<void(std::size_t done, std::size_t total)>;
/// Writes the kit below `dir`, which is created if need be. Files of the kit that are there are overwritten;
/// other files are left alone. Errors: kFileUnreadable naming the path; files written before stay.
Status WriteKit(const std::filesystem::path& dir, const KitProgress& progress = {});

/// The built-in list of purpose TEST that the canary must match, and its one entry.
inline constexpr std::string_view kCanaryListName = "hashgate-canary";
inline constexpr std::string_view kCanarySourceId = "canary";
/// A harmless photo-like JPEG of a few KB.
ByteSpan CanaryPicture();
/// Its PDQ (`full`), computed by the textbook when Hashgate was built; quality is at least 80.
PdqHash CanaryPdq();
int CanaryPdqQuality();
Sha256 CanarySha256();

}  // namespace hashgate::testkit
