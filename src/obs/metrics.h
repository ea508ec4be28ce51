// Every metric in one table, and its exporter. Labels never carry ids of content, callers or hashes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace hashgate::obs {

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };

/// Rows of kMetricTable, in its order.
enum class Metric : std::uint8_t {
  kScans,
  kScanSeconds,
  kStageSeconds,
  kScanBytes,
  kPicturesReused,
  kScansByDigests,
  kScanCoverage,
  kChecksBehind,
  kDigestConflicts,
  kFloodBrakes,
  kSuppressed,
  kRefusals,
  kOverloads,
  kQueueDepth,
  kQueueSeconds,
  kInFlight,
  kBufferedBytes,
  kStreams,
  kDecoderJobs,
  kDecoderFailures,
  kDecoderWorkers,
  kDecoderStarted,
  kDecoderRestarts,
  kDecoderLock,
  kGeneration,
  kLists,
  kEntries,
  kOpinions,
  kBrakes,
  kIndexBytes,
  kIndexDamage,
  kIndexDifferences,
  kSnapshotGeneration,
  kStoreBytes,
  kImportRecords,
  kExchangeSyncs,
  kExchangeRecords,
  kExchangeHealth,
  kExchangeAge,
  kRemoteHashes,
  kRemoteSeconds,
  kRemoteUp,
  kCanaryRuns,
  kCanaryMisses,
  kReady,
  kRpcs,
  kRpcSeconds,
  kIdempotencyRecords,
  kVerdictRecords,
  kVerdictRecordsLate,
  kVerdictsReversed,
  kEvents,
  kEventReaders,
  kNewestEvent,
  kUptimeSeconds,
};

struct MetricInfo {
  Metric metric;
  std::string_view name;  ///< with its unit as suffix
  MetricType type;
  std::string_view labels;  ///< comma separated; empty for none
  std::string_view help;
};

/// The table that docs/metrics.md repeats (a test compares them).
std::span<const MetricInfo> MetricTable();

using Labels = std::initializer_list<std::pair<const char*, std::string_view>>;

/// Collects and prints metrics. Threads: thread-safe. Cost: about a microsecond a call.
class Metrics {
 public:
  static std::unique_ptr<Metrics> Create();
  virtual ~Metrics() = default;

  /// Adds to a counter. `labels` must be exactly those of the table, in its order.
  virtual void Count(Metric metric, Labels labels = {}, double amount = 1) = 0;
  /// Sets a gauge.
  virtual void Set(Metric metric, double value, Labels labels = {}) = 0;
  /// Records a duration in seconds or another histogram value.
  virtual void Observe(Metric metric, double value, Labels labels = {}) = 0;
  /// Records many values of one histogram. Cost: a few nanoseconds for each value.
  virtual void ObserveEach(Metric metric, std::span<const double> values, Labels labels = {}) = 0;
  /// Removes a gauge whose labels no longer stand for anything.
  virtual void Remove(Metric metric, Labels labels) = 0;
  /// Prometheus text exposition format 0.0.4.
  [[nodiscard]] virtual std::string Exposition() const = 0;
};

}  // namespace hashgate::obs
