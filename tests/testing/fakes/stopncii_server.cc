#include "testing/fakes/stopncii_server.h"

#include <algorithm>
#include <charconv>

namespace hashgate::testing {
namespace {

const std::string kFeedbackKey = "a-feedback-key";

FakeReply Json(std::string body) {
  return {.headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

std::int64_t NumberOr(const std::string& text, std::int64_t otherwise) {
  std::int64_t number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The text of the member `name`, from `at` on; empty where there is none.
std::string MemberAfter(const std::string& body, const std::string& name, std::size_t& at) {
  const std::string key = "\"" + name + "\":\"";
  const std::size_t found = body.find(key, at);
  if (found == std::string::npos) return {};
  const std::size_t begin = found + key.size();
  at = body.find('"', begin);
  return body.substr(begin, at - begin);
}

}  // namespace

StopNciiServer::StopNciiServer() {
  http_ = std::make_unique<FakeHttpServer>([this](const FakeRequest& request) { return Answer(request); });
}

void StopNciiServer::SetKeys(const std::string& function, const std::string& subscription) {
  const std::lock_guard<std::mutex> lock(mutex_);
  function_key_ = function;
  subscription_key_ = subscription;
}

void StopNciiServer::SetSwitches(const StopNciiSwitches& switches) {
  const std::lock_guard<std::mutex> lock(mutex_);
  switches_ = switches;
  seen_.clear();
}

void StopNciiServer::Put(const StopNciiHash& hash) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(hashes_, [&](const StopNciiHash& other) { return other.value == hash.value; });
  hashes_.push_back(hash);
}

void StopNciiServer::Remove(const std::string& value) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(hashes_, [&](const StopNciiHash& other) { return other.value == value; });
}

std::map<std::string, std::string> StopNciiServer::feedback() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return feedback_;
}

FakeReply StopNciiServer::Answer(const FakeRequest& request) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool is_feedback = request.path == "/v1/SubmitFeedback" && request.method == "POST";
  // Each function has a key of its own.
  const std::string& key = is_feedback ? kFeedbackKey : function_key_;
  if (request.Header("ocp-apim-subscription-key") != subscription_key_ ||
      request.Header("x-functions-key") != key) {
    return {.status = 401};
  }
  if (is_feedback) return TakeFeedback(request);
  if (request.path == "/v1/FetchHashes" && request.method == "GET") return Fetch(request);
  return {.status = 404};
}

FakeReply StopNciiServer::Fetch(const FakeRequest& request) {
  if (!switches_.whole_body.empty()) return Json(switches_.whole_body);
  const std::int64_t from = NumberOr(request.Query("startTimestamp"), 0);
  std::vector<const StopNciiHash*> rows;
  std::int64_t newest = from;
  for (const StopNciiHash& hash : hashes_) {
    if (hash.modified < from) continue;
    rows.push_back(&hash);
    newest = std::max(newest, hash.modified);
  }
  const auto limit = static_cast<std::size_t>(std::min<std::int64_t>(
      NumberOr(request.Query("pageSize"), 800), static_cast<std::int64_t>(switches_.page_size)));
  const std::string token = request.Query("nextPageToken");
  const auto start =
      std::min(token.empty() ? 0 : static_cast<std::size_t>(NumberOr(token.substr(2), 0)), rows.size());
  const std::size_t end = std::min(start + limit, rows.size());
  std::string records = switches_.bad_record;
  std::size_t count = records.empty() ? 0 : 1;
  for (std::size_t row = start; row < end; ++row, ++count) {
    const StopNciiHash& hash = *rows[row];
    records += (records.empty() ? "" : ",") +
               (R"({"lastModtimestamp":)" + std::to_string(hash.modified) + R"(,"signalType":")" + hash.kind +
                R"(","hashValue":")" + hash.value + R"(","hashStatus":")" + hash.status +
                R"(","hashRegions":[],"caseNumbers":{"00000000-1111-2222-3333-444444444444":")" +
                hash.status + "\"}");
    if (!switches_.without_feedbacks) {
      records += R"(,"CSPFeedbacks":[{"source":"Example","feedbackValue":"Undefined","tags":["x"]}])";
    }
    records += "}";
  }
  std::size_t after = end;
  if (switches_.endless_pages) after = start;
  if (switches_.repeat_pages && ++seen_[request.target] < 2) after = start;
  if (switches_.skipped_page > 0 && start == (switches_.skipped_page - 1) * limit) after = end + limit;
  const bool more = after < rows.size();
  if (switches_.wrong_count) ++count;
  // The real one says a later time on the first page than on the last.
  std::string body = R"({"count":)" + std::to_string(count) + R"(,"nextSetTimestamp":)" +
                     std::to_string(more ? newest + 1'000 : newest - switches_.set_back);
  if (more || switches_.token_at_end) body += R"(,"nextPageToken":"t/)" + std::to_string(after) + "\"";
  return Json(body + R"(,"hasMoreRecords":)" + (more ? "true" : "false") + R"(,"hashRecords":[)" + records +
              "]}");
}

FakeReply StopNciiServer::TakeFeedback(const FakeRequest& request) {
  // Members come in the order of their names.
  std::size_t at = 0;
  bool known = true;
  std::map<std::string, std::string> sent;
  while (true) {
    const std::string value = MemberAfter(request.body, "feedbackValue", at);
    if (value.empty()) break;
    const std::string hash = MemberAfter(request.body, "hashValue", at);
    known = known && std::ranges::find(hashes_, hash, &StopNciiHash::value) != hashes_.end();
    sent[hash] = value;
  }
  if (sent.empty() || !known) return {.status = 400};
  for (const auto& [hash, value] : sent) feedback_[hash] = value;
  return Json("{}");
}

}  // namespace hashgate::testing
