// Any bytes through the importer of one format.
#include "fuzz/exchange/import_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace exchange = hashgate::exchange;
  exchange::ImporterOptions options;
  options.format = *exchange::ParseFileFormat(HASHGATE_IMPORT_FORMAT);
  options.algorithm = hashgate::Algorithm::kPdq;
  options.max_record_bytes = 4096;
  exchange::CheckImport({reinterpret_cast<const char*>(data), size}, options);
  return 0;
}
