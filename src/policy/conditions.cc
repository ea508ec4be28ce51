#include "policy/conditions.h"

#include <algorithm>

namespace hashgate::policy {
namespace {

bool Contains(const std::vector<std::string>& texts, std::string_view text) {
  return std::ranges::find(texts, text) != texts.end();
}

EnumSet DigestAlgorithms() {
  EnumSet set;
  for (int i = 1; i < kAlgorithmCount; ++i) {
    if (IsDigest(static_cast<Algorithm>(i))) set.Insert(static_cast<Algorithm>(i));
  }
  return set;
}

// Those that make a digest strong.
EnumSet IdentifyingAlgorithms() {
  EnumSet set;
  for (int i = 1; i < kAlgorithmCount; ++i) {
    if (IdentifiesAlone(static_cast<Algorithm>(i))) set.Insert(static_cast<Algorithm>(i));
  }
  return set;
}

template <typename E>
EnumSet Only(E value) {
  EnumSet set;
  set.Insert(value);
  return set;
}

bool QualityAtLeast(int quality, int least) {
  return quality == kQualityUnknown || quality >= least;
}

bool ListsCovered(const Condition& earlier, const Condition& later) {
  if (!earlier.lists.empty()) {
    if (later.lists.empty()) return false;
    if (!std::ranges::all_of(later.lists, [&](const auto& list) { return Contains(earlier.lists, list); })) {
      return false;
    }
  }
  return std::ranges::all_of(earlier.lists_not, [&](const std::string& list) {
    return Contains(later.lists_not, list) || (!later.lists.empty() && !Contains(later.lists, list));
  });
}

bool ClassificationsCovered(const Condition& earlier, const Condition& later) {
  if (earlier.classifications.empty()) return true;
  if (later.classifications.empty()) return Contains(earlier.classifications, "*");
  // A later '*' can only be swallowed by an earlier one, so matching the pattern's own text is enough.
  return std::ranges::all_of(later.classifications, [&](const std::string& pattern) {
    return std::ranges::any_of(earlier.classifications,
                               [&](const std::string& wider) { return GlobMatches(wider, pattern); });
  });
}

bool MeaningsCovered(const Condition& earlier, const Condition& later) {
  if (earlier.meanings.empty()) return true;
  return !later.meanings.empty() && std::ranges::all_of(later.meanings, [&](const auto& name) {
    return Contains(earlier.meanings, name);
  });
}

bool SurfacesCovered(const Condition& earlier, const Condition& later) {
  if (earlier.surfaces.empty()) return true;
  return !later.surfaces.empty() && std::ranges::all_of(later.surfaces, [&](const auto& name) {
    return Contains(earlier.surfaces, name);
  });
}

// A second opinion is one of another family than what it is asked about.
bool IsCorroborated(std::span<const Algorithm> algorithms, EnumSet by) {
  return HashFamilies(algorithms) > 1 &&
         std::ranges::any_of(algorithms, [&](Algorithm algorithm) { return by.Allows(algorithm); });
}

bool NumbersCovered(const Condition& earlier, const Condition& later) {
  const bool distance = !earlier.max_distance_bits ||
                        (later.max_distance_bits && *later.max_distance_bits <= *earlier.max_distance_bits);
  const bool quality = earlier.min_quality.value_or(0) <= later.min_quality.value_or(0);
  const bool families = earlier.min_corroboration.value_or(0) <= later.min_corroboration.value_or(0);
  const bool vectors = std::ranges::all_of(earlier.max_distances, [&](const auto& row) {
    const auto at = later.max_distances.find(row.first);
    return at != later.max_distances.end() && at->second <= row.second;
  });
  return distance && vectors && quality && families;
}

}  // namespace

bool IsDigest(Algorithm algorithm) {
  return algorithm == Algorithm::kMd5 || algorithm == Algorithm::kSha1 || algorithm == Algorithm::kSha256;
}

bool GlobMatches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      // The last star takes one character more.
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

int HashFamilies(std::span<const Algorithm> algorithms) {
  bool digest = false;
  bool pdq = false;
  bool photodna = false;
  bool img_hash = false;
  for (const Algorithm algorithm : algorithms) {
    switch (algorithm) {
      case Algorithm::kUnspecified: break;
      case Algorithm::kMd5:
      case Algorithm::kSha1:
      case Algorithm::kSha256: digest = true; break;
      case Algorithm::kPdq: pdq = true; break;
      case Algorithm::kPhotoDna: photodna = true; break;
      // All of these see the same small grey picture, so they are wrong together.
      case Algorithm::kPHash:
      case Algorithm::kBlockMean:
      case Algorithm::kMarrHildreth:
      case Algorithm::kRadialVariance:
      case Algorithm::kAverage:
      case Algorithm::kColorMoment: img_hash = true; break;
    }
  }
  return static_cast<int>(digest) + static_cast<int>(pdq) + static_cast<int>(photodna) +
         static_cast<int>(img_hash);
}

Identity IdentityOf(std::span<const Algorithm> algorithms) {
  bool md5 = false;
  bool sha1 = false;
  bool perceptual = false;
  for (const Algorithm algorithm : algorithms) {
    if (algorithm == Algorithm::kSha256) return Identity::kStrong;
    md5 = md5 || algorithm == Algorithm::kMd5;
    sha1 = sha1 || algorithm == Algorithm::kSha1;
    perceptual = perceptual || IdentifiesAlone(algorithm);
  }
  if ((md5 && sha1) || ((md5 || sha1) && perceptual)) return Identity::kStrong;
  return md5 || sha1 ? Identity::kWeakDigest : Identity::kPerceptual;
}

Identity ProvenIdentity(const MatchFact& match) {
  const Identity claimed = std::max(match.identity, Identity::kPerceptual);
  return std::min(claimed, IdentityOf(match.algorithms));
}

bool Applies(const Condition& condition, const MatchFact& match, Identity identity, std::string_view meaning,
             const Input& input) {
  if (!condition.meanings.empty() && !Contains(condition.meanings, meaning)) return false;
  if (condition.confirmed && *condition.confirmed != match.confirmed) return false;
  if (!condition.lists.empty() && !Contains(condition.lists, match.list)) return false;
  if (Contains(condition.lists_not, match.list)) return false;
  if (!condition.surfaces.empty() && !Contains(condition.surfaces, input.surface)) return false;
  if (!condition.purposes.Allows(match.purpose) || !condition.trusts.Allows(match.trust) ||
      !condition.identities.Allows(identity) || !condition.views.Allows(match.view) ||
      !condition.surface_kinds.Allows(input.surface_kind) || !condition.coverages.Allows(input.coverage)) {
    return false;
  }
  if (!condition.algorithms.any() && !std::ranges::any_of(match.algorithms, [&](Algorithm algorithm) {
        return condition.algorithms.Allows(algorithm);
      })) {
    return false;
  }
  if (!condition.classifications.empty() &&
      !std::ranges::any_of(condition.classifications, [&](const std::string& pattern) {
        return GlobMatches(pattern, match.classification);
      })) {
    return false;
  }
  if (condition.max_distance_bits &&
      (match.distance_bits < 0 || match.distance_bits > *condition.max_distance_bits)) {
    return false;
  }
  if (!std::ranges::all_of(condition.max_distances, [&](const auto& row) {
        const auto at = std::ranges::find(match.distances, row.first, &VectorDistance::algorithm);
        return at != match.distances.end() && at->distance <= row.second;
      })) {
    return false;
  }
  if (condition.min_quality && (!QualityAtLeast(match.upload_quality, *condition.min_quality) ||
                                !QualityAtLeast(match.entry_quality, *condition.min_quality))) {
    return false;
  }
  if (!condition.corroborated_by.any() && !IsCorroborated(match.algorithms, condition.corroborated_by))
    return false;
  return !condition.min_corroboration || HashFamilies(match.algorithms) >= *condition.min_corroboration;
}

bool Covers(const Condition& earlier, const Condition& later) {
  return ListsCovered(earlier, later) && ClassificationsCovered(earlier, later) &&
         MeaningsCovered(earlier, later) && SurfacesCovered(earlier, later) &&
         NumbersCovered(earlier, later) && (!earlier.confirmed || earlier.confirmed == later.confirmed) &&
         earlier.purposes.Covers(later.purposes) && earlier.trusts.Covers(later.trusts) &&
         earlier.algorithms.Covers(later.algorithms) && earlier.identities.Covers(later.identities) &&
         earlier.views.Covers(later.views) && earlier.surface_kinds.Covers(later.surface_kinds) &&
         earlier.coverages.Covers(later.coverages) && earlier.corroborated_by.Covers(later.corroborated_by);
}

std::string Contradiction(const Condition& condition) {
  if (!condition.lists.empty() && std::ranges::all_of(condition.lists, [&](const std::string& list) {
        return Contains(condition.lists_not, list);
      })) {
    return "every list of 'list' is also in 'list_not'";
  }
  const EnumSet weak = Only(Identity::kWeakDigest);
  const EnumSet perceptual = Only(Identity::kPerceptual);
  const bool only_weak = weak.Covers(condition.identities);
  const bool only_perceptual = perceptual.Covers(condition.identities);
  const bool has_distance = condition.max_distance_bits ||
                            std::ranges::any_of(condition.max_distances,
                                                [](const auto& row) { return IdentifiesAlone(row.first); });
  if (only_weak && has_distance) {
    return "identity WEAK_DIGEST has no distance: a perceptual hash beside it makes it STRONG";
  }
  // A digest and a hash of img_hash that is too short to make it strong are two families.
  const bool needs_other =
      condition.min_corroboration.value_or(1) > 2 ||
      (!condition.corroborated_by.any() && IdentifyingAlgorithms().Covers(condition.corroborated_by));
  if (only_weak && needs_other) {
    return "identity WEAK_DIGEST is one hash family alone, or one and a short hash";
  }
  if (!condition.algorithms.any()) {
    if (only_weak && IdentifyingAlgorithms().Covers(condition.algorithms)) {
      return "identity WEAK_DIGEST has no perceptual algorithm but short ones";
    }
    if (only_perceptual && DigestAlgorithms().Covers(condition.algorithms)) {
      return "identity PERCEPTUAL has no digest";
    }
  }
  if (!condition.corroborated_by.any() && only_perceptual &&
      DigestAlgorithms().Covers(condition.corroborated_by)) {
    return "identity PERCEPTUAL is corroborated by no digest: beside a perceptual hash it makes it STRONG";
  }
  return {};
}

}  // namespace hashgate::policy
