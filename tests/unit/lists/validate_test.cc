#include "lists/validate.h"

#include <gtest/gtest.h>

#include "lists/limits.h"
#include "testing/list_records.h"

namespace hashgate::lists {
namespace {

using testing::MakeConfig;
using testing::MakeHash;
using testing::MakeRecord;

std::string FieldRefused(const ListConfig& config, bool system = false) {
  const Status status = ValidateConfig(config, system);
  if (status) return "";
  EXPECT_EQ(status.error().reason, Reason::kRequestInvalid);
  EXPECT_FALSE(status.error().message.empty());
  return status.error().field;
}

TEST(ValidateConfig, TakesGoodNamesAndRefusesOthers) {
  for (const std::string& good : {std::string("a"), std::string("0-a"), std::string(63, 'z')}) {
    EXPECT_EQ(FieldRefused(MakeConfig(good)), "") << good;
  }
  for (const std::string& bad : {std::string(), std::string("-a"), std::string("A"), std::string("a_b"),
                                 std::string("a b"), std::string(64, 'z'), std::string("hashgate-x")}) {
    EXPECT_EQ(FieldRefused(MakeConfig(bad)), "list.name") << bad;
  }
  EXPECT_EQ(FieldRefused(MakeConfig("hashgate-x"), true), "");
  EXPECT_EQ(FieldRefused(MakeConfig("x"), true), "list.name");
}

TEST(ValidateConfig, NamesTheFieldThatIsWrong) {
  const auto with = [](const auto& change) {
    ListConfig config = MakeConfig("a");
    change(config);
    return FieldRefused(config);
  };
  EXPECT_EQ(with([](ListConfig& c) { c.purpose = Purpose::kUnspecified; }), "list.purpose");
  EXPECT_EQ(with([](ListConfig& c) { c.source.clear(); }), "list.source");
  EXPECT_EQ(with([](ListConfig& c) { c.source = "\xff"; }), "list.source");
  EXPECT_EQ(with([](ListConfig& c) { c.legal_basis.clear(); }), "list.legal_basis");
  EXPECT_EQ(with([](ListConfig& c) { c.legal_basis.assign(kMaxLegalBasisBytes + 1, 'a'); }),
            "list.legal_basis");
  EXPECT_EQ(with([](ListConfig& c) { c.tenant = "No"; }), "list.tenant");
  EXPECT_EQ(with([](ListConfig& c) { c.trust = Trust::kUnspecified; }), "list.trust");
  EXPECT_EQ(with([](ListConfig& c) { c.action_ceiling = Verdict::kHold; }), "list.action_ceiling");
  EXPECT_EQ(with([](ListConfig& c) { c.max_distances[Algorithm::kPdq] = 64; }), "list.max_distances");
  EXPECT_EQ(with([](ListConfig& c) { c.max_distances[Algorithm::kPdq] = -1; }), "list.max_distances");
  EXPECT_EQ(with([](ListConfig& c) { c.max_distances[Algorithm::kMd5] = 0; }), "list.max_distances");
  EXPECT_EQ(with([](ListConfig& c) { c.max_distances[Algorithm::kPdq] = 63; }), "");
  EXPECT_EQ(with([](ListConfig& c) { c.max_distances[Algorithm::kPhotoDna] = 50'000; }), "");
  EXPECT_EQ(with([](ListConfig& c) { c.max_distances[Algorithm::kPhotoDna] = 0; }), "");
  EXPECT_EQ(with([](ListConfig& c) { c.max_distances[Algorithm::kMarrHildreth] = 115; }), "");
  EXPECT_EQ(with([](ListConfig& c) { c.max_distances[Algorithm::kMarrHildreth] = 116; }),
            "list.max_distances");
  EXPECT_EQ(with([](ListConfig& c) { c.max_distances[Algorithm::kAverage] = 4; }), "list.max_distances");
  for (const int wrong : {-1, 50'001}) {
    EXPECT_EQ(with([wrong](ListConfig& c) { c.max_distances[Algorithm::kPhotoDna] = wrong; }),
              "list.max_distances");
  }
}

TEST(ValidateRecord, TakesWhatImportsGive) {
  EXPECT_TRUE(ValidateRecord(MakeRecord(1)));
  EntryRecord both = MakeRecord(1);
  both.hashes.push_back(MakeHash(Algorithm::kPdq, 2));
  both.hashes.back().pipeline = Pipeline::kNn512;
  EXPECT_TRUE(ValidateRecord(both));
  EntryRecord photodna;
  photodna.hashes = {MakeHash(Algorithm::kPhotoDna, 1)};
  EXPECT_TRUE(ValidateRecord(photodna));
}

TEST(ValidateRecord, RefusesWhatCannotMatchOrBeStored) {
  const auto reason = [](const auto& change) {
    EntryRecord record = MakeRecord(1);
    change(record);
    const Status status = ValidateRecord(record);
    return status ? Reason::kInvariantBroken : status.error().reason;
  };
  EXPECT_EQ(reason([](EntryRecord& r) { r.hashes.clear(); }), Reason::kRequestInvalid);
  EXPECT_EQ(reason([](EntryRecord& r) { r.hashes[0].bytes.pop_back(); }), Reason::kHashMalformed);
  EXPECT_EQ(reason([](EntryRecord& r) { r.hashes[0].algorithm = Algorithm::kUnspecified; }),
            Reason::kAlgorithmUnknown);
  EXPECT_EQ(reason([](EntryRecord& r) { r.hashes.push_back(r.hashes[0]); }), Reason::kRequestInvalid);
  EXPECT_EQ(reason([](EntryRecord& r) { r.hashes[2].quality = 101; }), Reason::kRequestInvalid);
  EXPECT_EQ(reason([](EntryRecord& r) { r.hashes[0].quality = 50; }), Reason::kRequestInvalid);
  EXPECT_EQ(reason([](EntryRecord& r) { r.hashes[0].pipeline = Pipeline::kFull; }), Reason::kRequestInvalid);
  EXPECT_EQ(reason([](EntryRecord& r) { r.classification.assign(257, 'a'); }), Reason::kRequestInvalid);
  EXPECT_EQ(reason([](EntryRecord& r) { r.classification = "\xc3"; }), Reason::kRequestInvalid);
  EXPECT_EQ(reason([](EntryRecord& r) { r.labels.assign(33, "a"); }), Reason::kRequestInvalid);
  EXPECT_EQ(reason([](EntryRecord& r) { r.labels = {std::string(129, 'a')}; }), Reason::kRequestInvalid);
  EXPECT_EQ(reason([](EntryRecord& r) { r.source_id.assign(513, 'a'); }), Reason::kRequestInvalid);
}

TEST(Bounded, CutsBetweenCharactersAndReplacesWhatIsNoText) {
  EXPECT_EQ(Bounded("abc", 2), "ab");
  EXPECT_EQ(Bounded("a\xc3\xa9", 2), "a");
  EXPECT_EQ(Bounded("a\xff"
                    "b",
                    9),
            "a?b");
}

}  // namespace
}  // namespace hashgate::lists
