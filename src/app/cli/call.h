// Calls in flight of a client, so that all of them can be ended. Private to the client.
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <mutex>
#include <set>

namespace hashgate::cli {

/// Contexts of calls in flight, so that a stop request can end them.
class CallRegistry {
 public:
  bool Add(grpc::ClientContext& context) {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return false;
    contexts_.insert(&context);
    return true;
  }
  void Remove(grpc::ClientContext& context) {
    const std::lock_guard lock(mutex_);
    contexts_.erase(&context);
  }
  void Cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    for (grpc::ClientContext* const context : contexts_) context->TryCancel();
  }

 private:
  std::mutex mutex_;
  std::set<grpc::ClientContext*> contexts_;
  bool cancelled_ = false;
};

/// One call: its context with a deadline, registered while it lives.
class Call {
 public:
  Call(CallRegistry& registry, std::chrono::system_clock::time_point deadline) : registry_(registry) {
    context_.set_deadline(deadline);
    accepted_ = registry_.Add(context_);
    if (!accepted_) context_.TryCancel();
  }
  ~Call() { registry_.Remove(context_); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  grpc::ClientContext* context() { return &context_; }

 private:
  CallRegistry& registry_;
  grpc::ClientContext context_;
  bool accepted_ = false;
};

}  // namespace hashgate::cli
