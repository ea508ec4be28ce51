// What a scan will cost, told from its header alone: admission goes by this and not by counting calls.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "decode/record.h"
#include "decode/sniff.h"
#include "scan/types.h"

namespace hashgate::scan {

/// Time of one core. Estimates of a file nobody has decoded yet: what callers' files really take is learned
/// beside them (see AdmissionQueue).
using Cost = std::chrono::duration<double, std::micro>;

/// What is expected of a job before it is known whose it is.
struct Estimate {
  Cost time{};
  /// Kinds of work whose estimates are wrong in ways of their own: the format of a picture that is decoded,
  /// and one for lookups. What is learned of one says nothing of the others.
  std::uint8_t kind = 0;
};

/// Cost of one file of `size` bytes. `content` is what was kept for decoding; empty where nothing will be
/// decoded. Pixels x weight of the format x scans for pictures, capped at what the limits let a worker do,
/// and bytes for all. Where there may be more than one frame their pixels are told from the bytes, for these
/// bound them. Cost of the call: linear in `content` for JPEG (it is searched for scans), else constant.
Estimate DeclaredCost(ByteSpan content, std::uint64_t size, const decode::Limits& limits);

/// What a scan took of the machine since `begun`, waits for a decoder left out.
Cost UsedBy(const StageTimings& timings, SteadyTime begun);

/// Cost of looking up so many hashes, and of comparing so many pairs of vectors.
Estimate LookupCost(std::size_t hashes, std::uint64_t vector_pairs);

}  // namespace hashgate::scan
