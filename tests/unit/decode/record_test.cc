#include "decode/record.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <random>

#include "testing/seed.h"

namespace hashgate::decode {
namespace {

constexpr std::uint64_t kJob = 0x1122334455667788;

PdqForms Forms(Pipeline pipeline, int quality) {
  PdqForms forms{.pipeline = pipeline, .quality = quality};
  for (std::size_t d = 0; d < forms.forms.size(); ++d) {
    forms.forms[d].words = {d + 1, quality * 7ULL, 0x00ff00ff00ff00ff, 0};
  }
  return forms;
}

DecodeResult Full() {
  DecodeResult result;
  result.cause = Cause::kTruncated;
  result.format = Format::kWebp;
  result.width = 640;
  result.height = 480;
  result.frames_total = 12;
  result.frames_seen = 2;
  result.has_alpha = true;
  result.codec_warned = true;
  result.trailing_bytes = true;
  result.colour_unusual = true;
  result.embedded_unseen = true;
  result.decode_micros = 1234;
  result.hash_micros = 56;
  result.views.push_back({.kind = ViewKind::kTruncatedPart,
                          .frame = 0,
                          .width = 640,
                          .height = 100,
                          .hashable = true,
                          .pdq = {Forms(Pipeline::kFull, 100), Forms(Pipeline::kNn512, 0)}});
  result.views.push_back({.kind = ViewKind::kFrame, .frame = 11, .width = 4, .height = 300, .pdq = {}});
  result.views.push_back({.kind = ViewKind::kOverBlack,
                          .frame = 1,
                          .width = 640,
                          .height = 480,
                          .hashable = true,
                          .hidden = true,
                          .pdq = {Forms(Pipeline::kNn512, 50)}});
  // Pictures inside the file have numbers of their own.
  result.views.push_back(
      {.kind = ViewKind::kEmbedded, .frame = 12, .width = 9, .height = 4, .hidden = true, .pdq = {}});
  return result;
}

void ExpectEqual(const DecodeResult& a, const DecodeResult& b) {
  EXPECT_EQ(a.cause, b.cause);
  EXPECT_EQ(a.format, b.format);
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.frames_total, b.frames_total);
  EXPECT_EQ(a.frames_seen, b.frames_seen);
  EXPECT_EQ(a.has_alpha, b.has_alpha);
  EXPECT_EQ(a.codec_warned, b.codec_warned);
  EXPECT_EQ(a.trailing_bytes, b.trailing_bytes);
  EXPECT_EQ(a.colour_unusual, b.colour_unusual);
  EXPECT_EQ(a.embedded_unseen, b.embedded_unseen);
  EXPECT_EQ(a.decode_micros, b.decode_micros);
  EXPECT_EQ(a.hash_micros, b.hash_micros);
  ASSERT_EQ(a.views.size(), b.views.size());
  for (std::size_t i = 0; i < a.views.size(); ++i) {
    EXPECT_EQ(a.views[i].kind, b.views[i].kind);
    EXPECT_EQ(a.views[i].frame, b.views[i].frame);
    EXPECT_EQ(a.views[i].width, b.views[i].width);
    EXPECT_EQ(a.views[i].height, b.views[i].height);
    EXPECT_EQ(a.views[i].hashable, b.views[i].hashable);
    EXPECT_EQ(a.views[i].hidden, b.views[i].hidden);
    ASSERT_EQ(a.views[i].pdq.size(), b.views[i].pdq.size());
    for (std::size_t p = 0; p < a.views[i].pdq.size(); ++p) {
      EXPECT_EQ(a.views[i].pdq[p].pipeline, b.views[i].pdq[p].pipeline);
      EXPECT_EQ(a.views[i].pdq[p].quality, b.views[i].pdq[p].quality);
      EXPECT_EQ(a.views[i].pdq[p].forms, b.views[i].pdq[p].forms);
    }
  }
}

TEST(Record, EveryFieldSurvivesTheRoundTrip) {
  const auto bytes = EncodeReply(Full(), kJob);
  const auto result = DecodeReply(bytes, kJob, {});
  ASSERT_TRUE(result) << result.error().field;
  ExpectEqual(*result, Full());
}

std::string FieldOf(const Result<DecodeResult>& result) {
  return result ? "taken" : result.error().field;
}

constexpr AlgorithmSet Vectors() {
  AlgorithmSet set;
  set.Add(Algorithm::kPhotoDna);
  return set;
}

// Of the first view one form, of the third, seen here, all of them.
DecodeResult WithVectors() {
  DecodeResult result = Full();
  result.views[2].hidden = false;
  std::uint8_t next = 1;
  for (const auto& [view, forms] : {std::pair<std::size_t, std::size_t>{0, 1}, {2, kDihedralCount}}) {
    VectorForms vector{.algorithm = Algorithm::kPhotoDna, .bytes = {}};
    for (std::size_t i = 0; i < forms * 144; ++i) vector.bytes.push_back(next += 3);
    result.views[view].vectors.push_back(std::move(vector));
  }
  result.views.push_back(result.views[2]);
  result.views.back().vectors.clear();
  result.views.back().vectors_failed = Vectors();
  return result;
}

TEST(Record, VectorsSurviveTheRoundTrip) {
  const DecodeResult sent = WithVectors();
  const auto bytes = EncodeReply(sent, kJob);
  const auto result = DecodeReply(bytes, kJob, {}, Vectors());
  ASSERT_TRUE(result) << result.error().field;
  ExpectEqual(*result, sent);
  for (std::size_t i = 0; i < sent.views.size(); ++i) {
    EXPECT_EQ(result->views[i].vectors_failed, sent.views[i].vectors_failed);
    ASSERT_EQ(result->views[i].vectors.size(), sent.views[i].vectors.size()) << i;
    if (sent.views[i].vectors.empty()) continue;
    EXPECT_EQ(result->views[i].vectors[0].algorithm, Algorithm::kPhotoDna);
    EXPECT_EQ(result->views[i].vectors[0].bytes, sent.views[i].vectors[0].bytes);
  }
  // Nobody takes what was not asked for.
  EXPECT_EQ(FieldOf(DecodeReply(bytes, kJob, {})), "view.vectors_failed");
  DecodeResult one = Full();
  one.views[0].vectors = sent.views[0].vectors;
  EXPECT_EQ(FieldOf(DecodeReply(EncodeReply(one, kJob), kJob, {})), "vector.algorithm");
}

TEST(Record, VectorsOfSeveralAlgorithmsAndSizes) {
  DecodeResult sent = WithVectors();
  AlgorithmSet wanted = Vectors();
  std::uint8_t next = 0;
  for (const Algorithm algorithm : kImgHashes) {
    wanted.Add(algorithm);
    VectorForms vector{.algorithm = algorithm, .bytes = {}};
    for (std::size_t i = 0; i < kDihedralCount * HashSize(algorithm); ++i) vector.bytes.push_back(next += 3);
    sent.views[0].vectors.push_back(std::move(vector));
  }
  const auto bytes = EncodeReply(sent, kJob);
  const auto result = DecodeReply(bytes, kJob, {}, wanted);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->views[0].vectors.size(), 1 + kImgHashes.size());
  for (const VectorForms& vector : result->views[0].vectors) {
    const auto at = std::ranges::find(sent.views[0].vectors, vector.algorithm, &VectorForms::algorithm);
    ASSERT_NE(at, sent.views[0].vectors.end());
    EXPECT_EQ(vector.bytes, at->bytes) << AlgorithmName(vector.algorithm);
  }
  // What was not asked for is refused, and so are bytes behind a shorter hash.
  EXPECT_EQ(FieldOf(DecodeReply(bytes, kJob, {}, Vectors())), "vector.algorithm");
  DecodeResult alone = sent;
  for (ViewHashes& view : alone.views) view.vectors.clear();
  alone.views[0].vectors = {{.algorithm = Algorithm::kPHash, .bytes = std::vector<std::uint8_t>(8, 7)}};
  auto damaged = EncodeReply(alone, kJob);
  EXPECT_EQ(FieldOf(DecodeReply(damaged, kJob, {}, wanted)), "taken");
  damaged.back() = 1;
  EXPECT_EQ(FieldOf(DecodeReply(damaged, kJob, {}, wanted)), "vector.bytes");
}

