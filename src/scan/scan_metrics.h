// What is counted of scans, and what is told besides. Private to this module.
#pragma once

#include <span>
#include <string_view>

#include "obs/metrics.h"
#include "scan/types.h"

namespace hashgate::scan {

/// Counts answers of one call. Those of TEST lists are left out. Cost: some microseconds a call, next to
/// nothing for each further answer of it.
void RecordScans(obs::Metrics& metrics, std::span<const ScanAnswer> answers, std::string_view method);

/// Counts and logs each matched entry whose digest and picture contradict each other; those of TEST lists are
/// left out. `found` is the label that says where it was seen; `metrics` may be null.
void RaiseConflicts(obs::Metrics* metrics, std::span<const MatchDetail> matches, std::string_view found);

}  // namespace hashgate::scan
