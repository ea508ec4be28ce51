// Helpers shared by the parts of the kit. Internal to the kit builder.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "testkit/kit_builder.h"

namespace hashgate::testkit {

inline constexpr const char* kCsamList = "testkit-csam";
inline constexpr const char* kNarrowList = "testkit-csam-narrow";
inline constexpr const char* kNn512List = "testkit-csam-nn512";
inline constexpr const char* kUnverifiedList = "testkit-csam-unverified";
inline constexpr const char* kLocalList = "testkit-csam-local";
inline constexpr const char* kExploitativeList = "testkit-exploitative";
inline constexpr const char* kNciiList = "testkit-ncii-adult";
inline constexpr const char* kOwnRulesList = "testkit-own-rules";
inline constexpr const char* kTestList = "testkit-test";

/// A file with the pixels a decoder sees in it.
struct Encoded {
  Bytes bytes;
  std::vector<Picture> views;
};

/// Collects cases and entries. Threads: confined.
class KitDraft {
 public:
  explicit KitDraft(Kit& kit) : kit_(kit) {}

  /// A picture no other part of the kit shows.
  Picture NextPhoto(int width = 320, int height = 240, int noise = 1) {
    return DrawPhoto(next_seed_++, width, height, {.noise = noise});
  }

  void Add(std::string file, Encoded encoded, Expectation expected, std::string why) {
    kit_.cases.push_back({std::move(file), std::move(encoded.bytes), std::move(why), std::move(expected),
                          std::move(encoded.views)});
  }
  /// Adds an entry; its source id is its place in the kit.
  KitEntry& List(const char* list) {
    kit_.entries.push_back({.list = list, .source_id = "kit-" + std::to_string(kit_.entries.size() + 1)});
    return kit_.entries.back();
  }
  void ListPdq(const char* list, const Picture& picture) {
    const PictureHash pdq = HashOf(picture);
    KitEntry& entry = List(list);
    entry.pdq = pdq.hash;
    entry.pdq_quality = pdq.quality;
  }
  void ListSha256(const char* list, const Bytes& bytes) { List(list).sha256 = DigestsOf(bytes).sha256; }

  static Digests DigestsOf(const Bytes& bytes) {
    DigestSet set;
    set.Update(bytes);
    return set.Finish();
  }

 private:
  Kit& kit_;
  std::uint64_t next_seed_ = 7'100'001;
};

/// JPEG of `picture` with the pixels that libjpeg reads back.
Result<Encoded> AsJpeg(const Picture& picture, const JpegOptions& options = {});

/// `cause` says what failed besides: a match counts all the same.
inline Expectation Matched(Verdict verdict, HarmClass harm_class, std::vector<std::string> lists,
                           CoverageLevel coverage = CoverageLevel::kComplete, Cause cause = Cause::kNone) {
  return {verdict, Outcome::kMatched, cause, harm_class, coverage, std::move(lists)};
}
/// What its digests report is answered before it is decoded.
inline Expectation ReportedByDigests(std::vector<std::string> lists, Cause cause = Cause::kNone) {
  return Matched(Verdict::kBlockAndReport, HarmClass::kCsam, std::move(lists), CoverageLevel::kExactOnly,
                 cause);
}
inline Expectation Allowed(CoverageLevel coverage, Cause cause = Cause::kNone) {
  return {Verdict::kAllow, Outcome::kNotMatched, cause, HarmClass::kUnspecified, coverage, {}};
}
inline Expectation Held(Cause cause, CoverageLevel coverage = CoverageLevel::kExactOnly) {
  return {Verdict::kHold, Outcome::kUnscannable, cause, HarmClass::kUnspecified, coverage, {}};
}

}  // namespace hashgate::testkit
