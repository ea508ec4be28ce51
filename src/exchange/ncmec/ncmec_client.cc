#include "exchange/ncmec/ncmec_client.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "exchange/file/record_builder.h"
#include "exchange/http/retry.h"
#include "exchange/http/url.h"
#include "exchange/ncmec/entries_page.h"
#include "exchange/sync/reading.h"

namespace hashgate::exchange {
namespace {

std::unexpected<Error> Unexpected(int status, std::string_view what) {
  return Fail(Reason::kExchangeProtocol, "the server answered " + std::to_string(status) + " where " +
                                             std::string(what) + " asked for" +
                                             (status == 404 ? ": is base_url right?" : ""));
}

using std::chrono::seconds;

using WallSeconds = std::chrono::sys_seconds;

constexpr std::string_view kEntriesPath = "/v2/entries";
/// Beyond, a source that says "more" for ever is given up.
constexpr std::size_t kMostPages = 20'000;
/// So often in a row a span is given up for a shorter one because of a failure.
constexpr int kMostFailures = 3;
/// Read again with the next span: whether a span includes its bounds is not documented.
constexpr seconds kBound{1};
/// What servers keep a chain of pages for.
constexpr std::chrono::hours kChainLasts{12};

std::string Instant(WallSeconds time) {
  std::string text = FormatTime(time);
  // Without the milliseconds: "2026-02-03T04:05:06Z".
  return text.substr(0, text.find('.')) + "Z";
}

std::string EntriesPath(WallSeconds from, WallSeconds to) {
  return std::string(kEntriesPath) + "?from=" + PercentEncode(Instant(from)) +
         "&to=" + PercentEncode(Instant(to));
}

// How far the entries have been read, and whether that was to the newest ones.
struct Reached {
  WallSeconds to;
  bool newest = false;
};

std::string EncodeCheckpoint(const Reached& reached) {
  return nlohmann::json{{"v", 1}, {"to", reached.to.time_since_epoch().count()}, {"newest", reached.newest}}
      .dump();
}

Result<Reached> DecodeCheckpoint(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("v") || json["v"] != 1 || !json.contains("to") ||
      !json["to"].is_number_integer() || !json.contains("newest") || !json["newest"].is_boolean()) {
    return Fail(Reason::kExchangeProtocol, "the checkpoint is not one of an NCMEC exchange");
  }
  return Reached{WallSeconds(seconds(json["to"].get<std::int64_t>())), json["newest"].get<bool>()};
}

// What the client remembers from one delta to the next.
struct Memory {
  Windows windows;
  int failures = 0;  // spans given up in a row because of one
};

// One span of time.
class NcmecDelta final : public Delta {
 public:
  struct Span {
    WallSeconds from;
    WallSeconds reached;  // by the deltas before: what lies between `from` and this is read again
    WallSeconds to;
    bool to_now = false;  // nothing newer can be asked for yet
  };

  NcmecDelta(HttpClient& http, const NcmecOptions& options, Memory& memory, const Span& span)
      : http_(http),
        options_(options),
        memory_(memory),
        span_(span),
        path_(EntriesPath(span.from, span.to)) {}

  Result<DeltaPage> Next(const std::stop_token& stop) override {
    if (began_ == SteadyTime()) began_ = options_.clock->Steady();
    if (pages_ > 0 && options_.clock->Steady() - began_ > kChainLasts) {
      if (MayGiveUp()) return GiveUp();
      return Fail(Reason::kExchangeProtocol, "the server takes hours for a span of time");
    }
    const Result<HttpResponse> response = http_.Send({.url = path_}, stop);
    if (!response) {
      const Error& error = response.error();
      const bool patience = error.retry_after > std::chrono::milliseconds(0);
      if (error.reason == Reason::kExchangeUnreachable && !patience && MayGiveUp()) return GiveUp();
      if (pages_ > 0) ShrinkForNextSync();
      return std::unexpected(response.error());
    }
    if (response->status != 200) {
      // A link that is no longer valid is refused with a status of its own.
      if (response->status >= 400 && MayGiveUp()) return GiveUp();
      return Unexpected(response->status, "entries were");
    }
    HASHGATE_RETURN_IF_ERROR(CheckClock(*response));
    HASHGATE_ASSIGN_OR_RETURN(EntriesPage page, ParseEntriesPage(response->body));
    return Take(std::move(page));
  }

