#include "lists/validate.h"

#include <algorithm>
#include <tuple>

#include "base/utf8.h"
#include "lists/limits.h"

namespace hashgate::lists {
namespace {

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    // Most text is ASCII.
    if (static_cast<std::uint8_t>(text.front()) < 0x80) {
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = Utf8SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool IsNameLike(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && alphanumeric(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return alphanumeric(c) || c == '-'; });
}

Status CheckText(std::string_view text, std::size_t max, const char* field, bool required) {
  if (required && text.empty()) {
    return Fail(Reason::kRequestInvalid, std::string(field) + " is required", field);
  }
  if (text.size() > max) {
    return Fail(Reason::kRequestInvalid,
                std::string(field) + " is longer than " + std::to_string(max) + " bytes", field);
  }
  if (!IsUtf8(text)) return Fail(Reason::kRequestInvalid, std::string(field) + " is not UTF-8", field);
  return {};
}

// Far below what the distance can be: public tools put unrelated pictures at 200,000 and more, and IPED's
// limit is 40,000. A list beyond this would match anybody's pictures.
constexpr int kMostPhotoDna = 50'000;

// -1 where the algorithm has no distance.
int GreatestThreshold(Algorithm algorithm) {
  const int most = GreatestMaxDistance(algorithm);
  return algorithm == Algorithm::kPhotoDna ? std::min(most, kMostPhotoDna) : most;
}

Status CheckDistances(const std::map<Algorithm, int>& distances) {
  constexpr const char* kField = "list.max_distances";
  for (const auto& [algorithm, distance] : distances) {
    const std::string name(AlgorithmName(algorithm));
    const int most = GreatestThreshold(algorithm);
    if (most < 0) {
      return Fail(Reason::kRequestInvalid,
                  "max_distances is for perceptual algorithms; '" + name + "' has no distance", kField);
    }
    if (distance < 0 || distance > most) {
      return Fail(Reason::kRequestInvalid,
                  "the greatest distance of " + name + " must be 0 to " + std::to_string(most), kField);
    }
  }
  return {};
}

Status CheckHash(const HashValue& hash) {
  const std::string name(AlgorithmName(hash.algorithm));
  const std::size_t size = HashSize(hash.algorithm);
  if (size == 0) {
    return Fail(Reason::kAlgorithmUnknown, "this build stores no hashes of the algorithm '" + name + "'",
                "hashes.algorithm");
  }
  if (hash.bytes.size() != size) {
    return Fail(Reason::kHashMalformed,
                "a " + name + " hash has " + std::to_string(size) + " bytes, not " +
                    std::to_string(hash.bytes.size()),
                "hashes.value");
  }
  if (hash.algorithm != Algorithm::kPdq) {
    if (hash.pipeline != Pipeline::kUnspecified || hash.quality != kQualityUnknown) {
      return Fail(Reason::kRequestInvalid, "only pdq hashes have a pipeline and a quality, not " + name,
                  "hashes.pipeline");
    }
    return {};
  }
  if (hash.pipeline > Pipeline::kNn512) {
    return Fail(Reason::kRequestInvalid, "a pdq hash names an unknown pipeline", "hashes.pipeline");
  }
  if (hash.quality < kQualityUnknown || hash.quality > 100) {
    return Fail(Reason::kRequestInvalid, "a pdq hash's quality is 0 to 100", "hashes.quality");
  }
  return {};
}

bool HashOrder(const HashValue& a, const HashValue& b) {
  return std::tie(a.algorithm, a.pipeline) < std::tie(b.algorithm, b.pipeline);
}

}  // namespace

Status ValidateText(std::string_view text, std::size_t max, const char* field) {
  return CheckText(text, max, field, true);
}

Status ValidateConfig(const ListConfig& config, bool system) {
  if (config.name.size() > kMaxNameBytes || !IsNameLike(config.name)) {
    return Fail(Reason::kRequestInvalid,
                "a list's name is 1 to 63 of a-z, 0-9 and '-', starting with a letter or digit", "list.name");
  }
  if (config.name.starts_with(kSystemPrefix) != system) {
    return Fail(Reason::kRequestInvalid,
                "names that start with '" + std::string(kSystemPrefix) +
                    "' are the system's own: choose another name",
                "list.name");
  }
  if (!config.tenant.empty() && (config.tenant.size() > kMaxTenantBytes || !IsNameLike(config.tenant))) {
    return Fail(Reason::kRequestInvalid,
                "a tenant's name is 1 to 63 of a-z, 0-9 and '-', starting with a letter or digit",
                "list.tenant");
  }
  if (config.purpose == Purpose::kUnspecified || config.purpose > Purpose::kTest) {
    return Fail(Reason::kRequestInvalid, "list.purpose is required: it decides what matches may do",
                "list.purpose");
  }
  HASHGATE_RETURN_IF_ERROR(CheckText(config.source, kMaxSourceBytes, "list.source", true));
  HASHGATE_RETURN_IF_ERROR(CheckText(config.legal_basis, kMaxLegalBasisBytes, "list.legal_basis", true));
  if (!config.scheme.empty() && (config.scheme.size() > kMaxNameBytes || !IsNameLike(config.scheme))) {
    return Fail(Reason::kRequestInvalid,
                "a scheme's name is 1 to 63 of a-z, 0-9 and '-', starting with a letter or digit",
                "list.scheme");
  }
  HASHGATE_RETURN_IF_ERROR(CheckText(config.description, kMaxDescriptionBytes, "list.description", false));
  if (config.trust == Trust::kUnspecified || config.trust > Trust::kTrusted) {
    return Fail(Reason::kRequestInvalid, "list.trust is unverified, local or trusted", "list.trust");
  }
  if (config.pdq_pipeline > Pipeline::kNn512) {
    return Fail(Reason::kRequestInvalid, "list.pdq_pipeline is full, nn512 or not given",
                "list.pdq_pipeline");
  }
  if (config.action_ceiling != Verdict::kAllow && config.action_ceiling != Verdict::kReview &&
      config.action_ceiling != Verdict::kBlock && config.action_ceiling != Verdict::kBlockAndReport) {
    return Fail(Reason::kRequestInvalid, "list.action_ceiling is ALLOW, REVIEW, BLOCK or BLOCK_AND_REPORT",
                "list.action_ceiling");
  }
  return CheckDistances(config.max_distances);
}

Status ValidateExchangeName(std::string_view name) {
  if (name.size() <= kMaxNameBytes && IsNameLike(name)) return {};
  return Fail(Reason::kRequestInvalid,
              "an exchange's name is 1 to 63 of a-z, 0-9 and '-', starting with a letter or digit",
              "exchange");
}

ListConfig WithDefaults(ListConfig config) {
  for (const auto& [algorithm, distance] : ListConfig().max_distances) {
    config.max_distances.try_emplace(algorithm, distance);
  }
  return config;
}

Status ValidateWithdrawal(const EntryRecord& record) {
  return CheckText(record.source_id, kMaxSourceIdBytes, "source_id", true);
}

Status ValidateRecord(const EntryRecord& record) {
  HASHGATE_RETURN_IF_ERROR(CheckText(record.source_id, kMaxSourceIdBytes, "source_id", false));
  HASHGATE_RETURN_IF_ERROR(
      CheckText(record.classification, kMaxClassificationBytes, "classification", false));
  if (record.labels.size() > kMaxLabels) {
    return Fail(Reason::kRequestInvalid, "an entry has at most " + std::to_string(kMaxLabels) + " labels",
                "labels");
  }
  for (const std::string& label : record.labels) {
    HASHGATE_RETURN_IF_ERROR(CheckText(label, kMaxLabelBytes, "labels", true));
  }
  if (record.hashes.empty()) {
    return Fail(Reason::kRequestInvalid, "an entry needs at least one hash", "hashes");
  }
  if (record.hashes.size() > kMaxHashes) {
    return Fail(Reason::kRequestInvalid, "an entry has at most " + std::to_string(kMaxHashes) + " hashes",
                "hashes");
  }
  for (std::size_t i = 0; i < record.hashes.size(); ++i) {
    const HashValue& hash = record.hashes[i];
    HASHGATE_RETURN_IF_ERROR(CheckHash(hash));
    for (std::size_t k = 0; k < i; ++k) {
      if (record.hashes[k].algorithm == hash.algorithm && record.hashes[k].pipeline == hash.pipeline) {
        return Fail(Reason::kRequestInvalid,
                    "an entry has one hash for each algorithm and pipeline; " +
                        std::string(AlgorithmName(hash.algorithm)) + " comes twice",
                    "hashes");
      }
    }
  }
  return {};
}

bool IsCanonical(const EntryRecord& record) {
  return std::ranges::is_sorted(record.hashes, HashOrder);
}

void Canonicalise(EntryRecord& record) {
  std::ranges::sort(record.hashes, HashOrder);
}

std::string Bounded(std::string_view text, std::size_t max) {
  std::string out;
  while (!text.empty() && out.size() < max) {
    const std::size_t length = Utf8SequenceLength(text);
    if (length == 0) {
      out.push_back('?');
      text.remove_prefix(1);
      continue;
    }
    if (out.size() + length > max) break;
    out.append(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace hashgate::lists
