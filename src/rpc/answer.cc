#include "rpc/answer.h"

#include <algorithm>
#include <limits>
#include <new>

#include "base/no_memory.h"
#include "exchange/sync/runner.h"
#include "hashgate/version.h"
#include "rpc/service_context.h"
#include "rpc/wire/convert.h"

namespace hashgate::rpc {
namespace {

/// Version of our PDQ implementation: changes where any picture's hash would.
constexpr std::string_view kPdqVersion = "pdq-full-2";
// Raised wherever any picture's hash would be another.
constexpr std::string_view kImgHashVersion = "opencv-4.6-1";

std::int32_t ToInt32(std::uint64_t value) {
  return static_cast<std::int32_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int32_t>::max()));
}

void FillMatch(const scan::MatchDetail& match, v1::Match& out) {
  const policy::MatchFact& fact = match.fact;
  out.set_list(fact.list);
  out.set_entry_id(static_cast<std::int64_t>(fact.entry));
  out.set_source_id(match.source_id);
  out.set_classification(fact.classification);
  for (const Algorithm algorithm : fact.algorithms) out.add_algorithms(ToProto(algorithm));
  out.set_identity(ToProto(fact.identity));
  if (fact.distance_bits >= 0) {
    out.set_distance_bits(fact.distance_bits);
    out.set_max_distance_bits(match.max_distance_bits);
  }
  out.set_view(ToProto(fact.view));
  out.set_frame(ToInt32(match.frame));
  out.set_dihedral(ToProto(match.dihedral));
  out.set_digest_conflict(fact.digest_conflict);
  out.set_harm_class(ToProto(fact.purpose));
  out.set_verdict(ToProto(match.verdict));
  out.set_hidden_only(fact.hidden_only);
  for (const policy::VectorDistance& row : fact.distances) {
    v1::MatchDistance& distance = *out.add_distances();
    distance.set_algorithm(ToProto(row.algorithm));
    distance.set_distance(row.distance);
    distance.set_max_distance(row.max_distance);
  }
  if (fact.confirmed) out.add_opinions(v1::OPINION_KIND_CONFIRM);
  if (fact.disputed) out.add_opinions(v1::OPINION_KIND_DISPUTE);
  if (fact.flooded) out.add_opinions(v1::OPINION_KIND_FLOOD);
  out.set_entry_version(static_cast<std::int32_t>(match.entry_version));
}

void FillImage(const scan::ScanAnswer& answer, v1::ImageFacts& image) {
  image.set_format(std::string(decode::FormatName(answer.format)));
  image.set_size_bytes(static_cast<std::int64_t>(answer.size));
  image.set_width(ToInt32(answer.image.width));
  image.set_height(ToInt32(answer.image.height));
  image.set_frame_count(ToInt32(answer.image.frames_total));
  image.set_codec_warned(answer.image.codec_warned);
  image.set_trailing_bytes(answer.image.trailing_bytes);
}

v1::HashValue& AddHash(Algorithm algorithm, ByteSpan bytes, v1::ScanResult& result) {
  v1::HashValue& hash = *result.add_hashes();
  hash.set_algorithm(ToProto(algorithm));
  hash.set_value(bytes.data(), bytes.size());
  return hash;
}

void FillHashes(const scan::ScanAnswer& answer, v1::ScanResult& result) {
  if (answer.digests) {
    const DigestKinds kinds = answer.digests->kinds;
    if (kinds.Has(DigestKind::kMd5)) AddHash(Algorithm::kMd5, answer.digests->md5, result);
    if (kinds.Has(DigestKind::kSha1)) AddHash(Algorithm::kSha1, answer.digests->sha1, result);
    if (kinds.Has(DigestKind::kSha256)) AddHash(Algorithm::kSha256, answer.digests->sha256, result);
  }
  for (const decode::ViewHashes& view : answer.image.views) {
    for (const decode::PdqForms& forms : view.pdq) {
      v1::HashValue& hash = *result.add_hashes();
      hash.set_algorithm(v1::ALGORITHM_PDQ);
      const auto bytes = forms.forms[0].bytes();
      hash.set_value(bytes.data(), bytes.size());
      hash.set_pipeline(ToProto(forms.pipeline));
      hash.set_quality(forms.quality);
      hash.set_view(ToProto(view.kind));
      hash.set_frame(ToInt32(view.frame));
      hash.set_hidden(view.hidden);
    }
    for (const decode::VectorForms& vector : view.vectors) {
      v1::HashValue& hash = AddHash(vector.algorithm, vector.form(0), result);
      hash.set_view(ToProto(view.kind));
      hash.set_frame(ToInt32(view.frame));
    }
  }
}

