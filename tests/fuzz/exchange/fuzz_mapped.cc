// Any bytes through importers with a mapping. The first byte chooses the layout, the rest is the file.
#include "fuzz/exchange/import_checks.h"

namespace {

using namespace hashgate::exchange;
using hashgate::Algorithm;
using hashgate::HashEncoding;
using hashgate::Pipeline;

/// Every rule that a mapping can hold. Names of columns are also pointers with the slash before them.
Mapping MakeMapping(Mapping::Layout layout, bool header) {
  const auto place = [layout](const char* name) {
    return (layout == Mapping::Layout::kCsv ? "" : "/") + std::string(name);
  };
  const auto when = [&](const char* value) { return Mapping::Condition{place("kind"), {value}}; };
  Mapping mapping;
  mapping.layout = layout;
  if (header) mapping.header = {"id", "kind", "hash", "quality", "class", "tags", "state", "vector"};
  if (layout == Mapping::Layout::kJson) mapping.items = "/data";
  mapping.source_id = place("id");
  mapping.hashes.push_back(
      {Algorithm::kMd5, Pipeline::kUnspecified, HashEncoding::kHex, place("hash"), "", when("md5")});
  mapping.hashes.push_back({Algorithm::kPdq, Pipeline::kNn512, HashEncoding::kBase64, place("hash"),
                            place("quality"), when("pdq")});
  mapping.hashes.push_back(
      {Algorithm::kPhotoDna, Pipeline::kUnspecified, HashEncoding::kDecimal, place("vector"), "", {}});
  mapping.classification = Mapping::Text{place("class"), "x:", ""};
  mapping.labels.push_back({place("tags"), "t:", ";"});
  mapping.removed.push_back({place("state"), {"gone"}});
  mapping.skip.push_back({place("class"), {"0"}});
  return mapping;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  ImporterOptions options;
  options.max_record_bytes = 4096;
  options.mapping = MakeMapping(static_cast<Mapping::Layout>(data[0] % 3), (data[0] & 4) != 0);
  options.replaces = (data[0] & 8) != 0;
  CheckImport({reinterpret_cast<const char*>(data + 1), size - 1}, options);
  return 0;
}
