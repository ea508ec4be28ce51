#include "testing/fakes/shield_server.h"

#include <bit>
#include <string_view>

namespace hashgate::testing {
namespace {

// "a-user:correct-horse"
constexpr std::string_view kAuthorization = "Basic YS11c2VyOmNvcnJlY3QtaG9yc2U=";
constexpr std::size_t kPdqBytes = 32;

FakeReply Json(std::string body, int status = 200) {
  return {.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

// Empty where the text is not the base64 of 32 bytes.
std::string DecodedPdq(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() != 44 || text.back() != '=') return {};
  text.remove_suffix(1);
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return {};
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out.size() == kPdqBytes ? out : std::string();
}

int Distance(const std::string& a, const std::string& b) {
  int bits = 0;
  for (std::size_t i = 0; i < kPdqBytes; ++i) {
    bits += std::popcount(static_cast<unsigned>(static_cast<unsigned char>(a[i] ^ b[i])));
  }
  return bits;
}

}  // namespace

ShieldServer::ShieldServer(int port) {
  http_ = std::make_unique<FakeHttpServer>([this](const FakeRequest& request) { return Answer(request); },
                                           FakeHttpServer::Options{.port = port, .identity = {}});
}

void ShieldServer::SetSwitches(const ShieldSwitches& switches) {
  const std::lock_guard<std::mutex> lock(mutex_);
  switches_ = switches;
}

void ShieldServer::Put(const ShieldItem& item) {
  const std::lock_guard<std::mutex> lock(mutex_);
  items_.push_back(item);
}

std::vector<std::string> ShieldServer::asked() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return asked_;
}

int ShieldServer::other_calls() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return other_calls_;
}

FakeReply ShieldServer::Answer(const FakeRequest& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (request.Header("authorization") != kAuthorization) {
    FakeReply refused = Json(R"({"detail":"Please provide API credentials."})", 401);
    refused.headers.emplace_back("WWW-Authenticate", "Basic");
    return refused;
  }
  if (request.method != "POST" || request.path != "/v1/pdq/") {
    ++other_calls_;
    return Json(R"({"detail":"Not Found"})", 404);
  }
  if (!switches_.redirect_to.empty()) {
    return {.status = 307, .headers = {{"Location", switches_.redirect_to}}, .body = {}};
  }
  FakeReply reply;
  if (switches_.too_many > 0) {
    --switches_.too_many;
    reply = Json(R"({"detail":"Too many requests"})", 429);
  } else {
    reply = LookUp(request.body);
  }
  if (!switches_.rate_limit.empty()) reply.headers.emplace_back("ratelimit", switches_.rate_limit);
  return reply;
}

FakeReply ShieldServer::LookUp(const std::string& body) {
  const std::string_view text = body;
  const std::size_t begin = text.find("\"hashes\":[");
  const std::size_t end = text.find(']');
  if (begin == std::string_view::npos || end == std::string_view::npos) {
    return Json(R"({"detail":"hashes: field required"})", 422);
  }
  std::string entries;
  for (std::size_t at = begin + 10; at < end;) {
    const std::size_t open = text.find('"', at);
    if (open == std::string_view::npos || open > end) break;
    const std::size_t close = text.find('"', open + 1);
    const std::string sent(text.substr(open + 1, close - open - 1));
    const std::string pdq = DecodedPdq(sent);
    if (pdq.empty()) return Json(R"({"detail":"invalid pdq hash"})", 400);
    asked_.push_back(pdq);
    if (!switches_.leave_out_all) {
      entries += (entries.empty() ? "\"" : ",\"") + sent + "\":" + EntryOf(pdq);
    }
    at = close + 1;
  }
  if (!switches_.whole_body.empty()) return Json(switches_.whole_body);
  return Json(R"({"scanned_hashes":{)" + entries + "}}");
}

std::string ShieldServer::EntryOf(const std::string& pdq) const {
  for (const ShieldItem& item : items_) {
    if (Distance(item.pdq, pdq) > switches_.radius_bits) continue;
    const std::string detail =
        R"({"timestamp":0.0,"sha1_base32":"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567","sha256_hex":")" +
        item.sha256_hex + R"(","classification":")" + item.classification + "\"}";
    return R"({"classification":")" + item.classification + R"(","match_type":"near","near_match_details":)" +
           (switches_.details_in_list ? "[" + detail + "]" : detail) + "}";
  }
  if (switches_.null_for_none) return "null";
  return R"({"classification":"no-known-match","match_type":null,"near_match_details":)" +
         std::string(switches_.details_in_list ? "[]" : "null") + "}";
}

}  // namespace hashgate::testing
