// Scan answers on the wire, as much of them as the caller may see.
#pragma once

#include <cstdint>
#include <span>

#include "decode/decoder_pool.h"
#include "hashgate/v1/scan_service.pb.h"
#include "hashgate/v1/status_service.pb.h"
#include "scan/types.h"

namespace hashgate::rpc {

/// How much a caller's role shows. `scanner`: verdict, outcome, cause, harm class, coverage without list
/// names, image facts, versions. `full`: everything.
enum class DetailLevel : std::uint8_t { kScanner, kFull };

struct ServiceContext;

/// `include_hashes` adds the upload's own hashes where the level permits. Errors: kOverloaded where memory
/// runs out; `result` is of no use then.
Status FillResult(const ServiceContext& context, const scan::ScanAnswer& answer, DetailLevel detail,
                  bool include_hashes, v1::ScanResult& result);

/// The hashes that are made of pictures here.
void FillComputed(std::span<const decode::VectorMaker> makers, v1::GetStatusResponse& status);

}  // namespace hashgate::rpc
