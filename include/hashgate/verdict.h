// Verdicts, outcomes and the facts a verdict is made from: the words every module, the wire and the CLI
// share.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "hashgate/error.h"

namespace hashgate {

/// What the caller must do (docs/verdicts.md). Ordered: a greater value is stricter. Never renumber.
enum class Verdict : std::uint8_t {
  kUnspecified = 0,
  kAllow = 1,
  kHold = 2,
  kReview = 3,
  kBlock = 4,
  kBlockAndReport = 5,
};

/// How far the look got. Never renumber.
enum class Outcome : std::uint8_t {
  kUnspecified = 0,
  kMatched = 1,
  kNotMatched = 2,
  kUnscannable = 3,   ///< the file's doing; final
  kNotEvaluated = 4,  ///< our doing; asking again can help
};

/// Why an outcome is what it is. 1..19 go with kUnscannable, 20..39 with kNotEvaluated, 40.. with
/// kNotMatched. Never renumber.
enum class Cause : std::uint8_t {
  kNone = 0,
  kEmpty = 1,
  kCorrupt = 2,
  kTruncated = 3,
  kUnsupportedFormat = 4,
  kTooLarge = 5,
  kTooManyPixels = 6,
  kTooManyFrames = 7,
  kTooCostly = 8,
  kDecoderCrashed = 9,
  kNoLists = 20,
  kDeadline = 21,
  kNotPermitted = 22,
  kDecoderUnavailable = 23,
  kStoreUnavailable = 24,
  kOverloaded = 25,      ///< only in fail policies and client-side answers: the server refuses such calls
  kDraining = 26,        ///< likewise
  kNotReady = 27,        ///< likewise
  kUnreachable = 28,     ///< client side: the server could not be reached or the file not be sent
  kFileUnreadable = 29,  ///< client side: the local file could not be read
  kNotAnImage = 40,
};
/// All causes but kNone, in numeric order.
std::span<const Cause> AllCauses();
/// kUnscannable, kNotEvaluated or kNotMatched; kUnspecified for kNone.
Outcome OutcomeOf(Cause cause);

/// What kind of harm the strongest match stands for. Never renumber.
enum class HarmClass : std::uint8_t {
  kUnspecified = 0,
  kCsam = 1,
  kExploitative = 2,
  kNciiAdult = 3,
  kOwnRules = 4,
  kTest = 5,
};
/// What a list is for decides what its matches may do; the same words as harm classes.
using Purpose = HarmClass;

/// How far a list's source is trusted. Ordered: greater is more trusted. Never renumber.
enum class Trust : std::uint8_t { kUnspecified = 0, kUnverified = 1, kLocal = 2, kTrusted = 3 };

/// Whether every view was looked at with every algorithm the lists ask for. Never renumber.
enum class CoverageLevel : std::uint8_t {
  kUnspecified = 0,
  kNone = 1,       ///< nothing was looked up
  kExactOnly = 2,  ///< digests only
  kPartial = 3,    ///< some views or algorithms are missing
  kComplete = 4,
};

/// How strongly a match identifies the file.
enum class Identity : std::uint8_t {
  kUnspecified = 0,
  kPerceptual = 1,  ///< a perceptual hash within its threshold
  kWeakDigest = 2,  ///< MD5 or SHA-1 alone
  kStrong = 3,      ///< SHA-256; or MD5 and SHA-1; or one of them and a perceptual hash of the same entry
};

/// What one view of the upload is. Never renumber.
enum class ViewKind : std::uint8_t {
  kUnspecified = 0,
  kWhole = 1,          ///< the first picture as stored, alpha over white where it has any
  kOverBlack = 2,      ///< alpha over black, where that differs
  kFrame = 3,          ///< a further frame or page
  kEmbedded = 4,       ///< a thumbnail or second picture inside the file
  kTruncatedPart = 5,  ///< the rows that could be decoded of a truncated picture
  kAlternate = 6,      ///< another reading of the same samples, where viewers differ
  kTrimmed = 7,        ///< the first picture without its plain border
};

/// Kind of a surface, as the configuration names it.
enum class SurfaceKind : std::uint8_t {
  kUnspecified = 0,
  kPublic = 1,
  kGroup = 2,
  kPrivateMessage = 3,
  kAvatar = 4,
  kOther = 5,
};

// Names are the proto enum names without their prefix: "BLOCK_AND_REPORT", "NOT_MATCHED", "TOO_MANY_PIXELS".
// Zero values give "UNSPECIFIED" (kNone gives ""). Parse accepts exactly those names. Errors:
// kRequestInvalid.
std::string_view Name(Verdict value);
std::string_view Name(Outcome value);
std::string_view Name(Cause value);
std::string_view Name(HarmClass value);
std::string_view Name(Trust value);
std::string_view Name(CoverageLevel value);
std::string_view Name(Identity value);
std::string_view Name(ViewKind value);
std::string_view Name(SurfaceKind value);
Result<Verdict> ParseVerdict(std::string_view name);
Result<Cause> ParseCause(std::string_view name);
Result<HarmClass> ParseHarmClass(std::string_view name);
Result<Trust> ParseTrust(std::string_view name);
Result<SurfaceKind> ParseSurfaceKind(std::string_view name);

}  // namespace hashgate
