// What a request id changes about the answers to a call: its effects happen once, and no later answer is
// laxer. Private to this module.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "hashgate/error.h"
#include "hashgate/verdict.h"
#include "scan/idempotency.h"
#include "scan/types.h"

namespace hashgate::scan {

/// Which files of a call are meant. A call with one file, which has no number, is the default.
struct FileNumbers {
  int first = -1;
  std::size_t count = 1;

  /// Number of the i-th of them; -1 in a call with one.
  [[nodiscard]] int At(std::size_t i) const { return first < 0 ? -1 : first + static_cast<int>(i); }
};

/// One call's, or one part of a call's, dealings with the table. Does nothing without a table or a request
/// id. Threads: confined.
class Remembering {
 public:
  /// `content_digests` has one for each file where Wants() says so. Everything outlives this object.
  Remembering(IdempotencyTable* table, const ScanRequest& request, FileNumbers files,
              std::span<const ByteSpan> content_digests);

  /// Whether answers to the request are remembered.
  static bool Wants(const IdempotencyTable* table, const ScanRequest& request) {
    return table != nullptr && !request.request_id.empty();
  }

  /// Takes the ids, before any work is spent on the files. Errors: kRequestIdReused, kCancelled;
  /// kDeadlineExceeded where they could not be had in time.
  Status Begin(SteadyTime deadline);

  /// Makes the answers no laxer than earlier ones to the same files and remembers them, all in one write.
  /// Where that fails, what did not match is NOT_EVALUATED with a verdict of `held` at least. Errors:
  /// kRequestIdReused.
  Status End(std::span<ScanAnswer> answers, const std::function<Verdict()>& held,
             std::chrono::milliseconds retry_after);

  /// Makes an answer that nothing is remembered of no laxer than an earlier one to the same file.
  static void TakeOverEarlier(const IdempotencyTable* table, const ScanRequest& request, int file,
                              ScanAnswer& answer);

 private:
  Status Remember(std::span<ScanAnswer> answers);

  IdempotencyTable* const table_;
  const ScanRequest& request_;
  const FileNumbers files_;
  const std::span<const ByteSpan> content_digests_;
  std::unique_ptr<IdempotencyTable::Ticket> ticket_;
  Result<std::vector<std::optional<RememberedAnswer>>> seen_;
};

}  // namespace hashgate::scan
