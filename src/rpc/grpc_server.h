// The gRPC listener: services, health, reflection, limits and the drain.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "rpc/service_context.h"

namespace hashgate::rpc {

struct GrpcServerOptions {
  std::string listen = "127.0.0.1:8461";         ///< host:port; port 0 takes a free one
  bool insecure = false;                         ///< allows a non-loopback address without TLS
  std::string admin_socket;                      ///< path of a Unix socket to listen on too; empty for none
  int max_concurrent_streams = 64;               ///< for each connection
  std::size_t max_memory_bytes = 1024ULL << 20;  ///< gRPC's own buffers
  int max_threads = 256;                         ///< of gRPC's own
  int max_metadata_bytes = 8 * 1024;             ///< headers of one call
  /// A connection is told to go after this long (a tenth more or less), so that clients spread over servers;
  /// its calls may go on for the grace.
  std::chrono::seconds max_connection_age{1'800};
  std::chrono::seconds connection_age_grace{3'600};
  std::chrono::milliseconds max_connection_idle{300'000};  ///< without a call; clients open another
  std::chrono::milliseconds handshake_timeout{5'000};      ///< for a new connection to speak HTTP/2
  std::chrono::milliseconds keepalive_time{60'000};        ///< of silence, then the server asks
  std::chrono::milliseconds keepalive_timeout{20'000};
  std::chrono::milliseconds min_ping_interval{30'000};  ///< of clients; the third quicker one ends it
};

/// A running listener. Threads: thread-safe.
class GrpcServer {
 public:
  /// Starts listening; health says NOT_SERVING until SetServing(true). `context` outlives the server.
  /// Errors: kInsecureListener, kAddressUnavailable, kConfigInvalid.
  static Result<std::unique_ptr<GrpcServer>> Start(const ServiceContext& context,
                                                   const GrpcServerOptions& options);
  virtual ~GrpcServer() = default;

  /// Port that is listened on.
  [[nodiscard]] virtual int port() const = 0;
  /// What grpc.health.v1 says for "" and every service.
  virtual void SetServing(bool serving) = 0;
  /// Waits until accepted calls have ended or `deadline` passed, then ends watches and streams and stops.
  /// Close the gate first. True where every accepted call had ended.
  virtual bool Stop(SteadyTime deadline) = 0;
};

}  // namespace hashgate::rpc
