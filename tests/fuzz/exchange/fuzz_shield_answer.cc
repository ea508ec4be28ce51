// Answers of a Shield server, which may be anybody: they are read or refused, and what is read is bounded and
// never "nothing known" where something is said.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exchange/shield/scanned_hashes.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hashgate;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string sent[] = {"AAAA", "BBBB"};
  const auto answers = exchange::ParseScannedHashes(text, sent);
  if (!answers) {
    Check(answers.error().reason == Reason::kExchangeProtocol && !answers.error().message.empty());
    return 0;
  }
  Check(answers->size() == 2);
  for (const auto& answer : *answers) {
    if (!answer) continue;
    Check(answer->listed || *answer == exchange::RemoteAnswer());
    Check(answer->listed != answer->classification.empty());
    Check(answer->classification.size() <= exchange::kMaxRemoteTextBytes);
    Check(answer->source_id.empty() || answer->source_id.size() == 39);
    Check(answer->purpose != Purpose::kExploitative || answer->ceiling == Verdict::kReview);
  }
  return 0;
}
