#include "testkit/testkit.h"

#include <array>
#include <fstream>
#include <system_error>
#include <vector>

#include "testkit/kit_table.inc"

// The files one after the other; kit_table.inc says where each begins.
__asm__(
    ".section .rodata\n"
    ".balign 16\n"
    ".global hashgate_testkit_blob\n"
    ".hidden hashgate_testkit_blob\n"
    "hashgate_testkit_blob:\n"
    ".incbin \"" HASHGATE_TESTKIT_DATA
    "/kit.bin\"\n"
    ".byte 0\n"
    ".previous\n");
extern "C" const std::uint8_t hashgate_testkit_blob[];

namespace hashgate::testkit {

std::span<const KitFile> Files() {
  static const std::vector<KitFile> files = [] {
    std::vector<KitFile> all;
    for (const KitTableRow& row : kKitTable) {
      all.push_back({row.name, ByteSpan(hashgate_testkit_blob + row.offset, row.size)});
    }
    return all;
  }();
  return files;
}

Status WriteKit(const std::filesystem::path& dir, const KitProgress& progress) {
  const std::span<const KitFile> files = Files();
  std::size_t done = 0;
  for (const KitFile& file : files) {
    const std::filesystem::path path = dir / file.name;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) {
      return Fail(Reason::kFileUnreadable,
                  "cannot create the folder " + path.parent_path().string() + ": " + error.message());
    }
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(file.bytes.data()),
              static_cast<std::streamsize>(file.bytes.size()));
    out.close();
    if (!out) return Fail(Reason::kFileUnreadable, "cannot write " + path.string());
    ++done;
    if (progress) progress(done, files.size());
  }
  return {};
}

}  // namespace hashgate::testkit
