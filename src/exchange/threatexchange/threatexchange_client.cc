#include "exchange/threatexchange/threatexchange_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>
#include <tuple>
#include <utility>

#include "exchange/http/url.h"
#include "exchange/sync/reading.h"
#include "exchange/threatexchange/updates_page.h"

namespace hashgate::exchange {
namespace {

using std::chrono::seconds;
using WallSeconds = std::chrono::sys_seconds;

constexpr std::string_view kFields =
    "id,indicator,type,last_updated,should_delete,tags,status,"
    "descriptors{id,reactions,owner{id},tags,status}";
constexpr std::string_view kTypes = "HASH_PDQ,HASH_MD5,HASH_SHA1,HASH_SHA256";
/// Beyond, a source that says "more" for ever is given up.
constexpr std::size_t kMostPages = 200'000;
/// Whether `start_time` is counted in is not documented.
constexpr seconds kBound{1};

/// Members that hear of one entry, with two calls each: an exchange's feedback must not keep its syncs
/// waiting.
constexpr std::size_t kMostReactedTo = 20;
constexpr std::string_view kAgree = "HELPFUL";
constexpr std::string_view kDisagree = "DISAGREE_WITH_TAGS";

// Whom to tell first, the same ones each time as far as can be: those with a reaction of ours, which must not
// be left with it; those who say that it is harmful; by id, for members come with larger ones as a rule.
bool IsToldBefore(const Descriptor& one, const Descriptor& other) {
  const auto rank = [](const Descriptor& descriptor) {
    return std::tuple(!descriptor.ours, !descriptor.harmful, descriptor.id.size(),
                      std::string_view(descriptor.id));
  };
  return rank(one) < rank(other);
}

// How far the updates have been read.
struct Reached {
  WallSeconds changed{};  // all that changed before has been read
  WallSeconds read{};     // by this machine's clock: when the newest ones were read last
  bool newest = false;    // they were, and nothing has been left for the next delta
};

std::string EncodeCheckpoint(const Reached& reached) {
  return nlohmann::json{{"v", 1},
                        {"changed", reached.changed.time_since_epoch().count()},
                        {"read", reached.read.time_since_epoch().count()},
                        {"newest", reached.newest}}
      .dump();
}

Result<Reached> DecodeCheckpoint(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto is_time = [&](const char* key) { return json.contains(key) && json[key].is_number_integer(); };
  if (!json.is_object() || !json.contains("v") || json["v"] != 1 || !is_time("changed") || !is_time("read") ||
      !json.contains("newest") || !json["newest"].is_boolean()) {
    return Fail(Reason::kExchangeProtocol, "the checkpoint is not one of a ThreatExchange exchange");
  }
  return Reached{WallSeconds(seconds(json["changed"].get<std::int64_t>())),
                 WallSeconds(seconds(json["read"].get<std::int64_t>())), json["newest"].get<bool>()};
}

// The application of a token "APPID|SECRET"; empty for a user's, which does not tell.
std::string_view ApplicationOf(std::string_view token) {
  const std::string_view id = token.substr(0, token.find('|'));
  return id.size() < token.size() && IsGraphId(id) ? id : std::string_view();
}

bool HasToken(std::string_view path) {
  const std::size_t query = path.find('?');
  return query != std::string_view::npos && (path.substr(query + 1).starts_with("access_token=") ||
                                             path.substr(query).contains("&access_token="));
}

// What every call needs.
class GraphApi {
 public:
  GraphApi(std::unique_ptr<HttpClient> http, std::string token)
      : http_(std::move(http)), token_(std::move(token)) {}

  /// The body of an answer of 200. `path` may have the token already.
  Result<std::string> Get(std::string path, const std::stop_token& stop) {
    HASHGATE_ASSIGN_OR_RETURN(HttpResponse response, Send({.url = std::move(path)}, stop));
    if (response.status == 200) return std::move(response.body);
    return std::unexpected(GraphError(response.status, response.body));
  }
  Result<HttpResponse> Send(HttpRequest request, const std::stop_token& stop) {
    if (!HasToken(request.url)) {
      request.url += request.url.contains('?') ? "&access_token=" : "?access_token=";
      request.url += PercentEncode(token_);
    }
    return http_->Send(request, stop);
  }

