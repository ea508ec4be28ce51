// Scans with remote lists: what is asked, what an answer leads to, and what holds where there is none.
#include <gmock/gmock.h>

#include <atomic>
#include <set>

#include "scan_fixture.h"
#include "testing/poll.h"

namespace hashgate::testing {
namespace {

using exchange::RemoteAnswer;
using exchange::RemoteClient;
using exchange::RemoteList;
using exchange::RemoteReply;
using scan::ScanAnswer;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The service that is asked, as all clients see it.
struct Service {
  Mutex mutex;
  std::map<PdqHash, RemoteAnswer> listed;
  std::vector<PdqHash> asked;
  bool fails = false;
  std::set<PdqHash> silent_about;
  std::atomic<bool> blocked = false;

  Result<RemoteReply> LookUp(std::span<const PdqHash> hashes, const std::stop_token& stop) {
    PollUntil([&] { return !blocked || stop.stop_requested(); }, seconds(30));
    const MutexLock lock(mutex);
    asked.insert(asked.end(), hashes.begin(), hashes.end());
    if (fails) return Fail(Reason::kExchangeUnreachable, "it is said to fail");
    RemoteReply reply;
    for (const PdqHash& hash : hashes) {
      const auto at = listed.find(hash);
      reply.answers.emplace_back(at == listed.end() ? RemoteAnswer() : at->second);
      if (silent_about.contains(hash)) reply.answers.back().reset();
    }
    return reply;
  }
};

class ServiceClient final : public RemoteClient {
 public:
  explicit ServiceClient(Service& service) : service_(service) {}
  Result<RemoteReply> LookUp(std::span<const PdqHash> hashes, const std::stop_token& stop) override {
    return service_.LookUp(hashes, stop);
  }

 private:
  Service& service_;
};

// Passes questions on, and remembers who asked them.
class Listening final : public RemoteList {
 public:
  explicit Listening(RemoteList& list) : list_(list) {}
  [[nodiscard]] const exchange::RemoteListFacts& facts() const override { return list_.facts(); }
  std::unique_ptr<exchange::RemoteQuestion> Ask(std::span<const PdqHash> hashes, SteadyTime deadline,
                                                bool background) override {
    asked_in_background.push_back(background);
    return list_.Ask(hashes, deadline, background);
  }
  [[nodiscard]] exchange::RemoteHealth Health() const override { return list_.Health(); }

  std::vector<bool> asked_in_background;

