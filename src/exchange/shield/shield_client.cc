#include "exchange/shield/shield_client.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "exchange/shield/scanned_hashes.h"

namespace hashgate::exchange {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kMostSeconds = 3'600;
constexpr int kTooMany = 429;
// Some pause is asked for, without a word on how long.
constexpr milliseconds kUnsaidPause = seconds(1);

// The number of the parameter `name`; empty where there is none.
std::optional<std::int64_t> Parameter(std::string_view header, char name) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find_first_of(";,"), header.size());
    std::string_view part = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    if (part.size() < 3 || part[0] != name || part[1] != '=') continue;
    part.remove_prefix(2);
    while (part.ends_with(' ')) part.remove_suffix(1);
    std::int64_t number = 0;
    const auto [rest, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error == std::errc() && rest == part.data() + part.size()) return number;
  }
  return std::nullopt;
}

class ShieldClient final : public RemoteClient {
 public:
  explicit ShieldClient(std::unique_ptr<HttpClient> http) : http_(std::move(http)) {}

  Result<RemoteReply> LookUp(std::span<const PdqHash> hashes, const std::stop_token& stop) override {
    std::vector<std::string> sent;
    sent.reserve(hashes.size());
    for (const PdqHash& hash : hashes) sent.push_back(Base64Encode(hash.bytes()));
    const nlohmann::json body = {{"hashes", sent}};
    HASHGATE_ASSIGN_OR_RETURN(
        const HttpResponse response,
        http_->Send({.method = "POST",
                     .url = "/v1/pdq/",
                     .headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}},
                     .body = body.dump()},
                    stop));
    const milliseconds pause = PauseAskedFor(response);
    if (response.status != 200) {
      return Fail(Reason::kExchangeProtocol,
                  "the server answered " + std::to_string(response.status) + " where hashes were asked");
    }
    HASHGATE_ASSIGN_OR_RETURN(auto answers, ParseScannedHashes(response.body, sent));
    return RemoteReply{.answers = std::move(answers), .pause = pause};
  }

 private:
  const std::unique_ptr<HttpClient> http_;
};

}  // namespace

milliseconds PauseAskedFor(const HttpResponse& response) {
  const std::string_view header = response.Header("ratelimit");
  const auto remaining = Parameter(header, 'r');
  const auto reset = Parameter(header, 't');
  const bool too_many = response.status == kTooMany;
  const bool is_used_up = too_many || (remaining && *remaining <= 0);
  if (!is_used_up || !reset || *reset <= 0) return too_many ? kUnsaidPause : milliseconds(0);
  return seconds(std::min(*reset, kMostSeconds));
}

std::unique_ptr<RemoteClient> NewShieldClient(std::unique_ptr<HttpClient> http) {
  return std::make_unique<ShieldClient>(std::move(http));
}

}  // namespace hashgate::exchange