TEST(Record, VectorsForWhichThereIsNoRoomAreLeftOutWhole) {
  DecodeResult result = WithVectors();
  const ViewHashes view = result.views[2];
  result.views.assign(kMaxViews, view);
  const auto bytes = EncodeReply(result, kJob);
  EXPECT_LE(bytes.size(), kMaxReplyBytes);
  const auto decoded = DecodeReply(bytes, kJob, {}, Vectors());
  ASSERT_TRUE(decoded) << decoded.error().field;
  ASSERT_EQ(decoded->views.size(), static_cast<std::size_t>(kMaxViews));
  for (int i = 0; i < kMaxViews; ++i) {
    EXPECT_EQ(decoded->views[static_cast<std::size_t>(i)].vectors.size(), i < 32 ? 1U : 0U) << i;
  }
}

TEST(Record, FalseVectorsAreRefused) {
  const auto whole = EncodeReply(WithVectors(), kJob);
  const std::size_t at = sizeof(ReplyRecord) + 5 * sizeof(ViewRecord);
  ASSERT_EQ(whole.size(), at + 9 * sizeof(VectorRecord));
  const auto field = [&](std::size_t index, const std::function<void(VectorRecord&)>& change) {
    auto bytes = whole;
    VectorRecord record;
    const std::size_t place = at + index * sizeof record;
    std::memcpy(&record, bytes.data() + place, sizeof record);
    change(record);
    std::memcpy(bytes.data() + place, &record, sizeof record);
    return FieldOf(DecodeReply(bytes, kJob, {}, Vectors()));
  };
  EXPECT_EQ(field(0, [](VectorRecord&) {}), "taken");
  EXPECT_EQ(field(0, [](VectorRecord& r) { r.view = 5; }), "vector.view");       // there is none
  EXPECT_EQ(field(0, [](VectorRecord& r) { r.view = 1; }), "vector.view");       // too small to hash
  EXPECT_EQ(field(0, [](VectorRecord& r) { r.view = 3; }), "vector.view");       // hidden
  EXPECT_EQ(field(8, [](VectorRecord& r) { r.view = 0; }), "vector.view");       // not in order
  EXPECT_EQ(field(8, [](VectorRecord& r) { r.view = 4; }), "vector.algorithm");  // it failed there
  EXPECT_EQ(field(0, [](VectorRecord& r) { r.algorithm = 4; }), "vector.algorithm");
  EXPECT_EQ(field(0, [](VectorRecord& r) { r.algorithm = 200; }), "vector.algorithm");
  EXPECT_EQ(field(0, [](VectorRecord& r) { r.form = 1; }), "vector.form");
  EXPECT_EQ(field(8, [](VectorRecord& r) { r.form = 8; }), "vector.form");
  EXPECT_EQ(field(8, [](VectorRecord& r) { r.form = 6; }), "vector.form");
  // What nobody sees is not hashed, though it could be.
  DecodeResult hidden = WithVectors();
  hidden.views[2].hidden = true;
  EXPECT_EQ(FieldOf(DecodeReply(EncodeReply(hidden, kJob), kJob, {}, Vectors())), "vector.view");
  // Seven of eight.
  auto fewer = whole;
  fewer.resize(whole.size() - sizeof(VectorRecord));
  EXPECT_EQ(FieldOf(DecodeReply(fewer, kJob, {}, Vectors())), "length");
  ReplyRecord reply;
  std::memcpy(&reply, fewer.data(), sizeof reply);
  reply.vector_count = 8;
  std::memcpy(fewer.data(), &reply, sizeof reply);
  EXPECT_EQ(FieldOf(DecodeReply(fewer, kJob, {}, Vectors())), "vector.form");
  reply.vector_count = kMaxVectorForms + 1;
  std::memcpy(fewer.data(), &reply, sizeof reply);
  EXPECT_EQ(FieldOf(DecodeReply(fewer, kJob, {}, Vectors())), "vector_count");
}

