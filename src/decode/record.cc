#include "decode/record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <type_traits>

#include "decode/sniff.h"

namespace hashgate::decode {
namespace {

// The layouts are a contract between two binaries: no hidden padding that could carry stale memory, no
// surprise.
static_assert(std::is_trivially_copyable_v<RequestRecord> && std::is_trivially_copyable_v<ReplyRecord>);
static_assert(std::has_unique_object_representations_v<RequestRecord>);
static_assert(sizeof(ViewRecord) == 8 + 3 * 4 + 2 * 4 + std::size_t{2} * kDihedralCount * 32);
static_assert(sizeof(VectorRecord) == 4 + kMaxVectorBytes);
static_assert(sizeof(ReplyRecord) == 4 + 8 + 3 * 4 + 8 + 6 * 4);
static_assert(std::is_same_v<decltype(ViewRecord::width), std::uint32_t>);

constexpr int kMinHashableSide = 5;
constexpr std::uint32_t kMaxJpegSide = 65'535;
// Bits are set where a coefficient lies strictly above the 128th smallest of 256.
constexpr int kMaxSetBits = 128;

std::unexpected<Error> Refuse(const char* field) {
  return Fail(Reason::kDecoderProtocol, "the decoder's answer did not pass its checks", field);
}

bool IsBool(std::uint8_t value) {
  return value <= 1;
}

bool IsKnownFormat(std::uint8_t value) {
  return value <= static_cast<std::uint8_t>(Format::kAvif) ||
         (value >= static_cast<std::uint8_t>(Format::kVideo) &&
          value <= static_cast<std::uint8_t>(Format::kText));
}

bool SidesWithin(std::uint32_t width, std::uint32_t height, const Limits& limits) {
  return width >= 1 && height >= 1 && width <= limits.max_side && height <= limits.max_side &&
         std::uint64_t{width} * height <= limits.max_pixels;
}

/// A JPEG may be larger than what is decoded of it.
bool IsScalable(const ReplyRecord& reply, const Limits& limits) {
  return static_cast<Format>(reply.format) == Format::kJpeg && reply.width >= 1 && reply.height >= 1 &&
         reply.width <= kMaxJpegSide && reply.height <= kMaxJpegSide &&
         std::uint64_t{reply.width} * reply.height <= limits.max_scaled_pixels;
}

Result<PdqForms> DecodeForms(const ViewRecord& record, std::size_t index) {
  PdqForms forms;
  forms.pipeline = index == 0 ? Pipeline::kFull : Pipeline::kNn512;
  if (record.quality[index] < 0 || record.quality[index] > 100) return Refuse("view.quality");
  forms.quality = record.quality[index];
  for (std::size_t d = 0; d < forms.forms.size(); ++d) {
    forms.forms[d] = PdqHash::FromBytes(record.forms[index][d]);
    int bits = 0;
    for (const std::uint64_t word : forms.forms[d].words) bits += std::popcount(word);
    if (bits > kMaxSetBits) return Refuse("view.forms");
  }
  return forms;
}

Result<ViewHashes> DecodeView(const ViewRecord& record, const ReplyRecord& reply, const Limits& limits,
                              AlgorithmSet wanted) {
  if (record.kind < static_cast<std::uint8_t>(ViewKind::kWhole) ||
      record.kind > static_cast<std::uint8_t>(ViewKind::kTrimmed)) {
    return Refuse("view.kind");
  }
  if (!IsBool(record.hashable)) return Refuse("view.hashable");
  if (record.pipelines > 3 || (record.hashable == 0 && record.pipelines != 0)) {
    return Refuse("view.pipelines");
  }
  if (!IsBool(record.hidden)) return Refuse("view.hidden");
  if (!wanted.HasAll({record.vectors_failed}) || record.reserved != 0) return Refuse("view.vectors_failed");
  // Pictures inside the file are numbered by themselves; each has a view at least.
  const bool embedded = record.kind == static_cast<std::uint8_t>(ViewKind::kEmbedded);
  if (embedded && record.frame >= static_cast<std::uint32_t>(kMaxViews)) return Refuse("view.frame");
  if (!embedded && reply.frames_total != 0 && record.frame >= reply.frames_total) {
    return Refuse("view.frame");
  }
  if (record.frame >= limits.max_frames) return Refuse("view.frame");
  if (!SidesWithin(record.width, record.height, limits)) return Refuse("view.width");
  if (record.hashable == 1 && std::min(record.width, record.height) < kMinHashableSide) {
    return Refuse("view.hashable");
  }
  ViewHashes view;
  view.kind = static_cast<ViewKind>(record.kind);
  view.frame = record.frame;
  view.width = record.width;
  view.height = record.height;
  view.hashable = record.hashable == 1;
  view.hidden = record.hidden == 1;
  view.vectors_failed = {record.vectors_failed};
  for (std::size_t i = 0; i < 2; ++i) {
    if ((record.pipelines >> i & 1) != 0) {
      HASHGATE_ASSIGN_OR_RETURN(PdqForms forms, DecodeForms(record, i));
      view.pdq.push_back(forms);
      continue;
    }
    // What is absent is zero, so that nothing travels where nobody looks.
    const auto* bytes = &record.forms[i][0][0];
    if (record.quality[i] != 0) return Refuse("view.quality");
    if (std::any_of(bytes, bytes + sizeof record.forms[i], [](std::uint8_t b) { return b != 0; })) {
      return Refuse("view.forms");
    }
  }
  return view;
}

// Adds one form to its view. Forms come in order, and `last` is the record before: the first form begins a
// vector, and each other one goes on with it.
Status TakeVector(const VectorRecord& record, const VectorRecord* last, AlgorithmSet wanted,
                  std::vector<ViewHashes>& views) {
  if (record.view >= views.size()) return Refuse("vector.view");
  ViewHashes& view = views[record.view];
  if (!view.hashable || view.hidden) return Refuse("vector.view");
  const auto algorithm = static_cast<Algorithm>(record.algorithm);
  const std::size_t size =
      record.algorithm < kAlgorithmCount && wanted.Has(algorithm) ? HashSize(algorithm) : 0;
  if (size == 0 || size > kMaxVectorBytes || view.vectors_failed.Has(algorithm))
    return Refuse("vector.algorithm");
  if (last != nullptr &&
      (last->view > record.view || (last->view == record.view && last->algorithm > record.algorithm))) {
    return Refuse("vector.view");
  }
  const bool goes_on = last != nullptr && last->view == record.view && last->algorithm == record.algorithm;
  if (record.form != (goes_on ? last->form + 1 : 0) || record.form >= kDihedralCount)
    return Refuse("vector.form");
  if (std::any_of(record.bytes + size, std::end(record.bytes), [](std::uint8_t b) { return b != 0; })) {
    return Refuse("vector.bytes");
  }
  if (!goes_on) view.vectors.push_back({.algorithm = algorithm, .bytes = {}});
  std::vector<std::uint8_t>& bytes = view.vectors.back().bytes;
  bytes.insert(bytes.end(), record.bytes, record.bytes + size);
  return {};
}

Status TakeVectors(ByteSpan records, AlgorithmSet wanted, std::vector<ViewHashes>& views) {
  std::array<VectorRecord, 2> pair;
  for (std::size_t at = 0; at < records.size(); at += sizeof(VectorRecord)) {
    const std::size_t index = at / sizeof(VectorRecord);
    VectorRecord& record = pair[index % 2];
    std::memcpy(&record, records.data() + at, sizeof record);
    HASHGATE_RETURN_IF_ERROR(
        TakeVector(record, index == 0 ? nullptr : &pair[(index + 1) % 2], wanted, views));
  }
  // One form, or all of them.
  for (const ViewHashes& view : views) {
    for (const VectorForms& vector : view.vectors) {
      if (vector.count() != 1 && vector.count() != kDihedralCount) return Refuse("vector.form");
    }
  }
  return {};
}

Status CheckReply(const ReplyRecord& reply, std::uint64_t job_id, const Limits& limits) {
  if (reply.magic != kReplyMagic || reply.reserved != 0) return Refuse("magic");
  if (reply.job_id != job_id) return Refuse("job_id");
  // A worker reports what it found in a file; other causes are the server's to give.
  if (reply.cause > static_cast<std::uint8_t>(Cause::kTooCostly)) return Refuse("cause");
  if (!IsKnownFormat(reply.format)) return Refuse("format");
  if (!IsBool(reply.has_alpha)) return Refuse("has_alpha");
  if (!IsBool(reply.codec_warned)) return Refuse("codec_warned");
  if (!IsBool(reply.trailing_bytes)) return Refuse("trailing_bytes");
  if (!IsBool(reply.colour_unusual)) return Refuse("colour_unusual");
  if (!IsBool(reply.embedded_unseen)) return Refuse("embedded_unseen");
  const auto cause = static_cast<Cause>(reply.cause);
  if (reply.limit > static_cast<std::uint8_t>(Limit::kMemory)) return Refuse("limit");
  const auto limit = static_cast<Limit>(reply.limit);
  if (limit != Limit::kNone && CauseOf(limit) != cause) return Refuse("limit");
  if (reply.frames_seen > limits.max_frames) return Refuse("frames_seen");
  if (reply.frames_total != 0 && reply.frames_seen > reply.frames_total) return Refuse("frames_seen");
  if (cause == Cause::kNone || cause == Cause::kTruncated) {
    if (!IsDecodable(static_cast<Format>(reply.format))) return Refuse("format");
    if (reply.frames_total > limits.max_frames) return Refuse("frames_total");
    if (cause == Cause::kNone && reply.view_count == 0) return Refuse("view_count");
    const bool sides = IsScalable(reply, limits) || SidesWithin(reply.width, reply.height, limits);
    if (reply.view_count > 0 && !sides) return Refuse("width");
    if (reply.view_count > 0 && reply.frames_seen == 0) return Refuse("frames_seen");
  } else if (reply.view_count != 0) {
    return Refuse("view_count");
  }
  return {};
}

}  // namespace

Cause CauseOf(Limit limit) {
  switch (limit) {
    case Limit::kNone: break;
    case Limit::kBytes: return Cause::kTooLarge;
    case Limit::kPixels:
    case Limit::kSide: return Cause::kTooManyPixels;
    case Limit::kFrames: return Cause::kTooManyFrames;
    case Limit::kScans:
    case Limit::kScanPixels:
    case Limit::kMemory: return Cause::kTooCostly;
  }
  return Cause::kNone;
}

namespace {

std::vector<VectorRecord> RecordsOf(std::span<const ViewHashes> views) {
  std::vector<VectorRecord> records;
  for (std::size_t i = 0; i < views.size(); ++i) {
    std::vector<const VectorForms*> vectors;
    for (const VectorForms& vector : views[i].vectors) vectors.push_back(&vector);
    std::ranges::sort(vectors, {}, &VectorForms::algorithm);
    for (const VectorForms* const vector : vectors) {
      const auto forms = static_cast<std::size_t>(vector->count());
      if (records.size() + forms > static_cast<std::size_t>(kMaxVectorForms)) continue;
      for (std::size_t form = 0; form < forms; ++form) {
        VectorRecord& record = records.emplace_back();
        record.view = static_cast<std::uint16_t>(i);
        record.algorithm = static_cast<std::uint8_t>(vector->algorithm);
        record.form = static_cast<std::uint8_t>(form);
        std::ranges::copy(vector->form(static_cast<int>(form)), record.bytes);
      }
    }
  }
  return records;
}

}  // namespace

std::vector<std::uint8_t> EncodeReply(const DecodeResult& result, std::uint64_t job_id) {
  const std::size_t views = std::min(result.views.size(), static_cast<std::size_t>(kMaxViews));
  ReplyRecord reply;
  reply.cause = static_cast<std::uint8_t>(result.cause);
  reply.format = static_cast<std::uint8_t>(result.format);
  reply.has_alpha = result.has_alpha ? 1 : 0;
  reply.codec_warned = result.codec_warned ? 1 : 0;
  reply.trailing_bytes = result.trailing_bytes ? 1 : 0;
  reply.colour_unusual = result.colour_unusual ? 1 : 0;
  reply.embedded_unseen = result.embedded_unseen ? 1 : 0;
  reply.limit = static_cast<std::uint8_t>(result.limit);
  reply.view_count = static_cast<std::uint32_t>(views);
  const std::vector<VectorRecord> vectors = RecordsOf(std::span(result.views).first(views));
  reply.vector_count = static_cast<std::uint32_t>(vectors.size());
  reply.job_id = job_id;
  reply.width = result.width;
  reply.height = result.height;
  reply.frames_total = result.frames_total;
  reply.frames_seen = result.frames_seen;
  reply.decode_micros = result.decode_micros;
  reply.hash_micros = result.hash_micros;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(sizeof reply + views * sizeof(ViewRecord) + vectors.size() * sizeof(VectorRecord));
  bytes.resize(sizeof reply + views * sizeof(ViewRecord));
  std::memcpy(bytes.data(), &reply, sizeof reply);
  for (std::size_t i = 0; i < views; ++i) {
    const ViewHashes& view = result.views[i];
    ViewRecord record;
    record.kind = static_cast<std::uint8_t>(view.kind);
    record.hashable = view.hashable ? 1 : 0;
    record.hidden = view.hidden ? 1 : 0;
    record.vectors_failed = view.vectors_failed.bits;
    record.frame = view.frame;
    record.width = view.width;
    record.height = view.height;
    for (const PdqForms& forms : view.pdq) {
      const std::size_t index = forms.pipeline == Pipeline::kNn512 ? 1 : 0;
      record.pipelines = static_cast<std::uint8_t>(record.pipelines | 1U << index);
      record.quality[index] = forms.quality;
      for (std::size_t d = 0; d < forms.forms.size(); ++d) {
        const auto form = forms.forms[d].bytes();
        std::copy(form.begin(), form.end(), record.forms[index][d]);
      }
    }
    std::memcpy(bytes.data() + sizeof reply + i * sizeof record, &record, sizeof record);
  }
  for (const VectorRecord& record : vectors) {
    const ByteSpan raw(reinterpret_cast<const std::uint8_t*>(&record), sizeof record);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  return bytes;
}

Result<DecodeResult> DecodeReply(ByteSpan bytes, std::uint64_t job_id, const Limits& limits,
                                 AlgorithmSet wanted) {
  ReplyRecord reply;
  if (bytes.size() < sizeof reply) return Refuse("length");
  std::memcpy(&reply, bytes.data(), sizeof reply);
  HASHGATE_RETURN_IF_ERROR(CheckReply(reply, job_id, limits));
  if (reply.view_count > static_cast<std::uint32_t>(kMaxViews)) return Refuse("view_count");
  if (reply.vector_count > static_cast<std::uint32_t>(kMaxVectorForms)) return Refuse("vector_count");
  const std::size_t vectors_at = sizeof reply + reply.view_count * sizeof(ViewRecord);
  if (bytes.size() != vectors_at + reply.vector_count * sizeof(VectorRecord)) return Refuse("length");
  DecodeResult result;
  result.cause = static_cast<Cause>(reply.cause);
  result.format = static_cast<Format>(reply.format);
  result.width = reply.width;
  result.height = reply.height;
  result.frames_total = reply.frames_total;
  result.frames_seen = reply.frames_seen;
  result.has_alpha = reply.has_alpha == 1;
  result.codec_warned = reply.codec_warned == 1;
  result.trailing_bytes = reply.trailing_bytes == 1;
  result.colour_unusual = reply.colour_unusual == 1;
  result.embedded_unseen = reply.embedded_unseen == 1;
  result.limit = static_cast<Limit>(reply.limit);
  result.decode_micros = reply.decode_micros;
  result.hash_micros = reply.hash_micros;
  result.views.reserve(reply.view_count);
  for (std::size_t i = 0; i < reply.view_count; ++i) {
    ViewRecord record;
    std::memcpy(&record, bytes.data() + sizeof reply + i * sizeof record, sizeof record);
    HASHGATE_ASSIGN_OR_RETURN(ViewHashes view, DecodeView(record, reply, limits, wanted));
    result.views.push_back(std::move(view));
  }
  HASHGATE_RETURN_IF_ERROR(TakeVectors(bytes.subspan(vectors_at), wanted, result.views));
  return result;
}

}  // namespace hashgate::decode