 private:
  [[nodiscard]] seconds length() const { return span_.to - span_.reached; }

  // A clock ahead of the server's would put behind what the server has yet to give.
  [[nodiscard]] Status CheckClock(const HttpResponse& response) const {
    const std::optional<WallTime> date = ParseHttpDate(response.Header("date"));
    if (!date || !span_.to_now || options_.clock->Wall() - *date <= options_.overlap / 2) return {};
    return Fail(Reason::kExchangeProtocol, "this machine's clock is ahead of the server's, where it is " +
                                               Instant(std::chrono::floor<seconds>(*date)));
  }

  // A failure on the way is worth a shorter span, now and then.
  [[nodiscard]] bool MayGiveUp() const {
    return pages_ > 0 && length() > Windows::kShortest && memory_.failures < kMostFailures;
  }
  DeltaPage GiveUp() {
    ++memory_.failures;
    memory_.windows.GaveUp(length(), std::max<std::uint64_t>(entries_, 1));
    return {.next = DeltaPage::Next::kAbandoned};
  }

  // Else a span that is too long for the server would be tried for ever.
  void ShrinkForNextSync() {
    memory_.windows.GaveUp(length(), entries_);
    memory_.failures = 0;
  }

  Result<DeltaPage> Take(EntriesPage page) {
    ++pages_;
    entries_ += page.elements.size();
    if (memory_.windows.IsTooMuch(length(), entries_)) {
      memory_.windows.GaveUp(length(), entries_);
      return DeltaPage{.next = DeltaPage::Next::kAbandoned};
    }
    DeltaPage out;
    out.records.reserve(page.elements.size());
    for (NcmecElement& element : page.elements) TakeElement(std::move(element), out);
    if (!page.next.empty()) {
      HASHGATE_ASSIGN_OR_RETURN(path_, PathUnder(kEntriesPath, page.next));
      HASHGATE_RETURN_IF_ERROR(chain_.Follow(path_));
      return out;
    }
    memory_.failures = 0;
    memory_.windows.Took(length(), entries_);
    out.next = DeltaPage::Next::kEnd;
    out.checkpoint = EncodeCheckpoint({span_.to, span_.to_now});
    out.caught_up = span_.to_now;
    return out;
  }

  void TakeElement(NcmecElement element, DeltaPage& out) const {
    const bool wanted = options_.only_members.empty() ? !options_.except_members.contains(element.member)
                                                      : options_.only_members.contains(element.member);
    if (!wanted && element.record.record) {
      element.record.record = lists::EntryRecord{.source_id = element.record.record->source_id};
      element.record.withdrawn = true;
    } else if (!wanted) {
      return;
    }
    out.values_left_out += element.values_left_out;
    out.malformed_values += element.malformed_values;
    out.records.push_back(std::move(element.record));
  }

  HttpClient& http_;
  const NcmecOptions& options_;
  Memory& memory_;
  const Span span_;
  std::string path_;
  PageChain chain_{kMostPages};
  SteadyTime began_{};
  std::uint64_t pages_ = 0;
  std::uint64_t entries_ = 0;
};

// The name of an algorithm's fingerprints in paths; empty for what NCMEC does not know.
std::string_view TypeOf(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kMd5: return "MD5";
    case Algorithm::kSha1: return "SHA1";
    case Algorithm::kPdq: return "PDQ";
    case Algorithm::kPhotoDna: return "PDNA";
    default: return {};
  }
}

// "MEMBER-ID" in two; empty where it is not of that form, or cannot stand in a path.
std::optional<std::pair<std::string_view, std::string_view>> SplitSourceId(std::string_view source_id) {
  const std::size_t line = source_id.find('-');
  if (line == std::string_view::npos || line == 0 || line + 1 == source_id.size()) return std::nullopt;
  const std::string_view member = source_id.substr(0, line);
  const bool is_number = std::ranges::all_of(member, [](char c) { return c >= '0' && c <= '9'; });
  const std::string_view id = source_id.substr(line + 1);
  if (!is_number || id == "." || id == "..") return std::nullopt;
  return std::pair(member, id);
}

