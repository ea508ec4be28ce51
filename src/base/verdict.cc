#include "hashgate/verdict.h"

#include <array>
#include <span>
#include <string>
#include <utility>

namespace hashgate {
namespace {

template <typename E>
using NameRow = std::pair<E, std::string_view>;

constexpr NameRow<Verdict> kVerdicts[] = {{Verdict::kUnspecified, "UNSPECIFIED"},
                                          {Verdict::kAllow, "ALLOW"},
                                          {Verdict::kHold, "HOLD"},
                                          {Verdict::kReview, "REVIEW"},
                                          {Verdict::kBlock, "BLOCK"},
                                          {Verdict::kBlockAndReport, "BLOCK_AND_REPORT"}};

constexpr NameRow<Outcome> kOutcomes[] = {{Outcome::kUnspecified, "UNSPECIFIED"},
                                          {Outcome::kMatched, "MATCHED"},
                                          {Outcome::kNotMatched, "NOT_MATCHED"},
                                          {Outcome::kUnscannable, "UNSCANNABLE"},
                                          {Outcome::kNotEvaluated, "NOT_EVALUATED"}};

constexpr NameRow<Cause> kCauses[] = {{Cause::kNone, ""},
                                      {Cause::kEmpty, "EMPTY"},
                                      {Cause::kCorrupt, "CORRUPT"},
                                      {Cause::kTruncated, "TRUNCATED"},
                                      {Cause::kUnsupportedFormat, "UNSUPPORTED_FORMAT"},
                                      {Cause::kTooLarge, "TOO_LARGE"},
                                      {Cause::kTooManyPixels, "TOO_MANY_PIXELS"},
                                      {Cause::kTooManyFrames, "TOO_MANY_FRAMES"},
                                      {Cause::kTooCostly, "TOO_COSTLY"},
                                      {Cause::kDecoderCrashed, "DECODER_CRASHED"},
                                      {Cause::kNoLists, "NO_LISTS"},
                                      {Cause::kDeadline, "DEADLINE"},
                                      {Cause::kNotPermitted, "NOT_PERMITTED"},
                                      {Cause::kDecoderUnavailable, "DECODER_UNAVAILABLE"},
                                      {Cause::kStoreUnavailable, "STORE_UNAVAILABLE"},
                                      {Cause::kOverloaded, "OVERLOADED"},
                                      {Cause::kDraining, "DRAINING"},
                                      {Cause::kNotReady, "NOT_READY"},
                                      {Cause::kUnreachable, "UNREACHABLE"},
                                      {Cause::kFileUnreadable, "FILE_UNREADABLE"},
                                      {Cause::kNotAnImage, "NOT_AN_IMAGE"}};

constexpr NameRow<HarmClass> kHarmClasses[] = {
    {HarmClass::kUnspecified, "UNSPECIFIED"},   {HarmClass::kCsam, "CSAM"},
    {HarmClass::kExploitative, "EXPLOITATIVE"}, {HarmClass::kNciiAdult, "NCII_ADULT"},
    {HarmClass::kOwnRules, "OWN_RULES"},        {HarmClass::kTest, "TEST"}};

constexpr NameRow<Trust> kTrusts[] = {{Trust::kUnspecified, "UNSPECIFIED"},
                                      {Trust::kUnverified, "UNVERIFIED"},
                                      {Trust::kLocal, "LOCAL"},
                                      {Trust::kTrusted, "TRUSTED"}};

constexpr NameRow<CoverageLevel> kCoverageLevels[] = {{CoverageLevel::kUnspecified, "UNSPECIFIED"},
                                                      {CoverageLevel::kNone, "NONE"},
                                                      {CoverageLevel::kExactOnly, "EXACT_ONLY"},
                                                      {CoverageLevel::kPartial, "PARTIAL"},
                                                      {CoverageLevel::kComplete, "COMPLETE"}};

constexpr NameRow<Identity> kIdentities[] = {{Identity::kUnspecified, "UNSPECIFIED"},
                                             {Identity::kPerceptual, "PERCEPTUAL"},
                                             {Identity::kWeakDigest, "WEAK_DIGEST"},
                                             {Identity::kStrong, "STRONG"}};

constexpr NameRow<ViewKind> kViewKinds[] = {
    {ViewKind::kUnspecified, "UNSPECIFIED"}, {ViewKind::kWhole, "WHOLE"},
    {ViewKind::kOverBlack, "OVER_BLACK"},    {ViewKind::kFrame, "FRAME"},
    {ViewKind::kEmbedded, "EMBEDDED"},       {ViewKind::kTruncatedPart, "TRUNCATED_PART"},
    {ViewKind::kAlternate, "ALTERNATE"},     {ViewKind::kTrimmed, "TRIMMED"}};

constexpr NameRow<SurfaceKind> kSurfaceKinds[] = {{SurfaceKind::kUnspecified, "UNSPECIFIED"},
                                                  {SurfaceKind::kPublic, "PUBLIC"},
                                                  {SurfaceKind::kGroup, "GROUP"},
                                                  {SurfaceKind::kPrivateMessage, "PRIVATE_MESSAGE"},
                                                  {SurfaceKind::kAvatar, "AVATAR"},
                                                  {SurfaceKind::kOther, "OTHER"}};

template <typename E>
std::string_view NameIn(std::span<const NameRow<E>> rows, E value) {
  for (const auto& [key, name] : rows) {
    if (key == value) return name;
  }
  return rows.front().second;
}

template <typename E>
Result<E> ParseIn(std::span<const NameRow<E>> rows, std::string_view name, std::string_view what) {
  // The first row is the zero value: nobody may ask for it.
  for (const auto& [key, row_name] : rows.subspan(1)) {
    if (row_name == name) return key;
  }
  std::string message =
      "'" + std::string(name.substr(0, 64)) + "' is not a " + std::string(what) + ": use one of";
  for (const auto& row : rows.subspan(1)) message += " " + std::string(row.second);
  return Fail(Reason::kRequestInvalid, std::move(message));
}

constexpr auto kAllCauses = [] {
  std::array<Cause, std::size(kCauses) - 1> causes{};
  for (std::size_t i = 0; i < causes.size(); ++i) causes[i] = kCauses[i + 1].first;
  return causes;
}();

}  // namespace

std::span<const Cause> AllCauses() {
  return kAllCauses;
}

Outcome OutcomeOf(Cause cause) {
  const auto number = static_cast<int>(cause);
  if (number == 0) return Outcome::kUnspecified;
  if (number < 20) return Outcome::kUnscannable;
  if (number < 40) return Outcome::kNotEvaluated;
  return Outcome::kNotMatched;
}

std::string_view Name(Verdict value) {
  return NameIn<Verdict>(kVerdicts, value);
}
std::string_view Name(Outcome value) {
  return NameIn<Outcome>(kOutcomes, value);
}
std::string_view Name(Cause value) {
  return NameIn<Cause>(kCauses, value);
}
std::string_view Name(HarmClass value) {
  return NameIn<HarmClass>(kHarmClasses, value);
}
std::string_view Name(Trust value) {
  return NameIn<Trust>(kTrusts, value);
}
std::string_view Name(CoverageLevel value) {
  return NameIn<CoverageLevel>(kCoverageLevels, value);
}
std::string_view Name(Identity value) {
  return NameIn<Identity>(kIdentities, value);
}
std::string_view Name(ViewKind value) {
  return NameIn<ViewKind>(kViewKinds, value);
}
std::string_view Name(SurfaceKind value) {
  return NameIn<SurfaceKind>(kSurfaceKinds, value);
}

Result<Verdict> ParseVerdict(std::string_view name) {
  return ParseIn<Verdict>(kVerdicts, name, "verdict");
}
Result<Cause> ParseCause(std::string_view name) {
  return ParseIn<Cause>(kCauses, name, "cause");
}
Result<HarmClass> ParseHarmClass(std::string_view name) {
  return ParseIn<HarmClass>(kHarmClasses, name, "purpose");
}
Result<Trust> ParseTrust(std::string_view name) {
  return ParseIn<Trust>(kTrusts, name, "trust class");
}
Result<SurfaceKind> ParseSurfaceKind(std::string_view name) {
  return ParseIn<SurfaceKind>(kSurfaceKinds, name, "surface kind");
}

}  // namespace hashgate
