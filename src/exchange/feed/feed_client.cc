#include "exchange/feed/feed_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "base/hex.h"
#include "exchange/signed/feed.h"

namespace hashgate::exchange {
namespace {

// What was read of a feed.
struct Reached {
  std::string list;
  std::uint64_t sequence = 0;
  FeedState state;
};

std::string EncodeCheckpoint(const Reached& reached) {
  return nlohmann::json{{"v", 1},
                        {"list", reached.list},
                        {"sequence", reached.sequence},
                        {"count", reached.state.count},
                        {"digest", HexEncode(reached.state.digest)}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Reached> DecodeCheckpoint(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto is_number = [&](const char* key) {
    return json.contains(key) && json[key].is_number_unsigned();
  };
  const auto is_text = [&](const char* key) { return json.contains(key) && json[key].is_string(); };
  Reached reached;
  if (!json.is_object() || !json.contains("v") || json["v"] != 1 || !is_number("sequence") ||
      !is_number("count") || !is_text("list") || !is_text("digest") ||
      !HexDecodeInto(json["digest"].get<std::string>(), reached.state.digest)) {
    return Fail(Reason::kExchangeProtocol, "the checkpoint is not one of a feed");
  }
  reached.list = json["list"].get<std::string>();
  reached.sequence = json["sequence"].get<std::uint64_t>();
  reached.state.count = json["count"].get<std::uint64_t>();
  return reached;
}

std::unexpected<Error> NotAsAgreed(std::string message) {
  return Fail(Reason::kExchangeProtocol, std::move(message));
}

// The newest manifest that was seen.
struct Newest {
  std::string list;
  std::uint64_t sequence = 0;  // 0: none was
};

std::string EncodeFloor(const Newest& newest) {
  return nlohmann::json{{"v", 1}, {"list", newest.list}, {"sequence", newest.sequence}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Newest> DecodeFloor(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("v") || json["v"] != 1 || !json.contains("list") ||
      !json["list"].is_string() || !json.contains("sequence") || !json["sequence"].is_number_unsigned()) {
    return Fail(Reason::kExchangeProtocol, "what was seen of the exchange's source before is not of a feed");
  }
  return Newest{json["list"].get<std::string>(), json["sequence"].get<std::uint64_t>()};
}

// What the client remembers from one delta to the next.
struct Memory {
  Newest newest;
  /// The number from which steps do not lead on: what follows it is read as a whole.
  std::optional<std::uint64_t> stuck_at;
};

Result<FeedManifest> FetchManifest(HttpClient& http, const FeedClientOptions& options,
                                   const std::stop_token& stop) {
  HASHGATE_ASSIGN_OR_RETURN(const HttpResponse response,
                            http.Send({.url = "/" + std::string(kFeedManifestName)}, stop));
  if (response.status != 200) {
    return NotAsAgreed("the server answered " + std::to_string(response.status) +
                       " where the feed's manifest was asked for" +
                       (response.status == 404 ? ": is base_url right?" : ""));
  }
  Result<FeedManifest> manifest = ParseFeedManifest(response.body, options.key);
  if (!manifest) return NotAsAgreed(manifest.error().message);
  const WallTime expires = manifest->header.expires;
  if (expires != WallTime() && expires <= options.clock->Wall()) {
    return NotAsAgreed("the feed's manifest expired on " + FormatTime(expires) +
                       ": it was not published since, or an old one is given");
  }
  return manifest;
}

class FeedDelta final : public Delta {
 public:
  FeedDelta(HttpClient& http, const FeedClientOptions& options, Memory& memory,
            std::optional<Reached> reached, bool whole)
      : http_(http), options_(options), memory_(memory), reached_(std::move(reached)), whole_(whole) {}

  [[nodiscard]] bool IsWhole() const override { return whole_; }

  Result<DeltaPage> Next(const std::stop_token& stop) override {
    if (!manifest_) {
      HASHGATE_ASSIGN_OR_RETURN(FeedManifest manifest, FetchManifest(http_, options_, stop));
      HASHGATE_RETURN_IF_ERROR(CheckManifest(manifest));
      manifest_ = std::move(manifest);
      if (!whole_ && manifest_->header.sequence == reached_->sequence) return End(*reached_);
      if (!Choose()) {
        memory_.stuck_at = reached_->sequence;
        return DeltaPage{.next = DeltaPage::Next::kAbandoned};
      }
    }
    DeltaPage page;
    page.purpose = manifest_->header.purpose;
    if (at_ < parts_->size()) HASHGATE_RETURN_IF_ERROR(TakePart(stop, page.records));
    if (at_ < parts_->size()) return page;
    HASHGATE_RETURN_IF_ERROR(CheckState());
    DeltaPage end = End({manifest_->header.list, to_, target_});
    end.records = std::move(page.records);
    return end;
  }

 private:
  Status CheckManifest(const FeedManifest& manifest) {
    const SnapshotHeader& header = manifest.header;
    Newest& newest = memory_.newest;
    if (reached_ && reached_->sequence > newest.sequence) newest = {reached_->list, reached_->sequence};
    if (newest.sequence > 0 && header.list != newest.list) {
      return NotAsAgreed("the feed is of list '" + header.list + "' now, and was of '" + newest.list +
                         "': if that is meant, give the exchange another name");
    }
    if (header.sequence < newest.sequence) {
      return NotAsAgreed("the feed went back from number " + std::to_string(newest.sequence) + " to " +
                         std::to_string(header.sequence) +
                         ": an old one is given, or it was made anew; if that is meant, give the exchange "
                         "another name");
    }
    if (reached_ && header.sequence == reached_->sequence && manifest.state != reached_->state) {
      return NotAsAgreed("the feed has two states of number " + std::to_string(header.sequence));
    }
    newest = {header.list, header.sequence};
    return {};
  }

  // What is to be read; false where no step leads on.
  bool Choose() {
    if (whole_) {
      parts_ = &manifest_->snapshot;
      to_ = manifest_->header.sequence;
      target_ = manifest_->state;
      return true;
    }
    const auto step = std::ranges::find(manifest_->steps, reached_->sequence, &FeedStep::from);
    if (step == manifest_->steps.end()) return false;
    parts_ = &step->parts;
    to_ = step->to;
    target_ = step->state;
    state_ = ListState(reached_->state.count, reached_->state.digest);
    return true;
  }

  Status TakePart(const std::stop_token& stop, std::vector<lists::ImportRecord>& records) {
    const FeedPart& part = (*parts_)[at_++];
    const std::string name = whole_ ? FeedSnapshotName(to_, at_) : FeedChangesName(to_, at_);
    HASHGATE_ASSIGN_OR_RETURN(const HttpResponse response, http_.Send({.url = "/" + name}, stop));
    if (response.status != 200) {
      return NotAsAgreed("the server answered " + std::to_string(response.status) + " where " + name +
                         " was asked for: the feed may just be published anew");
    }
    if (response.body.size() != part.bytes || Sha256Of(AsBytes(response.body)) != part.sha256) {
      return NotAsAgreed(name + " is not what the manifest says: it is damaged, or just published anew");
    }
    std::string_view rest = response.body;
    while (!rest.empty()) {
      const Result<FeedRecord> record = TakeFeedRecord(rest);
      const Status taken = record ? Take(*record, records) : Status(std::unexpected(record.error()));
      if (!taken) {
        return NotAsAgreed(name + ", record " + std::to_string(records.size() + 1) + ": " +
                           taken.error().message);
      }
    }
    if (records.size() == part.records) return {};
    return NotAsAgreed(name + " holds another number of records than the manifest says");
  }

  Status Take(const FeedRecord& record, std::vector<lists::ImportRecord>& records) {
    using Kind = FeedRecord::Kind;
    if (whole_ && record.kind != Kind::kNew) return NotAsAgreed("a change stands where entries do");
    if (record.kind != Kind::kNew) state_.Remove(record.before);
    if (record.kind == Kind::kGone) {
      records.push_back(
          {.record = lists::EntryRecord{.source_id = std::string(record.source_id)}, .withdrawn = true});
      return {};
    }
    HASHGATE_ASSIGN_OR_RETURN(lists::EntryRecord entry, ParseEntryBytes(record.entry));
    if (entry.source_id.empty()) return NotAsAgreed("the entry has no id");
    state_.Add(record.entry);
    records.push_back({.record = std::move(entry)});
    return {};
  }

  // The manifest is signed and the parts are what it says: what does not add up is the publisher's fault, or
  // a checkpoint's.
  Status CheckState() {
    if (FeedState{state_.count(), state_.digest()} == target_) return {};
    if (!whole_) memory_.stuck_at = reached_->sequence;
    return NotAsAgreed("the entries do not have the count and digest that the manifest states for number " +
                       std::to_string(to_) +
                       (whole_ ? ": they have to be published anew" : ": all are read with the next sync"));
  }

  DeltaPage End(const Reached& reached) const {
    DeltaPage page;
    page.next = DeltaPage::Next::kEnd;
    page.purpose = manifest_->header.purpose;
    page.checkpoint = EncodeCheckpoint(reached);
    page.caught_up = reached.sequence == manifest_->header.sequence;
    return page;
  }

  HttpClient& http_;
  const FeedClientOptions& options_;
  Memory& memory_;
  const std::optional<Reached> reached_;
  const bool whole_;
  std::optional<FeedManifest> manifest_;
  const std::vector<FeedPart>* parts_ = nullptr;  // of the manifest
  std::size_t at_ = 0;
  std::uint64_t to_ = 0;
  FeedState target_;
  ListState state_;
};

class FeedClient final : public ExchangeClient {
 public:
  FeedClient(std::unique_ptr<HttpClient> http, FeedClientOptions options)
      : http_(std::move(http)), options_(std::move(options)) {}

  Result<std::unique_ptr<Delta>> Begin(std::string_view checkpoint) override {
    std::optional<Reached> reached;
    if (!checkpoint.empty()) {
      HASHGATE_ASSIGN_OR_RETURN(reached, DecodeCheckpoint(checkpoint));
    }
    const bool whole = !reached || reached->sequence == memory_.stuck_at;
    return std::make_unique<FeedDelta>(*http_, options_, memory_, std::move(reached), whole);
  }

  [[nodiscard]] std::string Floor() const override {
    return memory_.newest.sequence == 0 ? std::string() : EncodeFloor(memory_.newest);
  }

  Status SetFloor(std::string_view floor) override {
    if (floor.empty()) return {};
    HASHGATE_ASSIGN_OR_RETURN(Newest newest, DecodeFloor(floor));
    if (newest.sequence > memory_.newest.sequence) memory_.newest = std::move(newest);
    return {};
  }

  Result<std::string> Test(const std::stop_token& stop) override {
    HASHGATE_ASSIGN_OR_RETURN(const FeedManifest manifest, FetchManifest(*http_, options_, stop));
    const SnapshotHeader& header = manifest.header;
    return "the feed is of list '" + header.list + "', source '" + header.source + "', purpose " +
           std::string(Name(header.purpose)) + ": number " + std::to_string(header.sequence) + " with " +
           std::to_string(manifest.state.count) + " entries, published " + FormatTime(header.created);
  }

 private:
  const std::unique_ptr<HttpClient> http_;
  const FeedClientOptions options_;
  Memory memory_;
};

}  // namespace

std::unique_ptr<ExchangeClient> NewFeedClient(std::unique_ptr<HttpClient> http, FeedClientOptions options) {
  return std::make_unique<FeedClient>(std::move(http), std::move(options));
}

}  // namespace hashgate::exchange
