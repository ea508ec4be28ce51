// Project Arachnid's Shield (Canadian Centre for Child Protection) as a remote list: PDQ hashes only. Source:
// the official clients named in scanned_hashes.h; what is not said there (how many hashes a request may have)
// is for its operators to say.
#pragma once

#include <chrono>
#include <memory>

#include "exchange/http/http_client.h"
#include "exchange/remote/remote_client.h"

namespace hashgate::exchange {

/// Asks `POST /v1/pdq/` below the client's base URL. No picture is ever sent: there is no code for it.
std::unique_ptr<RemoteClient> NewShieldClient(std::unique_ptr<HttpClient> http);

/// For HttpOptions::pause_of: what the header `ratelimit` asks for, the time to its reset where nothing
/// remains (`r=0;t=SECONDS`, or status 429), at most an hour; a second for a 429 that does not
/// say; else zero. Source:
/// draft-ietf-httpapi-ratelimit-headers.
std::chrono::milliseconds PauseAskedFor(const HttpResponse& response);

}  // namespace hashgate::exchange