 private:
  RemoteList& list_;
};

class RemoteScanTest : public ScanTest {
 protected:
  void SetUp() override {
    ScanTest::SetUp();
    Start();
    decoder_.answer = PictureWith(hash_);
  }
  void TearDown() override { service_.blocked = false; }
  void Start(std::chrono::milliseconds timeout = seconds(20), Verdict ceiling = Verdict::kReview,
             int min_quality = kMinUsablePdqQuality) {
    remote_ = RemoteList::Start({.facts = {.name = "elsewhere",
                                           .kind = "arachnid_shield",
                                           .action_ceiling = ceiling,
                                           .min_quality = min_quality},
                                 .make_client = [this]() -> Result<std::unique_ptr<RemoteClient>> {
                                   return std::make_unique<ServiceClient>(service_);
                                 },
                                 .timeout = timeout,
                                 .breaker = {.failures = 1'000},
                                 .key = catalog_->StoreKey(),
                                 .clock = &clock_});
    listening_ = std::make_unique<Listening>(*remote_);
    UsePolicy("standard");
  }
  void UsePolicy(const std::string& profile) { Use(policy::LoadProfile(profile).value()); }
  void Use(std::shared_ptr<const policy::Policy> policy) {
    scanner_ =
        std::make_unique<scan::Scanner>(scan::ScannerParts{.catalog = catalog_.get(),
                                                           .decoder = &decoder_,
                                                           .idempotency = idempotency_.get(),
                                                           .remote_lists = {listening_.get()},
                                                           .clock = &clock_},
                                        scan::ScannerOptions{.max_decode_bytes = 1'000}, std::move(policy));
  }
  void List(const PdqHash& hash,
            RemoteAnswer answer = {.listed = true, .classification = "csam", .source_id = "x"}) {
    const MutexLock lock(service_.mutex);
    service_.listed[hash] = std::move(answer);
  }
  std::vector<PdqHash> Asked() {
    const MutexLock lock(service_.mutex);
    return service_.asked;
  }
  ScanAnswer ScanIt() { return ScanBytes(PngBytes(1)); }

  const PdqHash hash_ = PdqOf(MakeHash(Algorithm::kPdq, 1));
  const PdqHash other_ = PdqOf(MakeHash(Algorithm::kPdq, 2));
  Service service_;
  std::unique_ptr<RemoteList> remote_;
  std::unique_ptr<Listening> listening_;
};

TEST_F(RemoteScanTest, WithoutALocalListThatIsEnough) {
  const ScanAnswer clean = ScanIt();
  EXPECT_EQ(clean.verdict, Verdict::kAllow);
  EXPECT_EQ(clean.outcome, Outcome::kNotMatched);
  EXPECT_EQ(clean.coverage.level, CoverageLevel::kComplete);
  EXPECT_THAT(clean.coverage.lists, ElementsAre("elsewhere"));
  EXPECT_THAT(clean.coverage.missing, IsEmpty());
  EXPECT_THAT(Asked(), ElementsAre(hash_)) << "the picture as it is, and no turned form";
}

TEST_F(RemoteScanTest, AHitIsAMatchThatPolicyDecides) {
  List(hash_);
  const ScanAnswer answer = ScanIt();
  EXPECT_EQ(answer.verdict, Verdict::kReview) << "its ceiling";
  EXPECT_EQ(answer.outcome, Outcome::kMatched);
  EXPECT_EQ(answer.harm_class, HarmClass::kCsam);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kComplete);
  ASSERT_EQ(answer.matches.size(), 1U);
  const scan::MatchDetail& match = answer.matches[0];
  EXPECT_EQ(match.fact.list, "elsewhere");
  EXPECT_EQ(match.fact.scheme, "arachnid-shield") << "as policies name schemes";
  EXPECT_EQ(match.fact.classification, "csam");
  EXPECT_EQ(match.fact.entry, 0U);
  EXPECT_EQ(match.source_id, "x");
  EXPECT_EQ(match.fact.identity, Identity::kPerceptual);
  EXPECT_THAT(match.fact.algorithms, ElementsAre(Algorithm::kPdq));
  EXPECT_EQ(match.fact.distance_bits, -1);
  EXPECT_EQ(match.fact.view, ViewKind::kWhole);

  Start(seconds(20), Verdict::kBlock);
  EXPECT_EQ(ScanIt().verdict, Verdict::kBlock);
}

TEST_F(RemoteScanTest, ARowOfLabelsReachesItByItsScheme) {
  const auto parsed = policy::ParsePolicy(R"(
version: "1"
name: labelled
extends: standard
labels:
  - {scheme: arachnid-shield, classification: csam, meaning: theirs}
rules:
  - id: by-label
    when: {meaning: theirs}
    verdict: REVIEW
)",
                                          "p.yaml");
  ASSERT_TRUE(parsed) << parsed.error().message;
  Start(seconds(20), Verdict::kBlock);
  Use(*parsed);
  List(hash_);
  const ScanAnswer labelled = ScanIt();
  EXPECT_EQ(labelled.verdict, Verdict::kReview);
  EXPECT_EQ(labelled.rule_id, "by-label");
  List(other_, {.listed = true, .classification = "another"});
  decoder_.answer = PictureWith(other_);
  const ScanAnswer other = ScanBytes(PngBytes(2));
  EXPECT_EQ(other.verdict, Verdict::kBlock);
  EXPECT_NE(other.rule_id, "by-label");
}

TEST_F(RemoteScanTest, AClassMayLeadToLessThanTheList) {
  Start(seconds(20), Verdict::kBlockAndReport);
  List(hash_, {.listed = true, .classification = "csam"});
  EXPECT_EQ(ScanIt().verdict, Verdict::kBlock) << "a perceptual hash alone never reports";
  Start(seconds(20), Verdict::kBlock);
  List(hash_, {.listed = true,
               .classification = "harmful-abusive-material",
               .purpose = Purpose::kExploitative,
               .ceiling = Verdict::kReview});
  const ScanAnswer harmful = ScanIt();
  EXPECT_EQ(harmful.verdict, Verdict::kReview);
  EXPECT_EQ(harmful.harm_class, HarmClass::kExploitative);
  Start(seconds(20), Verdict::kBlock);
  List(hash_, {.listed = true, .classification = "test", .purpose = Purpose::kTest});
  EXPECT_EQ(ScanIt().harm_class, HarmClass::kTest);
}

TEST_F(RemoteScanTest, WhereItDoesNotAnswerTheLookIsPartial) {
  service_.fails = true;
  const ScanAnswer answer = ScanIt();
  EXPECT_EQ(answer.verdict, Verdict::kAllow);
  EXPECT_EQ(answer.outcome, Outcome::kNotMatched);
  EXPECT_EQ(answer.cause, Cause::kNone);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  EXPECT_EQ(answer.rule_id, "no_match/partial");
  EXPECT_THAT(answer.coverage.missing, ElementsAre("the remote list 'elsewhere' did not answer"));
  EXPECT_THAT(answer.coverage.lists, IsEmpty());
  UsePolicy("strict");
  EXPECT_EQ(ScanBytes(PngBytes(2)).verdict, Verdict::kHold);
}

TEST_F(RemoteScanTest, NoScanWaitsLongerThanItMay) {
  Start(std::chrono::milliseconds(50));
  AddList("local");
  AddEntry("local", {.source_id = "a", .hashes = {PdqValue(hash_)}});
  service_.blocked = true;
  const SteadyTime begun = std::chrono::steady_clock::now();
  const ScanAnswer answer = ScanIt();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(5));
  EXPECT_EQ(answer.verdict, Verdict::kBlock) << "what is known here counts";
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(answer.coverage.missing, Contains("the remote list 'elsewhere' did not answer in time"));
  EXPECT_THAT(answer.coverage.lists, ElementsAre("local"));
}

TEST_F(RemoteScanTest, EveryVisibleViewThatSaysSomethingIsAskedOnce) {
  decode::DecodeResult picture = PictureWith(hash_);
  const auto add = [&](std::uint64_t number, int quality, bool hidden, ViewKind kind) {
    decode::ViewHashes view = PictureWith(PdqOf(MakeHash(Algorithm::kPdq, number)), quality).views[0];
    view.hidden = hidden;
    view.kind = kind;
    view.frame = 3;
    picture.views.push_back(view);
  };
  add(2, 80, false, ViewKind::kFrame);
  add(3, 49, false, ViewKind::kFrame);
  add(4, 80, true, ViewKind::kEmbedded);
  add(2, 80, false, ViewKind::kFrame);
  picture.views.push_back(PictureWith(PdqHash()).views[0]);  // nearly flat
  decoder_.answer = WithNn512(picture);
  List(other_);
  const ScanAnswer answer = ScanIt();
  EXPECT_THAT(Asked(), ElementsAre(hash_, other_));
  ASSERT_EQ(answer.matches.size(), 1U);
  EXPECT_EQ(answer.matches[0].fact.view, ViewKind::kFrame);
  EXPECT_EQ(answer.matches[0].frame, 3U);

  picture.width = picture.height = kMinUsableSide - 1;
  decoder_.answer = picture;
  service_.asked.clear();
  ScanBytes(PngBytes(9));
  EXPECT_THAT(Asked(), IsEmpty()) << "too small to be told apart";
}

// A view that the service was never asked about is not one of which it knows nothing.
class RemoteNotAskedTest : public RemoteScanTest {
 protected:
  void AddView(const PdqHash& hash, int quality) {
    decode::ViewHashes view = PictureWith(hash, quality).views[0];
    view.kind = ViewKind::kFrame;
    view.frame = 1;
    decoder_.answer->views.push_back(view);
  }
  void ExpectPartial(const std::string& words) {
    const ScanAnswer answer = ScanBytes(PngBytes(++upload_));
    EXPECT_EQ(answer.outcome, Outcome::kNotMatched);
    EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
    EXPECT_THAT(answer.coverage.missing,
                ElementsAre("the remote list 'elsewhere' was not asked about " + words));
    UsePolicy("strict");
    EXPECT_EQ(ScanBytes(PngBytes(++upload_)).verdict, Verdict::kHold);
    UsePolicy("standard");
  }
  std::vector<ScanAnswer> MatchOne(PdqHash hash, Pipeline pipeline, int quality) {
    std::vector<scan::FileHashes> files(1);
    files[0].turned = false;
    decode::ViewHashes view;
    view.hashable = true;
    view.pdq.push_back({.pipeline = pipeline, .quality = quality, .forms = {hash}});
    files[0].views.push_back(view);
    return scanner_->Match(Request(), files).value();
  }

