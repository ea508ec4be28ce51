// Puts the test kit together from drawn pictures: files, lists, expected answers. Linked by the build-time
// tool and by tests only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hash/core/digest_set.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "testkit/encode.h"

namespace hashgate::testkit {

/// PDQ of a picture by the textbook, alpha over white. Requires: both sides >= 5.
struct PictureHash {
  PdqHash hash;
  int quality = 0;
};
PictureHash HashOf(const Picture& picture);
/// The least distance from `listed` to any of the eight turns of `picture`, each turned in pixels and hashed.
int NearestTurn(const Picture& picture, const PdqHash& listed);

/// One list of the kit, with the fields that CreateHashList takes.
struct KitList {
  std::string name;
  Purpose purpose = Purpose::kUnspecified;
  Trust trust = Trust::kTrusted;
  std::string source;
  std::string legal_basis;
  int max_distance_bits = kDefaultPdqMaxDistanceBits;
  Pipeline pdq_pipeline = Pipeline::kUnspecified;
};

struct KitEntry {
  std::string list;
  std::string source_id;
  std::optional<Md5> md5;
  std::optional<Sha1> sha1;
  std::optional<Sha256> sha256;
  std::optional<PdqHash> pdq;
  int pdq_quality = kQualityUnknown;
};

/// What a file must be answered with under the policy `standard`.
struct Expectation {
  Verdict verdict = Verdict::kUnspecified;
  Outcome outcome = Outcome::kUnspecified;
  Cause cause = Cause::kNone;
  HarmClass harm_class = HarmClass::kUnspecified;
  CoverageLevel coverage = CoverageLevel::kUnspecified;
  std::vector<std::string> matched_lists;
};

struct KitCase {
  std::string file;  ///< name below files/
  Bytes bytes;
  std::string why;
  Expectation expected;
  /// What a correct decoder sees, for the kit's own check; empty where nothing is decoded.
  std::vector<Picture> views;
};

struct Kit {
  std::vector<KitList> lists;
  std::vector<KitEntry> entries;
  std::vector<KitCase> cases;
};

/// Draws, encodes and lists everything. Errors: kInvariantBroken where a codec refuses or where CheckKit
/// finds a fault. Cost: a few seconds.
Result<Kit> BuildKit();

/// Looks every file up in every list by brute force, digests and PDQ, and compares the lists it finds with
/// the expected ones; no distance may lie within 5 bits of a threshold, because decoders may differ by 4.
/// Errors: kInvariantBroken naming the file.
Status CheckKit(const Kit& kit);

/// The kit's files by name: README.txt, expected.json, lists.json, lists/*.jsonl, files/*.
std::map<std::string, Bytes> KitFiles(const Kit& kit);

/// A photo-like JPEG of a few KB, with the hash of its decoded pixels.
struct Canary {
  Bytes jpeg;
  PictureHash pdq;
};
Result<Canary> BuildCanary();

// The parts of BuildKit, one file each.
class KitDraft;
Status AddListedPictures(KitDraft& draft);
Status AddFormats(KitDraft& draft);
Status AddUnlistedFiles(KitDraft& draft);
Status AddUnscannableFiles(KitDraft& draft);
Status AddPipelines(KitDraft& draft);

}  // namespace hashgate::testkit
