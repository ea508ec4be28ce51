// Meta's ThreatExchange: the threat updates of a privacy group, over the Graph API. Sources:
// developers.facebook.com/docs/threat-exchange (threat-updates, threat-privacy-group, reactions) and
// github.com/facebook/ThreatExchange (python-threatexchange, commit baefb4ed).
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "exchange/http/http_client.h"
#include "exchange/sync/client.h"

namespace hashgate::exchange {

struct ThreatExchangeOptions {
  std::string base_url;       ///< that of the HTTP client: links must lie below it
  std::string privacy_group;  ///< its id
  /// "APPID|SECRET" or a user's token. It goes with each request in the query, as the API has it. Reactions
  /// of APPID are left out of what is read; a user's token does not tell which are our own.
  std::string access_token;
  int page_items = 500;
  /// A delta ends behind the page that reaches it, so that a long way is not begun anew. Not where all of the
  /// list is read.
  std::size_t delta_items = 50'000;
  /// Read again by the next delta: updates may appear with a time that has passed.
  std::chrono::seconds overlap{60};
  /// Tombstones are kept for 90 days: what has not been read for so long is read again as a whole.
  std::chrono::hours stale_after{24 * 85};
  const Clock* clock = &Clock::System();
};

/// What the HTTP client of an exchange of this kind has to know besides: HttpOptions::asked_too_often.
bool AskedTooOften(const HttpResponse& response);

/// Errors: kConfigInvalid where it cannot be the id of a privacy group: a number of at most 64 digits.
Status CheckPrivacyGroup(std::string_view id);

/// Source ids are the updates' own. Updates without one that may be shown are quarantined: what identifies
/// them otherwise is the hash. Where the source gives an indicator a new id, a second entry comes beside the
/// first, which stays until the list is read as a whole.
/// Errors: those of CheckPrivacyGroup(); kConfigInvalid for a base URL that is none.
Result<std::unique_ptr<ExchangeClient>> NewThreatExchangeClient(std::unique_ptr<HttpClient> http,
                                                                ThreatExchangeOptions options);

}  // namespace hashgate::exchange
