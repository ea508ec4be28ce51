// A small file of every format that lists are imported from: tests/golden/exchange.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "exchange/importer.h"
#include "testing/signing_keys.h"

namespace hashgate::testing {

struct ListFile {
  std::string name;
  exchange::ImporterOptions options;
};

inline std::string ListFilePath(const std::string& name) {
  const char* const root = std::getenv("HASHGATE_SOURCE_DIR");
  return std::string(root != nullptr ? root : ".") + "/tests/golden/exchange/" + name;
}

/// Empty where there is no such file.
inline std::string ReadListFile(const std::string& name) {
  std::ifstream file(ListFilePath(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// What mapped.csv wants.
inline exchange::Mapping SampleMapping() {
  using exchange::Mapping;
  const auto when = [](const char* kind) { return Mapping::Condition{"Kind", {kind}}; };
  Mapping mapping;
  mapping.separator = '|';
  mapping.source_id = "Ref";
  mapping.hashes.push_back(
      {Algorithm::kMd5, Pipeline::kUnspecified, HashEncoding::kBase64, "Digest", "", when("md5")});
  mapping.hashes.push_back(
      {Algorithm::kPdq, Pipeline::kFull, HashEncoding::kBase64, "Digest", "Q", when("pdq")});
  mapping.classification = Mapping::Text{"Category", "iwf:", ""};
  mapping.removed.push_back({"State", {"gone"}});
  mapping.skip.push_back({"Category", {"0"}});
  return mapping;
}

inline std::vector<ListFile> ListFiles() {
  std::vector<ListFile> files;
  for (const char* name : {"lines.txt", "list.csv", "list.jsonl", "list.json", "vics.json", "ncmec.xml",
                           "threatexchange.json"}) {
    files.push_back({name, {}});
  }
  files.push_back({"threatexchange.csv", {}});
  files.back().options.algorithm = Algorithm::kPdq;
  files.push_back({"mapped.csv", {}});
  files.back().options.mapping = SampleMapping();
  files.push_back({"snapshot.hgl", {}});
  files.back().options.public_key = *VerifyingKey::FromPem(PublicKeyPem());
  return files;
}

}  // namespace hashgate::testing
