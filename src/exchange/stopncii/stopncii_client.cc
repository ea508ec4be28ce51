#include "exchange/stopncii/stopncii_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/hex.h"
#include "exchange/http/url.h"
#include "exchange/stopncii/hashes_page.h"
#include "exchange/sync/reading.h"

namespace hashgate::exchange {
namespace {

using std::chrono::seconds;
using WallSeconds = std::chrono::sys_seconds;

/// Beyond, a source that says "more" for ever is given up.
constexpr std::size_t kMostPages = 200'000;
/// Where a first reading begins. Source: python-threatexchange.
constexpr WallSeconds kBeginning{seconds(10)};

struct Reached {
  WallSeconds next = kBeginning;  // by the server's clock: what it said to go on from
  WallSeconds read{};             // by this machine's: when all was read last
};

std::string EncodeCheckpoint(const Reached& reached) {
  return nlohmann::json{{"v", 1},
                        {"next", reached.next.time_since_epoch().count()},
                        {"read", reached.read.time_since_epoch().count()}}
      .dump();
}

Result<Reached> DecodeCheckpoint(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto is_time = [&](const char* key) { return json.contains(key) && json[key].is_number_integer(); };
  if (!json.is_object() || !json.contains("v") || json["v"] != 1 || !is_time("next") || !is_time("read")) {
    return Fail(Reason::kExchangeProtocol, "the checkpoint is not one of a StopNCII exchange");
  }
  return Reached{WallSeconds(seconds(json["next"].get<std::int64_t>())),
                 WallSeconds(seconds(json["read"].get<std::int64_t>()))};
}

Error Unexpected(int status, std::string_view where) {
  return {Reason::kExchangeProtocol,
          "the server answered " + std::to_string(status) + " where " + std::string(where),
          {},
          {}};
}

// The headers that the keys go in, for the function of that key.
std::vector<HttpHeader> KeysFor(const StopNciiOptions& options, const std::string& function_key) {
  return {{"x-functions-key", function_key}, {"Ocp-Apim-Subscription-Key", options.subscription_key}};
}

class HashesDelta final : public Delta {
 public:
  HashesDelta(HttpClient& http, const StopNciiOptions& options, const Reached& reached, bool whole)
      : http_(http),
        options_(options),
        reached_(reached),
        whole_(whole),
        began_(std::chrono::floor<seconds>(options.clock->Wall())),
        query_("/FetchHashes?startTimestamp=" + std::to_string(reached.next.time_since_epoch().count()) +
               "&pageSize=" + std::to_string(options.page_records)),
        path_(query_) {}

  [[nodiscard]] bool IsWhole() const override { return whole_; }

  Result<DeltaPage> Next(const std::stop_token& stop) override {
    HASHGATE_ASSIGN_OR_RETURN(
        const HttpResponse response,
        http_.Send({.url = path_, .headers = KeysFor(options_, options_.fetch_key)}, stop));
    if (response.status != 200) {
      return std::unexpected(Unexpected(response.status, "hashes were asked for"));
    }
    HASHGATE_ASSIGN_OR_RETURN(HashesPage page, ParseHashesPage(response.body));
    DeltaPage out;
    out.purpose = Purpose::kNciiAdult;
    out.records = std::move(page.records);
    out.values_left_out = page.left_out;
    if (page.has_more) {
      HASHGATE_RETURN_IF_ERROR(chain_.Follow(page.next_token));
      path_ = query_ + "&nextPageToken=" + PercentEncode(page.next_token);
      return out;
    }
    out.next = DeltaPage::Next::kEnd;
    // As the server says, also where it is an earlier time than before: what is read again replaces itself. A
    // time that is still to come would leave out what comes until then.
    out.checkpoint = EncodeCheckpoint({std::min(page.next_set, began_), std::max(began_, reached_.read)});
    out.caught_up = true;
    return out;
  }

 private:
  HttpClient& http_;
  const StopNciiOptions& options_;
  const Reached reached_;
  const bool whole_;
  const WallSeconds began_;
  const std::string query_;
  std::string path_;
  PageChain chain_{kMostPages};
};

class StopNciiClient final : public ExchangeClient {
 public:
  StopNciiClient(std::unique_ptr<HttpClient> http, StopNciiOptions options)
      : http_(std::move(http)), options_(std::move(options)) {}

