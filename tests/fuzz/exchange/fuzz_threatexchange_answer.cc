// Answers of a Graph API server, which may be anybody: they are read or refused, and what is read can be
// imported.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "exchange/threatexchange/updates_page.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hashgate;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto page = exchange::ParseUpdatesPage(text)) {
    for (const exchange::UpdatesPage::Item& item : page->items) {
      Check(item.changed.time_since_epoch().count() >= 0);
      if (!item.problem.empty()) continue;
      const Algorithm algorithm = exchange::ThreatExchangeAlgorithm(item.update.type);
      std::string problem;
      const auto meaning = exchange::ReadThreatExchangeUpdate(item.update, algorithm, problem);
      Check((meaning == exchange::ThreatExchangeMeaning::kProblem) == !problem.empty());
      if (meaning != exchange::ThreatExchangeMeaning::kEntry) continue;
      exchange::RecordBuilder record(1);
      exchange::FillThreatExchangeRecord(item.update, algorithm, record);
      const lists::ImportRecord finished = record.Finish();
      Check(finished.record.has_value() == finished.problem.empty());
    }
  } else {
    Check(page.error().reason == Reason::kExchangeProtocol && !page.error().message.empty());
  }
  if (const auto group = exchange::ParsePrivacyGroup(text)) Check(group->name.size() <= 128);
  if (const auto descriptors = exchange::ParseDescriptors(text, "1001")) {
    for (const exchange::Descriptor& one : *descriptors) Check(exchange::IsGraphId(one.id));
  }
  Check(!exchange::GraphError(400, text).message.empty());
  return 0;
}
