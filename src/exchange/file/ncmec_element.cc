#include "exchange/file/ncmec_element.h"

#include "exchange/file/record_builder.h"
#include "exchange/file/xml_splitter.h"

namespace hashgate::exchange {
namespace {

Algorithm AlgorithmOf(std::string_view name) {
  if (EqualsIgnoringCase(name, "md5")) return Algorithm::kMd5;
  if (EqualsIgnoringCase(name, "sha1")) return Algorithm::kSha1;
  if (EqualsIgnoringCase(name, "sha256")) return Algorithm::kSha256;
  if (EqualsIgnoringCase(name, "pdq")) return Algorithm::kPdq;
  if (EqualsIgnoringCase(name, "pdna") || EqualsIgnoringCase(name, "photodna")) return Algorithm::kPhotoDna;
  return Algorithm::kUnspecified;
}

// Fingerprints that can be used go into `record`. The first problem of the others, empty where there is none.
std::string ReadFingerprints(const pugi::xml_node& fingerprints, RecordBuilder& record, NcmecElement& out) {
  std::string problem;
  for (const pugi::xml_node fingerprint : fingerprints.children()) {
    const Algorithm algorithm = AlgorithmOf(LocalName(fingerprint.name()));
    const char* const value = fingerprint.text().get();
    if (algorithm == Algorithm::kUnspecified || *value == '\0') {
      // Of a kind that is not matched, or given by reference only.
      ++out.values_left_out;
      continue;
    }
    const Result<HashValue> parsed = ParseHashText(algorithm, Trim(value));
    if (parsed) {
      record.AddHash(algorithm, value);
      continue;
    }
    ++out.values_left_out;
    ++out.malformed_values;
    if (problem.empty()) problem = std::string(AlgorithmName(algorithm)) + ": " + parsed.error().message;
  }
  return problem;
}

}  // namespace

pugi::xml_node ChildNamed(const pugi::xml_node& node, std::string_view local_name) {
  for (const pugi::xml_node child : node.children()) {
    if (LocalName(child.name()) == local_name) return child;
  }
  return {};
}

NcmecElement ReadNcmecElement(const pugi::xml_node& element, std::uint64_t line) {
  NcmecElement out;
  RecordBuilder record(line);
  const std::string id = ChildNamed(element, "id").text().get();
  if (id.empty()) {
    record.SetProblem("the element has no id");
    out.record = record.Finish();
    return out;
  }
  // An id is unique per member only.
  out.member = ChildNamed(element, "member").attribute("id").value();
  const std::string source_id = out.member.empty() ? id : out.member + "-" + id;
  bool withdrawn = LocalName(element.name()).starts_with("deleted");
  if (!withdrawn) {
    record.SetText(FieldName::kSourceId, source_id);
    record.SetText(FieldName::kClassification, ChildNamed(element, "classification").text().get());
    const std::string problem = ReadFingerprints(ChildNamed(element, "fingerprints"), record, out);
    if (LocalName(element.name()) == "video") record.AddLabel("video");
    if (record.ok() && !record.has_hash()) {
      if (!problem.empty()) record.SetProblem("entry '" + source_id + "': " + problem);
      // Nothing that could be matched: whatever was known of it before holds no longer.
      withdrawn = problem.empty();
    }
  }
  if (withdrawn) {
    out.record = {.line = line, .record = lists::EntryRecord{.source_id = source_id}, .withdrawn = true};
  } else {
    out.record = record.Finish();
  }
  return out;
}

}  // namespace hashgate::exchange
