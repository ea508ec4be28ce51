// NCMEC's Hash Sharing API v2. Source: NCMEC's public documentation and, for what that does not say, the
// client of github.com/facebook/ThreatExchange (python-threatexchange, commit baefb4ed).
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "base/clock.h"
#include "exchange/http/http_client.h"
#include "exchange/ncmec/windows.h"
#include "exchange/sync/client.h"

namespace hashgate::exchange {

struct NcmecOptions {
  /// Entries of these members only; empty: of all but `except_members`.
  std::set<std::string> only_members;
  std::set<std::string> except_members;
  /// Where a first sync begins. Years without entries cost a request or two.
  WallTime since = std::chrono::sys_days(std::chrono::year(2008) / 1 / 1);
  /// Entries may still move while their second is young.
  std::chrono::seconds settle{5};
  /// Read again by the first delta of each sync: entries may appear with a time that has passed.
  std::chrono::seconds overlap{60};
  Windows::Options windows;
  const Clock* clock = &Clock::System();
};

/// Entries of members that are filtered out count as withdrawn, so that a filter that becomes narrower takes
/// effect as they are read again. Source ids are "MEMBER-ID". Feedback is of each fingerprint; a dispute
/// needs one of NCMEC's own reasons, which is the only one there is, or the one whose name is the feedback's
/// reason, in any case. `http` has the application's root as its base URL
/// ("https://hashsharing-test.ncmec.org/npo").
std::unique_ptr<ExchangeClient> NewNcmecClient(std::unique_ptr<HttpClient> http, NcmecOptions options);

}  // namespace hashgate::exchange
