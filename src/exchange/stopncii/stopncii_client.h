// StopNCII.org: hashes of intimate pictures that the adults in them do not want shared. Source:
// github.com/facebook/ThreatExchange (python-threatexchange, stopncii, commit baefb4ed).
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "exchange/http/http_client.h"
#include "exchange/sync/client.h"

namespace hashgate::exchange {

struct StopNciiOptions {
  /// Each of StopNCII's functions has a key of its own, beside that of the subscription.
  std::string fetch_key;
  std::string feedback_key;  ///< empty: no feedback can be given
  std::string subscription_key;
  int page_records = 800;
  /// What has not been read for so long is read again as a whole.
  std::chrono::hours stale_after{24 * 30};
  const Clock* clock = &Clock::System();
};

/// `http` has the base URL ("https://api.stopncii.org/v1"). Keys hold visible characters only. Its deltas are
/// of purpose NCII_ADULT: what they feed must not be reported as pictures of children.
std::unique_ptr<ExchangeClient> NewStopNciiClient(std::unique_ptr<HttpClient> http, StopNciiOptions options);

}  // namespace hashgate::exchange
