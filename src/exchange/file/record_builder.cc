#include "exchange/file/record_builder.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "lists/limits.h"

namespace hashgate::exchange {
namespace {

constexpr std::string_view kFieldTexts[] = {
    "sourceId",        "md5",      "sha1",           "sha256",        "pdq",
    "pdqQuality",      "photodna", "classification", "labels",        "pdqNn512",
    "pdqNn512Quality", "phash",    "block_mean",     "marr_hildreth", "average"};
static_assert(std::size(kFieldTexts) == kFieldCount);

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string_view FieldText(FieldName field) {
  return kFieldTexts[static_cast<std::size_t>(field)];
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return Lower(x) == Lower(y); });
}

int FindField(std::string_view text) {
  for (int i = 0; i < kFieldCount; ++i) {
    if (EqualsIgnoringCase(kFieldTexts[i], text)) return i;
  }
  return -1;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::unexpected<Error> BreaksOff(const std::string& what) {
  return Fail(Reason::kRequestInvalid,
              "the file breaks off or goes wrong at " + what +
                  ": what is missing from it would be removed, so it replaces nothing");
}

RecordBuilder::RecordBuilder(std::uint64_t line) {
  record_.line = line;
}

void RecordBuilder::SetProblem(std::string problem) {
  if (!ok()) return;
  record_.problem = std::move(problem);
}

// What is not UTF-8 could not be sent: the wire's strings are UTF-8.
bool RecordBuilder::CheckText(std::string_view name, std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    SetProblem(std::string(name) + " is longer than " + std::to_string(max_bytes) + " bytes");
    return false;
  }
  while (!text.empty()) {
    const std::size_t length = Utf8SequenceLength(text);
    if (length == 0 || text.front() == '\0') {
      SetProblem(std::string(name) + " is not UTF-8 text");
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

void RecordBuilder::AddHash(Algorithm algorithm, std::string_view text, Pipeline pipeline) {
  text = Trim(text);
  if (!ok() || text.empty()) return;
  Result<HashValue> hash = ParseHashText(algorithm, text);
  if (!hash) {
    SetProblem(std::string(AlgorithmName(algorithm)) + ": " + hash.error().message);
    return;
  }
  hash->pipeline = pipeline;
  AddValue(*std::move(hash));
}

void RecordBuilder::AddHash(Algorithm algorithm, std::string_view text, Pipeline pipeline,
                            HashEncoding encoding) {
  constexpr std::string_view kForms[] = {"hex digits", "base64", "decimal numbers with commas"};
  text = Trim(text);
  if (!ok() || text.empty()) return;
  auto bytes = DecodeHashBytes(text, encoding, HashSize(algorithm));
  if (!bytes) {
    SetProblem(std::string(AlgorithmName(algorithm)) + ": the value is not " +
               std::to_string(HashSize(algorithm)) + " bytes as " +
               std::string(kForms[static_cast<std::size_t>(encoding)]));
    return;
  }
  AddValue({.algorithm = algorithm, .pipeline = pipeline, .bytes = *std::move(bytes)});
}

void RecordBuilder::AddValue(HashValue hash) {
  for (const HashValue& other : entry_.hashes) {
    if (other.algorithm != hash.algorithm || other.pipeline != hash.pipeline) continue;
    if (other.bytes != hash.bytes) {
      SetProblem("two different values of " + std::string(AlgorithmName(hash.algorithm)));
    }
    return;
  }
  entry_.hashes.push_back(std::move(hash));
}

void RecordBuilder::SetQuality(Pipeline pipeline, std::string_view text) {
  text = Trim(text);
  if (text.empty()) return;
  int quality = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quality);
  if (error != std::errc() || end != text.data() + text.size() || quality < 0 || quality > 100) {
    SetProblem("PDQ quality is not a whole number from 0 to 100");
    return;
  }
  (pipeline == Pipeline::kNn512 ? nn512_quality_ : quality_) = quality;
}

void RecordBuilder::AddLabel(std::string_view label) {
  label = Trim(label);
  if (!ok() || label.empty() || !CheckText("a label", label, lists::kMaxLabelBytes)) return;
  if (entry_.labels.size() == lists::kMaxLabels) {
    SetProblem("more than " + std::to_string(lists::kMaxLabels) + " labels");
    return;
  }
  entry_.labels.emplace_back(label);
}

void RecordBuilder::SetText(FieldName field, std::string_view text) {
  if (!ok()) return;
  switch (field) {
    case FieldName::kSourceId:
      text = Trim(text);
      if (CheckText("sourceId", text, lists::kMaxSourceIdBytes)) entry_.source_id = text;
      break;
    case FieldName::kMd5: AddHash(Algorithm::kMd5, text); break;
    case FieldName::kSha1: AddHash(Algorithm::kSha1, text); break;
    case FieldName::kSha256: AddHash(Algorithm::kSha256, text); break;
    case FieldName::kPdq: AddHash(Algorithm::kPdq, text); break;
    case FieldName::kPdqNn512: AddHash(Algorithm::kPdq, text, Pipeline::kNn512); break;
    case FieldName::kPhotoDna: AddHash(Algorithm::kPhotoDna, text); break;
    case FieldName::kPHash: AddHash(Algorithm::kPHash, text); break;
    case FieldName::kBlockMean: AddHash(Algorithm::kBlockMean, text); break;
    case FieldName::kMarrHildreth: AddHash(Algorithm::kMarrHildreth, text); break;
    case FieldName::kAverage: AddHash(Algorithm::kAverage, text); break;
    case FieldName::kPdqQuality: SetQuality(Pipeline::kUnspecified, text); break;
    case FieldName::kPdqNn512Quality: SetQuality(Pipeline::kNn512, text); break;
    case FieldName::kClassification:
      text = Trim(text);
      if (CheckText("classification", text, lists::kMaxClassificationBytes)) entry_.classification = text;
      break;
    case FieldName::kLabels: {
      std::string label;
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
          label += text[++i];
        } else if (text[i] == ';') {
          AddLabel(label);
          label.clear();
        } else {
          label += text[i];
        }
      }
      AddLabel(label);
      break;
    }
  }
}

lists::ImportRecord RecordBuilder::Finish() {
  if (ok()) {
    for (HashValue& hash : entry_.hashes) {
      if (hash.algorithm != Algorithm::kPdq) continue;
      hash.quality = static_cast<std::int16_t>(hash.pipeline == Pipeline::kNn512 ? nn512_quality_ : quality_);
    }
    // One order whatever the file's, so that the same item always is the same record.
    std::ranges::sort(entry_.hashes, {},
                      [](const HashValue& hash) { return std::pair(hash.algorithm, hash.pipeline); });
    if (entry_.hashes.empty()) SetProblem("no hash");
  }
  if (ok()) record_.record = std::move(entry_);
  return std::move(record_);
}

}  // namespace hashgate::exchange
