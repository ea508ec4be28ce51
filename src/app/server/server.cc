#include "app/server/server.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "app/server/exchanges.h"
#include "app/server/readiness.h"
#include "app/server/remote_lists.h"
#include "app/server/state_metrics.h"
#include "base/log.h"
#include "casework/events/event_log.h"
#include "casework/verdicts/verdict_log.h"
#include "exchange/sync/runner.h"
#include "hashgate/v1/status_service.pb.h"
#include "hashgate/version.h"
#include "http/http_server.h"
#include "index/kernels/kernel.h"
#include "lists/validate.h"
#include "rpc/answer.h"
#include "rpc/grpc_server.h"
#include "rpc/status_service.h"
#include "scan/canary.h"
#include "testkit/testkit.h"

namespace hashgate::app {
namespace {

constexpr int kAdminThreads = 2;
constexpr std::size_t kMaxAdminQueued = 64;
constexpr int kBulkThreads = 2;
constexpr std::size_t kMaxBulkQueued = 64;
constexpr std::chrono::seconds kHousekeepingInterval{5};
/// A pool without a worker for so long is not well.
constexpr std::chrono::seconds kNoWorkerGrace{3};

/// Of the memory for uploads, at most so large a part waits for checks behind answers.
constexpr std::size_t kChecksPart = 8;

using std::chrono::milliseconds;

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  std::error_code ignored;
  if (!file || std::filesystem::is_directory(path, ignored)) {
    return Fail(Reason::kFileUnreadable, "cannot read " + path);
  }
  return text.str();
}

scan::CanaryPicture BuiltInPicture() {
  return {testkit::CanaryPicture(), testkit::CanaryPdq(), testkit::CanaryPdqQuality(),
          testkit::CanarySha256()};
}

class RunningServer final : public Server {
 public:
  RunningServer(const Config& config, std::vector<std::unique_ptr<decode::Spawner>> spawners)
      : config_(config),
        spawners_(std::move(spawners)),
        pool_options_(PoolOptionsOf(config)),
        metrics_(obs::Metrics::Create()),
        bytes_(static_cast<std::size_t>(config.scan.max_buffered_mib) << 20),
        streams_(static_cast<std::size_t>(config.scan.max_streams)),
        scan_executor_(AdmissionOf(config, pool_options_)),
        admin_executor_(kAdminThreads, kMaxAdminQueued, "admin"),
        bulk_executor_(kBulkThreads, kMaxBulkQueued, "bulk", true) {}

