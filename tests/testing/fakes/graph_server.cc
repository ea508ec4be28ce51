#include "testing/fakes/graph_server.h"

#include <algorithm>
#include <charconv>

namespace hashgate::testing {
namespace {

constexpr const char* kGroup = "4711";
constexpr const char* kApplication = "1001";

FakeReply Json(int status, std::string body) {
  return {.status = status,
          .headers = {{"Content-Type", "application/json; charset=UTF-8"}},
          .body = std::move(body)};
}

// The real one's words quote the token.
FakeReply OAuthError(int status, int code, const std::string& token) {
  return Json(status, R"({"error":{"message":"Malformed access token )" + token +
                          R"(","type":"OAuthException","code":)" + std::to_string(code) + "}}");
}

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string Encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-') {
      out += c;
    } else {
      out += '%';
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

std::int64_t NumberOr(const std::string& text, std::int64_t otherwise) {
  std::int64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    out.emplace_back(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(text.size(), out.back().size() + 1));
  }
  return out;
}

std::string ReactionsOf(const GraphDescriptor& descriptor) {
  std::string out = R"(,"reactions":[)";
  for (const auto& [reaction, applications] : descriptor.reactions) {
    if (applications.empty()) continue;
    out += out.ends_with('[') ? "" : ",";
    out += R"({"key":")" + reaction + R"(","value":")";
    for (const std::string& application : applications) out += (out.back() == '"' ? "" : ",") + application;
    out += "\"}";
  }
  return out + "]";
}

}  // namespace

GraphServer::GraphServer() {
  http_ = std::make_unique<FakeHttpServer>([this](const FakeRequest& request) { return Answer(request); });
}

void GraphServer::SetToken(const std::string& token) {
  const std::lock_guard<std::mutex> lock(mutex_);
  token_ = token;
}

void GraphServer::SetSwitches(const GraphSwitches& switches) {
  const std::lock_guard<std::mutex> lock(mutex_);
  switches_ = switches;
  seen_.clear();
}

void GraphServer::SetNow(std::int64_t now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  now_ = now;
}

void GraphServer::Put(const GraphUpdate& update) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(updates_, [&](const GraphUpdate& other) { return other.id == update.id; });
  updates_.push_back(update);
}

void GraphServer::Remove(const std::string& id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(updates_, [&](const GraphUpdate& other) { return other.id == id; });
}

void GraphServer::SetOnPage(std::function<void(std::size_t)> on_page) {
  const std::lock_guard<std::mutex> lock(mutex_);
  on_page_ = std::move(on_page);
}

std::vector<GraphUpdate> GraphServer::All() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return updates_;
}

FakeReply GraphServer::Answer(const FakeRequest& request) {
  std::function<void(std::size_t)> on_page;
  std::size_t page = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (request.path.contains("threat_updates")) {
      on_page = on_page_;
      page = ++pages_asked_;
    }
  }
  if (on_page) on_page(page);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (switches_.error_status != 0) return OAuthError(switches_.error_status, switches_.error_code, token_);
  if (request.Query("access_token") != token_) return OAuthError(400, 190, request.Query("access_token"));
  std::string path = request.path;
  while (path.ends_with('/')) path.pop_back();
  const std::string base = "/v21.0/";
  if (!path.starts_with(base)) return OAuthError(404, 2500, "");
  path = path.substr(base.size());
  if (request.method == "POST") return React(request, path);
  if (path == std::string(kGroup) + "/threat_updates") return Updates(request);
  if (path == kGroup) {
    return Json(200, R"({"id":"4711","name":"Example group","threat_updates_enabled":)" +
                         std::string(switches_.updates_disabled ? "false}" : "true}"));
  }
  if (path.ends_with("/descriptors")) return Descriptors(request, path.substr(0, path.find('/')));
  return OAuthError(404, 100, "");
}

