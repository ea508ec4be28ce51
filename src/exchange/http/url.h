// The addresses of exchanges: one base URL from the configuration, and paths below it. Links that arrive in
// answers are untrusted text: they become requests only as paths below the base that the caller expects.
#pragma once

#include <string>
#include <string_view>

#include "hashgate/error.h"

namespace hashgate::exchange {

struct BaseUrl {
  std::string text;  ///< scheme://host[:port][/path], without a slash at its end
  std::string host;  ///< as it is connected to: no port, an IPv6 address in brackets
  bool is_https = false;
  bool is_loopback = false;  ///< only this machine answers there
};

/// Reads what a person configured: http or https, host, optional port and path. Errors: kConfigInvalid for
/// anything else, also user names, queries and fragments, which would carry secrets into logs. The message
/// does not repeat the text.
Result<BaseUrl> ParseBaseUrl(std::string_view text);

/// `path` if it is one that may be appended to a base URL: it begins with one slash, and holds only visible
/// ASCII, no backslash, no fragment and no "." or ".." segment (as %2e neither). Errors: kExchangeProtocol;
/// the message does not repeat the path.
Result<std::string> CheckedPath(std::string_view path);

/// `base.text` with `path` behind it. Errors: those of CheckedPath.
Result<std::string> JoinUrl(const BaseUrl& base, std::string_view path);

/// `link`, which came in an answer, if it is a path that is `expected` or lies below it: "/v2/entries",
/// "/v2/entries/7" and "/v2/entries?x=1" lie below "/v2/entries"; "/v2/entriesx", "//host/v2/entries" and
/// "https://host/v2/entries" do not. Errors: kExchangeProtocol, naming `expected` only.
Result<std::string> PathUnder(std::string_view expected, std::string_view link);

/// The path of `link` below `base`, for exchanges whose answers hold whole URLs. Errors: kExchangeProtocol
/// where scheme, host, port or base path differ in a single byte, and those of CheckedPath.
Result<std::string> PathBelowBase(const BaseUrl& base, std::string_view link);

/// For one segment or value: everything but letters, digits and "-._~" as %XX. Source: RFC 3986, 2.3.
std::string PercentEncode(std::string_view text);

/// What may be said about a URL in logs and errors: no query (it may hold an access token), no user name, and
/// at most 200 bytes.
std::string SpeakableUrl(std::string_view url);

}  // namespace hashgate::exchange
