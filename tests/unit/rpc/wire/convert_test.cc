#include "rpc/wire/convert.h"

#include <gtest/gtest.h>

#include <limits>

#include <string>

namespace hashgate::rpc {
namespace {

// The names of both sides agree for every value of the wire: a shifted number cannot hide.
template <typename Wire, typename Domain>
void ExpectSameNames(const google::protobuf::EnumDescriptor* type, const std::string& prefix) {
  for (int i = 0; i < type->value_count(); ++i) {
    const auto* value = type->value(i);
    const auto domain = static_cast<Domain>(value->number());
    const std::string name = value->name().substr(prefix.size());
    EXPECT_EQ(static_cast<int>(ToProto(domain)), value->number()) << value->name();
    if (value->number() != 0) {
      EXPECT_EQ(Name(domain), name);
    }
  }
}

TEST(ConvertEnums, NamesAgree) {
  ExpectSameNames<v1::Verdict, Verdict>(v1::Verdict_descriptor(), "VERDICT_");
  ExpectSameNames<v1::Outcome, Outcome>(v1::Outcome_descriptor(), "OUTCOME_");
  ExpectSameNames<v1::Cause, Cause>(v1::Cause_descriptor(), "CAUSE_");
  ExpectSameNames<v1::HarmClass, HarmClass>(v1::HarmClass_descriptor(), "HARM_CLASS_");
  ExpectSameNames<v1::Trust, Trust>(v1::Trust_descriptor(), "TRUST_");
  ExpectSameNames<v1::CoverageLevel, CoverageLevel>(v1::CoverageLevel_descriptor(), "COVERAGE_LEVEL_");
  ExpectSameNames<v1::Identity, Identity>(v1::Identity_descriptor(), "IDENTITY_");
  ExpectSameNames<v1::ViewKind, ViewKind>(v1::ViewKind_descriptor(), "VIEW_KIND_");
}

TEST(ConvertEnums, UnknownValuesBecomeZero) {
  EXPECT_EQ(FromProto(static_cast<v1::Verdict>(99)), Verdict::kUnspecified);
  EXPECT_EQ(FromProto(static_cast<v1::Cause>(10)), Cause::kNone);
  EXPECT_EQ(FromProto(static_cast<v1::HarmClass>(-1)), HarmClass::kUnspecified);
  EXPECT_EQ(FromProto(static_cast<v1::Trust>(4)), Trust::kUnspecified);
  EXPECT_EQ(FromProto(static_cast<v1::Algorithm>(300)), Algorithm::kUnspecified);
  EXPECT_EQ(FromProto(static_cast<v1::Pipeline>(3)), Pipeline::kUnspecified);
  EXPECT_EQ(ToProto(static_cast<Verdict>(200)), v1::VERDICT_UNSPECIFIED);
  EXPECT_EQ(ToProto(Dihedral::kFlipMinus1), v1::DIHEDRAL_FLIPMINUS1);
}

v1::HashValue Pdq(int quality) {
  v1::HashValue value;
  value.set_algorithm(v1::ALGORITHM_PDQ);
  value.set_value(std::string(32, '\x5a'));
  value.set_pipeline(v1::PIPELINE_FULL);
  value.set_quality(quality);
  return value;
}

Reason ReasonOf(const v1::HashValue& value, std::string* field = nullptr) {
  const auto result = FromProto(value, "files[2].hashes[0]");
  EXPECT_FALSE(result.has_value());
  if (result) return Reason::kInvariantBroken;
  if (field != nullptr) *field = result.error().field;
  return result.error().reason;
}

TEST(ConvertHash, RoundTrip) {
  const auto hash = FromProto(Pdq(87), "x");
  ASSERT_TRUE(hash.has_value());
  EXPECT_EQ(hash->algorithm, Algorithm::kPdq);
  EXPECT_EQ(hash->quality, 87);
  EXPECT_EQ(ToProto(*hash).SerializeAsString(), Pdq(87).SerializeAsString());
}

TEST(ConvertHash, AbsentQualityIsUnknownAndZeroIsZero) {
  v1::HashValue value = Pdq(0);
  EXPECT_EQ(FromProto(value, "x")->quality, 0);
  EXPECT_TRUE(ToProto(*FromProto(value, "x")).has_quality());
  value.clear_quality();
  EXPECT_EQ(FromProto(value, "x")->quality, kQualityUnknown);
  EXPECT_FALSE(ToProto(*FromProto(value, "x")).has_quality());
}

TEST(ConvertHash, RefusalsNameTheField) {
  std::string field;
  EXPECT_EQ(ReasonOf(v1::HashValue(), &field), Reason::kRequestInvalid);
  EXPECT_EQ(field, "files[2].hashes[0].algorithm");
  v1::HashValue value = Pdq(50);
  value.set_algorithm(static_cast<v1::Algorithm>(77));
  EXPECT_EQ(ReasonOf(value), Reason::kAlgorithmUnknown);
  value.set_algorithm(v1::ALGORITHM_COLOR_MOMENT);
  EXPECT_EQ(ReasonOf(value), Reason::kUnsupported);
  value = Pdq(50);
  value.set_value(std::string(31, 'x'));
  EXPECT_EQ(ReasonOf(value, &field), Reason::kHashMalformed);
  EXPECT_EQ(field, "files[2].hashes[0].value");
  EXPECT_EQ(ReasonOf(Pdq(101)), Reason::kRequestInvalid);
  EXPECT_EQ(ReasonOf(Pdq(-1), &field), Reason::kRequestInvalid);
  EXPECT_EQ(field, "files[2].hashes[0].quality");
  value = Pdq(1);
  value.set_pipeline(static_cast<v1::Pipeline>(9));
  EXPECT_EQ(ReasonOf(value), Reason::kRequestInvalid);
  value = v1::HashValue();
  value.set_algorithm(v1::ALGORITHM_MD5);
  value.set_value(std::string(16, 'x'));
  EXPECT_TRUE(FromProto(value, "x").has_value());
  value.set_quality(3);
  EXPECT_EQ(ReasonOf(value), Reason::kRequestInvalid);
}

TEST(ConvertList, DefaultsAreTheDomains) {
  v1::HashList list;
  list.set_name("a");
  const auto config = FromProto(list);
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->action_ceiling, Verdict::kBlockAndReport);
  EXPECT_TRUE(config->enabled);
  EXPECT_EQ(config->max_distances.at(Algorithm::kPdq), kDefaultPdqMaxDistanceBits);
  EXPECT_EQ(config->trust, Trust::kUnspecified);  // the catalog refuses it, not a silent default
}

TEST(ConvertList, RoundTrip) {
  lists::HashList list;
  list.config = {.name = "x",
                 .tenant = "t",
                 .purpose = Purpose::kCsam,
                 .source = "s",
                 .legal_basis = "l",
                 .trust = Trust::kTrusted,
                 .max_distances = {{Algorithm::kPdq, 0}, {Algorithm::kPhotoDna, 40'000}},
                 .pdq_pipeline = Pipeline::kNn512,
                 .action_ceiling = Verdict::kReview,
                 .enabled = false,
                 .description = "d"};
  list.etag = "e";
  list.entry_count = 12;
  list.quarantined_count = 3;
  list.created = FromUnixMillis(1'700'000'000'123);
  const v1::HashList wire = ToProto(list);
  EXPECT_EQ(wire.etag(), "e");
  EXPECT_EQ(wire.entry_count(), 12);
  EXPECT_EQ(wire.quarantined_count(), 3);
  EXPECT_EQ(wire.create_time().nanos(), 123'000'000);
  const auto back = FromProto(wire);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->name, "x");
  EXPECT_EQ(back->tenant, "t");
  EXPECT_EQ(back->purpose, Purpose::kCsam);
  EXPECT_EQ(back->source, "s");
  EXPECT_EQ(back->legal_basis, "l");
  EXPECT_EQ(back->trust, Trust::kTrusted);
  EXPECT_EQ(back->max_distances, list.config.max_distances);
  EXPECT_EQ(back->pdq_pipeline, Pipeline::kNn512);
  EXPECT_EQ(back->action_ceiling, Verdict::kReview);
  EXPECT_FALSE(back->enabled);
  EXPECT_EQ(back->description, "d");
}

TEST(ConvertList, ThresholdsStandInTheFieldOfTheirUnit) {
  const auto read = [](v1::Algorithm algorithm, std::optional<int> bits, std::optional<int> distance) {
    v1::HashList list;
    v1::MaxDistance& row = *list.add_max_distances();
    row.set_algorithm(algorithm);
    if (bits) row.set_max_distance_bits(*bits);
    if (distance) row.set_max_distance(*distance);
    return FromProto(list);
  };
  EXPECT_EQ(read(v1::ALGORITHM_PHOTODNA, {}, 5'000)->max_distances.at(Algorithm::kPhotoDna), 5'000);
  EXPECT_EQ(read(v1::ALGORITHM_PHOTODNA, {}, 0)->max_distances.at(Algorithm::kPhotoDna), 0);
  EXPECT_EQ(read(v1::ALGORITHM_PHOTODNA, {}, 5'000)->max_distances.at(Algorithm::kPdq),
            kDefaultPdqMaxDistanceBits);
  EXPECT_EQ(read(v1::ALGORITHM_PDQ, 0, {})->max_distances.at(Algorithm::kPdq), 0);
  // Not given keeps the default, which is strict.
  EXPECT_EQ(FromProto(v1::HashList())->max_distances.at(Algorithm::kPhotoDna), 20'000);
  for (const auto& refused : {read(v1::ALGORITHM_PHOTODNA, 31, {}), read(v1::ALGORITHM_PHOTODNA, {}, {}),
                              read(v1::ALGORITHM_PHOTODNA, 31, 5'000), read(v1::ALGORITHM_PDQ, {}, 31),
                              read(v1::ALGORITHM_PDQ, 31, 31)}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "list.max_distances[0]");
  }
  lists::HashList list;
  const v1::HashList wire = ToProto(list);
  ASSERT_EQ(wire.max_distances_size(), 2);
  EXPECT_FALSE(wire.max_distances(0).has_max_distance());
  EXPECT_EQ(wire.max_distances(1).max_distance(), 20'000);
  EXPECT_EQ(wire.max_distances(1).max_distance_bits(), 0);
}

TEST(ConvertList, UnknownEnumsAreRefusedByField) {
  v1::HashList list;
  list.set_purpose(static_cast<v1::HarmClass>(44));
  EXPECT_EQ(FromProto(list).error().field, "list.purpose");
  list.clear_purpose();
  list.set_trust(static_cast<v1::Trust>(44));
  EXPECT_EQ(FromProto(list).error().field, "list.trust");
  list.clear_trust();
  list.set_pdq_pipeline(static_cast<v1::Pipeline>(44));
  EXPECT_EQ(FromProto(list).error().field, "list.pdq_pipeline");
  list.clear_pdq_pipeline();
  list.set_action_ceiling(static_cast<v1::Verdict>(44));
  EXPECT_EQ(FromProto(list).error().field, "list.action_ceiling");
  list.clear_action_ceiling();
  list.add_max_distances()->set_algorithm(v1::ALGORITHM_PDQ);
  list.add_max_distances()->set_algorithm(v1::ALGORITHM_PDQ);
  EXPECT_EQ(FromProto(list).error().field, "list.max_distances[1]");
}

TEST(ConvertEntry, RoundTripAndFieldOfABadHash) {
  v1::Entry entry;
  entry.set_source_id("id");
  *entry.add_hashes() = Pdq(5);
  entry.set_classification("A1");
  entry.add_labels("one");
  const auto record = FromProto(entry, "");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(ToProto(*record).SerializeAsString(), entry.SerializeAsString());
  entry.add_hashes()->set_algorithm(v1::ALGORITHM_MD5);
  EXPECT_EQ(FromProto(entry, "records[4].entry").error().field, "records[4].entry.hashes[1].value");
}

TEST(ConvertTime, BeforeTheEpochToo) {
  const auto time = ToProto(FromUnixMillis(-1));
  EXPECT_EQ(time.seconds(), -1);
  EXPECT_EQ(time.nanos(), 999'000'000);
  EXPECT_EQ(ToProto(std::chrono::milliseconds(1500)).seconds(), 1);
  EXPECT_EQ(ToProto(std::chrono::milliseconds(1500)).nanos(), 500'000'000);
}

TEST(Convert, TimesComeBackAndAreCutToWhatProtobufAllows) {
  for (const std::int64_t millis : {-1'500LL, 0LL, 1'750'000'000'123LL}) {
    EXPECT_EQ(FromProto(ToProto(FromUnixMillis(millis))), FromUnixMillis(millis)) << millis;
  }
  google::protobuf::Timestamp far;
  far.set_seconds(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(FromProto(far), FromUnixMillis(253'402'300'799'000));
  far.set_seconds(std::numeric_limits<std::int64_t>::min());
  far.set_nanos(-5);
  EXPECT_EQ(FromProto(far), FromUnixMillis(-62'135'596'800'000));
}

}  // namespace
}  // namespace hashgate::rpc
