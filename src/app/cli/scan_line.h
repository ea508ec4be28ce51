// One answer as a line: for people and for programs.
#pragma once

#include <string>

#include "hashgate/v1/scan_service.pb.h"

namespace hashgate::cli {

/// {"file": ..., then the response's own names}, and "error" where it is not empty.
std::string ScanJson(const std::string& file, const v1::ScanResult& result, const std::string& error);
/// "BLOCK             matched demo (PDQ, 2 bits)   photo.jpg". Columns have a fixed width, so that lines can
/// be printed as answers come.
std::string ScanText(const std::string& file, const v1::ScanResult& result, const std::string& error);
/// Treats what this client does not know as HOLD.
v1::Verdict KnownVerdict(v1::Verdict verdict);

}  // namespace hashgate::cli
