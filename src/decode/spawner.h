// The server's end of the spawner process.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "decode/decoder_pool.h"
#include "decode/protocol.h"
#include "hashgate/error.h"

namespace hashgate::decode {

/// A worker as the spawner hands it over.
struct SpawnedWorker {
  UniqueFd pidfd;  ///< names this very process, even after its pid is used again
  int pid = 0;     ///< for logs
};

/// Threads: confined.
class SpawnerProcess final : public Spawner {
 public:
  /// Executes `binary`, has it load `plugins` and waits until it is warm. Errors: kDecoderUnavailable.
  static Result<std::unique_ptr<SpawnerProcess>> Launch(const std::string& binary,
                                                        std::span<const PluginSetup> plugins,
                                                        SteadyTime deadline);

  /// Closes the control socket, at which the spawner ends and its workers with it; kills it after 2 s.
  ~SpawnerProcess() override;
  SpawnerProcess(const SpawnerProcess&) = delete;
  SpawnerProcess& operator=(const SpawnerProcess&) = delete;

  /// Forks a worker that gets copies of both descriptors. `request.request_id` is set here. Errors:
  /// kDecoderUnavailable; Usable then says whether to ask this spawner again.
  Result<SpawnedWorker> Spawn(int job_fd, int buffer_fd, SpawnRequest request, SteadyTime deadline);

  /// False where the process has ended or has not kept to the protocol.
  [[nodiscard]] bool Usable() const;
  [[nodiscard]] WorkerClass worker_class() const override { return worker_class_; }
  [[nodiscard]] std::span<const VectorMaker> vector_makers() const override { return vector_makers_; }
  [[nodiscard]] const std::string& binary() const { return binary_; }
  [[nodiscard]] const std::vector<PluginSetup>& plugins() const { return plugins_; }
  [[nodiscard]] int pid() const { return pid_; }

 private:
  SpawnerProcess(std::string binary, std::span<const PluginSetup> plugins, int pid, UniqueFd pidfd,
                 UniqueFd control);
  Status TakeHello(SteadyTime deadline);

  std::string binary_;
  std::vector<PluginSetup> plugins_;
  std::vector<VectorMaker> vector_makers_;
  WorkerClass worker_class_ = WorkerClass::kCore;
  int pid_;
  UniqueFd pidfd_;
  UniqueFd control_;
  std::uint64_t next_request_ = 1;
  bool broken_ = false;
};

/// Sends `signal` to the process behind `pidfd`; nothing where it is gone.
void SignalProcess(const UniqueFd& pidfd, int signal);
/// True where the process behind `pidfd` has ended.
bool HasEnded(const UniqueFd& pidfd);

}  // namespace hashgate::decode