  std::uint8_t upload_ = 20;
};

TEST_F(RemoteNotAskedTest, BelowTheListsOwnQuality) {
  Start(seconds(20), Verdict::kReview, 80);
  decoder_.answer = PictureWith(hash_, 60);
  List(hash_);
  ExpectPartial("a view whose hash says too little");
  EXPECT_THAT(Asked(), IsEmpty());
}

TEST_F(RemoteNotAskedTest, APoorFrameBesideAGoodOne) {
  List(other_);
  AddView(other_, 40);
  ExpectPartial("a view whose hash says too little");
  EXPECT_THAT(Asked(), Contains(hash_));
  EXPECT_THAT(Asked(), Not(Contains(other_)));
}

TEST_F(RemoteNotAskedTest, AFrameWithOnlyAnNn512Hash) {
  AddView(other_, 90);
  decoder_.answer->views[1].pdq[0].pipeline = Pipeline::kNn512;
  ExpectPartial("a view that has only an nn512 hash");
}

TEST_F(RemoteNotAskedTest, APatternOfGoodQuality) {
  AddView(PdqHash(), 90);
  ExpectPartial("a view whose hash says too little");
}

TEST_F(RemoteNotAskedTest, AFlatFrameLacksNothingBesideOneThatIsAsked) {
  AddView(PdqHash(), 0);
  decoder_.answer->views.emplace_back();  // too small for any hash
  decoder_.answer = WithNn512(*decoder_.answer);
  const ScanAnswer answer = ScanIt();
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kComplete);
  EXPECT_THAT(answer.coverage.missing, IsEmpty());

