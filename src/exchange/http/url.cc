#include "exchange/http/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "base/net_address.h"

namespace hashgate::exchange {
namespace {

constexpr std::size_t kMostUrlBytes = 8'192;
constexpr std::size_t kMostSpeakableBytes = 200;

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlDeleter>;

// libcurl's own reading of a URL, so that what is checked is what is connected to.
std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool IsVisibleAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool IsDotSegment(std::string_view segment) {
  int dots = 0;
  while (!segment.empty()) {
    if (segment.starts_with('.')) {
      segment.remove_prefix(1);
    } else if (segment.starts_with("%2e") || segment.starts_with("%2E")) {
      segment.remove_prefix(3);
    } else {
      return false;
    }
    ++dots;
  }
  return dots == 1 || dots == 2;
}

bool HasDotSegment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    if (IsDotSegment(segment)) return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

std::unexpected<Error> BadLink(std::string_view why) {
  return Fail(Reason::kExchangeProtocol, "a link of the exchange is not followed: " + std::string(why));
}

}  // namespace

Result<BaseUrl> ParseBaseUrl(std::string_view text) {
  const auto refuse = [](std::string why) { return Fail(Reason::kConfigInvalid, std::move(why)); };
  if (text.empty() || text.size() > kMostUrlBytes || !IsVisibleAscii(text)) {
    return refuse("the base URL is empty, too long or not plain ASCII");
  }
  const UrlHandle url(curl_url());
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK) {
    return refuse("the base URL is not a URL that begins with https:// or http://");
  }
  const std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  const std::size_t host_at = scheme.size() + 3;
  // libcurl also takes one slash, or three.
  if ((scheme != "https" && scheme != "http") || text.find("://") != scheme.size() || text[host_at] == '/') {
    return refuse("the base URL must begin with https:// or http:// and a host");
  }
  if (text.contains('?') || text.contains('#') || !Part(url.get(), CURLUPART_USER).empty() ||
      !Part(url.get(), CURLUPART_PASSWORD).empty() || text.contains('@')) {
    return refuse(
        "the base URL must hold no user name, query or fragment: credentials have keys of their own");
  }
  BaseUrl base;
  base.host = Part(url.get(), CURLUPART_HOST);
  base.is_https = scheme == "https";
  base.is_loopback = IsLoopbackAddress(base.host + ":0");
  base.text = scheme + "://" + base.host;
  if (const std::string port = Part(url.get(), CURLUPART_PORT); !port.empty()) base.text += ":" + port;
  std::string path = Part(url.get(), CURLUPART_PATH);
  while (path.ends_with('/')) path.pop_back();
  base.text += path;
  return base;
}

Result<std::string> CheckedPath(std::string_view path) {
  if (!path.starts_with('/') || path.starts_with("//")) return BadLink("it is no path");
  if (path.size() > kMostUrlBytes) return BadLink("it is too long");
  if (!IsVisibleAscii(path) || path.contains('\\') || path.contains('#')) {
    return BadLink("it holds characters that no path may hold");
  }
  if (HasDotSegment(path.substr(0, path.find('?')))) return BadLink("it climbs out of its folder");
  return std::string(path);
}

Result<std::string> JoinUrl(const BaseUrl& base, std::string_view path) {
  HASHGATE_ASSIGN_OR_RETURN(const std::string checked, CheckedPath(path));
  return base.text + checked;
}

Result<std::string> PathUnder(std::string_view expected, std::string_view link) {
  HASHGATE_ASSIGN_OR_RETURN(std::string path, CheckedPath(link));
  const std::string_view rest = std::string_view(path).substr(std::min(path.size(), expected.size()));
  if (!path.starts_with(expected) || !(rest.empty() || rest.starts_with('/') || rest.starts_with('?'))) {
    return BadLink("it does not lie below " + std::string(expected));
  }
  return path;
}

Result<std::string> PathBelowBase(const BaseUrl& base, std::string_view link) {
  if (!link.starts_with(base.text)) return BadLink("it leads away from the configured base URL");
  return CheckedPath(link.substr(base.text.size()));
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size() * 3);
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").contains(c);
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string SpeakableUrl(std::string_view url) {
  std::string text(url.substr(0, url.find_first_of("?#")));
  const std::size_t authority = text.find("://") == std::string::npos ? 0 : text.find("://") + 3;
  const std::size_t end = std::min(text.find('/', authority), text.size());
  if (const std::size_t at = text.rfind('@', end); at != std::string::npos && at >= authority) {
    text.erase(authority, at + 1 - authority);
  }
  if (text.size() > kMostSpeakableBytes) text.resize(kMostSpeakableBytes);
  return text;
}

}  // namespace hashgate::exchange