  ~RunningServer() override {
    // From the outside in: no call may find a part gone.
    background_.clear();
    grpc_.reset();
    http_.reset();
    exchanges_.reset();
    if (checks_behind_) checks_behind_->Stop();
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  Status Open() {
    {
      HASHGATE_ASSIGN_OR_RETURN(auto policy, LoadPolicy(config_));
      const MutexLock lock(policy_mutex_);
      policy_ = std::move(policy);
    }
    HASHGATE_ASSIGN_OR_RETURN(const index::Kernel* const kernel, index::SelectKernel());
    kernel_name_ = std::string(kernel->name);
    HASHGATE_ASSIGN_OR_RETURN(store_, store::OpenRocksStore({.path = config_.data_dir, .sealer = nullptr}));

    // Health and refusals are up while the lists load.
    HASHGATE_ASSIGN_OR_RETURN(
        http_, http::HttpServer::Start(
                   {.ready = [this] { return Checks(); }, .metrics = [this] { return Exposition(); }},
                   {.listen = config_.http.listen, .insecure = config_.http.insecure}));
    FillContext();
    HASHGATE_ASSIGN_OR_RETURN(grpc_, rpc::GrpcServer::Start(context_, ListenerOptions()));
    log::Info("listening", "listening; the lists are being loaded",
              {{"grpc_port", grpc_->port()}, {"http_port", http_->port()}, {"data_dir", config_.data_dir}});

    HASHGATE_RETURN_IF_ERROR(LoadLists());
    HASHGATE_RETURN_IF_ERROR(OpenCasework());
    HASHGATE_RETURN_IF_ERROR(StartScanner());
    StartExchanges();
    ready_.store(true);
    readiness_.Set(Check::kIndex, true, "lists are loaded");
    TellHealth();
    StartBackground();
    LogStart();
    return {};
  }

  bool Drain() override {
    log::Info("draining", "shutting down: health says NOT_SERVING", {{"notice_ms", config_.drain.notice_ms}});
    readiness_.Set(Check::kDraining, false, "the server is shutting down");
    TellHealth();
    {
      const MutexLock lock(stop_mutex_);
      const SteadyTime until = std::chrono::steady_clock::now() + milliseconds(config_.drain.notice_ms);
      while (std::chrono::steady_clock::now() < until) stop_wake_.WaitUntil(stop_mutex_, until);
    }
    gate_.Close();
    log::Info("drain_refusing", "new calls are refused", {{"calls", gate_.inside()}});
    const bool empty = grpc_->Stop(std::chrono::steady_clock::now() + milliseconds(config_.drain.timeout_ms));
    if (!empty) log::Warning("drain_timeout", "accepted calls were cut off at drain.timeout_ms");
    if (checks_behind_) checks_behind_->Stop();
    background_.clear();
    if (exchanges_) exchanges_->Stop();
    if (watch_) watch_->Stop();
    if (catalog_) catalog_->SaveSnapshot();
    log::Info("stopped", "stopped");
    return empty;
  }

  Status Reload(const Config& config) override {
    HASHGATE_ASSIGN_OR_RETURN(auto policy, LoadPolicy(config));
    log::SetLevel(LogLevelOf(config));
    {
      const MutexLock lock(policy_mutex_);
      policy_ = policy;
    }
    if (scanner_) scanner_->SetPolicy(policy);
    log::Info(
        "reloaded", "policy and log level are reloaded; other keys take a restart",
        {{"policy", policy->Name() + "/" + policy->Version()}, {"policy_digest", policy->TextDigest()}});
    return {};
  }

  [[nodiscard]] int grpc_port() const override { return grpc_->port(); }
  [[nodiscard]] int http_port() const override { return http_->port(); }

 private:
  static scan::AdmissionOptions AdmissionOf(const Config& config, const decode::PoolOptions& pool) {
    const int threads = config.scan.threads > 0 ? static_cast<int>(config.scan.threads) : 2 * pool.workers;
    return {.threads = threads,
            .workers = std::min(threads, pool.workers),
            .background_workers = static_cast<int>(config.scan.background_workers),
            .max_queued = static_cast<std::size_t>(config.scan.max_queued),
            .queue_wait = milliseconds(config.scan.queue_wait_ms),
            .queue_burst = milliseconds(config.scan.queue_burst_ms)};
  }

  rpc::GrpcServerOptions ListenerOptions() const {
    const Config::Grpc& from = config_.grpc;
    return {.listen = from.listen,
            .insecure = from.insecure,
            .admin_socket = from.admin_socket,
            .max_concurrent_streams = static_cast<int>(from.max_concurrent_streams),
            .max_memory_bytes = static_cast<std::size_t>(from.max_memory_mib) << 20,
            .max_threads = static_cast<int>(from.max_threads),
            .max_metadata_bytes = static_cast<int>(from.max_metadata_kib) << 10,
            .max_connection_age = std::chrono::seconds(from.max_connection_age_s),
            .connection_age_grace = std::chrono::seconds(from.connection_age_grace_s),
            .max_connection_idle = std::chrono::seconds(from.max_connection_idle_s),
            .handshake_timeout = milliseconds(from.handshake_timeout_ms),
            .min_ping_interval = milliseconds(from.min_ping_interval_ms)};
  }

  std::shared_ptr<const policy::Policy> CurrentPolicy() const {
    const MutexLock lock(policy_mutex_);
    return policy_;
  }

  void FillContext() {
    context_.policy = [this] { return CurrentPolicy(); };
    context_.metrics = metrics_.get();
    context_.scan_executor = &scan_executor_;
    context_.admin_executor = &admin_executor_;
    context_.bulk_executor = &bulk_executor_;
    context_.gate = &gate_;
    context_.bytes = &bytes_;
    context_.streams = &streams_;
    context_.ready = &ready_;
    context_.fill_status = [this](v1::GetStatusResponse& response) { FillStatus(response); };
    rpc::ServiceOptions& options = context_.options;
    options.max_inline_bytes = static_cast<std::uint64_t>(config_.scan.max_inline_mib) << 20;
    options.decode_limits = pool_options_.limits;
    options.max_scan_time = milliseconds(config_.scan.max_time_ms);
    options.max_upload_time = milliseconds(config_.scan.upload_max_time_ms);
    options.max_upload_pause = milliseconds(config_.scan.upload_max_pause_ms);
    options.max_import_pause = milliseconds(config_.grpc.import_max_pause_ms);
    options.max_batch_pause = milliseconds(config_.scan.batch_max_pause_ms);
    options.max_event_readers = static_cast<int>(config_.events.max_readers);
    options.max_batch_in_flight = static_cast<int>(config_.scan.batch_max_in_flight);
    options.retry_after = milliseconds(config_.scan.retry_after_ms);
    options.loopback_is_admin = config_.grpc.loopback_is_admin;
    for (const auto& [name, list] : config_.remote_lists) options.remote_lists.push_back(name);
    if (config_.opinions.confirm_needs_two) options.second_person.push_back(lists::OpinionKind::kConfirm);
    if (config_.opinions.suppress_needs_two) options.second_person.push_back(lists::OpinionKind::kSuppress);
    for (const auto& [name, surface] : config_.surfaces) {
      options.surfaces.emplace(name, scan::Surface{name, surface.kind, surface.images_only});
    }
  }

  Status LoadLists() {
    lists::CatalogOptions options;
    options.index_max_bytes = static_cast<std::size_t>(config_.index.max_memory_mib) << 20;
    const std::string snapshot = config_.data_dir + "/index.snapshot";
    if (config_.index.snapshot) {
      options.snapshot_path = snapshot;
    } else {
      std::error_code error;  // what cannot be removed is not read either
      std::filesystem::remove(snapshot, error);
    }
    HASHGATE_ASSIGN_OR_RETURN(catalog_, lists::Catalog::Open(*store_, options, [this](std::uint64_t loaded) {
                                readiness_.Set(Check::kIndex, false,
                                               std::to_string(loaded) + " entries are loaded");
                              }));
    HASHGATE_RETURN_IF_ERROR(scan::EnsureCanaryList(*catalog_, BuiltInPicture()));
    HASHGATE_ASSIGN_OR_RETURN(
        idempotency_, scan::IdempotencyTable::Open(
                          *store_, catalog_->StoreKey(), Clock::System(),
                          {.keep = std::chrono::hours(config_.idempotency.keep_hours),
                           .max_records = static_cast<std::size_t>(config_.idempotency.max_records),
                           .max_waiting = std::max(1, static_cast<int>(scan_executor_.thread_count()) - 1)}));
    return {};
  }

  Status OpenCasework() {
    HASHGATE_ASSIGN_OR_RETURN(
        events_,
        casework::EventLog::Open(*store_, {.keep = std::chrono::hours(24 * config_.events.keep_days),
                                           .max_events = static_cast<std::uint64_t>(config_.events.max),
                                           .metrics = metrics_.get()}));
    HASHGATE_ASSIGN_OR_RETURN(
        verdicts_, casework::VerdictLog::Open(*store_, catalog_->StoreKey(),
                                              {.keep = std::chrono::hours(24 * config_.verdicts.keep_days),
                                               .metrics = metrics_.get()}));
    context_.store = store_.get();
    context_.idempotency = idempotency_.get();
    context_.events = events_.get();
    context_.verdicts = verdicts_.get();
    return {};
  }

  Status StartScanner() {
    std::vector<decode::ClassPool> pools;
    for (std::unique_ptr<decode::Spawner>& spawner : spawners_) {
      const decode::WorkerClass worker_class = spawner->worker_class();
      pools.push_back({.spawner = std::move(spawner), .options = PoolOptionsOf(config_, worker_class)});
    }
    spawners_.clear();
    HASHGATE_ASSIGN_OR_RETURN(decoder_, decode::StartDecoder(std::move(pools)));
    LogLocks();
    for (const decode::VectorMaker& maker : decoder_->vector_makers()) {
      log::Info("plugin_loaded", "hashes of pictures are made by a plug-in",
                {{"algorithm", AlgorithmName(maker.algorithm)},
                 {"plugin", maker.name},
                 {"version", maker.version}});
    }
    scan::ScannerOptions options;
    options.max_decode_bytes = pool_options_.limits.max_bytes;
    options.answer_reserve = milliseconds(config_.scan.answer_reserve_ms);
    options.retain_blocked = std::chrono::hours(24 * config_.scan.retain_blocked_days);
    options.all_digests = config_.scan.digests == kAllDigests;
    options.retry_after = milliseconds(config_.scan.retry_after_ms);
    const std::string& by_digests = config_.scan.answer_by_digests;
    options.answer_by_digests = by_digests == kDigestsNeverAnswer    ? scan::DigestAnswers::kNever
                                : by_digests == kDigestsAlwaysAnswer ? scan::DigestAnswers::kAlways
                                                                     : scan::DigestAnswers::kWithoutPdq;
    seen_pictures_.emplace(
        scan::SeenPicturesOptions{.max_bytes = static_cast<std::size_t>(config_.scan.reuse_mib) << 20,
                                  .keep = std::chrono::seconds(config_.scan.reuse_seconds)});
    checks_behind_.emplace(
        scan::ChecksBehindParts{
            .executor = &scan_executor_,
            .metrics = metrics_.get(),
            .take_bytes = [this](std::size_t bytes) { return TakeForChecks(bytes); },
            .give_bytes =
                [this](std::size_t bytes) { bytes_.Give(std::string(scan::kChecksBehindShare), bytes); }},
        scan::ChecksBehindOptions{.max_bytes = bytes_.max() / kChecksPart,
                                  .max_time = milliseconds(config_.scan.max_time_ms),
                                  .decode_limits = pool_options_.limits});
    watch_.emplace(
        *catalog_, metrics_.get(),
        scan::EntryWatchOptions{.flood_accounts = static_cast<int>(config_.opinions.flood_accounts),
                                .flood_window = std::chrono::minutes(config_.opinions.flood_window_minutes),
                                .on_opinion = [this](const lists::Opinion& opinion, const std::string& list) {
                                  RaiseAlarm(opinion, list);
                                }});
    remote_lists_ = StartRemoteLists(config_, catalog_->StoreKey(), metrics_.get());
    scan::Scanner& scanner = scanner_.emplace(scan::ScannerParts{.catalog = catalog_.get(),
                                                                 .decoder = decoder_.get(),
                                                                 .idempotency = idempotency_.get(),
                                                                 .metrics = metrics_.get(),
                                                                 .seen_pictures = &*seen_pictures_,
                                                                 .checks_behind = &*checks_behind_,
                                                                 .watch = &*watch_,
                                                                 .verdicts = verdicts_.get(),
                                                                 .remote_lists = PointersTo(remote_lists_)},
                                              options, CurrentPolicy());
    canary_.emplace(
        scanner, *catalog_, *metrics_, BuiltInPicture(),
        scan::CanaryOptions{.misses_until_unready = static_cast<int>(config_.canary.misses_until_unready),
                            .entries_per_list = static_cast<int>(config_.canary.entries_per_list)});
    RunCanary();
    Housekeep();
    context_.scanner = &scanner;
    context_.catalog = catalog_.get();
    return {};
  }

  // Tells whoever follows the events of an opinion that the service itself gave.
  void RaiseAlarm(const lists::Opinion& opinion, const std::string& list) {
    const auto generation = catalog_->Current();
    const lists::HashList* const found = generation->Find(list);
    const casework::Event event{
        .time = {},
        .tenant = found != nullptr ? found->config.tenant : std::string(),
        .what = casework::ListAlarm{
            .list = list,
            .entry = opinion.entry,
            .alarm = opinion.kind == lists::OpinionKind::kFlood ? "FLOOD_BRAKE" : "DIGEST_CONFLICT",
            .detail = opinion.reason}};
    WarnOf(events_->Append({&event, 1}), "an alarm of a list could not be told");
  }

  // Durable before the gate is open: whoever follows the events sees who let what pass.
  Status TellOfOverride(const exchange::ExchangeSettings& settings, const exchange::GateOverride& made) {
    const auto generation = catalog_->Current();
    const lists::HashList* const found = generation->Find(settings.list);
    const std::string detail = made.author + " opens gate '" + std::string(exchange::GateName(made.gate)) +
                               "' of exchange '" + settings.name + "' up to " + std::to_string(made.up_to) +
                               ": " + made.reason;
    const casework::Event event{
        .time = {},
        .tenant = found != nullptr ? found->config.tenant : std::string(),
        .what = casework::ListAlarm{.list = settings.list,
                                    .entry = 0,
                                    .alarm = "GATE_OPENED",
                                    .detail = lists::Bounded(detail, casework::kMaxDetailBytes)}};
    return events_->Append({&event, 1});
  }

  void StartExchanges() {
    for (const auto& [name, from] : config_.exchanges) {
      if (from.environment != kProduction) continue;
      log::Warning("exchange_production", "an exchange is used with its production service",
                   {{"exchange", name}, {"base_url", from.base_url}});
    }
    exchanges_ = exchange::ExchangeRunner::Start(
        *catalog_, ExchangesOf(config_),
        {.on_end = [this](const exchange::ExchangeSettings& settings,
                          const exchange::SyncRecord& record) { CountSync(settings, record, *metrics_); },
         .on_override = [this](
                            const exchange::ExchangeSettings& settings,
                            const exchange::GateOverride& made) { return TellOfOverride(settings, made); }});
    context_.exchanges = exchanges_.get();
  }

  bool TakeForChecks(std::size_t bytes) {
    return bytes_.Take(std::string(scan::kChecksBehindShare), bytes) == rpc::ShareBudget::Taken::kYes;
  }

  void RunCanary() {
    if (!canary_) return;
    canary_->Run();
    readiness_.Set(Check::kCanary, canary_->ok(), canary_->detail());
    TellHealth();
  }

  // gRPC's health says what /readyz says: a node that may miss entries gets no uploads.
  void TellHealth() { grpc_->SetServing(readiness_.AllOk()); }

  // What must be looked at now and then: can the store be written, are workers alive, what do the gauges say.
  void Housekeep() {
    const Status writable = store_->Probe();
    readiness_.Set(Check::kStore, writable.has_value(),
                   writable ? "the store can be written" : writable.error().message);
    LookAtDecoder();
    WarnOf(idempotency_->Prune(), "remembered request ids could not be pruned");
    WarnOf(verdicts_->Prune(), "records of old verdicts could not be removed");
    WarnOf(events_->Prune(), "old events could not be removed");
    TellHealth();
  }

  static void WarnOf(const Status& pruned, std::string_view sentence) {
    if (pruned) return;
    log::Warning("prune_failed", sentence, {{"reason", ReasonName(pruned.error().reason)}});
  }

  // Workers are replaced all the time; only a pool that stays empty is not well. The core class decides:
  // where another one is gone its own formats are held, and the rest must go on.
  void LookAtDecoder() {
    const decode::PoolStats stats = decoder_->Stats();
    const SteadyTime now = std::chrono::steady_clock::now();
    const MutexLock lock(decoder_mutex_);
    if (stats.classes.front().workers_alive > 0) workers_seen_ = now;
    std::string detail;
    for (const decode::ClassStats& own : stats.classes) {
      detail += std::string(detail.empty() ? "" : "; ") + std::to_string(own.workers_alive) + " of " +
                std::to_string(own.workers) + " decoder workers of class " +
                std::string(decode::WorkerClassName(own.worker_class)) + " are alive, locked at level " +
                std::string(decode::LockLevelName(own.lock));
    }
    readiness_.Set(Check::kDecoder, now - workers_seen_ < kNoWorkerGrace, detail);
  }

  void LogLocks() const {
    for (const decode::ClassStats& own : decoder_->Stats().classes) {
      log::Info("decoder_locked", "decoder workers have locked themselves",
                {{"class", decode::WorkerClassName(own.worker_class)},
                 {"workers", own.workers},
                 {"level", decode::LockLevelName(own.lock)},
                 {"landlock_abi", own.landlock_abi},
                 {"namespaces", own.in_namespaces}});
    }
  }

  void StartBackground() {
    background_.emplace_back([this](const std::stop_token& stop) {
      Repeat(stop, std::chrono::seconds(config_.canary.interval_s), [this] { RunCanary(); });
    });
    background_.emplace_back([this](const std::stop_token& stop) {
      Repeat(stop, kHousekeepingInterval, [this] { Housekeep(); });
    });
  }

  void Repeat(const std::stop_token& stop, std::chrono::seconds interval, const std::function<void()>& work) {
    const std::stop_callback wake(stop, [this] {
      const MutexLock lock(stop_mutex_);
      stop_wake_.NotifyAll();
    });
    while (!stop.stop_requested()) {
      const SteadyTime next = std::chrono::steady_clock::now() + interval;
      {
        const MutexLock lock(stop_mutex_);
        while (!stop.stop_requested() && std::chrono::steady_clock::now() < next) {
          stop_wake_.WaitUntil(stop_mutex_, next);
        }
      }
      if (!stop.stop_requested()) work();
    }
  }

  std::vector<http::ReadyCheck> Checks() {
    if (ready_.load()) LookAtDecoder();
    std::vector<http::ReadyCheck> checks;
    for (const Readiness::Row& row : readiness_.Rows())
      checks.push_back({std::string(row.name), row.ok, row.detail});
    return checks;
  }

  // Gauges are set when they are read, so that they are never old.
  std::string Exposition() {
    using obs::Metric;
    obs::Metrics& metrics = *metrics_;
    for (const Readiness::Row& row : readiness_.Rows())
      metrics.Set(Metric::kReady, row.ok ? 1 : 0, {{"check", row.name}});
    const std::chrono::duration<double> uptime = std::chrono::steady_clock::now() - started_;
    metrics.Set(Metric::kUptimeSeconds, uptime.count());
    metrics.Set(Metric::kQueueDepth, static_cast<double>(scan_executor_.queued()));
    const auto queued = [this](scan::Lane lane) { return scan_executor_.queued_cost(lane).count() / 1e6; };
    metrics.Set(Metric::kQueueSeconds, queued(scan::Lane::kUpload), {{"lane", "upload"}});
    metrics.Set(Metric::kQueueSeconds, queued(scan::Lane::kBackground), {{"lane", "background"}});
    metrics.Set(Metric::kInFlight, gate_.inside());
    metrics.Set(Metric::kStreams, static_cast<double>(streams_.used()));
    metrics.Set(Metric::kBufferedBytes, static_cast<double>(bytes_.used()));
    metrics.Set(Metric::kStoreBytes, static_cast<double>(store_->DiskBytes()));
    if (ready_.load()) {
      SetDecoderMetrics(decoder_->Stats(), metrics);
      metrics.Set(Metric::kIdempotencyRecords, static_cast<double>(idempotency_->Count()));
      metrics.Set(Metric::kNewestEvent, static_cast<double>(events_->Range().next - 1));
      const auto generation = catalog_->Current();
      metrics.Set(Metric::kGeneration, static_cast<double>(generation->number));
      metrics.Set(Metric::kIndexBytes, static_cast<double>(generation->index->MemoryBytes()));
      const lists::IndexHealth health = catalog_->Health();
      metrics.Set(Metric::kIndexDamage, static_cast<double>(health.memory_damage));
      metrics.Set(Metric::kIndexDifferences, static_cast<double>(health.differences));
      metrics.Set(Metric::kSnapshotGeneration, static_cast<double>(health.snapshot_generation));
      SetListMetrics(*generation, metrics);
      if (const auto exchanges = exchanges_->All()) SetExchangeMetrics(*exchanges, metrics);
      SetRemoteMetrics(remote_lists_, metrics);
    }
    return metrics.Exposition();
  }

  void FillStatus(v1::GetStatusResponse& response) const {
    response.set_version(std::string(EngineVersion()));
    const auto uptime = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started_);
    response.mutable_uptime()->set_seconds(uptime.count() / 1000);
    response.mutable_uptime()->set_nanos(static_cast<int>(uptime.count() % 1000) * 1'000'000);
    for (const Readiness::Row& row : readiness_.Rows()) {
      auto& check = *response.add_checks();
      check.set_name(std::string(row.name));
      check.set_ok(row.ok);
      check.set_detail(row.detail);
    }
    response.set_ready(readiness_.AllOk());
    const auto policy = CurrentPolicy();
    response.set_policy(policy->Name() + "/" + policy->Version());
    response.set_policy_digest(policy->TextDigest());
    response.set_kernel(kernel_name_);
    response.set_store_bytes(static_cast<std::int64_t>(store_->DiskBytes()));
    if (ready_.load()) {
      response.set_decoder_lock(std::string(decode::LockLevelName(decoder_->Stats().lock)));
      rpc::FillComputed(decoder_->vector_makers(), response);
      rpc::FillProtection(*catalog_->Current(), decoder_->vector_makers(), response);
      FillRemoteLists(remote_lists_, response);
    } else {
      response.set_protection(v1::PROTECTION_NONE);
      response.set_protection_sentence("The lists are being loaded.");
    }
  }

