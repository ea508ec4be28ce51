// The kinds of exchanges: the one table that knows all of them.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "exchange/remote/remote_client.h"
#include "exchange/sync/client.h"
#include "exchange/sync/runner.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

/// "ncmec", "stopncii", "threatexchange", "feed".
std::span<const std::string_view> ExchangeKinds();

/// What clients are made from. Keys that a kind has no use for must be empty.
struct ClientSettings {
  std::string kind;
  std::string base_url;
  bool allow_plain_http = false;
  /// In a file's first line or in a variable of the environment; read when a client is made. What they are is
  /// the kind's: "USER:PASSWORD" of ncmec and feed, "FETCHKEY:SUBSCRIPTIONKEY" of stopncii, with
  /// ":FEEDBACKKEY" where feedback is given, "APPID|SECRET" or another access token of threatexchange.
  std::string credentials_file;
  std::string credentials_env;
  std::string ca_file;
  std::string proxy;
  std::set<std::string> only_members;
  std::set<std::string> except_members;
  std::string privacy_group;
  std::string public_key_file;  ///< PEM
  const Clock* clock = &Clock::System();
};

/// Whether the keys that not every kind has are there and sound. Errors: kConfigInvalid with the key.
Status CheckClientSettings(const ClientSettings& settings);

/// Errors: kConfigInvalid with the key, kFileUnreadable for credentials that cannot be read. No message holds
/// a part of them.
Result<std::unique_ptr<ExchangeClient>> NewExchangeClient(const ClientSettings& settings, Patience patience);

/// "arachnid_shield".
std::span<const std::string_view> RemoteKinds();

/// A client of a remote list whose kind is one of RemoteKinds(). Credentials are "USER:PASSWORD". A request
/// is not tried again, and given up after the longer of `timeout` and 5 seconds: one that takes longer than a
/// scan waits still opens the connection for the next, and its answer is remembered. Errors: as
/// NewExchangeClient.
Result<std::unique_ptr<RemoteClient>> NewRemoteClient(const ClientSettings& settings,
                                                      std::chrono::milliseconds timeout);

/// Whether a base URL leads to the real service of a programme. Hosts from the programmes' public
/// documentation; others are not known.
bool IsKnownProduction(std::string_view base_url);

}  // namespace hashgate::exchange
