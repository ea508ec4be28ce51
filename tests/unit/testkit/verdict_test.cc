// The policy `standard` decides what the kit expects. What is found is found here by brute force over the
// kit's pixels and bytes, so a wrong expectation shows without server, decoder or index.
#include <gtest/gtest.h>

#include <algorithm>

#include "policy/policy.h"
#include "testkit/kit_builder.h"

namespace hashgate::testkit {
namespace {

constexpr int kConflictBits = 90;
constexpr int kTrustBits = 63;

struct Nearest {
  int distance = 257;
  int quality = kQualityUnknown;
  bool degenerate = false;
};

// One view in its eight turns.
struct Forms {
  int quality = 0;
  std::vector<PdqHash> hashes;
};

std::vector<Forms> FormsOf(const KitCase& kit_case, Pipeline pipeline) {
  const auto seen = [pipeline](const Picture& picture) {
    return HashOf(pipeline == Pipeline::kNn512 ? ShrinkNn512(picture) : picture);
  };
  std::vector<Forms> views;
  for (const Picture& view : kit_case.views) {
    Forms forms{seen(view).quality, {}};
    for (int turn = 0; turn < kDihedralCount; ++turn) {
      forms.hashes.push_back(seen(Turn(view, static_cast<Dihedral>(turn))).hash);
    }
    views.push_back(std::move(forms));
  }
  return views;
}

Nearest NearestOf(const std::vector<Forms>& views, const PdqHash& listed) {
  Nearest nearest;
  for (const Forms& forms : views) {
    for (const PdqHash& hash : forms.hashes) {
      const int distance = Distance(hash, listed);
      if (distance < nearest.distance) nearest = {distance, forms.quality, IsDegenerate(hash)};
    }
  }
  return nearest;
}

std::vector<policy::MatchFact> FactsOf(const Kit& kit, const KitCase& kit_case) {
  DigestSet set;
  set.Update(kit_case.bytes);
  const Digests digests = set.Finish();
  const std::vector<Forms> views = FormsOf(kit_case, Pipeline::kFull);
  const std::vector<Forms> nn512_views = FormsOf(kit_case, Pipeline::kNn512);
  std::vector<policy::MatchFact> facts;
  for (std::size_t i = 0; i < kit.entries.size(); ++i) {
    const KitEntry& entry = kit.entries[i];
    const KitList& list = *std::ranges::find(kit.lists, entry.list, &KitList::name);
    policy::MatchFact fact;
    fact.list = list.name;
    fact.purpose = list.purpose;
    fact.trust = list.trust;
    fact.entry = i + 1;
    fact.view = ViewKind::kWhole;
    if (entry.md5 == digests.md5) fact.algorithms.push_back(Algorithm::kMd5);
    if (entry.sha1 == digests.sha1) fact.algorithms.push_back(Algorithm::kSha1);
    if (entry.sha256 == digests.sha256) fact.algorithms.push_back(Algorithm::kSha256);
    if (entry.pdq) {
      Nearest nearest = NearestOf(views, *entry.pdq);
      fact.digest_conflict = !fact.algorithms.empty() && !views.empty() && nearest.distance > kConflictBits;
      const Nearest by_nn512 = NearestOf(nn512_views, *entry.pdq);
      if (by_nn512.distance < nearest.distance) {
        fact.nn512_only = nearest.distance > kTrustBits;
        nearest = by_nn512;
      }
      if (nearest.distance <= list.max_distance_bits) {
        fact.algorithms.push_back(Algorithm::kPdq);
        fact.distance_bits = nearest.distance;
        fact.upload_quality = nearest.quality;
        fact.upload_degenerate = nearest.degenerate;
        fact.entry_quality = entry.pdq_quality;
        fact.entry_degenerate = IsDegenerate(*entry.pdq);
      }
    }
    if (fact.algorithms.empty()) continue;
    fact.identity = policy::IdentityOf(fact.algorithms);
    facts.push_back(std::move(fact));
  }
  return facts;
}

TEST(KitVerdicts, StandardPolicyDecidesWhatTheKitExpects) {
  const Result<Kit> kit = BuildKit();
  ASSERT_TRUE(kit) << kit.error().message;
  const auto standard = policy::LoadProfile("standard");
  ASSERT_TRUE(standard) << standard.error().message;
  for (const KitCase& kit_case : kit->cases) {
    const std::vector<policy::MatchFact> facts = FactsOf(*kit, kit_case);
    const Expectation& expected = kit_case.expected;
    const policy::Decision decision = (*standard)->Decide({.matches = facts,
                                                           .outcome = expected.outcome,
                                                           .cause = expected.cause,
                                                           .coverage = expected.coverage});
    EXPECT_EQ(Name(decision.verdict), Name(expected.verdict)) << kit_case.file << " by " << decision.rule_id;
    EXPECT_EQ(Name(decision.harm_class), Name(expected.harm_class)) << kit_case.file;
  }
}

}  // namespace
}  // namespace hashgate::testkit
