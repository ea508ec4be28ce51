#include "testing/server_process.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "testing/http_get.h"
#include "testing/poll.h"

namespace hashgate::testing {
namespace {

using Json = nlohmann::json;

std::string ConfigText(const ServerOptions& options, const std::filesystem::path& data_dir) {
  auto config = options.config;
  config[""].try_emplace("data_dir", "\"" + data_dir.string() + "\"");
  config["grpc"].try_emplace("listen", "\"127.0.0.1:0\"");
  config["http"].try_emplace("listen", "\"127.0.0.1:0\"");
  config["drain"].try_emplace("notice_ms", "0");
  std::string text;
  for (const auto& [section, keys] : config) {
    if (!section.empty()) text += section + ":\n";
    for (const auto& [key, value] : keys)
      text.append(section.empty() ? "" : "  ").append(key).append(": ").append(value).append("\n");
  }
  return text;
}

// The lines of one event; what is not JSON (a sanitizer's report) is left out.
std::vector<Json> Events(const std::string& log, const std::string& event) {
  std::vector<Json> found;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object() && json.value("event", "") == event) found.push_back(json);
  }
  return found;
}

// The fourth field of /proc/PID/stat, after the name in brackets.
pid_t ParentOf(const std::filesystem::path& process) {
  const std::string stat = ReadWholeFile(process / "stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return -1;
  std::istringstream rest(stat.substr(name_end + 1));
  std::string state;
  pid_t parent = -1;
  rest >> state >> parent;
  return state == "Z" ? -1 : parent;
}

}  // namespace

ServerProcess::ServerProcess(const std::filesystem::path& folder, const ServerOptions& options)
    : config_path_(folder / "hashgated.yaml"), data_dir_(folder / "data") {
  WriteWholeFile(config_path_, ConfigText(options, data_dir_));
  int number = 1;
  do {
    log_path_ = folder / ("log-" + std::to_string(number++) + ".jsonl");
  } while (std::filesystem::exists(log_path_));
  process_ = std::make_unique<ChildProcess>(
      ChildOptions{.command = {BinaryPath("hashgated"), "--config", config_path_.string()},
                   .environment = options.environment,
                   .stdout_file = folder / "stdout",
                   .stderr_file = log_path_});
}

bool ServerProcess::WaitListening(std::chrono::milliseconds timeout) {
  PollUntil(
      [this] {
        const std::vector<Json> lines = Events(Log(), "listening");
        if (!lines.empty()) {
          grpc_port_ = lines[0].value("grpc_port", 0);
          http_port_ = lines[0].value("http_port", 0);
        }
        return grpc_port_ != 0 || process_->Wait(std::chrono::milliseconds(0)).has_value();
      },
      timeout);
  return grpc_port_ != 0;
}

bool ServerProcess::WaitReady(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  if (!WaitListening(timeout)) return false;
  bool ready = false;
  PollUntil(
      [&] {
        ready = HttpGet(http_port_, "/readyz").status == 200;
        return ready || process_->Wait(std::chrono::milliseconds(0)).has_value();
      },
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()));
  return ready;
}

std::shared_ptr<grpc::Channel> ServerProcess::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(Address(), grpc::InsecureChannelCredentials(), arguments);
}

bool ServerProcess::WaitForEvent(const std::string& event, std::chrono::milliseconds timeout) {
  return PollUntil([&] { return CountEvents(event) > 0; }, timeout);
}

int ServerProcess::CountEvents(const std::string& event) const {
  return static_cast<int>(Events(Log(), event).size());
}

double ServerProcess::Metric(const std::string& sample) const {
  std::istringstream lines(HttpGet(http_port_, "/metrics").body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(sample + " ")) return std::strtod(line.c_str() + sample.size() + 1, nullptr);
  }
  return -1;
}

int ServerProcess::OpenFiles() const {
  int count = 0;
  const std::filesystem::path folder = "/proc/" + std::to_string(process_->pid()) + "/fd";
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    ++count;
  }
  return count;
}

std::vector<pid_t> ServerProcess::Descendants() const {
  std::multimap<pid_t, pid_t> children;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename();
    pid_t pid = 0;
    const auto [rest, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad == std::errc{} && rest == name.data() + name.size()) children.emplace(ParentOf(at->path()), pid);
  }
  std::vector<pid_t> found = {process_->pid()};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i]);
    for (auto child = begin; child != end; ++child) found.push_back(child->second);
  }
  found.erase(found.begin());
  return found;
}

std::optional<int> ServerProcess::Stop(std::chrono::milliseconds timeout) {
  process_->Signal(SIGTERM);
  return process_->Wait(timeout);
}

std::unique_ptr<ServerProcess> StartServer(const std::filesystem::path& folder,
                                           const ServerOptions& options) {
  auto server = std::make_unique<ServerProcess>(folder, options);
  if (server->WaitReady()) return server;
  ADD_FAILURE() << "the server is not ready:\n"
                << HttpGet(server->http_port(), "/readyz").body << server->Log();
  return nullptr;
}

}  // namespace hashgate::testing
