#include "app/server/config.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "policy/strict_yaml.h"

namespace hashgate::app {
namespace {

using policy::LoadStrictYaml;
using policy::StrictNode;
using policy::YamlMap;
using policy::YamlProblems;

constexpr std::string_view kLogLevels[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kLockLevels[] = {"none", "basic", "landlock", "namespaces"};
constexpr std::string_view kIsolations[] = {"pooled", kIsolationPerImage};
constexpr decode::LockLevel kLockLevelValues[] = {decode::LockLevel::kNone, decode::LockLevel::kBasic,
                                                  decode::LockLevel::kLandlock,
                                                  decode::LockLevel::kNamespaces};
constexpr std::string_view kDigestAnswers[] = {kDigestsNeverAnswer, "without_pdq", kDigestsAlwaysAnswer};
constexpr std::string_view kDigestChoices[] = {"needed", kAllDigests};
constexpr std::string_view kSurfaceKinds[] = {"public", "group", "private_message", "avatar", "other"};
constexpr SurfaceKind kSurfaceKindValues[] = {SurfaceKind::kPublic, SurfaceKind::kGroup,
                                              SurfaceKind::kPrivateMessage, SurfaceKind::kAvatar,
                                              SurfaceKind::kOther};
constexpr std::int64_t kBig = std::int64_t{1} << 40;

// Every key once. V has Section(name), Text, Flag, Number(min, max), Choice and Surfaces.
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
  v.Section("index");
  v.Number("max_memory_mib", config.index.max_memory_mib, 0, kBig);
  v.Flag("snapshot", config.index.snapshot);
  v.Section("idempotency");
  v.Number("keep_hours", config.idempotency.keep_hours, 1, 24 * 31);
  v.Number("max_records", config.idempotency.max_records, 1'000, 1'000'000'000);
  v.Section("canary");
  v.Number("interval_s", config.canary.interval_s, 1, 3'600);
  v.Number("misses_until_unready", config.canary.misses_until_unready, 1, 100);
  v.Number("entries_per_list", config.canary.entries_per_list, 0, 1'000);
  v.Section("drain");
  v.Number("notice_ms", config.drain.notice_ms, 0, 600'000);
  v.Number("timeout_ms", config.drain.timeout_ms, 0, 3'600'000);
}

class Reader {
 public:
  Reader(const StrictNode& root, YamlProblems& problems) : problems_(problems), root_(root, "", problems) {}

  void Section(const char* name) {
    EndSection();
    static const StrictNode empty{.kind = StrictNode::Kind::kMap};
    const StrictNode* node = root_.Find(name);
    section_.emplace(node != nullptr ? *node : empty, name, problems_);
  }
  void Text(const char* key, std::string& value) {
    // An empty text means "not set", which is what leaving the key out means too.
    YamlMap& map = Map();
    const StrictNode* node = map.Find(key);
    if (node != nullptr && node->kind == StrictNode::Kind::kScalar && node->quoted && node->text.empty()) {
      value.clear();
    } else if (auto text = map.Text(key, 4096)) {
      value = *std::move(text);
    }
  }
  void Flag(const char* key, bool& value) {
    if (const auto flag = Map().Bool(key)) value = *flag;
  }
  void Number(const char* key, std::int64_t& value, std::int64_t min, std::int64_t max) {
    if (const auto number = Map().Integer(key, min, max)) value = *number;
  }
  void Choice(const char* key, std::string& value, std::span<const std::string_view> names) {
    if (const auto index = Map().Choice(key, names)) value = std::string(names[*index]);
  }
  void Surfaces(std::map<std::string, Config::Surface>& surfaces) {
    EndSection();
    const StrictNode* node = root_.Find("surfaces");
    if (node == nullptr) return;
    YamlMap map(*node, "surfaces", problems_);
    for (const StrictNode::Member& member : node->members) {
      if (member.key.empty() || member.key.size() > 64) {
        problems_.Add(member.line, "a surface's name has 1 to 64 bytes");
        continue;
      }
      YamlMap surface(member.value, "surfaces." + member.key, problems_);
      Config::Surface& made = surfaces[member.key];
      if (surface.Require("kind") != nullptr) {
        if (const auto index = surface.Choice("kind", kSurfaceKinds)) made.kind = kSurfaceKindValues[*index];
      }
      if (const auto images_only = surface.Bool("images_only")) made.images_only = *images_only;
      surface.RefuseOthers();
    }
    if (node->members.size() > 1'000) problems_.Add(node->line, "at most 1,000 surfaces");
  }
  void End() {
    EndSection();
    root_.RefuseOthers();
  }

 private:
  YamlMap& Map() { return section_ ? *section_ : root_; }
  void EndSection() {
    if (section_) section_->RefuseOthers();
    section_.reset();
  }

  YamlProblems& problems_;
  YamlMap root_;
  std::optional<YamlMap> section_;
};

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

class Printer {
 public:
  void Section(const char* name) {
    out_ += std::string(name) + ":\n";
    indent_ = "  ";
  }
  void Text(const char* key, const std::string& value) { Line(key, Quoted(value)); }
  void Flag(const char* key, bool value) { Line(key, value ? "true" : "false"); }
  void Number(const char* key, std::int64_t value, std::int64_t, std::int64_t) {
    Line(key, std::to_string(value));
  }
  void Choice(const char* key, const std::string& value, std::span<const std::string_view>) {
    Line(key, value);
  }
  void Surfaces(const std::map<std::string, Config::Surface>& surfaces) {
    out_ += "surfaces:\n";
    for (const auto& [name, surface] : surfaces) {
      const auto at = std::ranges::find(kSurfaceKindValues, surface.kind) - std::begin(kSurfaceKindValues);
      out_ += "  " + Quoted(name) + ":\n    kind: " + std::string(kSurfaceKinds[at]) +
              "\n    images_only: " + (surface.images_only ? "true" : "false") + "\n";
    }
    indent_.clear();
  }
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  void Line(const char* key, const std::string& value) { out_ += indent_ + key + ": " + value + "\n"; }
  std::string out_;
  std::string indent_;
};

}  // namespace

Result<Config> ParseConfig(std::string_view yaml, std::string_view source) {
  YamlProblems problems{std::string(source)};
  Config config;
  // An empty file asks for the defaults.
  if (yaml.find_first_not_of(" \t\r\n") == std::string_view::npos) return config;
  const auto root = LoadStrictYaml(yaml, problems);
  if (root) {
    Reader reader(*root, problems);
    Describe(config, reader);
    reader.End();
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
  Printer printer;
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