void FillVectorMakers(std::span<const decode::VectorMaker> makers,
                      google::protobuf::RepeatedPtrField<v1::AlgorithmVersion>& out) {
  for (const decode::VectorMaker& maker : makers) {
    v1::AlgorithmVersion& row = *out.Add();
    row.set_algorithm(ToProto(maker.algorithm));
    row.set_name(maker.name);
    row.set_version(maker.version);
  }
}

}  // namespace

void FillComputed(std::span<const decode::VectorMaker> makers, v1::GetStatusResponse& status) {
  v1::AlgorithmVersion& pdq = *status.add_computed();
  pdq.set_algorithm(v1::ALGORITHM_PDQ);
  pdq.set_name("hashgate");
  pdq.set_version(std::string(kPdqVersion));
  for (const Algorithm algorithm : kImgHashes) {
    v1::AlgorithmVersion& row = *status.add_computed();
    row.set_algorithm(ToProto(algorithm));
    row.set_name("hashgate");
    row.set_version(std::string(kImgHashVersion));
  }
  FillVectorMakers(makers, *status.mutable_computed());
}

Status FillResult(const ServiceContext& context, const scan::ScanAnswer& answer, DetailLevel detail,
                  bool include_hashes, v1::ScanResult& result) try {
  const bool full = detail == DetailLevel::kFull;
  result.set_scan_id(answer.scan_id);
  result.set_verdict(ToProto(answer.verdict));
  result.set_outcome(ToProto(answer.outcome));
  result.set_cause(ToProto(answer.cause));
  result.set_harm_class(ToProto(answer.harm_class));

  v1::Coverage& coverage = *result.mutable_coverage();
  coverage.set_level(ToProto(answer.coverage.level));
  coverage.set_list_count(ToInt32(answer.coverage.lists.size()));
  for (const Algorithm algorithm : answer.coverage.algorithms) coverage.add_algorithms(ToProto(algorithm));
  coverage.set_view_count(answer.coverage.views);
  coverage.set_frames_seen(ToInt32(answer.coverage.frames_seen));
  coverage.set_frames_total(ToInt32(answer.coverage.frames_total));

  if (answer.digests) FillImage(answer, *result.mutable_image());

  v1::Versions& versions = *result.mutable_versions();
  versions.set_engine(EngineVersion().data(), EngineVersion().size());
  versions.set_pdq(kPdqVersion.data(), kPdqVersion.size());
  if (context.scanner != nullptr)
    FillVectorMakers(context.scanner->VectorMakers(), *versions.mutable_plugins());
  if (answer.policy != nullptr) {
    versions.set_policy(answer.policy->Name() + "/" + answer.policy->Version());
    versions.set_policy_digest(answer.policy->TextDigest());
  }
  versions.set_generation(answer.generation);

  if (answer.retry_after) *result.mutable_retry_after() = ToProto(*answer.retry_after);
  if (answer.retain_until) *result.mutable_retain_until() = ToProto(*answer.retain_until);
  if (answer.verdict == Verdict::kBlockAndReport) {
    // Reporting is not configured yet, so the duty is the caller's.
    result.mutable_report()->set_owner(v1::Report::OWNER_CALLER);
  }
  result.set_replayed(answer.replayed);
  result.set_lists_stale(context.exchanges != nullptr &&
                         std::ranges::any_of(answer.coverage.lists, [&](const std::string& list) {
                           return context.exchanges->IsStale(list);
                         }));
  if (!full) return {};

  for (const std::string& list : answer.coverage.lists) coverage.add_lists(list);
  for (const std::string& missing : answer.coverage.missing) coverage.add_missing(missing);
  for (const scan::MatchDetail& match : answer.matches) FillMatch(match, *result.add_matches());
  result.set_matches_truncated(answer.matches_truncated);
  result.set_rule_id(answer.rule_id);
  if (include_hashes) FillHashes(answer, result);
  v1::Timings& timings = *result.mutable_timings();
  timings.set_queue_micros(answer.timings.queue);
  timings.set_digest_micros(answer.timings.digest);
  timings.set_decode_wait_micros(answer.timings.decode_wait);
  timings.set_decode_micros(answer.timings.decode);
  timings.set_hash_micros(answer.timings.hash);
  timings.set_match_micros(answer.timings.match);
  timings.set_decide_micros(answer.timings.decide);
  timings.set_total_micros(answer.timings.total);
  return {};
} catch (const std::bad_alloc&) {
  return NoMemory();
}

}  // namespace hashgate::rpc