 private:
  const std::unique_ptr<HttpClient> http_;
  const std::string token_;
};

Result<PrivacyGroup> GetGroup(GraphApi& api, const std::string& id, const std::stop_token& stop) {
  HASHGATE_ASSIGN_OR_RETURN(const std::string body,
                            api.Get("/" + id + "?fields=id%2Cname%2Cthreat_updates_enabled", stop));
  return ParsePrivacyGroup(body);
}

Error HasNoUpdates(const std::string& id) {
  return {Reason::kExchangeProtocol,
          "privacy group " + id + " has no threat updates: its owner has to switch them on",
          {},
          {}};
}

// The updates since a time, or all of them.
class UpdatesDelta final : public Delta {
 public:
  UpdatesDelta(GraphApi& api, const ThreatExchangeOptions& options, const BaseUrl& base,
               const Reached& reached, bool whole)
      : api_(api),
        options_(options),
        base_(base),
        folder_("/" + options.privacy_group + "/threat_updates"),
        reached_(reached),
        whole_(whole),
        newest_(reached.changed),
        began_(std::chrono::floor<seconds>(options.clock->Wall())) {
    path_ = folder_ + "/?limit=" + std::to_string(options.page_items) + "&types=" + PercentEncode(kTypes) +
            "&fields=" + PercentEncode(kFields);
    if (whole) return;
    const WallSeconds from = reached.changed - (reached.newest ? options.overlap : kBound);
    path_ += "&start_time=" + std::to_string(std::max(from, WallSeconds()).time_since_epoch().count());
  }

  [[nodiscard]] bool IsWhole() const override { return whole_; }

  Result<DeltaPage> Next(const std::stop_token& stop) override {
    const Result<std::string> body = api_.Get(path_, stop);
    if (!body) return std::unexpected(Explained(body.error(), stop));
    HASHGATE_ASSIGN_OR_RETURN(const UpdatesPage page,
                              ParseUpdatesPage(*body, ApplicationOf(options_.access_token)));
    return Take(page);
  }

 private:
  // A group whose updates are switched off is answered as if the server had failed.
  Error Explained(const Error& error, const std::stop_token& stop) {
    const bool asked_to_wait = error.retry_after > std::chrono::milliseconds(0);
    if (error.reason != Reason::kExchangeUnreachable || pages_ > 0 || asked_to_wait) return error;
    const Result<PrivacyGroup> group = GetGroup(api_, options_.privacy_group, stop);
    return group && !group->has_updates ? HasNoUpdates(options_.privacy_group) : error;
  }

  Result<DeltaPage> Take(const UpdatesPage& page) {
    ++pages_;
    items_ += page.items.size();
    DeltaPage out;
    out.records.reserve(page.items.size());
    for (const UpdatesPage::Item& item : page.items) TakeItem(item, out);
    if (!page.next.empty()) {
      HASHGATE_ASSIGN_OR_RETURN(const std::string below, PathBelowBase(base_, page.next));
      HASHGATE_ASSIGN_OR_RETURN(path_, PathUnder(folder_, below));
      HASHGATE_RETURN_IF_ERROR(chain_.Follow(path_));
      // What comes in the order of its times can be gone on from where it was left.
      if (whole_ || !in_order_ || items_ < options_.delta_items || Behind() <= reached_.changed) return out;
      out.next = DeltaPage::Next::kEnd;
      // Of a first reading: tombstones of what this part gave are kept from now on.
      const WallSeconds read = reached_.read == WallSeconds() ? began_ : reached_.read;
      out.checkpoint = EncodeCheckpoint({Behind(), read, false});
      return out;
    }
    out.next = DeltaPage::Next::kEnd;
    out.checkpoint = EncodeCheckpoint({Behind(), std::max(began_, reached_.read), true});
    out.caught_up = true;
    return out;
  }

  // The newest time that was read, which is never taken back; a time that is still to come is not believed.
  [[nodiscard]] WallSeconds Behind() const { return std::max(reached_.changed, std::min(newest_, began_)); }