  Result<std::unique_ptr<Delta>> Begin(std::string_view checkpoint) override {
    Reached reached;
    bool whole = checkpoint.empty();
    if (!whole) {
      HASHGATE_ASSIGN_OR_RETURN(reached, DecodeCheckpoint(checkpoint));
      const auto now = std::chrono::floor<seconds>(options_.clock->Wall());
      HASHGATE_RETURN_IF_ERROR(CheckClock(now, reached.read));
      // What was withdrawn meanwhile may no longer be told.
      whole = now - reached.read > options_.stale_after;
      if (whole) reached.next = kBeginning;
    }
    return std::make_unique<HashesDelta>(*http_, options_, reached, whole);
  }

  Result<std::string> Test(const std::stop_token& stop) override {
    // There is nothing that says who we are; a page of one record shows whether the keys are good.
    const auto now = std::chrono::floor<seconds>(options_.clock->Wall());
    HASHGATE_ASSIGN_OR_RETURN(
        const HttpResponse response,
        http_->Send(
            {.url = "/FetchHashes?startTimestamp=" +
                    std::to_string((now - std::chrono::hours(1)).time_since_epoch().count()) + "&pageSize=1",
             .headers = KeysFor(options_, options_.fetch_key)},
            stop));
    if (response.status != 200) {
      return std::unexpected(Unexpected(response.status, "hashes were asked for"));
    }
    HASHGATE_RETURN_IF_ERROR(ParseHashesPage(response.body));
    return std::string("both keys are accepted: hashes can be fetched");
  }

 private:
  using Outcome = FeedbackAnswer::Outcome;

  Result<FeedbackAnswer> SendOne(const Feedback& feedback, const std::stop_token& stop) override {
    if (options_.feedback_key.empty()) {
      return FeedbackAnswer{Outcome::kNoPlace, "the exchange's credentials have no key for feedback"};
    }
    nlohmann::json list = nlohmann::json::array();
    for (const HashValue& hash : feedback.hashes) {
      if (hash.algorithm != Algorithm::kPdq || hash.bytes.size() != HashSize(Algorithm::kPdq)) continue;
      list.push_back({{"hashValue", HexEncode(hash.bytes)},
                      {"feedbackValue", ValueOf(feedback.kind)},
                      {"tags", nlohmann::json::array()}});
    }
    if (list.empty())
      return FeedbackAnswer{Outcome::kNoPlace, "StopNCII knows entries by their PDQ hash only"};
    std::vector<HttpHeader> headers = KeysFor(options_, options_.feedback_key);
    headers.push_back({"Content-Type", "application/json"});
    const nlohmann::json body = {{"count", list.size()}, {"hashFeedbacks", list}};
    HASHGATE_ASSIGN_OR_RETURN(
        const HttpResponse response,
        http_->Send(
            {.method = "POST", .url = "/SubmitFeedback", .headers = std::move(headers), .body = body.dump()},
            stop));
    if (response.status == 200 || response.status == 201 || response.status == 202 ||
        response.status == 204) {
      return FeedbackAnswer{Outcome::kTaken, {}};
    }
    Error error = Unexpected(response.status, "feedback was sent");
    if (response.status < 400 || response.status >= 500) return std::unexpected(std::move(error));
    return FeedbackAnswer{Outcome::kRefused, std::move(error.message)};
  }

  // That we block says that it is what it is said to be. "None" takes back: StopNCII's own word for it is not
  // known.
  static const char* ValueOf(FeedbackKind kind) {
    switch (kind) {
      case FeedbackKind::kAffirm: return "Blocked";
      case FeedbackKind::kDispute: return "NotBlocked";
      case FeedbackKind::kWithdraw: break;
    }
    return "None";
  }

  const std::unique_ptr<HttpClient> http_;
  const StopNciiOptions options_;
};

}  // namespace

std::unique_ptr<ExchangeClient> NewStopNciiClient(std::unique_ptr<HttpClient> http, StopNciiOptions options) {
  return std::make_unique<StopNciiClient>(std::move(http), std::move(options));
}

}  // namespace hashgate::exchange
