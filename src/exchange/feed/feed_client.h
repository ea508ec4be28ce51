// Hashgate's own feed: a list that another Hashgate publishes as signed files. src/exchange/signed/FORMAT.md
// gives the bytes.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/signature.h"
#include "exchange/http/http_client.h"
#include "exchange/sync/client.h"

namespace hashgate::exchange {

struct FeedClientOptions {
  VerifyingKey key;  ///< whose signature the manifest must bear
  const Clock* clock = &Clock::System();
};

/// `http` has the address of the feed's folder as its base URL, and takes answers of kMaxFeedPartBytes.
///
/// A delta is one step of the feed, or all of the list where no steps lead on from the checkpoint. It ends
/// only where count and digest of all that was given are what the manifest says; where a step's are not, the
/// list is read as a whole by the next sync. A manifest of an earlier number than was seen, of another list,
/// of the same number with another state, or past its time is refused. So is one record that cannot be read,
/// with all of its delta.
std::unique_ptr<ExchangeClient> NewFeedClient(std::unique_ptr<HttpClient> http, FeedClientOptions options);

}  // namespace hashgate::exchange