  void TakeItem(const UpdatesPage::Item& item, DeltaPage& out) {
    if (item.changed != WallSeconds()) {
      in_order_ = in_order_ && item.changed >= last_;
      last_ = item.changed;
      newest_ = std::max(newest_, item.changed);
    }
    const ThreatExchangeUpdate& update = item.update;
    RecordBuilder record(1);
    std::string problem = item.problem;
    const Algorithm algorithm = ThreatExchangeAlgorithm(update.type);
    auto meaning = ThreatExchangeMeaning::kProblem;
    if (problem.empty()) meaning = ReadThreatExchangeUpdate(update, algorithm, problem);
    if (meaning == ThreatExchangeMeaning::kLeftOut) {
      ++out.values_left_out;
      if (!IsGraphId(update.id)) return;
    }
    if (problem.empty() && !IsGraphId(update.id)) {
      // Else the hash itself would have to stand for it where ids are shown.
      problem = "the item has no id, or one that is not a number";
    }
    if (!problem.empty()) {
      const bool is_named = IsGraphId(update.id);
      record.SetProblem(is_named ? "update " + update.id + ": " + problem : problem);
      out.records.push_back(record.Finish());
      if (is_named) out.records.back().about = update.id;
      return;
    }
    if (meaning != ThreatExchangeMeaning::kEntry) {
      // Whatever was known of it before holds no longer.
      out.records.push_back({.record = lists::EntryRecord{.source_id = update.id}, .withdrawn = true});
      return;
    }
    record.SetText(FieldName::kSourceId, update.id);
    out.values_left_out += FillThreatExchangeRecord(update, algorithm, record);
    lists::ImportRecord finished = record.Finish();
    if (!finished.problem.empty()) {
      finished.problem = "update " + update.id + ": " + finished.problem;
      finished.about = update.id;
    }
    out.records.push_back(std::move(finished));
  }

  GraphApi& api_;
  const ThreatExchangeOptions& options_;
  const BaseUrl& base_;
  const std::string folder_;
  const Reached reached_;
  const bool whole_;
  std::string path_;
  PageChain chain_{kMostPages};
  WallSeconds newest_;
  WallSeconds last_{};
  const WallSeconds began_;
  bool in_order_ = true;
  std::size_t pages_ = 0;
  std::size_t items_ = 0;
};

class ThreatExchangeClient final : public ExchangeClient {
 public:
  ThreatExchangeClient(std::unique_ptr<HttpClient> http, ThreatExchangeOptions options, BaseUrl base)
      : options_(std::move(options)), base_(std::move(base)), api_(std::move(http), options_.access_token) {}

  Result<std::unique_ptr<Delta>> Begin(std::string_view checkpoint) override {
    Reached reached;
    bool whole = checkpoint.empty();
    if (!whole) {
      HASHGATE_ASSIGN_OR_RETURN(reached, DecodeCheckpoint(checkpoint));
      const auto now = std::chrono::floor<seconds>(options_.clock->Wall());
      HASHGATE_RETURN_IF_ERROR(CheckClock(now, reached.read));
      // Tombstones of meanwhile may be gone.
      whole = now - reached.read > options_.stale_after;
      if (whole) reached = {.read = reached.read};
    }
    return std::make_unique<UpdatesDelta>(api_, options_, base_, reached, whole);
  }

  Result<std::unique_ptr<Delta>> BeginFirst() override {
    return std::make_unique<UpdatesDelta>(api_, options_, base_, Reached(), false);
  }

  Result<std::string> Test(const std::stop_token& stop) override {
    HASHGATE_ASSIGN_OR_RETURN(const PrivacyGroup group, GetGroup(api_, options_.privacy_group, stop));
    if (!group.has_updates) return std::unexpected(HasNoUpdates(options_.privacy_group));
    return "the access token reads privacy group " + options_.privacy_group + " (" + group.name + ")";
  }

 private:
  using Outcome = FeedbackAnswer::Outcome;

