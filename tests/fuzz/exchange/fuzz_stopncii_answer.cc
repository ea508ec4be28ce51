// Answers of a StopNCII server, which may be anybody: they are read or refused, and what is read can be
// imported.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exchange/stopncii/hashes_page.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hashgate;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto page = exchange::ParseHashesPage(text);
  if (!page) {
    Check(page.error().reason == Reason::kExchangeProtocol && !page.error().message.empty());
    return 0;
  }
  Check(page->has_more != page->next_token.empty());
  Check(page->next_set.time_since_epoch().count() >= 0);
  for (const lists::ImportRecord& record : page->records) {
    Check(record.record.has_value() == record.problem.empty());
    if (!record.record) continue;
    Check(record.record->source_id.size() == 36);
    Check(record.withdrawn || record.record->hashes.size() == 1);
  }
  return 0;
}
