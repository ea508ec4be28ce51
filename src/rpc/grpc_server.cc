#include "rpc/grpc_server.h"

#include <google/protobuf/stubs/logging.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <sys/stat.h>

#include <atomic>

#include "base/net_address.h"
#include "rpc/event_service.h"
#include "rpc/exchange_service.h"
#include "rpc/hash_list_service.h"
#include "rpc/opinion_service.h"
#include "rpc/scan_service.h"
#include "rpc/status_service.h"

namespace hashgate::rpc {
namespace {

constexpr const char* kServices[] = {"hashgate.v1.ScanService",    "hashgate.v1.HashListService",
                                     "hashgate.v1.StatusService",  "hashgate.v1.ExchangeService",
                                     "hashgate.v1.OpinionService", "hashgate.v1.EventService"};
/// Room for a message's other fields beside the image.
constexpr std::size_t kMessageSlack = 64 * 1024;
/// Import messages hold thousands of records.
constexpr std::size_t kMinMessageBytes = 16ULL << 20;
/// After the last accepted call: time for Watch streams to be told.
constexpr std::chrono::milliseconds kStreamGrace{200};

/// Pings that may come too soon; the next one ends the connection.
constexpr int kPingStrikes = 2;

int Millis(std::chrono::milliseconds time) {
  return static_cast<int>(time.count());
}

class RunningServer final : public GrpcServer {
 public:
  explicit RunningServer(const ServiceContext& context)
      : context_(context),
        scan_(context),
        lists_(context),
        status_(context),
        exchanges_(context),
        opinions_(context),
        events_(context) {}
  ~RunningServer() override {
    if (server_ != nullptr && !stopped_.exchange(true)) {
      server_->Shutdown(std::chrono::system_clock::now());
      server_->Wait();
    }
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  Status Listen(const GrpcServerOptions& options) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int admin_port = 1;
    builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port_);
    if (!options.admin_socket.empty()) {
      builder.AddListeningPort("unix:" + options.admin_socket, grpc::InsecureServerCredentials(),
                               &admin_port);
    }
    builder.RegisterService(&scan_);
    builder.RegisterService(&lists_);
    builder.RegisterService(&status_);
    builder.RegisterService(&exchanges_);
    builder.RegisterService(&opinions_);
    builder.RegisterService(&events_);
    const std::size_t message =
        std::max<std::size_t>(context_.options.max_inline_bytes + kMessageSlack, kMinMessageBytes);
    builder.SetMaxReceiveMessageSize(static_cast<int>(message));
    builder.SetMaxSendMessageSize(static_cast<int>(kMinMessageBytes));
    // Two servers on one port would share its calls silently.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, Millis(options.max_connection_age));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Millis(options.connection_age_grace));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Millis(options.max_connection_idle));
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Millis(options.handshake_timeout));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(options.keepalive_time));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(options.keepalive_timeout));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               Millis(options.min_ping_interval));
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kPingStrikes);
    grpc::ResourceQuota quota("hashgate");
    quota.Resize(options.max_memory_bytes);
    quota.SetMaxThreads(options.max_threads);
    builder.SetResourceQuota(quota);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return Fail(Reason::kAddressUnavailable,
                  "cannot listen for gRPC on " + options.listen +
                      ": the port is taken or the address is not this machine's; change grpc.listen",
                  "grpc.listen");
    }
    if (admin_port == 0 ||
        (!options.admin_socket.empty() && ::chmod(options.admin_socket.c_str(), S_IRUSR | S_IWUSR) != 0)) {
      return Fail(Reason::kAddressUnavailable,
                  "cannot listen on the Unix socket " + options.admin_socket +
                      ": its folder must exist and be writable; change grpc.admin_socket",
                  "grpc.admin_socket");
    }
    SetServing(false);
    return {};
  }

  [[nodiscard]] int port() const override { return port_; }

  void SetServing(bool serving) override {
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    if (health == nullptr) return;
    health->SetServingStatus("", serving);
    for (const char* service : kServices) health->SetServingStatus(service, serving);
  }

  bool Stop(SteadyTime deadline) override {
    const bool empty = context_.gate->WaitUntilEmpty(deadline);
    if (!stopped_.exchange(true)) {
      events_.EndStreams();
      // With a Watch open, Shutdown lasts its whole deadline: so the calls are waited for above.
      server_->Shutdown(std::chrono::system_clock::now() + kStreamGrace);
      server_->Wait();
    }
    return empty;
  }

 private:
  const ServiceContext& context_;
  ScanServiceImpl scan_;
  HashListServiceImpl lists_;
  StatusServiceImpl status_;
  ExchangeServiceImpl exchanges_;
  OpinionServiceImpl opinions_;
  EventServiceImpl events_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  std::atomic<bool> stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<GrpcServer>> GrpcServer::Start(const ServiceContext& context,
                                                      const GrpcServerOptions& options) {
  if (!IsLoopbackAddress(options.listen) && !options.insecure) {
    return Fail(
        Reason::kInsecureListener,
        "grpc.listen is " + options.listen +
            ", which others can reach, and this version has no TLS: listen on loopback behind a TLS proxy "
            "(with grpc.loopback_is_admin: false), or set grpc.insecure: true to accept the risk",
        "grpc.listen");
  }
  // Protobuf complains on standard error of each message with bad text: whoever sends such would fill the
  // log, in lines that are none of ours. The call is refused all the same.
  google::protobuf::SetLogHandler(nullptr);
  auto server = std::make_unique<RunningServer>(context);
  HASHGATE_RETURN_IF_ERROR(server->Listen(options));
  return server;
}

}  // namespace hashgate::rpc
