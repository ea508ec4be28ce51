// hashgate-testkit-gen DIR: writes the data that testkit.cc and canary.cc carry. Runs while Hashgate is
// built; never installed.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "testkit/kit_builder.h"

namespace hashgate::testkit {
namespace {

Status WriteFile(const std::filesystem::path& path, ByteSpan bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return Fail(Reason::kFileUnreadable, "cannot write " + path.string());
  return {};
}
Status WriteText(const std::filesystem::path& path, const std::string& text) {
  return WriteFile(path, AsBytes(text));
}

Status WriteKitData(const std::filesystem::path& dir) {
  HASHGATE_ASSIGN_OR_RETURN(const Kit kit, BuildKit());
  Bytes blob;
  std::ostringstream rows;
  const auto files = KitFiles(kit);
  for (const auto& [name, bytes] : files) {
    rows << "    {\"" << name << "\", " << blob.size() << ", " << bytes.size() << "},\n";
    blob.insert(blob.end(), bytes.begin(), bytes.end());
  }
  HASHGATE_RETURN_IF_ERROR(WriteFile(dir / "kit.bin", blob));
  return WriteText(
      dir / "kit_table.inc",
      "// Made by hashgate-testkit-gen.\n#include <cstddef>\n#include <string_view>\n"
      "struct KitTableRow {\n  std::string_view name;\n  std::size_t offset;\n  std::size_t size;\n"
      "};\ninline constexpr KitTableRow kKitTable[] = {\n" +
          rows.str() + "};\n");
}

Status WriteCanaryData(const std::filesystem::path& dir) {
  HASHGATE_ASSIGN_OR_RETURN(const Canary canary, BuildCanary());
  DigestSet set;
  set.Update(canary.jpeg);
  const Digests digests = set.Finish();
  std::ostringstream text;
  text << "// Made by hashgate-testkit-gen.\n#include <array>\n#include <cstddef>\n#include <cstdint>\n"
       << "inline constexpr std::size_t kCanarySize = " << canary.jpeg.size() << ";\n"
       << "inline constexpr int kCanaryPdqQuality = " << canary.pdq.quality << ";\n"
       << "inline constexpr std::array<std::uint64_t, 4> kCanaryPdqWords = {";
  for (const std::uint64_t word : canary.pdq.hash.words) text << word << "U, ";
  text << "};\ninline constexpr std::array<std::uint8_t, 32> kCanarySha256 = {";
  for (const std::uint8_t byte : digests.sha256) text << static_cast<int>(byte) << ", ";
  text << "};\n";
  HASHGATE_RETURN_IF_ERROR(WriteFile(dir / "canary.jpg", canary.jpeg));
  return WriteText(dir / "canary_facts.inc", text.str());
}

Status WriteAll(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return Fail(Reason::kFileUnreadable, "cannot create " + dir.string() + ": " + error.message());
  HASHGATE_RETURN_IF_ERROR(WriteKitData(dir));
  return WriteCanaryData(dir);
}

}  // namespace
}  // namespace hashgate::testkit

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: hashgate-testkit-gen DIR\n";
    return 2;
  }
  const auto written = hashgate::testkit::WriteAll(argv[1]);
  if (!written) {
    std::cerr << "hashgate-testkit-gen: " << written.error().message << '\n';
    return 3;
  }
  return 0;
}