  decoder_.answer = PictureWith(PdqHash(), 0);
  const ScanAnswer flat = ScanBytes(PngBytes(2));
  EXPECT_EQ(flat.coverage.level, CoverageLevel::kExactOnly);
  EXPECT_THAT(flat.coverage.missing, Contains(HasSubstr("too plain")));
  EXPECT_THAT(flat.coverage.missing, Contains(HasSubstr("'elsewhere' was not asked")));
}

TEST_F(RemoteNotAskedTest, APictureThatIsTooSmallAndMatchesHere) {
  AddList("local");
  AddEntry("local", {.source_id = "a", .hashes = {PdqValue(hash_)}});
  decoder_.answer->width = decoder_.answer->height = kMinUsableSide - 1;
  const ScanAnswer answer = ScanIt();
  EXPECT_EQ(answer.outcome, Outcome::kMatched);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(answer.coverage.missing,
              ElementsAre("the remote list 'elsewhere' was not asked about the picture: it is too small"));
}

TEST_F(RemoteNotAskedTest, HashesFromElsewhere) {
  const ScanAnswer nn512 = MatchOne(hash_, Pipeline::kNn512, 90).at(0);
  EXPECT_EQ(nn512.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(nn512.coverage.missing, Contains(HasSubstr("only an nn512 hash")));
  const ScanAnswer degenerate = MatchOne(PdqHash(), Pipeline::kFull, kQualityUnknown).at(0);
  EXPECT_EQ(degenerate.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(degenerate.coverage.missing, Contains(HasSubstr("says too little")));
  EXPECT_EQ(MatchOne(hash_, Pipeline::kFull, kQualityUnknown).at(0).coverage.level, CoverageLevel::kComplete);
}

TEST_F(RemoteScanTest, AMatchIsNotLostBecauseAnotherViewHasNoAnswer) {
  decode::DecodeResult picture = PictureWith(hash_);
  picture.views.push_back(PictureWith(other_).views[0]);
  decoder_.answer = picture;
  List(hash_);
  service_.silent_about = {other_};
  const ScanAnswer answer = ScanIt();
  EXPECT_EQ(answer.outcome, Outcome::kMatched);
  EXPECT_EQ(answer.verdict, Verdict::kReview);
  EXPECT_EQ(answer.coverage.level, CoverageLevel::kPartial);
  EXPECT_THAT(answer.coverage.lists, ElementsAre("elsewhere"));
  EXPECT_THAT(answer.coverage.missing, ElementsAre("the remote list 'elsewhere' did not answer"));
}

TEST_F(RemoteScanTest, WhatDigestsDecideDoesNotWait) {
  AddList("local");
  const auto bytes = PngBytes(5);
  AddEntry("local", {.source_id = "a", .hashes = {DigestValue(Algorithm::kSha256, DigestsOf(bytes).sha256)}});
  service_.blocked = true;
  const ScanAnswer answer = ScanBytes(bytes);
  EXPECT_EQ(answer.verdict, Verdict::kBlockAndReport);
  EXPECT_TRUE(answer.by_digests);
  EXPECT_THAT(Asked(), IsEmpty());
}

TEST_F(RemoteScanTest, TheCanaryAndScansOfDigestsDoNotAsk) {
  scan::ScanRequest request = Request();
  request.exact_only = true;
  const auto exact = ScanBytes(PngBytes(1), request);
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->cause, Cause::kNoLists) << "nothing was compared with anything";
  request.exact_only = false;
  request.system_lists = true;
  ASSERT_TRUE(ScanBytes(PngBytes(1), request));
  EXPECT_THAT(Asked(), IsEmpty());
}

TEST_F(RemoteScanTest, RequestsMayNameItOrLeaveItOut) {
  AddList("local");
  AddEntry("local", {.source_id = "a", .hashes = {PdqValue(other_)}});
  scan::ScanRequest request = Request();
  request.lists = {"local"};
  const auto local = ScanBytes(PngBytes(1), request);
  ASSERT_TRUE(local);
  EXPECT_THAT(local->coverage.lists, ElementsAre("local"));
  EXPECT_THAT(Asked(), IsEmpty());
  request.lists = {"elsewhere"};
  const auto remote = ScanBytes(PngBytes(1), request);
  ASSERT_TRUE(remote) << remote.error().message;
  EXPECT_THAT(remote->coverage.lists, ElementsAre("elsewhere"));
  EXPECT_EQ(remote->coverage.level, CoverageLevel::kComplete);
  EXPECT_THAT(Asked(), ElementsAre(hash_));
  request.lists = {"nowhere"};
  EXPECT_EQ(ScanBytes(PngBytes(1), request).error().reason, Reason::kListNotFound);
}

TEST_F(RemoteScanTest, ScansThatNobodyWaitsForAskInTheBackground) {
  scan::ScanRequest request = Request();
  ASSERT_TRUE(ScanBytes(PngBytes(1), request));
  request.background = true;
  ASSERT_TRUE(ScanBytes(PngBytes(2), request));
  EXPECT_THAT(listening_->asked_in_background, ElementsAre(false, true));
}

TEST_F(RemoteScanTest, HashesFromElsewhereAreAskedTogether) {
  List(other_);
  std::vector<scan::FileHashes> files(3);
  for (scan::FileHashes& file : files) file.turned = false;
  const auto view_of = [](const PdqHash& hash) {
    decode::ViewHashes view;
    view.hashable = true;
    view.pdq.push_back({.pipeline = Pipeline::kFull, .quality = kQualityUnknown, .forms = {hash}});
    return view;
  };
  files[0].views.push_back(view_of(hash_));
  files[1].views.push_back(view_of(other_));
  files[2].md5 = Md5{};
  const auto answers = scanner_->Match(Request(), files);
  ASSERT_TRUE(answers) << answers.error().message;
  ASSERT_EQ(answers->size(), 3U);
  EXPECT_EQ((*answers)[0].outcome, Outcome::kNotMatched);
  EXPECT_EQ((*answers)[0].coverage.level, CoverageLevel::kComplete);
  EXPECT_EQ((*answers)[1].outcome, Outcome::kMatched);
  EXPECT_EQ((*answers)[1].verdict, Verdict::kReview);
  EXPECT_EQ((*answers)[2].coverage.level, CoverageLevel::kExactOnly);
  EXPECT_THAT((*answers)[2].coverage.missing, Contains(HasSubstr("no pdq hash was given")));
  EXPECT_THAT(Asked(), ElementsAre(hash_, other_));
}

TEST_F(RemoteScanTest, OneRequestIdNeverBecomesLaxer) {
  List(hash_);
  EXPECT_EQ(ScanBytes(PngBytes(1), Request("an-id"))->verdict, Verdict::kReview);
  Start();
  service_.fails = true;
  EXPECT_EQ(ScanBytes(PngBytes(1), Request("an-id"))->verdict, Verdict::kReview);
}

}  // namespace
}  // namespace hashgate::testing
