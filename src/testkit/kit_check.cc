// The kit's own oracle: which lists know a file is found here by brute force from digests and pixels, apart
// from the code that put the kit together and from everything the server matches with.
#include <algorithm>
#include <set>

#include "testkit/kit_builder.h"

namespace hashgate::testkit {
namespace {

// Decoders may differ from ours by 4 bits, so no verdict may hang on fewer.
constexpr int kMarginBits = 5;
// Likewise for the quality that separates usable hashes from others.
constexpr int kMarginQuality = 8;
constexpr int kConflictBits = 90;
// A match by nn512 counts fully where the full hash lies at least this near.
constexpr int kTrustBits = 63;

struct Seen {
  Digests digests;
  std::vector<std::array<PdqHash, kDihedralCount>> views;
  std::vector<std::array<PdqHash, kDihedralCount>> nn512_views;
};

std::unexpected<Error> Fault(const KitCase& kit_case, const std::string& what) {
  return Fail(Reason::kInvariantBroken, "test kit, " + kit_case.file + ": " + what);
}

bool DigestHit(const KitEntry& entry, const Digests& digests) {
  return entry.md5 == digests.md5 || entry.sha1 == digests.sha1 || entry.sha256 == digests.sha256;
}

int NearestForm(const std::vector<std::array<PdqHash, kDihedralCount>>& views, const PdqHash& listed) {
  int nearest = 257;
  for (const auto& forms : views) {
    for (const PdqHash& form : forms) nearest = std::min(nearest, Distance(form, listed));
  }
  return nearest;
}

Status CheckCase(const Kit& kit, const KitCase& kit_case) {
  Seen seen;
  DigestSet set;
  set.Update(kit_case.bytes);
  seen.digests = set.Finish();
  int best_quality = 0;
  for (const Picture& view : kit_case.views) {
    auto& forms = seen.views.emplace_back();
    auto& nn512_forms = seen.nn512_views.emplace_back();
    for (int turn = 0; turn < kDihedralCount; ++turn) {
      const Picture turned = Turn(view, static_cast<Dihedral>(turn));
      const PictureHash hash = HashOf(turned);
      forms[static_cast<std::size_t>(turn)] = hash.hash;
      nn512_forms[static_cast<std::size_t>(turn)] = HashOf(ShrinkNn512(turned)).hash;
      if (turn == 0) best_quality = std::max(best_quality, hash.quality);
    }
  }

  std::set<std::string> found;
  for (const KitEntry& entry : kit.entries) {
    const auto list = std::ranges::find(kit.lists, entry.list, &KitList::name);
    if (list == kit.lists.end()) return Fault(kit_case, "an entry names a list that is not there");
    const bool digest_hit = DigestHit(entry, seen.digests);
    if (digest_hit) found.insert(entry.list);
    if (!entry.pdq || seen.views.empty()) continue;
    const int full = NearestForm(seen.views, *entry.pdq);
    // No list of the kit is of the full pipeline, so both hashes are asked about every entry.
    const int nn512 = NearestForm(seen.nn512_views, *entry.pdq);
    const int distance = std::min(full, nn512);
    if (nn512 <= list->max_distance_bits && std::abs(full - kTrustBits) < kMarginBits) {
      return Fault(kit_case,
                   "its full hash lies too near to where nn512 is trusted: " + std::to_string(full));
    }
    if (std::abs(distance - list->max_distance_bits) < kMarginBits) {
      return Fault(kit_case, "a distance lies too near its threshold: " + std::to_string(distance));
    }
    if (digest_hit && std::abs(full - kConflictBits) < kMarginBits) {
      return Fault(kit_case, "a distance lies too near a conflict: " + std::to_string(full));
    }
    if (distance <= list->max_distance_bits) found.insert(entry.list);
  }
  const std::set<std::string> expected(kit_case.expected.matched_lists.begin(),
                                       kit_case.expected.matched_lists.end());
  if (found != expected) {
    std::string names;
    for (const std::string& name : found) names += " " + name;
    return Fault(kit_case, "brute force finds it on other lists than expected:" + names);
  }
  const bool matched = kit_case.expected.outcome == Outcome::kMatched;
  if (matched == found.empty()) return Fault(kit_case, "outcome and lists do not agree");
  if (!matched && !kit_case.views.empty()) {
    const bool usable = kit_case.expected.coverage == CoverageLevel::kComplete;
    const int limit = kMinUsablePdqQuality + (usable ? kMarginQuality : -kMarginQuality);
    if (usable ? best_quality < limit : best_quality > limit) {
      return Fault(kit_case, "its quality does not fit its coverage: " + std::to_string(best_quality));
    }
  }
  return {};
}

}  // namespace

Status CheckKit(const Kit& kit) {
  for (const KitCase& kit_case : kit.cases) HASHGATE_RETURN_IF_ERROR(CheckCase(kit, kit_case));
  return {};
}

}  // namespace hashgate::testkit
