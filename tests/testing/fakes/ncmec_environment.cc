#include "testing/fakes/ncmec_environment.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace hashgate::testing {
namespace {

constexpr std::int64_t kCaller = 78;
constexpr std::size_t kMostWindows = 100'000;

std::string Base64(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

template <typename Number>
std::optional<Number> ToNumber(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

// "2026-02-03T04:05:06Z", with or without three decimals.
std::optional<WallTime> ToTime(const std::string& text) {
  std::tm parts{};
  const char* const rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  std::string_view tail = rest;
  std::chrono::milliseconds millis{0};
  if (tail.starts_with('.')) {
    const std::optional<int> decimals = ToNumber<int>(tail.substr(1, 3));
    if (!decimals || tail.size() != 5) return std::nullopt;
    millis = std::chrono::milliseconds(*decimals);
    tail.remove_prefix(4);
  }
  if (tail != "Z") return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&parts)) + millis;
}

std::string LinkTime(WallTime time) {
  // Links have milliseconds, and escape what a query need not escape.
  std::string out;
  for (const char c : FormatTime(time)) out += c == ':' ? std::string("%3A") : std::string(1, c);
  return out;
}

// "Tue, 03 Feb 2026 04:05:06 GMT".
std::string HttpDate(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

FakeReply Xml(std::string body) {
  return {.headers = {{"Content-Type", "application/xml;charset=utf-8"}}, .body = std::move(body)};
}

// The text between `open` and `close`, and behind it where the search may go on.
std::optional<std::string_view> Between(std::string_view& text, std::string_view open,
                                        std::string_view close) {
  const std::size_t begin = text.find(open);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = text.find(close, begin + open.size());
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view found = text.substr(begin + open.size(), end - begin - open.size());
  text.remove_prefix(end + close.size());
  return found;
}

}  // namespace

NcmecEnvironment::NcmecEnvironment(std::string path, const Clock& clock)
    : path_(std::move(path)),
      clock_(clock),
      members_({{77, "Example Platform"}, {kCaller, "Calling Platform"}, {79, "Third Member"}}),
      reasons_({{"00000000-1111-2222-3333-000000000001", "Not what it is said to be", "MD5"},
                {"00000000-1111-2222-3333-000000000002", "Not what it is said to be", "SHA1"},
                {"00000000-1111-2222-3333-000000000003", "Matches other pictures", "PDQ"},
                {"00000000-1111-2222-3333-000000000004", "Matches other pictures", "PDNA"}}) {
  SetCredentials("a-user", "a-password");
}

void NcmecEnvironment::SetCredentials(const std::string& user, const std::string& password) {
  const std::lock_guard<std::mutex> lock(mutex_);
  user_ = user;
  authorization_ = "Basic " + Base64(user + ":" + password);
}

void NcmecEnvironment::SetSwitches(const NcmecSwitches& switches) {
  const std::lock_guard<std::mutex> lock(mutex_);
  switches_ = switches;
}

void NcmecEnvironment::AddMember(std::int64_t id, const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex_);
  members_.emplace_back(id, name);
}

void NcmecEnvironment::AddReason(const NcmecReason& reason) {
  const std::lock_guard<std::mutex> lock(mutex_);
  reasons_.push_back(reason);
}

void NcmecEnvironment::Put(const NcmecEntry& entry) {
  const std::lock_guard<std::mutex> lock(mutex_);
  rows_.Put(entry);
}

void NcmecEnvironment::Delete(std::int64_t member, const std::string& id, WallTime when, bool is_video) {
  Put({.member = member, .id = id, .is_video = is_video, .is_deleted = true, .timestamp = when});
}

void NcmecEnvironment::Add(const NcmecSynthetic& synthetic) {
  const std::lock_guard<std::mutex> lock(mutex_);
  rows_.Add(synthetic);
  for (std::int64_t id = kFirstSyntheticMember; id < kFirstSyntheticMember + synthetic.members; ++id) {
    members_.emplace_back(id, "Synthetic Member");
  }
}

void NcmecEnvironment::SetOnPage(std::function<void(std::size_t page)> on_page) {
  const std::lock_guard<std::mutex> lock(mutex_);
  on_page_ = std::move(on_page);
}

std::vector<NcmecEntry> NcmecEnvironment::All() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<NcmecEntry> entries;
  entries.reserve(rows_.size());
  for (std::size_t row = 0; row < rows_.size(); ++row) entries.push_back(rows_.Get(row));
  return entries;
}

std::vector<NcmecSentFeedback> NcmecEnvironment::feedback() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return sent_;
}

