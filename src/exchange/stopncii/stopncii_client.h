// StopNCII.org: hashes of intimate pictures that the adults in them do not want shared. Source:
// github.com/facebook/ThreatExchange (python-threatexchange, stopncii, commit baefb4ed).
#pragma once

#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "exchange/http/http_client.h"
#include "exchange/sync/client.h"

namespace hashgate::exchange {

struct StopNciiOptions {
  int page_records = 800;
  /// What has not been read for so long is read again as a whole.
  std::chrono::hours stale_after{24 * 30};
  const Clock* clock = &Clock::System();
};

/// The headers that StopNCII's keys go in: of the function, and of the subscription.
std::vector<HttpHeader> StopNciiHeaders(std::string_view function_key, std::string_view subscription_key);

/// `http` has the base URL ("https://api.stopncii.org/v1") and sends StopNciiHeaders(). Its deltas are of
/// purpose NCII_ADULT: what they feed must not be reported as pictures of children.
std::unique_ptr<ExchangeClient> NewStopNciiClient(std::unique_ptr<HttpClient> http, StopNciiOptions options);

}  // namespace hashgate::exchange
