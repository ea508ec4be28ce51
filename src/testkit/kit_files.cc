// The kit as files: lists as JSONL, the expected answers, and how to use them.
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "testkit/kit_builder.h"

namespace hashgate::testkit {
namespace {

using Json = nlohmann::ordered_json;

Bytes ToBytes(std::string_view text) {
  return {text.begin(), text.end()};
}

std::string ListFile(const std::string& list) {
  return "lists/" + list + ".jsonl";
}

Bytes ListLines(const Kit& kit, const std::string& list) {
  std::string lines;
  for (const KitEntry& entry : kit.entries) {
    if (entry.list != list) continue;
    Json line = {{"sourceId", entry.source_id}};
    if (entry.md5) line["md5"] = HexEncode(*entry.md5);
    if (entry.sha1) line["sha1"] = HexEncode(*entry.sha1);
    if (entry.sha256) line["sha256"] = HexEncode(*entry.sha256);
    if (entry.pdq) line["pdq"] = entry.pdq->hex();
    if (entry.pdq_quality != kQualityUnknown) line["pdqQuality"] = entry.pdq_quality;
    line["classification"] = "synthetic";
    line["labels"] = {"testkit"};
    lines += line.dump() + "\n";
  }
  return ToBytes(lines);
}

Bytes ListsJson(const Kit& kit) {
  Json lists = Json::array();
  for (const KitList& list : kit.lists) {
    lists.push_back({{"name", list.name},
                     {"purpose", Name(list.purpose)},
                     {"trust", Name(list.trust)},
                     {"source", list.source},
                     {"legalBasis", list.legal_basis},
                     {"maxDistanceBits", {{"pdq", list.max_distance_bits}}},
                     {"pdqPipeline", PipelineName(list.pdq_pipeline)},
                     {"file", ListFile(list.name)}});
  }
  return ToBytes(Json{{"lists", lists}}.dump(1) + "\n");
}

// As JSON answers say that there is no cause.
constexpr std::string_view kNoCause = "UNSPECIFIED";

// Why no small file can have this cause; nullptr where one can.
const char* WhyNotCovered(Cause cause) {
  switch (cause) {
    case Cause::kNone:
    case Cause::kEmpty:
    case Cause::kCorrupt:
    case Cause::kTruncated:
    case Cause::kUnsupportedFormat:
    case Cause::kTooManyPixels:
    case Cause::kTooCostly:
    case Cause::kNotAnImage: return nullptr;
    case Cause::kTooLarge: return "takes a file over the server's limit, 32 MiB by default";
    case Cause::kTooManyFrames: return "takes a file of more than a million frames, at least 14 MB";
    case Cause::kDecoderCrashed: return "no file is known to crash the decoder; if you find one, report it";
    case Cause::kNoLists: return "a state of the server: no list is enabled";
    case Cause::kDeadline: return "a property of the call: its deadline was too short";
    case Cause::kNotPermitted: return "a property of the caller: its role does not allow it";
    case Cause::kDecoderUnavailable: return "a state of the server: no decoder could be started";
    case Cause::kStoreUnavailable: return "a state of the server: its store cannot be read or written";
    case Cause::kOverloaded: return "a state of the server: its queue is full, and the call is refused";
    case Cause::kDraining: return "a state of the server: it is shutting down, and the call is refused";
    case Cause::kNotReady: return "a state of the server: lists are not loaded, and the call is refused";
    case Cause::kUnreachable: return "found by the client: the server cannot be reached";
    case Cause::kFileUnreadable: return "found by the client: the local file cannot be read";
  }
  return nullptr;
}

Bytes ExpectedJson(const Kit& kit) {
  Json files = Json::array();
  for (const KitCase& kit_case : kit.cases) {
    const Expectation& expected = kit_case.expected;
    files.push_back({{"file", "files/" + kit_case.file},
                     {"verdict", Name(expected.verdict)},
                     {"outcome", Name(expected.outcome)},
                     {"cause", expected.cause == Cause::kNone ? kNoCause : Name(expected.cause)},
                     {"harmClass", Name(expected.harm_class)},
                     {"coverage", Name(expected.coverage)},
                     {"matchedLists", expected.matched_lists},
                     {"why", kit_case.why}});
  }
  Json not_covered = Json::array();
  for (const Cause cause : AllCauses()) {
    if (const char* why = WhyNotCovered(cause); why != nullptr) {
      not_covered.push_back({{"cause", Name(cause)}, {"why", why}});
    }
  }
  return ToBytes(Json{{"policy", "standard"}, {"files", files}, {"notCovered", not_covered}}.dump(1) + "\n");
}

constexpr std::string_view kReadme = R"(Hashgate test kit
=================

Harmless files, lists of hashes that know some of them, and the answer each file must get: an acceptance test
for your integration, in whatever language your client is written. All pictures were drawn by a program. No
hash in here belongs to anything but these files.

  lists.json       the lists to create, with their fields; "file" is the list's content
  lists/*.jsonl    one entry a line
  files/*          what to scan
  expected.json    for each file: verdict, outcome, cause, harm class, coverage, names of the lists that match

Use a server of its own, with a fresh data folder: the lists make real verdicts, also BLOCK_AND_REPORT.

1. Start a server:   hashgated
2. For each object in lists.json, create the list and import its file. With the command line:
     hashgate lists create NAME --purpose PURPOSE --trust TRUST \
         --source SOURCE --legal-basis BASIS --max-distance BITS --pipeline PIPELINE
     hashgate lists import NAME lists/NAME.jsonl
   or HashListService.CreateHashList and ImportEntries over gRPC.
   BITS is the list's maxDistanceBits.pdq: 31, but 8 for testkit-csam-narrow. PIPELINE is its pdqPipeline:
   unknown, but nn512 for testkit-csam-nn512.
3. Scan each file under the policy "standard", with no other list enabled, and compare with expected.json:
     hashgate scan files --json
   or ScanService.ScanImage or ScanUpload over gRPC.
   Enum names stand without their prefix; the cause UNSPECIFIED and the harm class UNSPECIFIED mean there is none.
   The cause of a MATCHED file says what failed besides: the match counts all the same.
   A file that its digests report is answered before it is decoded: EXACT_ONLY. A server with
   scan.answer_by_digests: never, or --include-hashes, decodes it, and coverage and cause say what came of that.
   A caller in the role 'scanner' sees no lists: leave "matchedLists" out of the comparison there.

Whatever your client gets that it does not know, it must treat as HOLD. "notCovered" names the causes that no
small file can have, and says why.
)";

}  // namespace

std::map<std::string, Bytes> KitFiles(const Kit& kit) {
  std::map<std::string, Bytes> files;
  files["README.txt"] = ToBytes(kReadme);
  files["lists.json"] = ListsJson(kit);
  files["expected.json"] = ExpectedJson(kit);
  for (const KitList& list : kit.lists) files[ListFile(list.name)] = ListLines(kit, list.name);
  for (const KitCase& kit_case : kit.cases) files["files/" + kit_case.file] = kit_case.bytes;
  return files;
}

}  // namespace hashgate::testkit
