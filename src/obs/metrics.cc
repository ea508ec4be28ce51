#include "obs/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <vector>

namespace hashgate::obs {
namespace {

constexpr MetricInfo kMetricTable[] = {
    {Metric::kScans, "hashgate_scans_total", MetricType::kCounter, "method,verdict,outcome,cause",
     "Answered scans. The canary and lists of purpose TEST are not counted."},
    {Metric::kScanSeconds, "hashgate_scan_seconds", MetricType::kHistogram, "method",
     "Time from acceptance to answer."},
    {Metric::kStageSeconds, "hashgate_scan_stage_seconds", MetricType::kHistogram, "stage",
     "Time of one stage of a scan: queue, digest, decode_wait, decode, hash, match, decide; of a file of "
     "MatchHashes queue, match and decide, the last two as its share of what was done for several files at "
     "once."},
    {Metric::kScanBytes, "hashgate_scan_bytes_total", MetricType::kCounter, "", "Bytes of scanned uploads."},
    {Metric::kPicturesReused, "hashgate_scan_pictures_reused_total", MetricType::kCounter, "",
     "Pictures that were not decoded because the same bytes had been a while before."},
    {Metric::kScansByDigests, "hashgate_scans_by_digests_total", MetricType::kCounter, "",
     "Scans that their digests decided before the picture was decoded."},
    {Metric::kScanCoverage, "hashgate_scan_coverage_total", MetricType::kCounter, "method,level",
     "Answered scans by how much of what was to be compared was: NONE, EXACT_ONLY, PARTIAL, COMPLETE."},
    {Metric::kChecksBehind, "hashgate_checks_behind_total", MetricType::kCounter, "result",
     "Pictures of such scans to be compared with their entries after the answer: done, failed (nothing could "
     "be compared), dropped (no room, no turn in time, or the server stopped)."},
    {Metric::kDigestConflicts, "hashgate_digest_conflicts_total", MetricType::kCounter, "found",
     "Matched entries whose digest and PDQ contradict each other: upload, background, hashes (in the answer "
     "of such a scan), behind (after it). Each is an alarm: the list is wrong there."},
    {Metric::kFloodBrakes, "hashgate_flood_brakes_total", MetricType::kCounter, "",
     "Entries whose matches by perceptual hashes were limited to REVIEW because too many dissimilar pictures "
     "matched them."},
    {Metric::kSuppressed, "hashgate_suppressed_matches_total", MetricType::kCounter, "",
     "Matches that did not count because their entry is suppressed."},
    {Metric::kRefusals, "hashgate_refusals_total", MetricType::kCounter, "reason",
     "Calls refused before they were accepted."},
    {Metric::kOverloads, "hashgate_overloads_total", MetricType::kCounter, "bound",
     "Calls refused as OVERLOADED by the bound they ran into: queue, share, deadline, bytes, byte_share, "
     "streams."},
    {Metric::kQueueDepth, "hashgate_scan_queue_depth", MetricType::kGauge, "",
     "Accepted scans that wait for a thread."},
    {Metric::kQueueSeconds, "hashgate_scan_queue_seconds", MetricType::kGauge, "lane",
     "Time of one core that the scans of a lane which wait for a thread are expected to take: upload, "
     "background."},
    {Metric::kInFlight, "hashgate_calls_in_flight", MetricType::kGauge, "",
     "Accepted calls without an answer yet."},
    {Metric::kBufferedBytes, "hashgate_buffered_bytes", MetricType::kGauge, "",
     "Bytes of uploads held in memory by accepted calls and by checks behind them."},
    {Metric::kStreams, "hashgate_scan_streams", MetricType::kGauge, "",
     "Open streams of ScanUpload and ScanBatch."},
    {Metric::kDecoderJobs, "hashgate_decoder_jobs", MetricType::kGauge, "",
     "Pictures handed to workers since the start."},
    {Metric::kDecoderFailures, "hashgate_decoder_failures", MetricType::kGauge, "kind",
     "Workers lost since the start: crash, timeout, protocol."},
    {Metric::kDecoderWorkers, "hashgate_decoder_workers", MetricType::kGauge, "state",
     "Workers alive and busy."},
    {Metric::kDecoderStarted, "hashgate_decoder_workers_started", MetricType::kGauge, "",
     "Workers forked since the start."},
    {Metric::kDecoderRestarts, "hashgate_decoder_restarts", MetricType::kGauge, "class,reason",
     "Workers replaced since the start: images, outcome, memory, age, processor_time (in good order), crash, "
     "protocol, timeout, cancelled, lost, start_failed. Class: core, heif, tiff."},
    {Metric::kDecoderLock, "hashgate_decoder_lock_level", MetricType::kGauge, "class",
     "Least lock level of the class's live workers: 0 none, 1 basic, 2 landlock, 3 namespaces."},
    {Metric::kGeneration, "hashgate_generation", MetricType::kGauge, "", "Generation of the lists in force."},
    {Metric::kLists, "hashgate_lists", MetricType::kGauge, "state", "Lists, enabled and disabled."},
    {Metric::kEntries, "hashgate_list_entries", MetricType::kGauge, "list", "Entries of a list."},
    {Metric::kOpinions, "hashgate_opinions", MetricType::kGauge, "kind",
     "Opinions of entries that have not ended: confirm, dispute, suppress, flood, conflict."},
    {Metric::kBrakes, "hashgate_list_brake", MetricType::kGauge, "list",
     "1 while an operator's brake limits a list; no row where there is none."},
    {Metric::kIndexBytes, "hashgate_index_bytes", MetricType::kGauge, "", "Memory of the index."},
    {Metric::kIndexDamage, "hashgate_index_memory_damage", MetricType::kGauge, "",
     "Times since the start that bytes of the index had changed in memory; it was built anew."},
    {Metric::kIndexDifferences, "hashgate_index_differences", MetricType::kGauge, "",
     "Times since the start that the index held something else than the store; it was built anew."},
    {Metric::kSnapshotGeneration, "hashgate_index_snapshot_generation", MetricType::kGauge, "",
     "Generation of the index snapshot on disk; 0 where there is none."},
    {Metric::kStoreBytes, "hashgate_store_bytes", MetricType::kGauge, "",
     "Bytes of the store on disk, approximately."},
    {Metric::kImportRecords, "hashgate_import_records_total", MetricType::kCounter, "result",
     "Imported records: added, updated, unchanged, quarantined."},
    {Metric::kExchangeSyncs, "hashgate_exchange_syncs_total", MetricType::kCounter, "exchange,outcome",
     "Syncs that ended: done, failed, held (by a gate), cancelled."},
    {Metric::kExchangeRecords, "hashgate_exchange_records_total", MetricType::kCounter, "exchange,result",
     "Records of syncs: added, updated, removed, unchanged, quarantined."},
    {Metric::kExchangeHealth, "hashgate_exchange_up", MetricType::kGauge, "exchange",
     "1 where the last sync reached the end of the source's list; 0 where it failed, is held, or none was "
     "yet."},
    {Metric::kExchangeAge, "hashgate_exchange_age_seconds", MetricType::kGauge, "exchange",
     "Time since a sync last reached the end; -1 where none did."},
    {Metric::kRemoteHashes, "hashgate_remote_hashes_total", MetricType::kCounter, "list,result",
     "Hashes that a remote list was to be asked: hit, miss, cached (answered from memory), timeout, error, "
     "overloaded (too many requests waited), breaker_open (it had failed, or had asked for a pause), "
     "cancelled."},
    {Metric::kRemoteSeconds, "hashgate_remote_seconds", MetricType::kHistogram, "list",
     "Time of one request to a remote list."},
    {Metric::kRemoteUp, "hashgate_remote_up", MetricType::kGauge, "list",
     "0 while a remote list is not asked because it failed or asked for a pause; else 1."},
    {Metric::kCanaryRuns, "hashgate_canary_runs_total", MetricType::kCounter, "", "Runs of the canary."},
    {Metric::kCanaryMisses, "hashgate_canary_misses_total", MetricType::kCounter, "what",
     "Canary failures: picture (the built-in picture was not matched), entry (a stored entry was not "
     "found)."},
    {Metric::kReady, "hashgate_ready", MetricType::kGauge, "check",
     "1 where the check is well: index, store, decoder, canary, draining."},
    {Metric::kRpcs, "hashgate_rpcs_total", MetricType::kCounter, "method,code",
     "Finished calls by gRPC code."},
    {Metric::kRpcSeconds, "hashgate_rpc_seconds", MetricType::kHistogram, "method",
     "Time of finished calls."},
    {Metric::kIdempotencyRecords, "hashgate_idempotency_records", MetricType::kGauge, "",
     "Request ids remembered."},
    {Metric::kVerdictRecords, "hashgate_verdict_records_total", MetricType::kCounter, "result",
     "Answers with a match above ALLOW whose verdict was recorded by entry: recorded, updated (a later "
     "answer to the same request, or a look after the answer), failed (the store refused; the answer left "
     "all the same), dropped (too many waited)."},
    {Metric::kVerdictRecordsLate, "hashgate_verdict_records_late_total", MetricType::kCounter, "",
     "Answers that left at their deadline before their record was on disk."},
    {Metric::kVerdictsReversed, "hashgate_verdicts_reversed_total", MetricType::kCounter, "",
     "Verdicts reversed by undoing an entry."},
    {Metric::kEvents, "hashgate_events_total", MetricType::kCounter, "kind",
     "Events written since the start: VERDICT_REVERSED, LIST_ALARM."},
    {Metric::kEventReaders, "hashgate_event_readers", MetricType::kGauge, "", "Open streams of WatchEvents."},
    {Metric::kNewestEvent, "hashgate_events_newest_sequence", MetricType::kGauge, "",
     "Sequence number of the newest event; 0 where there was none."},
    {Metric::kUptimeSeconds, "hashgate_uptime_seconds", MetricType::kGauge, "",
     "Time since the server started."},
};

const prometheus::Histogram::BucketBoundaries& SecondsBuckets() {
  static const prometheus::Histogram::BucketBoundaries buckets = {
      0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30};
  return buckets;
}

class PrometheusMetrics final : public Metrics {
 public:
  PrometheusMetrics() {
    for (const MetricInfo& info : kMetricTable) {
      const std::string name(info.name);
      const std::string help(info.help);
      Family family{};
      switch (info.type) {
        case MetricType::kCounter:
          family.counter = &prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
          break;
        case MetricType::kGauge:
          family.gauge = &prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
          break;
        case MetricType::kHistogram:
          family.histogram = &prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
          break;
      }
      families_.push_back(family);
    }
  }