TEST(Record, EveryKindOfViewIsTaken) {
  DecodeResult sent = Full();
  for (int kind = 1; kind <= static_cast<int>(ViewKind::kTrimmed); ++kind) {
    sent.views[0].kind = static_cast<ViewKind>(kind);
    const auto result = DecodeReply(EncodeReply(sent, kJob), kJob, {});
    ASSERT_TRUE(result) << Name(sent.views[0].kind);
    EXPECT_EQ(result->views[0].kind, sent.views[0].kind);
  }
}

TEST(Record, AnswersWithoutViewsSurviveToo) {
  for (const Cause cause :
       {Cause::kEmpty, Cause::kCorrupt, Cause::kTruncated, Cause::kUnsupportedFormat, Cause::kTooLarge,
        Cause::kTooManyPixels, Cause::kTooManyFrames, Cause::kTooCostly}) {
    DecodeResult sent{.cause = cause, .format = Format::kPng, .width = 4'000'000, .height = 4'000'000};
    const auto result = DecodeReply(EncodeReply(sent, kJob), kJob, {});
    ASSERT_TRUE(result) << Name(cause) << ": " << result.error().field;
    ExpectEqual(*result, sent);
  }
}

TEST(Record, ViewsPastTheBoundAreLeftOut) {
  DecodeResult result = Full();
  result.views.resize(1);
  result.views.resize(kMaxViews + 5, result.views[0]);
  const auto bytes = EncodeReply(result, kJob);
  EXPECT_EQ(bytes.size(), kMaxReplyBytes - kMaxVectorForms * sizeof(VectorRecord));
  const auto decoded = DecodeReply(bytes, kJob, {});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->views.size(), static_cast<std::size_t>(kMaxViews));
}

