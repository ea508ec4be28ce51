// A fake NCMEC hash sharing server: environments on one HTTP server on loopback. The API is that of version
// 2, as far as it is public; see ncmec_xml.h for the sources. Synthetic hashes only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "testing/fakes/fake_http_server.h"
#include "testing/fakes/ncmec_environment.h"

namespace hashgate::testing {

/// Threads: thread-safe.
class NcmecServer {
 public:
  struct Options {
    std::vector<std::string> environments = {"/npo"};  ///< paths of their base URLs
    const Clock* clock = &Clock::System();
    FakeHttpServer::Options http;
  };
  explicit NcmecServer(Options options);
  NcmecServer() : NcmecServer(Options{}) {}

  /// The first one, unless named. Aborts where there is none of that path.
  NcmecEnvironment& environment();
  NcmecEnvironment& environment(const std::string& path);
  /// What a client is configured with.
  [[nodiscard]] std::string base_url() { return http_->base_url() + environment().path(); }
  /// For failures of the HTTP kind, and what was asked.
  FakeHttpServer& http() { return *http_; }

 private:
  FakeReply Answer(const FakeRequest& request);

  std::vector<std::unique_ptr<NcmecEnvironment>> environments_;
  // Last: it asks the others until it is gone.
  std::unique_ptr<FakeHttpServer> http_;
};

}  // namespace hashgate::testing
