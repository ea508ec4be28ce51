#include "exchange/stopncii/hashes_page.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "base/digest.h"
#include "base/hex.h"
#include "exchange/file/record_builder.h"
#include "exchange/file/shallow_json.h"

namespace hashgate::exchange {
namespace {

using nlohmann::json;

/// Pages of 800 are asked for; memory has to be bounded whatever comes.
constexpr std::size_t kMostRecords = 20'000;
constexpr std::size_t kMaxTokenBytes = 4'096;
/// 2500-01-01: no time that is meant is later.
constexpr std::int64_t kLatest = 16'725'225'600;
constexpr std::size_t kIdDigestBytes = 16;

constexpr std::string_view kImagePdq = "ImagePDQ";
constexpr std::string_view kKnownStatuses[] = {"Unknown", "Received", "Active"};
constexpr std::string_view kGoneStatuses[] = {"Withdrawn", "Deleted"};

std::unexpected<Error> NotAsAgreed(std::string message) {
  return Fail(Reason::kExchangeProtocol, "the server's answer " + std::move(message));
}

bool IsOneOf(std::string_view text, std::span<const std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

lists::ImportRecord Problem(std::string why) {
  return {.line = 1, .problem = std::move(why)};
}

lists::ImportRecord ReadRecord(const json& item, bool& left_out) {
  left_out = false;
  if (!item.is_object()) return Problem("the record is not a JSON object");
  const std::string kind = JsonTextOf(item, "signalType");
  if (kind.empty()) return Problem("the record has no signalType");
  if (kind != kImagePdq) {
    left_out = true;
    return {};
  }
  const std::string hash = JsonTextOf(item, "hashValue");
  const std::string status = JsonTextOf(item, "hashStatus");
  const bool gone = IsOneOf(status, kGoneStatuses);
  RecordBuilder record(1);
  record.AddHash(Algorithm::kPdq, hash);
  record.SetText(FieldName::kClassification, "stopncii:" + status);
  lists::ImportRecord finished = record.Finish();
  // Only a hash that can be read names the entry, also one that goes.
  if (!finished.record) return finished;
  std::string source_id = StopNciiSourceId(finished.record->hashes.front());
  if (!gone && !IsOneOf(status, kKnownStatuses)) {
    return {
        .line = 1, .problem = "the record's hashStatus is none that is known", .about = std::move(source_id)};
  }
  if (gone) {
    return {.line = 1, .record = lists::EntryRecord{.source_id = std::move(source_id)}, .withdrawn = true};
  }
  finished.record->source_id = std::move(source_id);
  return finished;
}

}  // namespace

std::string StopNciiSourceId(const HashValue& hash) {
  // Shown to people and sent with answers, so it must not be the hash; the same for everybody who has it, so
  // that a store made anew gives the same ids.
  std::string text = "hashgate stopncii 1\n";
  text.append(reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size());
  const auto digest = Sha256Of(AsBytes(text));
  return "pdq-" + HexEncode(std::span(digest).first(kIdDigestBytes));
}

Result<HashesPage> ParseHashesPage(std::string_view text) {
  const json answer = ParseShallowJson(text);
  if (answer.is_discarded()) return NotAsAgreed("is not JSON, breaks off or nests too deep");
  if (!answer.is_object()) return NotAsAgreed("is not a JSON object");
  const auto records = answer.find("hashRecords");
  if (records == answer.end() || !records->is_array()) return NotAsAgreed("has no array 'hashRecords'");
  if (records->size() > kMostRecords) return NotAsAgreed("holds more records than a page has");
  const auto count = answer.find("count");
  if (count != answer.end() &&
      (!count->is_number_unsigned() || count->get<std::uint64_t>() != records->size())) {
    return NotAsAgreed("holds another number of records than it says");
  }
  HashesPage page;
  const auto more = answer.find("hasMoreRecords");
  if (more == answer.end() || !more->is_boolean()) {
    return NotAsAgreed("does not say whether there are more records");
  }
  page.has_more = more->get<bool>();
  if (page.has_more) {
    page.next_token = JsonTextOf(answer, "nextPageToken");
    if (page.next_token.empty() || page.next_token.size() > kMaxTokenBytes) {
      return NotAsAgreed("has no token for the next page");
    }
  } else {
    const auto next = answer.find("nextSetTimestamp");
    if (next == answer.end() || !next->is_number_integer() || next->get<std::int64_t>() < 0 ||
        next->get<std::int64_t>() > kLatest) {
      return NotAsAgreed("does not say where to go on");
    }
    page.next_set = std::chrono::sys_seconds(std::chrono::seconds(next->get<std::int64_t>()));
  }
  page.records.reserve(records->size());
  for (const json& item : *records) {
    bool left_out = false;
    lists::ImportRecord record = ReadRecord(item, left_out);
    if (left_out) {
      ++page.left_out;
    } else {
      page.records.push_back(std::move(record));
    }
  }
  return page;
}

}  // namespace hashgate::exchange
