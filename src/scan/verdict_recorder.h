// Who is told of the verdicts that matches led to, before they leave.
#pragma once

#include <span>
#include <string>

#include "base/clock.h"
#include "scan/types.h"

namespace hashgate::scan {

/// One answer of a call.
struct NumberedAnswer {
  int file = -1;  ///< index of the file in a call with several, else -1
  const ScanAnswer* answer = nullptr;
};

/// Keeps a record of verdicts by the entries that led to them, so that they can be listed and undone.
/// Threads: thread-safe.
class VerdictRecorder {
 public:
  virtual ~VerdictRecorder() = default;

  /// Takes answers of one call of which IsRecorded says so, those to repeated requests (`replayed`) among
  /// them: what they add goes into the record that is there. Returns once all of it is durable, and at
  /// `deadline` at the latest: the answers leave whatever becomes of it. Never throws.
  virtual void Record(const ScanRequest& request, std::span<const NumberedAnswer> answers,
                      SteadyTime deadline) noexcept = 0;

  /// Takes what a look at the picture says that came after the answer `scan_id` of the tenant: matches that
  /// are not in its record, and what the verdict would be without any. Does not wait. Never throws.
  virtual void Complete(const std::string& tenant, const std::string& scan_id,
                        const ScanAnswer& look) noexcept = 0;
};

/// Whether a record is kept of the answer: a match led to more than ALLOW that is not of a list for tests.
bool IsRecorded(const ScanAnswer& answer);

}  // namespace hashgate::scan
