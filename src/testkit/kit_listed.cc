// Files that a list knows, by digest or by PDQ, one for every way a match is weighed.
#include "testkit/kit_draft.h"
#include "testkit/raw_files.h"

namespace hashgate::testkit {
namespace {

constexpr HarmClass kCsam = HarmClass::kCsam;

Status AddDigestMatches(KitDraft& draft) {
  const auto photo = [&draft] { return AsJpeg(draft.NextPhoto(), {.quality = 75}); };

  HASHGATE_ASSIGN_OR_RETURN(Encoded by_sha256, photo());
  draft.ListSha256(kCsamList, by_sha256.bytes);
  draft.Add("report-sha256.jpg", by_sha256, ReportedByDigests({kCsamList}),
            "exact copy: the SHA-256 is on a trusted CSAM list, which is strong identity");

  HASHGATE_ASSIGN_OR_RETURN(Encoded by_md5, photo());
  draft.List(kCsamList).md5 = draft.DigestsOf(by_md5.bytes).md5;
  draft.Add("block-md5-only.jpg", by_md5, Matched(Verdict::kBlock, kCsam, {kCsamList}),
            "only the MD5 is listed: two files with one MD5 are easy to make, so nothing is reported unseen");

  HASHGATE_ASSIGN_OR_RETURN(Encoded by_sha1, photo());
  draft.List(kCsamList).sha1 = draft.DigestsOf(by_sha1.bytes).sha1;
  draft.Add("block-sha1-only.jpg", by_sha1, Matched(Verdict::kBlock, kCsam, {kCsamList}),
            "only the SHA-1 is listed: not strong identity");

  HASHGATE_ASSIGN_OR_RETURN(Encoded by_both, photo());
  const Digests both = draft.DigestsOf(by_both.bytes);
  KitEntry& both_entry = draft.List(kCsamList);
  both_entry.md5 = both.md5;
  both_entry.sha1 = both.sha1;
  draft.Add("report-md5-and-sha1.jpg", by_both, ReportedByDigests({kCsamList}),
            "MD5 and SHA-1 of one entry together are strong identity");

  HASHGATE_ASSIGN_OR_RETURN(Encoded apart, photo());
  const Digests apart_digests = draft.DigestsOf(apart.bytes);
  draft.List(kCsamList).md5 = apart_digests.md5;
  draft.List(kCsamList).sha1 = apart_digests.sha1;
  draft.Add("block-md5-and-sha1-of-two-entries.jpg", apart, Matched(Verdict::kBlock, kCsam, {kCsamList}),
            "the MD5 of one entry and the SHA-1 of another do not add up to strong identity");

  HASHGATE_ASSIGN_OR_RETURN(Encoded md5_near, photo());
  const PictureHash md5_pdq = HashOf(md5_near.views[0]);
  KitEntry& md5_entry = draft.List(kCsamList);
  md5_entry.md5 = draft.DigestsOf(md5_near.bytes).md5;
  md5_entry.pdq = md5_pdq.hash;
  md5_entry.pdq_quality = md5_pdq.quality;
  draft.Add("report-md5-and-pdq.jpg", md5_near, Matched(Verdict::kBlockAndReport, kCsam, {kCsamList}),
            "MD5 and a PDQ within its threshold, both of one entry, are strong identity");

  HASHGATE_ASSIGN_OR_RETURN(Encoded conflict, photo());
  const PictureHash other = HashOf(draft.NextPhoto());
  KitEntry& conflict_entry = draft.List(kCsamList);
  conflict_entry.md5 = draft.DigestsOf(conflict.bytes).md5;
  conflict_entry.pdq = other.hash;
  conflict_entry.pdq_quality = other.quality;
  draft.Add("review-digest-conflict.jpg", conflict, Matched(Verdict::kReview, kCsam, {kCsamList}),
            "the MD5 is listed but the same entry's PDQ is more than 90 bits away: a conflict, for a person");

  Encoded text;
  const std::string words = "A harmless text whose SHA-256 is on the list of the test kit.\n";
  text.bytes.assign(words.begin(), words.end());
  draft.ListSha256(kCsamList, text.bytes);
  draft.Add("report-listed-text.txt", text, ReportedByDigests({kCsamList}, Cause::kNotAnImage),
            "files of any kind are matched by digest");

  HASHGATE_ASSIGN_OR_RETURN(Encoded damaged, photo());
  damaged.bytes = JpegWithoutTables(std::move(damaged.bytes));
  damaged.views.clear();
  draft.ListSha256(kCsamList, damaged.bytes);
  draft.Add("report-listed-damaged.jpg", damaged, ReportedByDigests({kCsamList}),
            "a match counts even where the picture cannot be decoded");
  return {};
}

Status AddPdqMatches(KitDraft& draft) {
  const Picture original = draft.NextPhoto(400, 300);
  draft.ListPdq(kCsamList, original);
  const Expectation block = Matched(Verdict::kBlock, kCsam, {kCsamList});

  HASHGATE_ASSIGN_OR_RETURN(Encoded first, AsJpeg(original, {.quality = 90}));
  HASHGATE_ASSIGN_OR_RETURN(Encoded small, AsJpeg(ResizeArea(first.views[0], 240, 180), {.quality = 55}));
  draft.Add("block-pdq-recompressed.jpg", small, block, "saved twice and shrunk to 60 %: found by PDQ");
  const auto turned = [&](Dihedral turn) {
    return AsJpeg(Turn(ResizeArea(original, 280, 210), turn), {.quality = 70});
  };
  HASHGATE_ASSIGN_OR_RETURN(Encoded rotated90, turned(Dihedral::kRotate90));
  draft.Add("block-pdq-rotated-90.jpg", rotated90, block, "a quarter turn counter-clockwise");
  HASHGATE_ASSIGN_OR_RETURN(Encoded rotated180, turned(Dihedral::kRotate180));
  draft.Add("block-pdq-rotated-180.jpg", rotated180, block, "upside down by turning");
  HASHGATE_ASSIGN_OR_RETURN(Encoded rotated270, turned(Dihedral::kRotate270));
  draft.Add("block-pdq-rotated-270.jpg", rotated270, block, "a quarter turn clockwise");
  HASHGATE_ASSIGN_OR_RETURN(Encoded mirrored, turned(Dihedral::kFlipY));
  draft.Add("block-pdq-mirrored.jpg", mirrored, block, "mirrored left to right");
  HASHGATE_ASSIGN_OR_RETURN(Encoded transposed, turned(Dihedral::kFlipPlus1));
  draft.Add("block-pdq-mirrored-and-rotated.jpg", transposed, block, "mirrored and turned at once");

  // Low quality on one side at a time: each alone caps what the match may do.
  const Picture clear = draft.NextPhoto();
  draft.ListPdq(kCsamList, clear);
  Picture pale = clear;
  for (int percent = 60; percent > 4 && HashOf(pale).quality > 40; percent -= 2) {
    pale = LowerContrast(clear, percent);
  }
  HASHGATE_ASSIGN_OR_RETURN(Bytes pale_png, EncodePng(pale));
  draft.Add("review-pdq-low-quality-upload.png", {pale_png, {pale}},
            Matched(Verdict::kReview, kCsam, {kCsamList}),
            "a pale copy: its PDQ matches, but its quality is under 50, so a person decides");

  HASHGATE_ASSIGN_OR_RETURN(Encoded doubtful, AsJpeg(draft.NextPhoto(), {.quality = 75}));
  KitEntry& doubtful_entry = draft.List(kCsamList);
  doubtful_entry.pdq = HashOf(doubtful.views[0]).hash;
  doubtful_entry.pdq_quality = 30;
  draft.Add("review-pdq-low-quality-entry.jpg", doubtful, Matched(Verdict::kReview, kCsam, {kCsamList}),
            "the list itself gives the entry a quality under 50");

  // A lattice hash can match unrelated lattices, whatever its quality is.
  const Picture lattice = Draw(PictureKind::kLattice, 4, 320, 240);
  draft.ListPdq(kCsamList, lattice);
  HASHGATE_ASSIGN_OR_RETURN(Bytes lattice_png, EncodePng(lattice, {.colour = PngOptions::Colour::kGrey}));
  draft.Add("review-pdq-degenerate.png", {lattice_png, {lattice}},
            Matched(Verdict::kReview, kCsam, {kCsamList}),
            "the listed hash shows too little structure to identify a picture");
  return {};
}

Status AddListKinds(KitDraft& draft) {
  struct Kind {
    const char* file;
    const char* list;
    Verdict verdict;
    HarmClass harm_class;
    const char* why;
  };
  static constexpr Kind kBySha256[] = {
      {"review-unverified-list.jpg", kUnverifiedList, Verdict::kReview, kCsam,
       "even a SHA-256 on a list of trust 'unverified' is for a person"},
      {"review-local-list.jpg", kLocalList, Verdict::kReview, kCsam,
       "a local addition is for a person until a second one confirms it"},
      {"block-exploitative.jpg", kExploitativeList, Verdict::kBlock, HarmClass::kExploitative,
       "only CSAM lists may report"},
      {"block-ncii-adult.jpg", kNciiList, Verdict::kBlock, HarmClass::kNciiAdult,
       "intimate pictures of adults shared against their will: blocked, never reported to a CSAM authority"},
      {"block-own-rules.jpg", kOwnRulesList, Verdict::kBlock, HarmClass::kOwnRules,
       "the platform's own rules"},
      {"block-test-list.jpg", kTestList, Verdict::kBlock, HarmClass::kTest,
       "a TEST entry: answered like a match, but it makes no case, report, event or count"},
  };
  for (const Kind& kind : kBySha256) {
    HASHGATE_ASSIGN_OR_RETURN(Encoded photo, AsJpeg(draft.NextPhoto(), {.quality = 75}));
    draft.ListSha256(kind.list, photo.bytes);
    draft.Add(kind.file, photo, Matched(kind.verdict, kind.harm_class, {kind.list}), kind.why);
  }

  const Picture ncii = draft.NextPhoto();
  draft.ListPdq(kNciiList, ncii);
  HASHGATE_ASSIGN_OR_RETURN(Encoded ncii_copy, AsJpeg(ResizeArea(ncii, 200, 150), {.quality = 70}));
  draft.Add("block-ncii-adult-pdq.jpg", ncii_copy,
            Matched(Verdict::kBlock, HarmClass::kNciiAdult, {kNciiList}), "a shrunk copy, found by PDQ");

  HASHGATE_ASSIGN_OR_RETURN(Encoded two, AsJpeg(draft.NextPhoto(), {.quality = 75}));
  draft.ListSha256(kExploitativeList, two.bytes);
  draft.ListSha256(kCsamList, two.bytes);
  draft.Add("report-two-lists.jpg", two, ReportedByDigests({kCsamList, kExploitativeList}),
            "on two lists: the strictest answer holds, and its harm class with it");

  HASHGATE_ASSIGN_OR_RETURN(Encoded mixed, AsJpeg(draft.NextPhoto(), {.quality = 75}));
  draft.ListSha256(kUnverifiedList, mixed.bytes);
  draft.ListPdq(kCsamList, mixed.views[0]);
  draft.Add(
      "block-unverified-and-trusted.jpg", mixed,
      Matched(Verdict::kBlock, kCsam, {kCsamList, kUnverifiedList}),
      "a digest on an unverified list and a PDQ on a trusted one: entries of two lists do not add up to "
      "strong identity");
  return {};
}

// Crops away more and more until the copy's distance lies in [low, high].
Result<Encoded> CopyAtDistance(const Picture& original, int low, int high) {
  const PdqHash listed = HashOf(original).hash;
  for (int cut = 1; cut < original.height / 2; ++cut) {
    const Picture cropped = Crop(original, cut, cut / 2, original.width - cut, original.height - cut / 2);
    HASHGATE_ASSIGN_OR_RETURN(Encoded copy, AsJpeg(cropped, {.quality = 80}));
    const int distance = NearestTurn(copy.views[0], listed);
    if (distance >= low && distance <= high) return copy;
  }
  return Fail(Reason::kInvariantBroken, "no crop of a kit picture lies at the wanted distance");
}

Status AddNearMisses(KitDraft& draft) {
  const Picture wide = draft.NextPhoto();
  draft.ListPdq(kCsamList, wide);
  HASHGATE_ASSIGN_OR_RETURN(Encoded miss, CopyAtDistance(wide, 38, 60));
  draft.Add("allow-near-miss.jpg", miss, Allowed(CoverageLevel::kComplete),
            "a heavily cropped copy: its PDQ lies outside the list's 31 bits");

  const Picture narrow = draft.NextPhoto();
  draft.ListPdq(kNarrowList, narrow);
  HASHGATE_ASSIGN_OR_RETURN(Encoded outside, CopyAtDistance(narrow, 14, 25));
  draft.Add("allow-outside-narrow-threshold.jpg", outside, Allowed(CoverageLevel::kComplete),
            "within 31 bits, but its list only accepts 8");
  HASHGATE_ASSIGN_OR_RETURN(Encoded inside, AsJpeg(narrow, {.quality = 80}));
  draft.Add("block-inside-narrow-threshold.jpg", inside, Matched(Verdict::kBlock, kCsam, {kNarrowList}),
            "a recompressed copy, within that list's 8 bits");
  return {};
}

}  // namespace

Result<Encoded> AsJpeg(const Picture& picture, const JpegOptions& options) {
  Encoded encoded;
  HASHGATE_ASSIGN_OR_RETURN(encoded.bytes, EncodeJpeg(picture, options));
  if (options.colour == JpegOptions::Colour::kCmyk) {
    encoded.views = {picture};
    return encoded;
  }
  HASHGATE_ASSIGN_OR_RETURN(Picture decoded, DecodeJpeg(encoded.bytes));
  encoded.views.push_back(std::move(decoded));
  return encoded;
}

Status AddListedPictures(KitDraft& draft) {
  HASHGATE_RETURN_IF_ERROR(AddDigestMatches(draft));
  HASHGATE_RETURN_IF_ERROR(AddPdqMatches(draft));
  HASHGATE_RETURN_IF_ERROR(AddListKinds(draft));
  return AddNearMisses(draft);
}

}  // namespace hashgate::testkit
