#include "rpc/wire/convert.h"

#include <algorithm>

namespace hashgate::rpc {
namespace {

std::string Join(const std::string& field, const std::string& name) {
  return field.empty() ? name : field + "." + name;
}

std::unexpected<Error> UnknownValue(const std::string& field) {
  return Fail(Reason::kRequestInvalid, "'" + field + "' has a value that this server does not know", field);
}

}  // namespace

Result<HashValue> FromProto(const v1::HashValue& value, const std::string& field) {
  if (value.algorithm() == v1::ALGORITHM_UNSPECIFIED) {
    return Fail(Reason::kRequestInvalid, "'" + field + "' does not say its algorithm",
                Join(field, "algorithm"));
  }
  if (!v1::Algorithm_IsValid(value.algorithm())) {
    return Fail(Reason::kAlgorithmUnknown,
                "'" + field + "' has algorithm number " + std::to_string(value.algorithm()) +
                    ", which this server does not know",
                Join(field, "algorithm"));
  }
  HashValue hash;
  hash.algorithm = FromProto(value.algorithm());
  const auto name = [&hash] { return std::string(AlgorithmName(hash.algorithm)); };
  const std::size_t size = HashSize(hash.algorithm);
  if (size == 0) {
    return Fail(Reason::kUnsupported,
                "'" + field + "': this build neither stores nor matches hashes of " + name(),
                Join(field, "algorithm"));
  }
  if (value.value().size() != size) {
    return Fail(Reason::kHashMalformed,
                "'" + field + "': a value of " + name() + " has " + std::to_string(size) + " bytes, not " +
                    std::to_string(value.value().size()),
                Join(field, "value"));
  }
  if (!v1::Pipeline_IsValid(value.pipeline())) return UnknownValue(Join(field, "pipeline"));
  if (hash.algorithm != Algorithm::kPdq &&
      (value.pipeline() != v1::PIPELINE_UNSPECIFIED || value.has_quality())) {
    return Fail(Reason::kRequestInvalid, "'" + field + "': only PDQ has a pipeline and a quality",
                Join(field, value.has_quality() ? "quality" : "pipeline"));
  }
  hash.pipeline = FromProto(value.pipeline());
  if (value.has_quality()) {
    if (value.quality() < 0 || value.quality() > 100) {
      return Fail(Reason::kRequestInvalid, "'" + field + "': quality is from 0 to 100",
                  Join(field, "quality"));
    }
    hash.quality = static_cast<std::int16_t>(value.quality());
  }
  hash.bytes.assign(value.value().begin(), value.value().end());
  return hash;
}

v1::HashValue ToProto(const HashValue& value) {
  v1::HashValue out;
  out.set_algorithm(ToProto(value.algorithm));
  out.set_value(value.bytes.data(), value.bytes.size());
  out.set_pipeline(ToProto(value.pipeline));
  if (value.quality != kQualityUnknown) out.set_quality(value.quality);
  return out;
}

Result<lists::ListConfig> FromProto(const v1::HashList& list) {
  if (!v1::HarmClass_IsValid(list.purpose())) return UnknownValue("list.purpose");
  if (!v1::Trust_IsValid(list.trust())) return UnknownValue("list.trust");
  if (!v1::Pipeline_IsValid(list.pdq_pipeline())) return UnknownValue("list.pdq_pipeline");
  if (!v1::Verdict_IsValid(list.action_ceiling())) return UnknownValue("list.action_ceiling");
  lists::ListConfig config;
  config.name = list.name();
  config.tenant = list.tenant();
  config.purpose = FromProto(list.purpose());
  config.source = list.source();
  config.scheme = list.scheme();
  config.legal_basis = list.legal_basis();
  config.trust = FromProto(list.trust());
  config.pdq_pipeline = FromProto(list.pdq_pipeline());
  if (list.action_ceiling() != v1::VERDICT_UNSPECIFIED) {
    config.action_ceiling = FromProto(list.action_ceiling());
  }
  config.enabled = !list.has_enabled() || list.enabled();
  config.description = list.description();
  std::map<Algorithm, int> given;
  for (int i = 0; i < list.max_distances_size(); ++i) {
    const v1::MaxDistance& row = list.max_distances(i);
    const std::string field = "list.max_distances[" + std::to_string(i) + "]";
    if (row.algorithm() == v1::ALGORITHM_UNSPECIFIED || !v1::Algorithm_IsValid(row.algorithm())) {
      return UnknownValue(field + ".algorithm");
    }
    const Algorithm algorithm = FromProto(row.algorithm());
    // A threshold in the wrong unit would be one that nobody meant.
    if (HasOwnUnit(algorithm) != row.has_max_distance() ||
        (row.has_max_distance() && row.max_distance_bits() != 0)) {
      return Fail(Reason::kRequestInvalid,
                  "'" + field + "': " + std::string(AlgorithmName(algorithm)) + " has its threshold in '" +
                      (HasOwnUnit(algorithm) ? "max_distance'" : "max_distance_bits'") + " alone",
                  field);
    }
    if (!given.emplace(algorithm, row.has_max_distance() ? row.max_distance() : row.max_distance_bits())
             .second) {
      return Fail(Reason::kRequestInvalid, "'" + field + "' gives a second threshold for one algorithm",
                  field);
    }
  }
  // Thresholds that are not given keep their defaults.
  for (const auto& [algorithm, distance] : given) config.max_distances[algorithm] = distance;
  return config;
}

v1::HashList ToProto(const lists::HashList& list) {
  v1::HashList out;
  out.set_name(list.config.name);
  out.set_tenant(list.config.tenant);
  out.set_purpose(ToProto(list.config.purpose));
  out.set_source(list.config.source);
  out.set_legal_basis(list.config.legal_basis);
  out.set_trust(ToProto(list.config.trust));
  for (const auto& [algorithm, distance] : list.config.max_distances) {
    v1::MaxDistance& row = *out.add_max_distances();
    row.set_algorithm(ToProto(algorithm));
    if (HasOwnUnit(algorithm)) {
      row.set_max_distance(distance);
    } else {
      row.set_max_distance_bits(distance);
    }
  }
  out.set_pdq_pipeline(ToProto(list.config.pdq_pipeline));
  out.set_action_ceiling(ToProto(list.config.action_ceiling));
  out.set_enabled(list.config.enabled);
  out.set_description(list.config.description);
  out.set_etag(list.etag);
  out.set_entry_count(static_cast<std::int64_t>(list.entry_count));
  out.set_quarantined_count(static_cast<std::int64_t>(list.quarantined_count));
  *out.mutable_create_time() = ToProto(list.created);
  *out.mutable_update_time() = ToProto(list.updated);
  out.set_scheme(list.config.scheme);
  if (list.whole_read != WallTime()) *out.mutable_whole_read_time() = ToProto(list.whole_read);
  if (list.brake) {
    v1::Brake& brake = *out.mutable_brake();
    brake.set_max_verdict(ToProto(list.brake->max_verdict));
    *brake.mutable_expire_time() = ToProto(list.brake->until);
    *brake.mutable_create_time() = ToProto(list.brake->made);
    brake.set_author(list.brake->author);
    brake.set_reason(list.brake->reason);
  }
  return out;
}

Result<lists::EntryRecord> FromProto(const v1::Entry& entry, const std::string& field) {
  lists::EntryRecord record;
  record.source_id = entry.source_id();
  record.hashes.reserve(static_cast<std::size_t>(entry.hashes_size()));
  for (int i = 0; i < entry.hashes_size(); ++i) {
    HASHGATE_ASSIGN_OR_RETURN(HashValue hash,
                              FromProto(entry.hashes(i), Join(field, "hashes[" + std::to_string(i) + "]")));
    record.hashes.push_back(std::move(hash));
  }
  record.classification = entry.classification();
  record.labels.assign(entry.labels().begin(), entry.labels().end());
  return record;
}

v1::Entry ToProto(const lists::EntryRecord& record) {
  v1::Entry out;
  out.set_source_id(record.source_id);
  for (const HashValue& hash : record.hashes) *out.add_hashes() = ToProto(hash);
  out.set_classification(record.classification);
  for (const std::string& label : record.labels) out.add_labels(label);
  return out;
}

v1::Entry ToProto(const lists::Entry& entry) {
  v1::Entry out = ToProto(entry.record);
  out.set_entry_id(static_cast<std::int64_t>(entry.id));
  out.set_version(static_cast<std::int32_t>(entry.version));
  *out.mutable_first_seen_time() = ToProto(entry.first_seen);
  *out.mutable_change_time() = ToProto(entry.last_changed);
  *out.mutable_last_seen_time() = ToProto(entry.last_seen);
  return out;
}

google::protobuf::Timestamp ToProto(WallTime time) {
  // Rounded down, so that nanos stay in 0..999,999,999 before the epoch too.
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  google::protobuf::Timestamp out;
  out.set_seconds(seconds.count());
  out.set_nanos(static_cast<std::int32_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds).count()));
  return out;
}

WallTime FromProto(const google::protobuf::Timestamp& time) {
  // Source: the range that timestamp.proto gives.
  constexpr std::int64_t kFirstSecond = -62'135'596'800;
  constexpr std::int64_t kLastSecond = 253'402'300'799;
  const std::int64_t seconds = std::clamp(time.seconds(), kFirstSecond, kLastSecond);
  const int nanos = std::clamp(time.nanos(), 0, 999'999'999);
  return FromUnixMillis(seconds * 1'000 + nanos / 1'000'000);
}

google::protobuf::Duration ToProto(std::chrono::milliseconds duration) {
  // Both parts have the duration's sign, as duration.proto asks.
  google::protobuf::Duration out;
  out.set_seconds(duration.count() / 1000);
  out.set_nanos(static_cast<std::int32_t>(duration.count() % 1000 * 1'000'000));
  return out;
}

}  // namespace hashgate::rpc
