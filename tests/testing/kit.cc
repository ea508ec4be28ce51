#include "testing/kit.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "exchange/importer.h"
#include "rpc/wire/convert.h"
#include "testkit/testkit.h"

namespace hashgate::testing {
namespace {

using Json = nlohmann::json;

// The name of a wire enum without its prefix, as the kit writes it.
std::string Word(const std::string& name, const std::string& prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

template <typename Enum>
Enum Parsed(const std::string& name, bool (*parse)(const std::string&, Enum*)) {
  Enum value{};
  EXPECT_TRUE(parse(name, &value)) << name;
  return value;
}

bool ParseHarmClass(const std::string& name, v1::HarmClass* value) {
  return v1::HarmClass_Parse(name, value);
}
bool ParseTrust(const std::string& name, v1::Trust* value) {
  return v1::Trust_Parse(name, value);
}

v1::HashList ToHashList(const Json& json) {
  v1::HashList list;
  list.set_name(json.at("name"));
  list.set_purpose(Parsed("HARM_CLASS_" + json.at("purpose").get<std::string>(), &ParseHarmClass));
  list.set_trust(Parsed("TRUST_" + json.at("trust").get<std::string>(), &ParseTrust));
  list.set_source(json.at("source"));
  list.set_legal_basis(json.at("legalBasis"));
  list.set_pdq_pipeline(rpc::ToProto(*ParsePipeline(json.at("pdqPipeline").get<std::string>())));
  v1::MaxDistance& distance = *list.add_max_distances();
  distance.set_algorithm(v1::ALGORITHM_PDQ);
  distance.set_max_distance_bits(json.at("maxDistanceBits").at("pdq"));
  return list;
}

}  // namespace

std::string KitFileBytes(const std::string& name) {
  for (const testkit::KitFile& file : testkit::Files()) {
    if (file.name == name) return {file.bytes.begin(), file.bytes.end()};
  }
  ADD_FAILURE() << "the kit has no file " << name;
  return {};
}

std::vector<KitAnswer> KitAnswers() {
  std::vector<KitAnswer> answers;
  const Json expected = Json::parse(KitFileBytes("expected.json"));
  for (const Json& row : expected.at("files")) {
    answers.push_back({.file = row.at("file"),
                       .verdict = row.at("verdict"),
                       .outcome = row.at("outcome"),
                       .cause = row.at("cause"),
                       .harm_class = row.at("harmClass"),
                       .coverage = row.at("coverage"),
                       .matched_lists = row.at("matchedLists").get<std::set<std::string>>()});
  }
  return answers;
}

std::string KitFileWith(const std::string& verdict, const std::string& outcome, const std::string& cause) {
  for (const KitAnswer& answer : KitAnswers()) {
    if (answer.verdict == verdict && answer.outcome == outcome && answer.cause == cause) return answer.file;
  }
  ADD_FAILURE() << "the kit has no file with " << verdict << " " << outcome << " " << cause;
  return {};
}

std::vector<v1::ImportRecord> RecordsOfJsonl(const std::string& text) {
  std::vector<v1::ImportRecord> out;
  auto importer =
      exchange::OpenImporter(exchange::MemorySource(text), {.format = exchange::FileFormat::kJsonl});
  if (!importer) {
    ADD_FAILURE() << importer.error().message;
    return out;
  }
  std::vector<lists::ImportRecord> records;
  Result<bool> more = true;
  while (more && *more) more = (*importer)->Next(1'000, records);
  EXPECT_TRUE(more);
  for (const lists::ImportRecord& record : records) {
    v1::ImportRecord& wire = out.emplace_back();
    wire.set_line(static_cast<std::int64_t>(record.line));
    if (record.record) {
      *wire.mutable_entry() = rpc::ToProto(*record.record);
    } else {
      wire.set_problem(record.problem);
    }
  }
  return out;
}

bool ImportKit(const GateClient& client) {
  const Json lists = Json::parse(KitFileBytes("lists.json"));
  for (const Json& json : lists.at("lists")) {
    const v1::HashList list = ToHashList(json);
    const grpc::Status created = client.CreateList(list);
    const ImportReply imported = client.Import(list.name(), RecordsOfJsonl(KitFileBytes(json.at("file"))));
    if (!created.ok() || !imported.status.ok() || imported.last.quarantined_count() != 0) {
      ADD_FAILURE() << list.name() << ": " << created.error_message() << imported.status.error_message()
                    << imported.last.ShortDebugString();
      return false;
    }
  }
  return true;
}

KitAnswer ToKitAnswer(const std::string& file, const v1::ScanResult& result) {
  KitAnswer answer{.file = file,
                   .verdict = Word(v1::Verdict_Name(result.verdict()), "VERDICT_"),
                   .outcome = Word(v1::Outcome_Name(result.outcome()), "OUTCOME_"),
                   .cause = Word(v1::Cause_Name(result.cause()), "CAUSE_"),
                   .harm_class = Word(v1::HarmClass_Name(result.harm_class()), "HARM_CLASS_"),
                   .coverage = Word(v1::CoverageLevel_Name(result.coverage().level()), "COVERAGE_LEVEL_"),
                   .matched_lists = {}};
  for (const v1::Match& match : result.matches()) answer.matched_lists.insert(match.list());
  return answer;
}

std::string Describe(const KitAnswer& answer) {
  std::string text = answer.file + ": " + answer.verdict + " " + answer.outcome + " cause=" + answer.cause +
                     " " + answer.harm_class + " " + answer.coverage + " [";
  for (const std::string& list : answer.matched_lists) text += list + ",";
  return text + "]";
}

}  // namespace hashgate::testing