FakeReply GraphServer::Updates(const FakeRequest& request) {
  if (switches_.updates_disabled) return OAuthError(500, 1, "");
  if (!switches_.whole_body.empty()) return Json(200, switches_.whole_body);
  const std::int64_t from = NumberOr(request.Query("start_time"), 0);
  const std::vector<std::string> types = Split(request.Query("types"));
  std::vector<const GraphUpdate*> rows;
  for (const GraphUpdate& update : updates_) {
    const bool wanted = types.empty() || std::ranges::find(types, update.type) != types.end();
    if (wanted && update.last_updated >= from) rows.push_back(&update);
  }
  std::ranges::stable_sort(rows, {}, [](const GraphUpdate* row) { return row->last_updated; });
  if (switches_.backwards) std::ranges::reverse(rows);
  const auto limit = static_cast<std::size_t>(std::min<std::int64_t>(
      NumberOr(request.Query("limit"), 1'000), static_cast<std::int64_t>(switches_.page_size)));
  const auto start = std::min(static_cast<std::size_t>(NumberOr(request.Query("after"), 0)), rows.size());
  const std::size_t end = std::min(start + limit, rows.size());
  std::string body = R"({"data":[)" + switches_.bad_item;
  for (std::size_t row = start; row < end; ++row) {
    body += (body.ends_with('[') ? "" : ",") + Item(*rows[row]);
  }
  body += "]";
  std::size_t after = end;
  if (switches_.endless_pages) after = start;
  if (switches_.repeat_pages && ++seen_[request.target] < 2) after = start;
  if (switches_.skipped_page > 0 && start == (switches_.skipped_page - 1) * limit) after = end + limit;
  if (after < rows.size())
    body += R"(,"paging":{"cursors":{"after":"x"},"next":)" + NextLink(request, after) + "}";
  return Json(200, body + "}");
}

std::string GraphServer::NextLink(const FakeRequest& request, std::size_t after) const {
  using Next = GraphSwitches::Next;
  std::string query = "?limit=" + request.Query("limit") + "&types=" + Encoded(request.Query("types")) +
                      "&start_time=" + request.Query("start_time") + "&after=" + std::to_string(after);
  if (switches_.next != Next::kWithoutToken) query += "&access_token=" + Encoded(token_);
  const std::string path = "/v21.0/4711/threat_updates";
  const std::string host = http_->base_url();
  switch (switches_.next) {
    case Next::kWhole:
    case Next::kWithoutToken: return "\"" + host + path + query + "\"";
    case Next::kOtherHost: return "\"http://127.0.0.2:1" + path + query + "\"";
    case Next::kOtherScheme: return "\"https" + host.substr(4) + path + query + "\"";
    case Next::kOtherPath: return "\"" + host + "/v21.0/4712/threat_updates" + query + "\"";
    case Next::kClimbing: return "\"" + host + path + "/../../../elsewhere" + query + "\"";
    case Next::kPathOnly: return "\"" + path + query + "\"";
    case Next::kNumber: return "7";
  }
  return "null";
}

std::string GraphServer::Item(const GraphUpdate& update) const {
  std::string out = R"({"id":")" + Escaped(update.id) + R"(","indicator":")" + Escaped(update.indicator) +
                    R"(","type":")" + Escaped(update.type) + R"(","last_updated":)" +
                    std::to_string(update.last_updated) + R"(,"should_delete":)" +
                    (update.should_delete ? "true" : "false");
  if (switches_.unknown_members) out += R"(,"creation_time":1,"applications_with_opinions":[1,{"x":[]}])";
  if (!update.descriptors.empty()) {
    out += R"(,"descriptors":{"data":[)";
    for (const GraphDescriptor& descriptor : update.descriptors) {
      out += out.ends_with('[') ? "{" : ",{";
      out += R"("id":")" + Escaped(descriptor.id) + R"(","owner":{"id":"2001"},"status":")" +
             Escaped(descriptor.status) + R"(","tags":)" + (switches_.tags_in_data ? R"({"data":[)" : "[");
      for (std::size_t i = 0; i < descriptor.tags.size(); ++i) {
        out += i > 0 ? "," : "";
        const std::string text = "\"" + Escaped(descriptor.tags[i]) + "\"";
        out += switches_.tags_in_data ? R"({"id":"5","text":)" + text + "}" : text;
      }
      out += switches_.tags_in_data ? "]}" : "]";
      out += ReactionsOf(descriptor) + "}";
    }
    out += "]}";
  }
  return out + "}";
}

FakeReply GraphServer::Descriptors(const FakeRequest& request, const std::string& indicator) {
  const auto found = std::ranges::find(updates_, indicator, &GraphUpdate::id);
  if (found == updates_.end()) return OAuthError(400, 100, "");
  std::string body = R"({"data":[)";
  const std::vector<std::string> fields = Split(request.Query("fields"));
  const bool with_status = std::ranges::find(fields, "status") != fields.end();
  const bool with_reactions = std::ranges::find(fields, "reactions") != fields.end();
  for (const GraphDescriptor& descriptor : found->descriptors) {
    body += (body.ends_with('[') ? "" : ",") + (R"({"id":")" + descriptor.id + '"');
    if (with_status) body += R"(,"status":")" + Escaped(descriptor.status) + '"';
    if (with_reactions) body += ReactionsOf(descriptor);
    body += '}';
  }
  return Json(200, body + "]}");
}

FakeReply GraphServer::React(const FakeRequest& request, const std::string& descriptor) {
  const bool adds = request.body.starts_with("reactions=");
  const bool removes = request.body.starts_with("reactions_to_remove=");
  const std::string names = PercentDecoded(request.body.substr(request.body.find('=') + 1));
  if ((!adds && !removes) || names.empty()) return OAuthError(400, 100, "");
  for (GraphUpdate& update : updates_) {
    for (GraphDescriptor& one : update.descriptors) {
      if (one.id != descriptor) continue;
      for (const std::string& name : Split(names)) {
        if (removes && switches_.strict_removal && !one.reactions[name].contains(kApplication)) {
          return OAuthError(400, 100, "");
        }
        if (adds) one.reactions[name].insert(kApplication);
        if (removes) one.reactions[name].erase(kApplication);
      }
      if (now_ != 0) update.last_updated = now_;
      return Json(200, R"({"success":true})");
    }
  }
  return OAuthError(400, 100, "");
}

}  // namespace hashgate::testing
