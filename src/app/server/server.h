// The whole server, wired: what main runs and what in-process tests start.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/server/config.h"
#include "decode/decoder_pool.h"
#include "policy/policy.h"

namespace hashgate::app {

/// A running server. Threads: confined to the thread that made it, but for what is said below.
class Server {
 public:
  /// Opens the store, loads the lists and starts listening; on return the server is ready or says on /readyz
  /// why not. `spawners` were started before the process had threads. Errors: those of each part, with what
  /// to do.
  static Result<std::unique_ptr<Server>> Start(const Config& config,
                                               std::vector<std::unique_ptr<decode::Spawner>> spawners);
  virtual ~Server() = default;

  /// Health turns NOT_SERVING, after `drain.notice_ms` new calls are refused, and the server stops with its
  /// last accepted call or at `drain.timeout_ms`. True where every accepted call had ended.
  virtual bool Drain() = 0;
  /// Takes over what may change while running: the policy and the log level. Errors: kPolicyInvalid,
  /// kFileUnreadable; then the old policy stays.
  virtual Status Reload(const Config& config) = 0;

  [[nodiscard]] virtual int grpc_port() const = 0;
  [[nodiscard]] virtual int http_port() const = 0;
};

/// The policy that `config` names. Errors: kPolicyInvalid, kFileUnreadable.
Result<std::shared_ptr<const policy::Policy>> LoadPolicy(const Config& config);

}  // namespace hashgate::app