std::string Submission(const std::string& content) {
  return "<feedbackSubmission xmlns=\"https://hashsharing.ncmec.org/hashsharing/v2\">" + content +
         "</feedbackSubmission>";
}

class NcmecClient final : public ExchangeClient {
 public:
  NcmecClient(std::unique_ptr<HttpClient> http, NcmecOptions options)
      : http_(std::move(http)), options_(std::move(options)), memory_{Windows(options_.windows)} {}

  Result<std::unique_ptr<Delta>> Begin(std::string_view checkpoint) override {
    using std::chrono::floor;
    const auto newest = floor<seconds>(options_.clock->Wall() - options_.settle);
    Reached reached{floor<seconds>(options_.since)};
    auto from = reached.to;
    if (!checkpoint.empty()) {
      HASHGATE_ASSIGN_OR_RETURN(reached, DecodeCheckpoint(checkpoint));
      // Only what was new may have been incomplete: else a bulk load would be read with every span after it.
      from = reached.to - (reached.newest ? options_.overlap : kBound);
    }
    HASHGATE_RETURN_IF_ERROR(CheckClock(newest, reached.to));
    // What was reached is never taken back, whatever the clock says.
    const auto to = std::max(std::min(newest, reached.to + memory_.windows.length()), reached.to);
    return std::make_unique<NcmecDelta>(*http_, options_, memory_,
                                        NcmecDelta::Span{from, reached.to, to, to >= newest});
  }

  Result<std::string> Test(const std::stop_token& stop) override {
    HASHGATE_ASSIGN_OR_RETURN(const HttpResponse response, http_->Send({.url = "/v2/status"}, stop));
    if (response.status != 200) {
      return Unexpected(response.status, "its status was");
    }
    return ParseStatusAnswer(response.body);
  }

 private:
  using Outcome = FeedbackAnswer::Outcome;

  // Each fingerprint has an opinion of its own. Taken where one of them is; the detail tells of the others.
  Result<FeedbackAnswer> SendOne(const Feedback& feedback, const std::stop_token& stop) override {
    if (feedback.kind == FeedbackKind::kWithdraw) {
      return FeedbackAnswer{Outcome::kNoPlace, "NCMEC's feedback can be changed, but not taken back"};
    }
    const auto id = SplitSourceId(feedback.source_id);
    if (!id) return FeedbackAnswer{Outcome::kNoPlace, "the entry does not have the id of one of NCMEC's"};
    std::set<std::string_view> types;
    for (const HashValue& hash : feedback.hashes) types.insert(TypeOf(hash.algorithm));
    types.erase(std::string_view());
    if (types.empty()) {
      return FeedbackAnswer{Outcome::kNoPlace, "NCMEC has no fingerprints of these algorithms"};
    }
    FeedbackAnswer answer;
    std::string taken;
    for (const std::string_view type : types) {
      HASHGATE_ASSIGN_OR_RETURN(const FeedbackAnswer one, SubmitOf(type, *id, feedback, stop));
      if (one.outcome == Outcome::kTaken) {
        taken += (taken.empty() ? "" : ", ") + std::string(type);
        continue;
      }
      if (one.outcome == Outcome::kRefused) answer.outcome = Outcome::kRefused;
      answer.detail += (answer.detail.empty() ? "" : "; ") + one.detail;
    }
    if (taken.empty()) return answer;
    if (!answer.detail.empty()) answer.detail = "taken of " + taken + "; " + answer.detail;
    answer.outcome = Outcome::kTaken;
    return answer;
  }

  using EntryPath = std::pair<std::string_view, std::string_view>;  // member, and the entry's id

  Result<FeedbackAnswer> SubmitOf(std::string_view type, const EntryPath& id, const Feedback& feedback,
                                  const std::stop_token& stop) {
    if (feedback.kind == FeedbackKind::kAffirm) return Put(type, id, "<affirmative/>", stop);
    const bool remembered = reasons_.contains(type);
    HASHGATE_ASSIGN_OR_RETURN(FeedbackAnswer answer, Dispute(type, id, feedback, stop));
    if (answer.outcome != Outcome::kRefused) return answer;
    // The reason may be none of NCMEC's any more.
    reasons_.erase(reasons_.find(type));
    if (!remembered) return answer;
    return Dispute(type, id, feedback, stop);
  }