  // Reactions are to what each member says, and not to the indicator.
  Result<FeedbackAnswer> SendOne(const Feedback& feedback, const std::stop_token& stop) override {
    if (!IsGraphId(feedback.source_id)) {
      return FeedbackAnswer{Outcome::kNoPlace, "the entry does not have the id of an indicator"};
    }
    HASHGATE_ASSIGN_OR_RETURN(const HttpResponse response,
                              api_.Send({.url = "/" + feedback.source_id +
                                                "/descriptors/?fields=id%2Cstatus%2Creactions&limit=500"},
                                        stop));
    if (response.status != 200) return Judged(response);
    HASHGATE_ASSIGN_OR_RETURN(std::vector<Descriptor> descriptors,
                              ParseDescriptors(response.body, ApplicationOf(options_.access_token)));
    // Who says that it is harmless would hear the opposite of what is meant. A reaction to what the member
    // said before is taken back all the same.
    if (feedback.kind != FeedbackKind::kWithdraw) {
      std::erase_if(descriptors, [](const Descriptor& descriptor) { return !descriptor.harmful; });
    } else if (std::ranges::any_of(descriptors, &Descriptor::ours)) {
      std::erase_if(descriptors, [](const Descriptor& descriptor) { return !descriptor.ours; });
    }
    std::ranges::sort(descriptors, IsToldBefore);
    FeedbackAnswer answer{Outcome::kNoPlace, "no member says any more that it is harmful"};
    for (const Descriptor& descriptor : descriptors | std::views::take(kMostReactedTo)) {
      HASHGATE_ASSIGN_OR_RETURN(FeedbackAnswer one, ReactTo(descriptor.id, feedback.kind, stop));
      if (answer.outcome != Outcome::kTaken) answer = std::move(one);
    }
    if (descriptors.size() > kMostReactedTo && answer.outcome == Outcome::kTaken) {
      answer.detail = "told to " + std::to_string(kMostReactedTo) + " of the " +
                      std::to_string(descriptors.size()) + " members it is for";
    }
    return answer;
  }

  Result<FeedbackAnswer> ReactTo(const std::string& descriptor, FeedbackKind kind,
                                 const std::stop_token& stop) {
    // What was said before goes first: both at once would dispute what they affirm. Whether a reaction that
    // is not there can be removed is not documented, so they go one by one, and a refusal ends nothing.
    FeedbackAnswer answer;
    for (const std::string_view gone : {kAgree, kDisagree}) {
      if (kind == (gone == kAgree ? FeedbackKind::kAffirm : FeedbackKind::kDispute)) continue;
      HASHGATE_ASSIGN_OR_RETURN(FeedbackAnswer one, Post(descriptor, "reactions_to_remove", gone, stop));
      if (answer.outcome != Outcome::kTaken) answer = std::move(one);
    }
    if (kind == FeedbackKind::kWithdraw) return answer;
    return Post(descriptor, "reactions", kind == FeedbackKind::kAffirm ? kAgree : kDisagree, stop);
  }

  Result<FeedbackAnswer> Post(const std::string& descriptor, std::string_view name, std::string_view value,
                              const std::stop_token& stop) {
    HASHGATE_ASSIGN_OR_RETURN(const HttpResponse response,
                              api_.Send({.method = "POST",
                                         .url = "/" + descriptor + "/",
                                         .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                                         .body = std::string(name) + "=" + PercentEncode(value)},
                                        stop));
    if (response.status == 200) return FeedbackAnswer{Outcome::kTaken, {}};
    return Judged(response);
  }

  // Only what would be the same the next time is an answer.
  static Result<FeedbackAnswer> Judged(const HttpResponse& response) {
    Error error = GraphError(response.status, response.body);
    const bool of_what_was_sent = response.status >= 400 && response.status < 500;
    if (error.reason != Reason::kExchangeProtocol || !of_what_was_sent) {
      return std::unexpected(std::move(error));
    }
    return FeedbackAnswer{Outcome::kRefused, std::move(error.message)};
  }

  const ThreatExchangeOptions options_;
  const BaseUrl base_;
  GraphApi api_;
};

}  // namespace

bool AskedTooOften(const HttpResponse& response) {
  return GraphAskedTooOften(response.body);
}

Status CheckPrivacyGroup(std::string_view id) {
  if (IsGraphId(id) && !id.contains('_')) return {};
  return Fail(Reason::kConfigInvalid, "the id of a privacy group is required, a number", "privacy_group");
}

Result<std::unique_ptr<ExchangeClient>> NewThreatExchangeClient(std::unique_ptr<HttpClient> http,
                                                                ThreatExchangeOptions options) {
  HASHGATE_RETURN_IF_ERROR(CheckPrivacyGroup(options.privacy_group));
  HASHGATE_ASSIGN_OR_RETURN(BaseUrl base, ParseBaseUrl(options.base_url));
  return std::make_unique<ThreatExchangeClient>(std::move(http), std::move(options), std::move(base));
}

}  // namespace hashgate::exchange
