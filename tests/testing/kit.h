// The built-in test kit as tests use it: its files, its lists on a server, and its expected answers.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "hashgate/v1/scan_service.pb.h"
#include "testing/gate_client.h"

namespace hashgate::testing {

/// One line of expected.json.
struct KitAnswer {
  std::string file;
  std::string verdict;
  std::string outcome;
  std::string cause;
  std::string harm_class;
  std::string coverage;
  std::set<std::string> matched_lists;
};

/// Every line of expected.json.
std::vector<KitAnswer> KitAnswers();
/// Bytes of a file of the kit, by its name there.
std::string KitFileBytes(const std::string& name);
/// Name of the first file of the kit whose answer has this verdict, outcome and cause.
std::string KitFileWith(const std::string& verdict, const std::string& outcome, const std::string& cause);

/// Creates the kit's lists and imports their files. False, and a failure, where that does not work.
bool ImportKit(const GateClient& client);
/// Records of JSON lines.
std::vector<v1::ImportRecord> RecordsOfJsonl(const std::string& text);

/// The answer in the words of expected.json.
KitAnswer ToKitAnswer(const std::string& file, const v1::ScanResult& result);
/// "BLOCK file MATCHED ... [list,list]", to compare and to print.
std::string Describe(const KitAnswer& answer);

}  // namespace hashgate::testing
