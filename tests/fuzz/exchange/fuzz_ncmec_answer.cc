// Answers of an NCMEC server, which may be anybody: they are read or refused, and what is read can be
// imported.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exchange/ncmec/entries_page.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hashgate;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto page = exchange::ParseEntriesPage(text);
  if (page) {
    for (const exchange::NcmecElement& element : page->elements) {
      const lists::ImportRecord& record = element.record;
      Check(record.record.has_value() == record.problem.empty());
      if (record.withdrawn) Check(record.record && !record.record->source_id.empty());
      if (record.record && !record.withdrawn) Check(!record.record->hashes.empty());
      Check(element.malformed_values <= element.values_left_out);
    }
  } else {
    Check(page.error().reason == Reason::kExchangeProtocol && !page.error().message.empty());
  }
  if (const auto status = exchange::ParseStatusAnswer(text); !status) {
    Check(status.error().reason == Reason::kExchangeProtocol);
  }
  if (const auto reasons = exchange::ParseFeedbackReasons(text, "SHA1")) {
    for (const exchange::FeedbackReason& reason : *reasons) {
      Check(!reason.guid.empty() && reason.name.size() <= 128);
      Check(reason.guid.find_first_not_of("0123456789abcdefABCDEF-") == std::string::npos);
    }
  } else {
    Check(reasons.error().reason == Reason::kExchangeProtocol);
  }
  return 0;
}
