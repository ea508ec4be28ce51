// What to do with uploads while the gate cannot be reached: the server's own table, kept for as long as it
// allows.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "app/cli/client.h"
#include "hashgate/v1/types.pb.h"

namespace hashgate::cli {

/// Threads: const calls may be concurrent.
class FailPolicy {
 public:
  /// Asks the server for the table of `surface`; where it cannot, takes `cache_file` (empty: none) unless
  /// that is older than the table allows. A table that was fetched is written to `cache_file`; that it could
  /// not be is not an error. Never fails: without a table every cause is HOLD.
  static FailPolicy Load(Client& client, const std::string& surface, const std::string& cache_file,
                         std::chrono::milliseconds timeout);

  /// HOLD for causes that the table does not name, and once the table is too old.
  [[nodiscard]] v1::Verdict For(v1::Cause cause) const;

 private:
  void Take(const v1::GetFailPolicyResponse& response, std::chrono::system_clock::time_point fetched);

  std::map<v1::Cause, v1::Verdict> rows_;
  std::chrono::system_clock::time_point until_{};
};

}  // namespace hashgate::cli