  Result<FeedbackAnswer> Dispute(std::string_view type, const EntryPath& id, const Feedback& feedback,
                                 const std::stop_token& stop) {
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<FeedbackReason>* reasons, ReasonsOf(type, stop));
    if (reasons == nullptr) {
      return FeedbackAnswer{Outcome::kNoPlace, "NCMEC has no reasons for a dispute of " + std::string(type)};
    }
    const FeedbackReason* const reason = Choose(*reasons, feedback.reason);
    if (reason == nullptr) return WantsAReason(type, *reasons);
    return Put(type, id, "<negative><reasonIds><guid>" + reason->guid + "</guid></reasonIds></negative>",
               stop);
  }

  Result<FeedbackAnswer> Put(std::string_view type, const EntryPath& id, const std::string& content,
                             const std::stop_token& stop) {
    HASHGATE_ASSIGN_OR_RETURN(
        const HttpResponse response,
        http_->Send({.method = "PUT",
                     .url = std::string(kEntriesPath) + "/" + std::string(id.first) + "/" +
                            PercentEncode(id.second) + "/" + std::string(type) + "/feedback",
                     .headers = {{"Content-Type", "application/xml; charset=utf-8"}},
                     .body = Submission(content)},
                    stop));
    // What the body of a success says is not documented.
    if (response.status >= 200 && response.status < 300) return FeedbackAnswer{Outcome::kTaken, {}};
    std::string said =
        "the server answered " + std::to_string(response.status) + " to feedback on " + std::string(type);
    if (IsTransientStatus(response.status)) return Fail(Reason::kExchangeUnreachable, std::move(said));
    if (response.status < 400 || response.status >= 500) {
      return Fail(Reason::kExchangeProtocol, std::move(said));
    }
    return FeedbackAnswer{Outcome::kRefused, std::move(said)};
  }

  // They are asked for once: NCMEC's lists change rarely. Null where there are none of that type.
  Result<const std::vector<FeedbackReason>*> ReasonsOf(std::string_view type, const std::stop_token& stop) {
    const auto known = reasons_.find(type);
    if (known != reasons_.end()) return &known->second;
    HASHGATE_ASSIGN_OR_RETURN(const HttpResponse response,
                              http_->Send({.url = "/v2/feedback/" + std::string(type) + "/reasons"}, stop));
    if (response.status >= 400 && response.status < 500) return nullptr;
    if (response.status != 200) {
      return Unexpected(response.status, "reasons for feedback were");
    }
    HASHGATE_ASSIGN_OR_RETURN(std::vector<FeedbackReason> reasons, ParseFeedbackReasons(response.body, type));
    return &reasons_.emplace(type, std::move(reasons)).first->second;
  }

  // Nothing is claimed that nobody said: of several reasons one must be named.
  static const FeedbackReason* Choose(const std::vector<FeedbackReason>& reasons, std::string_view words) {
    if (reasons.size() == 1) return &reasons.front();
    const auto named = std::ranges::find_if(
        reasons, [&](const FeedbackReason& reason) { return EqualsIgnoringCase(reason.name, Trim(words)); });
    return named == reasons.end() ? nullptr : &*named;
  }

  static FeedbackAnswer WantsAReason(std::string_view type, const std::vector<FeedbackReason>& reasons) {
    constexpr std::size_t kMostNamed = 16;
    std::string detail = "NCMEC takes no dispute of " + std::string(type);
    if (!reasons.empty()) detail += " but for one of its reasons:";
    for (std::size_t i = 0; i < std::min(reasons.size(), kMostNamed); ++i) {
      detail += (i == 0 ? " '" : ", '") + reasons[i].name + "'";
    }
    return {Outcome::kNoPlace, std::move(detail)};
  }

  const std::unique_ptr<HttpClient> http_;
  const NcmecOptions options_;
  Memory memory_;
  std::map<std::string, std::vector<FeedbackReason>, std::less<>> reasons_;  // by type
};

}  // namespace

std::unique_ptr<ExchangeClient> NewNcmecClient(std::unique_ptr<HttpClient> http, NcmecOptions options) {
  return std::make_unique<NcmecClient>(std::move(http), std::move(options));
}

}  // namespace hashgate::exchange
