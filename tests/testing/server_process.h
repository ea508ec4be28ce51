// The built hashgated as a process: a folder of its own, free ports, its log in a file.
#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "testing/child_process.h"

namespace hashgate::testing {

struct ServerOptions {
  /// Section -> key -> value as YAML; "" is the top level. Both listeners take free loopback ports, and the
  /// drain has no notice, unless said otherwise.
  std::map<std::string, std::map<std::string, std::string>> config;
  std::map<std::string, std::string> environment;
};

/// One start of the server. Several may follow each other in one folder. Threads: confined, but for
/// NewChannel, Metric and the ports once it listens.
class ServerProcess {
 public:
  /// Writes `folder`/hashgated.yaml and starts; the data are in `folder`/data.
  explicit ServerProcess(const std::filesystem::path& folder, const ServerOptions& options = {});

  /// Waits for the log line that names the ports. False where the server ended or the time is over.
  bool WaitListening(std::chrono::milliseconds timeout = std::chrono::seconds(30));
  /// Waits for a 200 on /readyz.
  bool WaitReady(std::chrono::milliseconds timeout = std::chrono::seconds(30));

  [[nodiscard]] int grpc_port() const { return grpc_port_; }
  [[nodiscard]] int http_port() const { return http_port_; }
  /// A connection of its own, not shared with other channels.
  [[nodiscard]] std::shared_ptr<grpc::Channel> NewChannel() const;
  [[nodiscard]] std::string Address() const { return "127.0.0.1:" + std::to_string(grpc_port_); }

  [[nodiscard]] const std::filesystem::path& config_path() const { return config_path_; }
  [[nodiscard]] const std::filesystem::path& data_dir() const { return data_dir_; }
  /// What this start has written to standard error.
  [[nodiscard]] std::string Log() const { return ReadWholeFile(log_path_); }
  /// Waits for a log line of that event.
  bool WaitForEvent(const std::string& event, std::chrono::milliseconds timeout = std::chrono::seconds(10));
  [[nodiscard]] int CountEvents(const std::string& event) const;

  /// A sample of /metrics by its full name with labels; -1 where there is none.
  [[nodiscard]] double Metric(const std::string& sample) const;
  /// Open file descriptors.
  [[nodiscard]] int OpenFiles() const;
  /// Process ids of the spawner and its workers: everything below the server.
  [[nodiscard]] std::vector<pid_t> Descendants() const;

  ChildProcess& process() { return *process_; }
  /// SIGTERM, and its exit code.
  std::optional<int> Stop(std::chrono::milliseconds timeout = std::chrono::seconds(20));

 private:
  std::filesystem::path config_path_;
  std::filesystem::path data_dir_;
  std::filesystem::path log_path_;
  std::unique_ptr<ChildProcess> process_;
  int grpc_port_ = 0;
  int http_port_ = 0;
};

/// Starts a server and waits until it is ready. Null, and a failure with its log, where it does not get
/// there.
std::unique_ptr<ServerProcess> StartServer(const std::filesystem::path& folder,
                                           const ServerOptions& options = {});

}  // namespace hashgate::testing