  void LogStart() const {
    v1::GetStatusResponse status;
    FillStatus(status);
    log::Info("started", "protection: " + status.protection_sentence(),
              {{"version", EngineVersion()},
               {"generation", status.generation()},
               {"kernel", kernel_name_},
               {"decoder_lock", status.decoder_lock()},
               {"policy", status.policy()},
               {"ready", status.ready()}});
    if (status.protection() != v1::PROTECTION_NONE) return;
    if (rpc::HasEntries(status)) {
      log::Warning("no_identification",
                   "no list here identifies an upload by itself: import hashes of files or of PDQ, or load a "
                   "plug-in");
    } else {
      log::Warning("no_lists",
                   "no enabled list holds an entry: every upload is NOT_EVALUATED until one is imported");
    }
  }

  const Config config_;
  std::vector<std::unique_ptr<decode::Spawner>> spawners_;  // until the decoder has them
  const decode::PoolOptions pool_options_;
  const SteadyTime started_ = std::chrono::steady_clock::now();
  std::string kernel_name_;
  std::unique_ptr<obs::Metrics> metrics_;
  Readiness readiness_;
  std::atomic<bool> ready_ = false;
  rpc::CallGate gate_;
  rpc::ShareBudget bytes_;
  rpc::ShareBudget streams_;
  mutable Mutex policy_mutex_;
  std::shared_ptr<const policy::Policy> policy_ HASHGATE_GUARDED_BY(policy_mutex_);

