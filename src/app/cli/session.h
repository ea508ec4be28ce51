// A client for the length of a command: Ctrl-C ends its calls.
#pragma once

#include <memory>

#include "app/cli/arguments.h"
#include "app/cli/client.h"
#include "app/cli/environment.h"

namespace hashgate::cli {

class Session {
 public:
  Session(const GlobalOptions& options, Environment& environment)
      : stop_(environment.stop), client_(environment.connect(options.server)), signals_(environment.stop) {
    stop_.SetHandler([this] { client_->Cancel(); });
  }
  ~Session() { stop_.SetHandler({}); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Client* operator->() { return client_.get(); }
  Client& operator*() { return *client_; }

 private:
  Stop& stop_;
  std::unique_ptr<Client> client_;
  SignalWatch signals_;
};

}  // namespace hashgate::cli