// One change to an otherwise good answer, and the field that must be named.
struct Lie {
  const char* field;
  void (*tell)(ReplyRecord&, ViewRecord&);
};

TEST(Record, EveryLieIsFoundOut) {
  const Lie lies[] = {
      {"magic", [](ReplyRecord& r, ViewRecord&) { r.magic = kRequestMagic; }},
      {"job_id", [](ReplyRecord& r, ViewRecord&) { --r.job_id; }},
      {"cause", [](ReplyRecord& r, ViewRecord&) { r.cause = 9; }},
      {"cause", [](ReplyRecord& r, ViewRecord&) { r.cause = 40; }},
      {"cause", [](ReplyRecord& r, ViewRecord&) { r.cause = 255; }},
      {"format", [](ReplyRecord& r, ViewRecord&) { r.format = 9; }},
      {"format", [](ReplyRecord& r, ViewRecord&) { r.format = 20; }},
      {"format", [](ReplyRecord& r, ViewRecord&) { r.format = 0; }},
      {"has_alpha", [](ReplyRecord& r, ViewRecord&) { r.has_alpha = 2; }},
      {"codec_warned", [](ReplyRecord& r, ViewRecord&) { r.codec_warned = 0x80; }},
      {"trailing_bytes", [](ReplyRecord& r, ViewRecord&) { r.trailing_bytes = 255; }},
      {"limit", [](ReplyRecord& r, ViewRecord&) { r.limit = 1; }},
      {"limit", [](ReplyRecord& r, ViewRecord&) { r.limit = 8; }},
      {"embedded_unseen", [](ReplyRecord& r, ViewRecord&) { r.embedded_unseen = 2; }},
      {"colour_unusual", [](ReplyRecord& r, ViewRecord&) { r.colour_unusual = 2; }},
      {"length", [](ReplyRecord& r, ViewRecord&) { r.view_count = 2; }},
      {"view_count", [](ReplyRecord& r, ViewRecord&) { r.view_count = 0; }},
      {"view_count", [](ReplyRecord& r, ViewRecord&) { r.view_count = 0xffffffff; }},
      {"view_count", [](ReplyRecord& r, ViewRecord&) { r.cause = 2; }},
      {"width", [](ReplyRecord& r, ViewRecord&) { r.width = 0; }},
      {"width", [](ReplyRecord& r, ViewRecord&) { r.width = 16'385; }},
      {"width", [](ReplyRecord& r, ViewRecord&) { r.width = r.height = 16'000; }},
      {"frames_total", [](ReplyRecord& r, ViewRecord&) { r.frames_total = 1'000'001; }},
      {"frames_seen", [](ReplyRecord& r, ViewRecord&) { r.frames_seen = r.frames_total + 1; }},
      {"frames_seen", [](ReplyRecord& r, ViewRecord&) { r.frames_seen = 0; }},
      {"view.kind", [](ReplyRecord&, ViewRecord& v) { v.kind = 0; }},
      {"view.kind", [](ReplyRecord&, ViewRecord& v) { v.kind = 8; }},
      {"view.hashable", [](ReplyRecord&, ViewRecord& v) { v.hashable = 2; }},
      {"view.hashable", [](ReplyRecord&, ViewRecord& v) { v.width = 4; }},
      {"view.pipelines", [](ReplyRecord&, ViewRecord& v) { v.pipelines = 4; }},
      {"view.pipelines", [](ReplyRecord&, ViewRecord& v) { v.hashable = 0; }},
      {"view.hidden", [](ReplyRecord&, ViewRecord& v) { v.hidden = 2; }},
      {"view.frame", [](ReplyRecord& r, ViewRecord& v) { v.frame = r.frames_total; }},
      {"view.frame",
       [](ReplyRecord&, ViewRecord& v) {
         v.kind = static_cast<std::uint8_t>(ViewKind::kEmbedded);
         v.frame = kMaxViews;
       }},
      {"view.width", [](ReplyRecord&, ViewRecord& v) { v.height = 0; }},
      {"view.width", [](ReplyRecord&, ViewRecord& v) { v.height = 0xffffffff; }},
      {"view.quality", [](ReplyRecord&, ViewRecord& v) { v.quality[0] = 101; }},
      {"view.quality", [](ReplyRecord&, ViewRecord& v) { v.quality[0] = -1; }},
      {"view.quality", [](ReplyRecord&, ViewRecord& v) { v.quality[1] = 1; }},
      {"view.forms", [](ReplyRecord&, ViewRecord& v) { v.forms[1][7][31] = 1; }},
      {"view.forms", [](ReplyRecord&, ViewRecord& v) { std::memset(v.forms[0][3], 0xff, 17); }},
  };
  DecodeResult good = Full();
  good.cause = Cause::kNone;
  good.views.resize(1);
  good.views[0].pdq.resize(1);
  for (const Lie& lie : lies) {
    auto bytes = EncodeReply(good, kJob);
    ASSERT_TRUE(DecodeReply(bytes, kJob, {}));
    ReplyRecord reply;
    ViewRecord view;
    std::memcpy(&reply, bytes.data(), sizeof reply);
    std::memcpy(&view, bytes.data() + sizeof reply, sizeof view);
    lie.tell(reply, view);
    std::memcpy(bytes.data(), &reply, sizeof reply);
    std::memcpy(bytes.data() + sizeof reply, &view, sizeof view);
    const auto result = DecodeReply(bytes, kJob, {});
    ASSERT_FALSE(result) << lie.field;
    EXPECT_EQ(result.error().reason, Reason::kDecoderProtocol);
    EXPECT_EQ(result.error().field, lie.field);
  }
}

TEST(Record, ALimitFitsItsCause) {
  for (int limit = 1; limit <= static_cast<int>(Limit::kMemory); ++limit) {
    DecodeResult refused{.cause = CauseOf(static_cast<Limit>(limit)), .limit = static_cast<Limit>(limit)};
    const auto result = DecodeReply(EncodeReply(refused, kJob), kJob, {});
    ASSERT_TRUE(result) << limit;
    EXPECT_EQ(result->limit, refused.limit);
    refused.cause = Cause::kCorrupt;
    EXPECT_FALSE(DecodeReply(EncodeReply(refused, kJob), kJob, {})) << limit;
  }
}

TEST(Record, OnlyAJpegMayBeLargerThanItsView) {
  DecodeResult large = Full();
  large.views.resize(1);
  large.width = 20'000;
  large.height = 10'000;
  large.format = Format::kPng;
  EXPECT_FALSE(DecodeReply(EncodeReply(large, kJob), kJob, {}));
  large.format = Format::kJpeg;
  EXPECT_TRUE(DecodeReply(EncodeReply(large, kJob), kJob, {}));
  large.height = 20'000;
  EXPECT_FALSE(DecodeReply(EncodeReply(large, kJob), kJob, {}));
  large.height = 10'000;
  large.views[0].width = 20'000;
  EXPECT_FALSE(DecodeReply(EncodeReply(large, kJob), kJob, {}));
}

TEST(Record, TheLengthIsExact) {
  const auto bytes = EncodeReply(Full(), kJob);
  for (std::size_t length = 0; length < bytes.size(); length += 7) {
    EXPECT_FALSE(DecodeReply(ByteSpan(bytes).first(length), kJob, {})) << length;
  }
  auto longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(DecodeReply(longer, kJob, {}));
}

TEST(Record, AFlippedByteIsRefusedOrStaysWithinBounds) {
  std::mt19937_64 random(testing::Seed());
  const auto good = EncodeReply(Full(), kJob);
  const Limits limits;
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const std::uint8_t change :
         {std::uint8_t{1}, std::uint8_t{0x80}, static_cast<std::uint8_t>(random())}) {
      auto bytes = good;
      bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ change);
      const auto result = DecodeReply(bytes, kJob, limits);
      if (!result) {
        EXPECT_EQ(result.error().reason, Reason::kDecoderProtocol);
        ++refused;
        continue;
      }
      EXPECT_EQ(EncodeReply(*result, kJob), bytes) << "byte " << at << " was not looked at";
      for (const ViewHashes& view : result->views) {
        EXPECT_LE(std::uint64_t{view.width} * view.height, limits.max_pixels);
      }
    }
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace hashgate::decode
