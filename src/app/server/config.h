// The server's configuration: one description of every key serves reading, checking and printing.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "decode/decoder_pool.h"
#include "hashgate/error.h"
#include "hashgate/verdict.h"

namespace hashgate::app {

/// `scan.digests`: every digest of every upload, whatever lists hold.
inline constexpr std::string_view kAllDigests = "all";
/// `scan.answer_by_digests`: no picture is left undecoded, or also such as could contradict their entry.
inline constexpr std::string_view kDigestsNeverAnswer = "never";
inline constexpr std::string_view kDigestsAlwaysAnswer = "always";
/// `exchanges.*.environment` and `remote_lists.*.environment`: the programme's real service.
inline constexpr std::string_view kProduction = "production";
/// `decoder.isolation`: a process for each picture.
inline constexpr std::string_view kIsolationPerImage = "per_image";

/// Every key of hashgated.yaml with its default. docker/hashgated.yaml says what each does.
struct Config {
  std::string data_dir = "./hashgate-data";
  std::string log_level = "info";

  struct Grpc {
    std::string listen = "127.0.0.1:8461";
    bool insecure = false;
    std::string admin_socket;  ///< path; empty: none
    bool loopback_is_admin = true;
    std::int64_t max_concurrent_streams = 64;
    std::int64_t max_memory_mib = 1024;
    std::int64_t max_threads = 256;
    std::int64_t max_metadata_kib = 8;
    std::int64_t max_connection_age_s = 1'800;
    std::int64_t max_connection_idle_s = 300;
    std::int64_t connection_age_grace_s = 3'600;
    std::int64_t handshake_timeout_ms = 5'000;
    std::int64_t min_ping_interval_ms = 30'000;
    std::int64_t import_max_pause_ms = 300'000;
  } grpc;

  struct Http {
    std::string listen = "127.0.0.1:8462";
    bool insecure = false;
  } http;

  struct Policy {
    std::string profile = "standard";
    std::string file;  ///< wins over `profile`
  } policy;

  struct Surface {
    SurfaceKind kind = SurfaceKind::kPublic;
    bool images_only = false;
  };
  std::map<std::string, Surface> surfaces = {{"default", {}}};

  struct Exchange {
    std::string kind;                  ///< required
    std::string list;                  ///< empty: of the exchange's name
    std::string base_url;              ///< required
    std::string environment = "test";  ///< or kProduction
    bool allow_plain_http = false;
    std::string credentials_file;
    std::string credentials_env;
    std::string ca_file;
    std::string proxy;
    std::vector<std::string> only_members;
    std::vector<std::string> except_members;
    std::string privacy_group;
    std::string public_key_file;
    bool allow_export = false;
    bool feedback = true;
    std::int64_t interval_s = 3'600;
    std::int64_t stale_after_s = 86'400;
    struct Gates {
      std::int64_t growth_percent = 50;
      std::int64_t growth_entries = 10'000;
      std::int64_t growth_first_entries = 20'000'000;
      std::int64_t shrink_percent = 5;
      std::int64_t shrink_entries = 100;
      std::int64_t malformed_percent = 5;
      std::int64_t malformed_records = 20;
      std::int64_t benign_entries = 5;
      std::int64_t degenerate_percent = 20;
      std::int64_t degenerate_entries = 100;
    } gates;
  };
  std::map<std::string, Exchange> exchanges;

  struct RemoteList {
    std::string kind;                  ///< required
    std::string base_url;              ///< required
    std::string environment = "test";  ///< or kProduction
    bool allow_plain_http = false;
    std::string credentials_file;
    std::string credentials_env;
    std::string ca_file;
    std::string proxy;
    std::string purpose = "CSAM";
    std::string trust = "TRUSTED";
    std::string action_ceiling = "REVIEW";
    std::int64_t min_quality = 50;
    std::int64_t timeout_ms = 400;
    std::int64_t batch_hashes = 32;
    std::int64_t cache_entries = 100'000;
    std::int64_t cache_s = 900;
    std::int64_t breaker_failures = 5;
    std::int64_t breaker_pause_s = 30;
    std::int64_t max_in_flight = 8;
  };
  std::map<std::string, RemoteList> remote_lists;

  struct Opinions {
    bool confirm_needs_two = true;
    bool suppress_needs_two = false;
    std::int64_t flood_accounts = 20;  ///< 0: no flood brake
    std::int64_t flood_window_minutes = 60;
  } opinions;

