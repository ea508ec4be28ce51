// What is counted of answered scans. Private to this module.
#pragma once

#include <span>
#include <string_view>

#include "obs/metrics.h"
#include "scan/types.h"

namespace hashgate::scan {

/// Counts answers of one call. Those of TEST lists are left out. Cost: some microseconds a call, next to
/// nothing for each further answer of it.
void RecordScans(obs::Metrics& metrics, std::span<const ScanAnswer> answers, std::string_view method);

}  // namespace hashgate::scan
