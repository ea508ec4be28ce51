// One answer to `POST /v1/pdq/` of Project Arachnid's Shield. Source: the official clients at
// github.com/CdnCentreForChildProtection (arachnid-shield-sdk-python, -rust, -ts, -php), which differ in how
// details nest.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exchange/remote/remote_client.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

/// `sent` are the hashes as they were sent: the answer repeats them. In their order; empty where the answer
/// leaves one out, or says neither that it is like something nor that it is like nothing: that is no "clean".
/// A classification that is not known here leads to REVIEW at most, and never to less. Errors:
/// kExchangeProtocol where the text is not JSON, breaks off, nests too deep or has no object
/// `scanned_hashes`.
Result<std::vector<std::optional<RemoteAnswer>>> ParseScannedHashes(std::string_view text,
                                                                    std::span<const std::string> sent);

}  // namespace hashgate::exchange