  struct Scan {
    std::int64_t threads = 0;  ///< 0: twice the decoder's workers
    std::int64_t max_queued = 256;
    std::int64_t queue_wait_ms = 0;  ///< 0: by what scans usually take
    std::int64_t queue_burst_ms = 500;
    std::int64_t background_workers = 0;  ///< 0: all but one
    std::int64_t batch_max_in_flight = 32;
    std::int64_t batch_max_pause_ms = 300'000;
    std::int64_t max_streams = 1'024;
    std::int64_t max_time_ms = 10'000;
    std::int64_t upload_max_time_ms = 600'000;
    std::int64_t upload_max_pause_ms = 15'000;
    std::int64_t max_inline_mib = 32;
    std::int64_t max_buffered_mib = 512;
    std::int64_t answer_reserve_ms = 50;
    std::int64_t retry_after_ms = 1'000;
    std::int64_t retain_blocked_days = 90;
    std::string digests = "needed";  ///< or "all"
    std::int64_t reuse_mib = 32;     ///< 0: never
    std::int64_t reuse_seconds = 600;
    std::string answer_by_digests = "without_pdq";  ///< or "never" or "always"
  } scan;

  struct Decoder {
    std::string binary;                ///< empty: hashgate-decoder beside hashgated
    std::int64_t workers = 0;          ///< 0: one for each CPU
    std::string isolation = "pooled";  ///< or "per_image"
    std::int64_t images_per_worker = 64;
    std::int64_t max_worker_age_s = 600;
    std::string minimum_lock = "basic";
    std::int64_t job_timeout_ms = 3'000;
    std::int64_t max_mib = 32;
    std::int64_t max_pixels = 50'000'000;
    std::int64_t max_scaled_pixels = 250'000'000;
    std::int64_t max_side = 16'384;
    std::int64_t max_scans = 100;
    std::int64_t max_scan_pixels = 1'500'000'000;
    std::int64_t max_frames = 16'384;
    std::int64_t max_frame_pixels = 100'000'000;
    std::int64_t max_profile_kib = 1'024;
    std::int64_t max_exif_kib = 64;
    std::int64_t memory_mib = 512;
    std::int64_t cpu_seconds = 2;
    bool heif = true;
    std::int64_t heif_workers = 0;  ///< 0: half of `workers`, at least one
    bool tiff = false;
    std::int64_t tiff_workers = 1;
    struct Plugin {
      std::string path;         ///< required
      std::string algorithm;    ///< empty: whatever it says
      std::string config;       ///< handed to it
      std::string config_file;  ///< wins over `config`
    };
    std::vector<Plugin> plugins;
  } decoder;

  struct Index {
    std::int64_t max_memory_mib = 0;  ///< 0: no bound
    bool snapshot = true;             ///< kept in the data folder, for quick starts
  } index;

  struct Idempotency {
    std::int64_t keep_hours = 24;
    std::int64_t max_records = 1'000'000;
  } idempotency;

  struct Verdicts {
    std::int64_t keep_days = 400;
  } verdicts;

  struct Events {
    std::int64_t keep_days = 90;
    std::int64_t max = 1'000'000;
    std::int64_t max_readers = 64;
  } events;

  struct Canary {
    std::int64_t interval_s = 60;
    std::int64_t misses_until_unready = 3;
    std::int64_t entries_per_list = 3;
  } canary;

  struct Drain {
    std::int64_t notice_ms = 5'000;
    std::int64_t timeout_ms = 30'000;
  } drain;
};

/// Parses YAML text; keys that are absent keep their defaults. `source` names it in messages. Errors:
/// kConfigInvalid with every problem by line: unknown and doubled keys, wrong kinds, values out of range.
Result<Config> ParseConfig(std::string_view yaml, std::string_view source);
/// Reads a file. Errors: kFileUnreadable, kConfigInvalid.
Result<Config> LoadConfig(const std::string& path);
/// The whole configuration as YAML that ParseConfig reads back.
std::string PrintConfig(const Config& config);

log::Level LogLevelOf(const Config& config);
/// Of the core class.
decode::PoolOptions PoolOptionsOf(const Config& config);
/// Of any class: the same limits, and its own number of workers.
decode::PoolOptions PoolOptionsOf(const Config& config, decode::WorkerClass worker_class);
/// The hash plug-ins, their files checked and their configuration read. Errors: kConfigInvalid,
/// kFileUnreadable, naming the file.
Result<std::vector<decode::PluginSetup>> PluginsOf(const Config& config);
/// The classes beside the core that are switched on.
std::vector<decode::WorkerClass> WorkerClassesOf(const Config& config);

}  // namespace hashgate::app
