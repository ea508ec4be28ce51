// Domain enums carry the wire's numbers (static_asserts below hold the ends together); every value above the
// last known one becomes the zero value.
#include "rpc/wire/convert.h"

namespace hashgate::rpc {
namespace {

template <typename Wire, typename Domain>
Wire ToWire(Domain value, bool (*valid)(int)) {
  const int number = static_cast<int>(value);
  return valid(number) ? static_cast<Wire>(number) : Wire{};
}

// The wire may know values that this build's domain does not, so both sides have to know it.
template <typename Domain, typename Wire>
Domain ToDomain(Wire value, bool (*valid)(int)) {
  const int number = static_cast<int>(value);
  return valid(number) ? static_cast<Domain>(number) : Domain{};
}

static_assert(static_cast<int>(Verdict::kBlockAndReport) == v1::VERDICT_BLOCK_AND_REPORT &&
              v1::Verdict_MAX == v1::VERDICT_BLOCK_AND_REPORT);
static_assert(static_cast<int>(Outcome::kNotEvaluated) == v1::OUTCOME_NOT_EVALUATED &&
              v1::Outcome_MAX == v1::OUTCOME_NOT_EVALUATED);
static_assert(static_cast<int>(Cause::kDecoderCrashed) == v1::CAUSE_DECODER_CRASHED &&
              static_cast<int>(Cause::kFileUnreadable) == v1::CAUSE_FILE_UNREADABLE &&
              static_cast<int>(Cause::kNotAnImage) == v1::CAUSE_NOT_AN_IMAGE &&
              v1::Cause_MAX == v1::CAUSE_NOT_AN_IMAGE);
static_assert(static_cast<int>(HarmClass::kTest) == v1::HARM_CLASS_TEST &&
              v1::HarmClass_MAX == v1::HARM_CLASS_TEST);
static_assert(static_cast<int>(Trust::kTrusted) == v1::TRUST_TRUSTED && v1::Trust_MAX == v1::TRUST_TRUSTED);
static_assert(static_cast<int>(CoverageLevel::kComplete) == v1::COVERAGE_LEVEL_COMPLETE &&
              v1::CoverageLevel_MAX == v1::COVERAGE_LEVEL_COMPLETE);
static_assert(static_cast<int>(Identity::kStrong) == v1::IDENTITY_STRONG &&
              v1::Identity_MAX == v1::IDENTITY_STRONG);
static_assert(static_cast<int>(ViewKind::kTrimmed) == v1::VIEW_KIND_TRIMMED &&
              v1::ViewKind_MAX == v1::VIEW_KIND_TRIMMED);
static_assert(kAlgorithmCount == v1::Algorithm_ARRAYSIZE &&
              static_cast<int>(Algorithm::kColorMoment) == v1::ALGORITHM_COLOR_MOMENT);
static_assert(static_cast<int>(Pipeline::kNn512) == v1::PIPELINE_NN512 &&
              v1::Pipeline_MAX == v1::PIPELINE_NN512);
static_assert(kDihedralCount == v1::Dihedral_ARRAYSIZE &&
              static_cast<int>(Dihedral::kFlipMinus1) == v1::DIHEDRAL_FLIPMINUS1);

static_assert(lists::kOpinionKindCount == v1::OpinionKind_ARRAYSIZE &&
              static_cast<int>(lists::OpinionKind::kConflict) == v1::OPINION_KIND_CONFLICT);

}  // namespace

v1::Verdict ToProto(Verdict value) {
  return ToWire<v1::Verdict>(value, v1::Verdict_IsValid);
}
v1::OpinionKind ToProto(lists::OpinionKind value) {
  return ToWire<v1::OpinionKind>(value, v1::OpinionKind_IsValid);
}
v1::Outcome ToProto(Outcome value) {
  return ToWire<v1::Outcome>(value, v1::Outcome_IsValid);
}
v1::Cause ToProto(Cause value) {
  return ToWire<v1::Cause>(value, v1::Cause_IsValid);
}
v1::HarmClass ToProto(HarmClass value) {
  return ToWire<v1::HarmClass>(value, v1::HarmClass_IsValid);
}
v1::Trust ToProto(Trust value) {
  return ToWire<v1::Trust>(value, v1::Trust_IsValid);
}
v1::CoverageLevel ToProto(CoverageLevel value) {
  return ToWire<v1::CoverageLevel>(value, v1::CoverageLevel_IsValid);
}
v1::Identity ToProto(Identity value) {
  return ToWire<v1::Identity>(value, v1::Identity_IsValid);
}
v1::ViewKind ToProto(ViewKind value) {
  return ToWire<v1::ViewKind>(value, v1::ViewKind_IsValid);
}
v1::Algorithm ToProto(Algorithm value) {
  return ToWire<v1::Algorithm>(value, v1::Algorithm_IsValid);
}
v1::Pipeline ToProto(Pipeline value) {
  return ToWire<v1::Pipeline>(value, v1::Pipeline_IsValid);
}
v1::Dihedral ToProto(Dihedral value) {
  return ToWire<v1::Dihedral>(value, v1::Dihedral_IsValid);
}

lists::OpinionKind FromProto(v1::OpinionKind value) {
  return ToDomain<lists::OpinionKind>(value, v1::OpinionKind_IsValid);
}
Verdict FromProto(v1::Verdict value) {
  return ToDomain<Verdict>(value, v1::Verdict_IsValid);
}
Cause FromProto(v1::Cause value) {
  return ToDomain<Cause>(value, v1::Cause_IsValid);
}
HarmClass FromProto(v1::HarmClass value) {
  return ToDomain<HarmClass>(value, v1::HarmClass_IsValid);
}
Trust FromProto(v1::Trust value) {
  return ToDomain<Trust>(value, v1::Trust_IsValid);
}
Algorithm FromProto(v1::Algorithm value) {
  return ToDomain<Algorithm>(value, v1::Algorithm_IsValid);
}
Pipeline FromProto(v1::Pipeline value) {
  return ToDomain<Pipeline>(value, v1::Pipeline_IsValid);
}

}  // namespace hashgate::rpc
