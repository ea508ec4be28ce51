// One answer as a line: for people and for programs.
#pragma once

#include <string>

#include "hashgate/v1/scan_service.pb.h"

namespace hashgate::cli {

/// {"file": ..., then the response's own names}, "error" where it is not empty, and "remembered": true where
/// the answer is of an earlier run.
std::string ScanJson(const std::string& file, const v1::ScanResult& result, const std::string& error,
                     bool remembered);
/// "BLOCK             matched demo (PDQ, 2 bits)   photo.jpg". Columns have a fixed width, so that lines can
/// be printed as answers come. An answer of an earlier run says so behind its finding.
std::string ScanText(const std::string& file, const v1::ScanResult& result, const std::string& error,
                     bool remembered);
/// Treats what this client does not know as HOLD.
v1::Verdict KnownVerdict(v1::Verdict verdict);

}  // namespace hashgate::cli
