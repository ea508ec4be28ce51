// Remote lists as the configuration names them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/server/config.h"
#include "exchange/remote/remote_list.h"
#include "hashgate/v1/status_service.pb.h"
#include "obs/metrics.h"

namespace hashgate::app {

/// What is wrong with a remote list's keys taken together, a sentence each.
std::vector<std::string> ProblemsOf(const std::string& name, const Config::RemoteList& remote);

using RemoteLists = std::vector<std::unique_ptr<exchange::RemoteList>>;

/// Starts those of the configuration, in the order of their names. `key` is the store's secret.
RemoteLists StartRemoteLists(const Config& config, std::span<const std::uint8_t> key, obs::Metrics* metrics);
/// For those who ask them.
std::vector<exchange::RemoteList*> PointersTo(const RemoteLists& lists);

/// Which of them are asked.
void SetRemoteMetrics(const RemoteLists& lists, obs::Metrics& metrics);
/// How it is with each. Where there is one, the protection is not told as NONE.
void FillRemoteLists(const RemoteLists& lists, v1::GetStatusResponse& response);

}  // namespace hashgate::app
