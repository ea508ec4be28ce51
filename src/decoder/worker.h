// A worker: locks itself, then decodes and hashes one upload after another.
#pragma once

#include "base/unique_fd.h"
#include "decode/lock.h"
#include "decode/protocol.h"
#include "decode/record.h"
#include "decode/worker_class.h"

namespace hashgate::decoder {

/// What a worker does with an upload, and how it answers: parameters, so that tests can put a hostile worker
/// behind the real lock and protocol.
struct Program {
  /// May throw std::bad_alloc only.
  decode::DecodeResult (*process)(ByteSpan, decode::Format, const decode::Wanted&, const decode::Limits&);
  /// Touches in the spawner what every worker needs: tables, code pages, one-time initialisation.
  void (*warm_up)();
  /// Which codecs these are: names the lock's system calls.
  decode::WorkerClass worker_class = decode::WorkerClass::kCore;
  /// Sends the encoded answer of the job; null means as it is.
  void (*reply)(int socket, ByteSpan answer) = nullptr;
  decode::LockResult<decode::LockReport> (*lock)(const decode::LockOptions&) = decode::LockProcess;
};

/// Serves jobs until the server closes `job`; does not return. Called in a freshly forked process that has
/// one thread. `job` and `buffer` are what the server sent for this worker; all other descriptors are closed.
/// `in_namespaces` is what EnterNamespaces said in the spawner.
[[noreturn]] void RunWorker(const Program& program, const decode::SpawnRequest& request, bool in_namespaces,
                            UniqueFd job, UniqueFd buffer);

}  // namespace hashgate::decoder