FakeReply NcmecEnvironment::Answer(const FakeRequest& request) {
  const std::string_view path = std::string_view(request.path).substr(path_.size());
  std::function<void(std::size_t)> on_page;
  std::size_t page = 0;
  if (path == "/v2/entries") {
    const std::lock_guard<std::mutex> lock(mutex_);
    on_page = on_page_;
    page = ++pages_asked_;
  }
  // Without the lock: it changes entries.
  if (on_page) on_page(page);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (request.Header("authorization") != authorization_) {
    return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"hash sharing\""}}};
  }
  if (switches_.redirect) return {.status = 302, .headers = {{"Location", request.target}}};
  if (const std::optional<int> failure = RandomFailure()) return {.status = *failure};
  FakeReply reply = Route(request, path);
  reply.headers.emplace_back("Date", HttpDate(clock_.Wall() - switches_.clock_behind));
  return reply;
}

FakeReply NcmecEnvironment::Route(const FakeRequest& request, std::string_view path) {
  constexpr std::string_view kEntries = "/v2/entries/";
  if (request.method == "PUT" && path.starts_with(kEntries) && path.ends_with("/feedback")) {
    path.remove_suffix(std::string_view("/feedback").size());
    return TakeFeedback(request, path.substr(kEntries.size()));
  }
  if (request.method != "GET") return {.status = 405};
  if (path == "/v2/entries") return Entries(request);
  if (path.starts_with(kEntries)) return Large(path.substr(kEntries.size()));
  if (path == "/v2/status") {
    const auto caller = std::ranges::find(members_, kCaller, [](const auto& member) { return member.first; });
    return Xml(NcmecStatusXml(user_, caller->first, caller->second, switches_.xml));
  }
  if (path == "/v2/members") return Xml(NcmecMembersXml(members_, switches_.xml));
  if (path == "/v2/categorizations") return Xml(NcmecCategorizationsXml(switches_.xml));
  if (path.starts_with("/v2/feedback/") && path.ends_with("/reasons")) {
    path.remove_prefix(std::string_view("/v2/feedback/").size());
    path.remove_suffix(std::string_view("/reasons").size());
    return Xml(NcmecReasonsXml(reasons_, path, switches_.xml));
  }
  return {.status = 404};
}

FakeReply NcmecEnvironment::Entries(const FakeRequest& request) {
  const std::optional<WallTime> from = ToTime(request.Query("from"));
  const std::optional<WallTime> to = ToTime(request.Query("to"));
  if (!from || !to || *from > *to) return {.status = 400, .body = "from and to"};
  // A link repeats the window's instants, however their first request wrote them.
  const std::pair key(FormatTime(*from), FormatTime(*to));
  if (!request.query.contains("start")) {
    if (windows_.size() >= kMostWindows) windows_.clear();
    return Page(*from, *to, 0, windows_[key] = Window{.opened = clock_.Wall()});
  }
  const std::optional<std::size_t> start = ToNumber<std::size_t>(request.Query("start"));
  const auto window = windows_.find(key);
  if (!start || *start == 0 || window == windows_.end()) return {.status = 400, .body = "no such page"};
  if (switches_.next_lifetime.count() > 0 &&
      clock_.Wall() - window->second.opened > switches_.next_lifetime) {
    return {.status = switches_.expired_status, .body = "expired"};
  }
  return Page(*from, *to, *start - 1, window->second);
}

FakeReply NcmecEnvironment::Page(WallTime from, WallTime to, std::size_t start, Window& window) {
  ++window.pages;
  ++window.seen[start];
  std::vector<std::size_t> rows = rows_.Select(from, to, start, switches_.page_size + 1);
  const bool is_last = rows.size() <= switches_.page_size;
  if (is_last && window.pages > 1 && last_pages_failed_ < switches_.last_page_failures) {
    ++last_pages_failed_;
    return {.status = 500};
  }
  std::string next;
  if (!is_last || switches_.endless_pages) {
    next = NextLink(from, to, NextStart(from, to, start, is_last ? start : rows.back(), window));
  }
  if (!is_last) rows.pop_back();
  std::vector<NcmecShown> page;
  page.reserve(rows.size());
  for (const std::size_t row : rows) {
    const auto feedback = feedback_of_.find(row);
    page.push_back({row, rows_.Get(row),
                    feedback == feedback_of_.end() ? std::vector<NcmecFeedback>() : feedback->second});
  }
  return Xml(NcmecEntriesXml(page, next, reasons_, switches_.xml));
}

std::size_t NcmecEnvironment::NextStart(WallTime from, WallTime to, std::size_t start, std::size_t after,
                                        Window& window) const {
  if (switches_.endless_pages) return start;
  if (switches_.repeat_pages && window.seen[start] == 1) return start;
  if (window.pages != switches_.skipped_page) return after;
  const std::vector<std::size_t> skipped = rows_.Select(from, to, after, switches_.page_size + 1);
  return skipped.size() <= switches_.page_size ? after : skipped.back();
}

