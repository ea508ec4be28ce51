#include "app/server/config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "app/server/config_fields.h"
#include "app/server/exchanges.h"
#include "app/server/remote_lists.h"
#include "exchange/kinds/kinds.h"
#include "policy/strict_yaml.h"

namespace hashgate::app {
namespace {

using policy::LoadStrictYaml;
using policy::YamlProblems;

constexpr std::string_view kLogLevels[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kLockLevels[] = {"none", "basic", "landlock", "namespaces"};
constexpr std::string_view kIsolations[] = {"pooled", kIsolationPerImage};
constexpr decode::LockLevel kLockLevelValues[] = {decode::LockLevel::kNone, decode::LockLevel::kBasic,
                                                  decode::LockLevel::kLandlock,
                                                  decode::LockLevel::kNamespaces};
constexpr std::string_view kDigestAnswers[] = {kDigestsNeverAnswer, "without_pdq", kDigestsAlwaysAnswer};
constexpr std::string_view kDigestChoices[] = {"needed", kAllDigests};
constexpr std::string_view kEnvironments[] = {"test", kProduction};
// Those that IsMadeByPlugins names.
constexpr std::string_view kPluginAlgorithms[] = {"photodna"};
constexpr std::string_view kPurposes[] = {"CSAM", "EXPLOITATIVE", "NCII_ADULT", "OWN_RULES", "TEST"};
constexpr std::string_view kTrusts[] = {"UNVERIFIED", "LOCAL", "TRUSTED"};
// Without digests nothing leads to more.
constexpr std::string_view kRemoteCeilings[] = {"ALLOW", "HOLD", "REVIEW", "BLOCK"};
constexpr std::int64_t kBig = std::int64_t{1} << 40;

// Every key of an exchange, for the same visitors.
template <typename E, typename V>
void DescribeExchange(E& exchange, V& v) {
  v.Choice("kind", exchange.kind, exchange::ExchangeKinds());
  v.Text("list", exchange.list);
  v.Text("base_url", exchange.base_url);
  v.Choice("environment", exchange.environment, kEnvironments);
  v.Flag("allow_plain_http", exchange.allow_plain_http);
  v.Text("credentials_file", exchange.credentials_file);
  v.Text("credentials_env", exchange.credentials_env);
  v.Text("ca_file", exchange.ca_file);
  v.Text("proxy", exchange.proxy);
  v.Texts("only_members", exchange.only_members);
  v.Texts("except_members", exchange.except_members);
  v.Text("privacy_group", exchange.privacy_group);
  v.Text("public_key_file", exchange.public_key_file);
  v.Flag("allow_export", exchange.allow_export);
  v.Flag("feedback", exchange.feedback);
  v.Number("interval_s", exchange.interval_s, 1, 30 * 86'400);
  v.Number("stale_after_s", exchange.stale_after_s, 1, 365 * 86'400);
  v.Section("gates");
  v.Number("growth_percent", exchange.gates.growth_percent, 0, 1'000'000);
  v.Number("growth_entries", exchange.gates.growth_entries, 0, kBig);
  v.Number("growth_first_entries", exchange.gates.growth_first_entries, 0, kBig);
  v.Number("shrink_percent", exchange.gates.shrink_percent, 0, 100);
  v.Number("shrink_entries", exchange.gates.shrink_entries, 0, kBig);
  v.Number("malformed_percent", exchange.gates.malformed_percent, 0, 100);
  v.Number("malformed_records", exchange.gates.malformed_records, 0, kBig);
  v.Number("benign_entries", exchange.gates.benign_entries, 0, kBig);
  v.Number("degenerate_percent", exchange.gates.degenerate_percent, 0, 100);
  v.Number("degenerate_entries", exchange.gates.degenerate_entries, 0, kBig);
}

// Every key of a remote list, for the same visitors.
template <typename R, typename V>
void DescribeRemoteList(R& remote, V& v) {
  v.Choice("kind", remote.kind, exchange::RemoteKinds());
  v.Text("base_url", remote.base_url);
  v.Choice("environment", remote.environment, kEnvironments);
  v.Flag("allow_plain_http", remote.allow_plain_http);
  v.Text("credentials_file", remote.credentials_file);
  v.Text("credentials_env", remote.credentials_env);
  v.Text("ca_file", remote.ca_file);
  v.Text("proxy", remote.proxy);
  v.Choice("purpose", remote.purpose, kPurposes);
  v.Choice("trust", remote.trust, kTrusts);
  v.Choice("action_ceiling", remote.action_ceiling, kRemoteCeilings);
  v.Number("min_quality", remote.min_quality, 0, 100);
  v.Number("timeout_ms", remote.timeout_ms, 10, 60'000);
  v.Number("batch_hashes", remote.batch_hashes, 1, 1'000);
  v.Number("cache_entries", remote.cache_entries, 0, 10'000'000);
  v.Number("cache_s", remote.cache_s, 1, 86'400);
  v.Number("breaker_failures", remote.breaker_failures, 1, 1'000);
  v.Number("breaker_pause_s", remote.breaker_pause_s, 1, 3'600);
  v.Number("max_in_flight", remote.max_in_flight, 1, 64);
}

template <typename P, typename V>
void DescribePlugin(P& plugin, V& v) {
  v.Text("path", plugin.path);
  v.Choice("algorithm", plugin.algorithm, kPluginAlgorithms);
  v.Text("config", plugin.config);
  v.Text("config_file", plugin.config_file);
}

// Every key once. V is ConfigReader or ConfigPrinter.
template <typename C, typename V>
void Describe(C& config, V& v) {
  v.Text("data_dir", config.data_dir);
  v.Choice("log_level", config.log_level, kLogLevels);
  v.Section("grpc");
  v.Text("listen", config.grpc.listen);
  v.Flag("insecure", config.grpc.insecure);
  v.Text("admin_socket", config.grpc.admin_socket);
  v.Flag("loopback_is_admin", config.grpc.loopback_is_admin);
  v.Number("max_concurrent_streams", config.grpc.max_concurrent_streams, 1, 100'000);
  v.Number("max_memory_mib", config.grpc.max_memory_mib, 64, kBig);
  v.Number("max_threads", config.grpc.max_threads, 16, 100'000);
  v.Number("max_metadata_kib", config.grpc.max_metadata_kib, 1, 1'024);
  v.Number("max_connection_age_s", config.grpc.max_connection_age_s, 1, 1'000'000);
  v.Number("max_connection_idle_s", config.grpc.max_connection_idle_s, 1, 1'000'000);
  v.Number("connection_age_grace_s", config.grpc.connection_age_grace_s, 1, 1'000'000);
  v.Number("handshake_timeout_ms", config.grpc.handshake_timeout_ms, 100, 120'000);
  v.Number("min_ping_interval_ms", config.grpc.min_ping_interval_ms, 1'000, 3'600'000);
  v.Number("import_max_pause_ms", config.grpc.import_max_pause_ms, 100, 86'400'000);
  v.Section("http");
  v.Text("listen", config.http.listen);
  v.Flag("insecure", config.http.insecure);
  v.Section("policy");
  v.Text("profile", config.policy.profile);
  v.Text("file", config.policy.file);
  v.Surfaces(config.surfaces);
  v.Map("exchanges", config.exchanges, [](auto& exchange, auto& own) { DescribeExchange(exchange, own); });
  v.Map("remote_lists", config.remote_lists,
        [](auto& remote, auto& own) { DescribeRemoteList(remote, own); });
  v.Section("opinions");
  v.Flag("confirm_needs_two", config.opinions.confirm_needs_two);
  v.Flag("suppress_needs_two", config.opinions.suppress_needs_two);
  v.Number("flood_accounts", config.opinions.flood_accounts, 0, 50);
  v.Number("flood_window_minutes", config.opinions.flood_window_minutes, 1, 10'080);
  v.Section("scan");
  v.Number("threads", config.scan.threads, 0, 1'024);
  v.Number("max_queued", config.scan.max_queued, 1, 100'000);
  v.Number("queue_wait_ms", config.scan.queue_wait_ms, 0, 600'000);
  v.Number("queue_burst_ms", config.scan.queue_burst_ms, 1, 600'000);
  v.Number("background_workers", config.scan.background_workers, 0, 64);
  v.Number("batch_max_in_flight", config.scan.batch_max_in_flight, 1, 1'024);
  v.Number("batch_max_pause_ms", config.scan.batch_max_pause_ms, 100, 86'400'000);
  v.Number("max_streams", config.scan.max_streams, 1, 100'000);
  v.Number("max_time_ms", config.scan.max_time_ms, 100, 600'000);
  v.Number("upload_max_time_ms", config.scan.upload_max_time_ms, 100, 86'400'000);
  v.Number("upload_max_pause_ms", config.scan.upload_max_pause_ms, 100, 3'600'000);
  v.Number("max_inline_mib", config.scan.max_inline_mib, 1, 1'024);
  v.Number("max_buffered_mib", config.scan.max_buffered_mib, 1, kBig);
  v.Number("answer_reserve_ms", config.scan.answer_reserve_ms, 1, 10'000);
  v.Number("retry_after_ms", config.scan.retry_after_ms, 1, 3'600'000);
  v.Number("retain_blocked_days", config.scan.retain_blocked_days, 1, 3'650);
  v.Choice("digests", config.scan.digests, kDigestChoices);
  v.Number("reuse_mib", config.scan.reuse_mib, 0, kBig);
  v.Number("reuse_seconds", config.scan.reuse_seconds, 1, 86'400);
  v.Choice("answer_by_digests", config.scan.answer_by_digests, kDigestAnswers);
  v.Section("decoder");
  v.Text("binary", config.decoder.binary);
  v.Number("workers", config.decoder.workers, 0, 64);
  v.Choice("isolation", config.decoder.isolation, kIsolations);
  v.Number("images_per_worker", config.decoder.images_per_worker, 1, 1'000'000);
  v.Number("max_worker_age_s", config.decoder.max_worker_age_s, 1, 86'400);
  v.Choice("minimum_lock", config.decoder.minimum_lock, kLockLevels);
  v.Number("job_timeout_ms", config.decoder.job_timeout_ms, 100, 600'000);
  v.Number("max_mib", config.decoder.max_mib, 1, 1'024);
  v.Number("max_pixels", config.decoder.max_pixels, 1'000, 1'000'000'000);
  v.Number("max_scaled_pixels", config.decoder.max_scaled_pixels, 1'000, 4'000'000'000);
  v.Number("max_side", config.decoder.max_side, 64, 65'535);
  v.Number("max_scans", config.decoder.max_scans, 1, 10'000);
  v.Number("max_scan_pixels", config.decoder.max_scan_pixels, 1'000, kBig);
  v.Number("max_frames", config.decoder.max_frames, 1, 1'000'000'000);
  v.Number("max_frame_pixels", config.decoder.max_frame_pixels, 1'000, kBig);
  v.Number("max_profile_kib", config.decoder.max_profile_kib, 1, 65'536);
  v.Number("max_exif_kib", config.decoder.max_exif_kib, 1, 65'536);
  v.Number("memory_mib", config.decoder.memory_mib, 32, 65'536);
  v.Number("cpu_seconds", config.decoder.cpu_seconds, 1, 3'600);
  v.Flag("heif", config.decoder.heif);
  v.Number("heif_workers", config.decoder.heif_workers, 0, 64);
  v.Flag("tiff", config.decoder.tiff);
  v.Number("tiff_workers", config.decoder.tiff_workers, 1, 64);
  v.List("plugins", config.decoder.plugins, decode::kMaxPlugins,
         [](auto& plugin, auto& own) { DescribePlugin(plugin, own); });
  v.Section("index");
  v.Number("max_memory_mib", config.index.max_memory_mib, 0, kBig);
  v.Flag("snapshot", config.index.snapshot);
  v.Section("idempotency");
  v.Number("keep_hours", config.idempotency.keep_hours, 1, 24 * 31);
  v.Number("max_records", config.idempotency.max_records, 1'000, 1'000'000'000);
  v.Section("verdicts");
  v.Number("keep_days", config.verdicts.keep_days, 1, 36'500);
  v.Section("events");
  v.Number("keep_days", config.events.keep_days, 1, 36'500);
  v.Number("max", config.events.max, 1'000, 1'000'000'000);
  v.Number("max_readers", config.events.max_readers, 1, 1'024);
  v.Section("canary");
  v.Number("interval_s", config.canary.interval_s, 1, 3'600);
  v.Number("misses_until_unready", config.canary.misses_until_unready, 1, 100);
  v.Number("entries_per_list", config.canary.entries_per_list, 0, 1'000);
  v.Section("drain");
  v.Number("notice_ms", config.drain.notice_ms, 0, 600'000);
  v.Number("timeout_ms", config.drain.timeout_ms, 0, 3'600'000);
}

// What one key alone does not tell.
void CheckExchanges(const Config& config, const policy::StrictNode& root, YamlProblems& problems) {
  std::map<std::string, std::string> feeders;
  for (const policy::StrictNode::Member& section : root.members) {
    if (section.key != "exchanges") continue;
    for (const policy::StrictNode::Member& member : section.value.members) {
      const auto at = config.exchanges.find(member.key);
      if (at == config.exchanges.end()) continue;
      for (const std::string& problem : ProblemsOf(member.key, at->second)) {
        problems.Add(member.line, problem);
      }
      const auto [feeder, first] = feeders.emplace(ListOf(member.key, at->second), member.key);
      if (!first) {
        problems.Add(member.line, "exchanges." + member.key + " feeds the list of exchanges." +
                                      feeder->second + ": each takes a list of its own");
      }
    }
  }
}

// What one key alone does not tell.
void CheckRemoteLists(const Config& config, const policy::StrictNode& root, YamlProblems& problems) {
  for (const policy::StrictNode::Member& section : root.members) {
    if (section.key != "remote_lists") continue;
    for (const policy::StrictNode::Member& member : section.value.members) {
      const auto at = config.remote_lists.find(member.key);
      if (at == config.remote_lists.end()) continue;
      for (const std::string& problem : ProblemsOf(member.key, at->second)) {
        problems.Add(member.line, problem);
      }
      for (const auto& [name, exchange] : config.exchanges) {
        if (ListOf(name, exchange) != member.key) continue;
        problems.Add(member.line, "remote_lists." + member.key + " has the name of the list that exchanges." +
                                      name + " feeds");
      }
    }
  }
}

// What one key alone does not tell.
void CheckPlugins(const Config& config, const policy::StrictNode& root, YamlProblems& problems) {
  std::vector<int> lines;
  for (const policy::StrictNode::Member& section : root.members) {
    if (section.key != "decoder") continue;
    for (const policy::StrictNode::Member& key : section.value.members) {
      if (key.key != "plugins") continue;
      for (const policy::StrictNode& item : key.value.items) lines.push_back(item.line);
    }
  }
  for (std::size_t i = 0; i < config.decoder.plugins.size(); ++i) {
    const Config::Decoder::Plugin& plugin = config.decoder.plugins[i];
    const int line = lines.at(i);
    if (!plugin.path.starts_with('/')) {
      problems.Add(line, "each of decoder.plugins needs its path, an absolute one");
    }
    if (!plugin.config.empty() && !plugin.config_file.empty()) {
      problems.Add(line, "one of decoder.plugins has both config and config_file");
    }
  }
}

}  // namespace

Result<Config> ParseConfig(std::string_view yaml, std::string_view source) {
  YamlProblems problems{std::string(source)};
  Config config;
  // An empty file asks for the defaults.
  if (yaml.find_first_not_of(" \t\r\n") == std::string_view::npos) return config;
  const auto root = LoadStrictYaml(yaml, problems);
  if (root) {
    ConfigReader reader(*root, "", problems);
    Describe(config, reader);
    reader.End();
    CheckExchanges(config, *root, problems);
    CheckRemoteLists(config, *root, problems);
    CheckPlugins(config, *root, problems);
  }
  if (!problems.empty()) return std::unexpected(problems.ToError(Reason::kConfigInvalid));
  return config;
}

Result<Config> LoadConfig(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  // A folder opens like a file and reads like an empty one, which would mean the defaults.
  std::error_code ignored;
  if (!file || std::filesystem::is_directory(path, ignored)) {
    return Fail(Reason::kFileUnreadable, "cannot read the configuration " + path);
  }
  return ParseConfig(text.str(), path);
}

std::string PrintConfig(const Config& config) {
  ConfigPrinter printer;
  Describe(config, printer);
  return printer.text();
}

log::Level LogLevelOf(const Config& config) {
  const auto at = std::ranges::find(kLogLevels, config.log_level) - std::begin(kLogLevels);
  return static_cast<log::Level>(at);
}

decode::PoolOptions PoolOptionsOf(const Config& config) {
  const auto& from = config.decoder;
  const int cpus = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 64);
  decode::PoolOptions options;
  options.workers = from.workers > 0 ? static_cast<int>(from.workers) : cpus;
  options.images_per_worker =
      from.isolation == kIsolationPerImage ? 1 : static_cast<int>(from.images_per_worker);
  options.max_worker_age = std::chrono::seconds(from.max_worker_age_s);
  for (const decode::LockLevel level : kLockLevelValues) {
    if (decode::LockLevelName(level) == from.minimum_lock) options.minimum_lock = level;
  }
  options.job_timeout = std::chrono::milliseconds(from.job_timeout_ms);
  options.limits.max_bytes = static_cast<std::uint64_t>(from.max_mib) << 20;
  options.limits.max_pixels = static_cast<std::uint64_t>(from.max_pixels);
  options.limits.max_scaled_pixels = static_cast<std::uint64_t>(from.max_scaled_pixels);
  options.limits.max_side = static_cast<std::uint32_t>(from.max_side);
  options.limits.max_scans = static_cast<std::uint32_t>(from.max_scans);
  options.limits.max_scan_pixels = static_cast<std::uint64_t>(from.max_scan_pixels);
  options.limits.max_frames = static_cast<std::uint32_t>(from.max_frames);
  options.limits.max_frame_pixels = static_cast<std::uint64_t>(from.max_frame_pixels);
  options.limits.max_profile_bytes = static_cast<std::uint32_t>(from.max_profile_kib) << 10;
  options.limits.max_exif_bytes = static_cast<std::uint32_t>(from.max_exif_kib) << 10;
  options.limits.memory_bytes = static_cast<std::uint64_t>(from.memory_mib) << 20;
  options.limits.cpu_seconds = static_cast<std::uint32_t>(from.cpu_seconds);
  return options;
}

Result<std::vector<decode::PluginSetup>> PluginsOf(const Config& config) {
  std::vector<decode::PluginSetup> plugins;
  for (const Config::Decoder::Plugin& from : config.decoder.plugins) {
    Algorithm algorithm = Algorithm::kUnspecified;
    if (!from.algorithm.empty()) {
      HASHGATE_ASSIGN_OR_RETURN(algorithm, ParseAlgorithm(from.algorithm));
    }
    std::string text = from.config;
    if (!from.config_file.empty()) {
      std::ifstream file(from.config_file, std::ios::binary);
      std::stringstream content;
      content << file.rdbuf();
      std::error_code ignored;
      if (!file || std::filesystem::is_directory(from.config_file, ignored)) {
        return Fail(Reason::kFileUnreadable, "cannot read the plug-in's configuration " + from.config_file,
                    "decoder.plugins");
      }
      text = content.str();
    }
    HASHGATE_ASSIGN_OR_RETURN(decode::PluginSetup plugin,
                              decode::MakePluginSetup(from.path, algorithm, std::move(text)));
    plugins.push_back(std::move(plugin));
  }
  return plugins;
}

std::vector<decode::WorkerClass> WorkerClassesOf(const Config& config) {
  std::vector<decode::WorkerClass> classes;
  if (config.decoder.heif) classes.push_back(decode::WorkerClass::kHeif);
  if (config.decoder.tiff) classes.push_back(decode::WorkerClass::kTiff);
  return classes;
}

decode::PoolOptions PoolOptionsOf(const Config& config, decode::WorkerClass worker_class) {
  decode::PoolOptions options = PoolOptionsOf(config);
  switch (worker_class) {
    case decode::WorkerClass::kCore: break;
    case decode::WorkerClass::kHeif:
      options.workers = config.decoder.heif_workers > 0 ? static_cast<int>(config.decoder.heif_workers)
                                                        : std::max(1, options.workers / 2);
      break;
    case decode::WorkerClass::kTiff: options.workers = static_cast<int>(config.decoder.tiff_workers); break;
  }
  return options;
}

}  // namespace hashgate::app
