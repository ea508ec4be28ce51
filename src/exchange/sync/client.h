// An exchange: an outside programme that feeds one list. Every kind of it is a folder of its own behind this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "hashgate/error.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

/// Bytes of a checkpoint.
inline constexpr std::size_t kMaxCheckpointBytes = 4'096;

/// Some records of a delta.
struct DeltaPage {
  enum class Next : std::uint8_t {
    kMore,       ///< another page follows; this one may be empty
    kEnd,        ///< the delta is whole
    kAbandoned,  ///< forget what this delta gave: another one will give it, e.g. in smaller parts
  };
  /// In the source's order: of two records of one entry the later counts. Lines are left for the caller.
  std::vector<lists::ImportRecord> records;
  Next next = Next::kMore;
  /// With kEnd: where the next delta goes on. Opaque, at most kMaxCheckpointBytes.
  std::string checkpoint;
  bool caught_up = false;  ///< with kEnd: the source has nothing newer for now
  std::uint64_t values_left_out =
      0;  ///< of records that were taken: malformed, or of a kind that is not matched
  std::uint64_t malformed_values = 0;  ///< the malformed ones of these
};

/// What a list has changed by, read page by page. Dropping it at any time is harmless. Threads: confined.
class Delta {
 public:
  virtual ~Delta() = default;
  /// All of the list instead of changes: what it does not name is no longer listed.
  [[nodiscard]] virtual bool IsWhole() const { return false; }
  /// The next page. Blocks on the network, bounded by the client's time limits; ends soon after `stop`.
  /// Errors: kExchangeUnreachable, kExchangeRefused, kExchangeProtocol, kCancelled; then the delta is of no
  /// more use.
  virtual Result<DeltaPage> Next(const std::stop_token& stop) = 0;
};

/// Threads: confined; one delta at a time.
class ExchangeClient {
 public:
  virtual ~ExchangeClient() = default;
  /// The delta that follows a checkpoint; empty: from the beginning. Errors: kExchangeProtocol for a
  /// checkpoint that is not its own, and where this machine's clock is behind it. Does not block.
  virtual Result<std::unique_ptr<Delta>> Begin(std::string_view checkpoint) = 0;
  /// Asks the source who we are to it, without changing anything: one sentence for a person. Blocks and fails
  /// as Delta::Next.
  virtual Result<std::string> Test(const std::stop_token& stop) = 0;
};

}  // namespace hashgate::exchange
