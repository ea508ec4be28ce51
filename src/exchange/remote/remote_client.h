// A list that somebody else holds, and that is asked hash by hash, as the code that asks sees it.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"

namespace hashgate::exchange {

/// Bytes of a classification, and of a source id, at most.
inline constexpr std::size_t kMaxRemoteTextBytes = 64;

/// What the service says of one hash.
struct RemoteAnswer {
  bool listed = false;         ///< else it knows nothing like it, and the rest is empty
  std::string classification;  ///< as given
  std::string source_id;       ///< names the item that it is like, and is not its hash; empty: not said
  Purpose purpose = Purpose::kUnspecified;     ///< what the item stands for; unspecified: what the list does
  Verdict ceiling = Verdict::kBlockAndReport;  ///< the most that such a classification may lead to

  bool operator==(const RemoteAnswer&) const = default;
};

/// What the service says of the hashes of one request, in their order.
struct RemoteReply {
  std::vector<std::optional<RemoteAnswer>> answers;  ///< empty where it says nothing of a hash
  std::chrono::milliseconds pause{0};                ///< for which it wants to be left alone
};

/// Sends hashes, and nothing else. Threads: confined.
class RemoteClient {
 public:
  virtual ~RemoteClient() = default;
  /// One request. Errors: those of HttpClient::Send, and kExchangeProtocol; retry_after where the service
  /// named a time.
  virtual Result<RemoteReply> LookUp(std::span<const PdqHash> hashes, const std::stop_token& stop) = 0;
};

}  // namespace hashgate::exchange