  void Count(Metric metric, Labels labels, double amount) override {
    At(metric).counter->Add(ToMap(metric, labels)).Increment(amount);
  }
  void Set(Metric metric, double value, Labels labels) override {
    At(metric).gauge->Add(ToMap(metric, labels)).Set(value);
  }
  void Observe(Metric metric, double value, Labels labels) override {
    At(metric).histogram->Add(ToMap(metric, labels), SecondsBuckets()).Observe(value);
  }
  void ObserveEach(Metric metric, std::span<const double> values, Labels labels) override {
    const auto& bounds = SecondsBuckets();
    std::vector<double> counts(bounds.size() + 1);
    double sum = 0;
    for (const double value : values) {
      // A value belongs to the first bucket whose bound it does not pass.
      ++counts[static_cast<std::size_t>(std::ranges::lower_bound(bounds, value) - bounds.begin())];
      sum += value;
    }
    At(metric).histogram->Add(ToMap(metric, labels), bounds).ObserveMultiple(counts, sum);
  }
  void Remove(Metric metric, Labels labels) override {
    auto& family = *At(metric).gauge;
    family.Remove(&family.Add(ToMap(metric, labels)));
  }
  [[nodiscard]] std::string Exposition() const override {
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  struct Family {
    prometheus::Family<prometheus::Counter>* counter = nullptr;
    prometheus::Family<prometheus::Gauge>* gauge = nullptr;
    prometheus::Family<prometheus::Histogram>* histogram = nullptr;
  };

  const Family& At(Metric metric) const { return families_[static_cast<std::size_t>(metric)]; }

  static std::map<std::string, std::string> ToMap(Metric metric, Labels labels) {
    std::map<std::string, std::string> map;
    std::string names;
    for (const auto& [key, value] : labels) {
      if (!names.empty()) names += ',';
      names += key;
      map.emplace(key, value);
    }
    // Two label sets in one family would break the scrape; the callers are all ours.
    if (names != kMetricTable[static_cast<std::size_t>(metric)].labels) std::abort();
    return map;
  }

  prometheus::Registry registry_;
  std::vector<Family> families_;
};

}  // namespace

std::span<const MetricInfo> MetricTable() {
  return kMetricTable;
}

std::unique_ptr<Metrics> Metrics::Create() {
  return std::make_unique<PrometheusMetrics>();
}

}  // namespace hashgate::obs