  std::unique_ptr<store::Store> store_;
  std::unique_ptr<lists::Catalog> catalog_;
  std::unique_ptr<scan::IdempotencyTable> idempotency_;
  std::unique_ptr<casework::EventLog> events_;
  std::unique_ptr<casework::VerdictLog> verdicts_;
  std::unique_ptr<exchange::ExchangeRunner> exchanges_;
  std::unique_ptr<decode::Decoder> decoder_;
  std::optional<scan::SeenPictures> seen_pictures_;
  std::optional<scan::ChecksBehind> checks_behind_;
  std::optional<scan::EntryWatch> watch_;
  std::vector<std::unique_ptr<exchange::RemoteList>> remote_lists_;
  std::optional<scan::Scanner> scanner_;
  std::optional<scan::Canary> canary_;
  rpc::ServiceContext context_;
  // After what their jobs use, so that they end first.
  scan::ScanExecutor scan_executor_;
  scan::Executor admin_executor_;
  scan::Executor bulk_executor_;
  std::unique_ptr<http::HttpServer> http_;
  std::unique_ptr<rpc::GrpcServer> grpc_;

  Mutex decoder_mutex_;
  SteadyTime workers_seen_ HASHGATE_GUARDED_BY(decoder_mutex_) = std::chrono::steady_clock::now();
  Mutex stop_mutex_;
  CondVar stop_wake_;
  std::vector<std::jthread> background_;
};

}  // namespace

Result<std::shared_ptr<const policy::Policy>> LoadPolicy(const Config& config) {
  if (config.policy.file.empty()) return policy::LoadProfile(config.policy.profile);
  HASHGATE_ASSIGN_OR_RETURN(const std::string text, ReadFile(config.policy.file));
  return policy::ParsePolicy(text, config.policy.file);
}

Result<std::unique_ptr<Server>> Server::Start(const Config& config,
                                              std::vector<std::unique_ptr<decode::Spawner>> spawners) {
  auto server = std::make_unique<RunningServer>(config, std::move(spawners));
  HASHGATE_RETURN_IF_ERROR(server->Open());
  return server;
}

}  // namespace hashgate::app