std::string NcmecEnvironment::NextLink(WallTime from, WallTime to, std::size_t start) const {
  const std::string query =
      "?from=" + LinkTime(from) + "&to=" + LinkTime(to) + "&start=" + std::to_string(start + 1) +
      "&size=" + std::to_string(switches_.page_size) + "&max=" + std::to_string(start + switches_.page_size);
  switch (switches_.next) {
    case NcmecSwitches::Next::kPath: break;
    case NcmecSwitches::Next::kAbsolute: return "http://127.0.0.1" + path_ + "/v2/entries" + query;
    case NcmecSwitches::Next::kOtherHost: return "https://elsewhere.test/v2/entries" + query;
    case NcmecSwitches::Next::kNoScheme: return "//elsewhere.test/v2/entries" + query;
    case NcmecSwitches::Next::kOtherPath: return "/v2/members" + query;
    case NcmecSwitches::Next::kClimbing: return "/v2/entries/../members" + query;
  }
  return "/v2/entries" + query;
}

FakeReply NcmecEnvironment::Large(std::string_view row_and_type) const {
  constexpr std::string_view kBetween = "/fingerprints/";
  const std::size_t between = row_and_type.find(kBetween);
  const std::optional<std::size_t> row = ToNumber<std::size_t>(row_and_type.substr(0, between));
  if (between == std::string_view::npos || !row || *row >= rows_.size()) return {.status = 404};
  const std::string_view type = row_and_type.substr(between + kBetween.size());
  for (const NcmecFingerprint& fingerprint : rows_.Get(*row).fingerprints) {
    if (!fingerprint.is_large || NcmecTypeOf(fingerprint.element) != type) continue;
    return {.headers = {{"Content-Type", "application/octet-stream"}},
            .body = "large fingerprint " + std::to_string(*row)};
  }
  return {.status = 404};
}

FakeReply NcmecEnvironment::TakeFeedback(const FakeRequest& request, std::string_view member_id_type) {
  const std::size_t first = member_id_type.find('/');
  const std::size_t last = member_id_type.rfind('/');
  if (first == std::string_view::npos || first == last) return {.status = 404};
  const std::optional<std::int64_t> member = ToNumber<std::int64_t>(member_id_type.substr(0, first));
  const std::string id = PercentDecoded(member_id_type.substr(first + 1, last - first - 1));
  NcmecFeedback feedback{
      .member = kCaller, .type = std::string(member_id_type.substr(last + 1)), .time = clock_.Wall()};
  feedback.is_affirmative = request.body.contains("<affirmative");
  std::string_view rest = request.body;
  while (const std::optional<std::string_view> guid = Between(rest, "<guid>", "</guid>")) {
    feedback.reasons.emplace_back(*guid);
  }
  const std::optional<std::size_t> row = member ? rows_.Find(*member, id) : std::nullopt;
  if (!row || rows_.Get(*row).is_deleted) return {.status = 404};
  if (!request.body.contains("<feedbackSubmission") || !AreReasonsOf(feedback)) return {.status = 400};
  sent_.push_back({*member, id, feedback});
  // A member has one opinion of a fingerprint.
  std::vector<NcmecFeedback>& known = feedback_of_[*row];
  std::erase_if(known, [&](const NcmecFeedback& one) {
    return one.member == feedback.member && one.type == feedback.type;
  });
  known.push_back(feedback);
  if (switches_.feedback_moves_entry) {
    NcmecEntry entry = rows_.Get(*row);
    entry.timestamp = feedback.time;
    rows_.Put(std::move(entry));
  }
  return Xml(NcmecSubmittedXml(switches_.xml));
}

bool NcmecEnvironment::AreReasonsOf(const NcmecFeedback& feedback) const {
  if (feedback.is_affirmative) return feedback.reasons.empty();
  return !feedback.reasons.empty() && std::ranges::all_of(feedback.reasons, [&](const std::string& guid) {
    const auto reason = std::ranges::find(reasons_, guid, &NcmecReason::guid);
    return reason != reasons_.end() && reason->type == feedback.type;
  });
}

std::optional<int> NcmecEnvironment::RandomFailure() {
  constexpr std::array<int, 3> kStatuses = {429, 500, 503};
  if (switches_.failure_share <= 0) return std::nullopt;
  const std::uint64_t draw = random_();
  if (static_cast<double>(draw >> 11) * 0x1p-53 >= switches_.failure_share) return std::nullopt;
  return kStatuses[draw % kStatuses.size()];
}

}  // namespace hashgate::testing
