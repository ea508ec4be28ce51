#include "testing/fakes/ncmec_server.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace hashgate::testing {

NcmecServer::NcmecServer(Options options) {
  for (const std::string& path : options.environments) {
    environments_.push_back(std::make_unique<NcmecEnvironment>(path, *options.clock));
  }
  http_ = std::make_unique<FakeHttpServer>([this](const FakeRequest& request) { return Answer(request); },
                                           std::move(options.http));
}

NcmecEnvironment& NcmecServer::environment() {
  return *environments_.front();
}

NcmecEnvironment& NcmecServer::environment(const std::string& path) {
  const auto found = std::ranges::find(environments_, path, &NcmecEnvironment::path);
  if (found == environments_.end()) {
    std::fprintf(stderr, "fake NCMEC server: no environment %s\n", path.c_str());
    std::abort();
  }
  return **found;
}

FakeReply NcmecServer::Answer(const FakeRequest& request) {
  for (const std::unique_ptr<NcmecEnvironment>& environment : environments_) {
    if (request.path.starts_with(environment->path() + "/v2/")) return environment->Answer(request);
  }
  return {.status = 404};
}

}  // namespace hashgate::testing
