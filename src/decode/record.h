// What a decoder worker says about one upload: a bounded record of fixed layout that the server checks field
// by field, because a worker that parsed hostile bytes may have been taken over.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"

namespace hashgate::decode {

/// Formats told apart by their first bytes. Values go through the worker protocol and the wire: never
/// renumber.
enum class Format : std::uint8_t {
  kUnknown = 0,
  kJpeg = 1,
  kPng = 2,
  kWebp = 3,
  kGif = 4,
  kBmp = 5,
  kTiff = 6,
  kHeif = 7,  ///< HEIC and its relatives
  kAvif = 8,
  kVideo = 20,
  kAudio = 21,
  kArchive = 22,
  kDocument = 23,  ///< PDF and office files
  kText = 24,      ///< valid UTF-8 without an SVG or HTML root
};
/// Lower case: "jpeg", "video"; "unknown" for zero.
std::string_view FormatName(Format format);

/// Limits of one decode, all but processor time counted in work so that answers repeat. Zero is not
/// "unlimited": every field is a bound.
struct Limits {
  std::uint64_t max_bytes = 32ULL << 20;  ///< of the encoded file; more is TOO_LARGE
  std::uint64_t max_pixels = 50'000'000;  ///< width * height as decoded; more is TOO_MANY_PIXELS
  /// width * height of a JPEG that is decoded at 1/2, 1/4 or 1/8 of its sides so that it keeps to max_pixels
  /// and max_side; more is TOO_MANY_PIXELS. Where all its coefficients have to be kept (progressive ones),
  /// only while they fit the memory.
  std::uint64_t max_scaled_pixels = 250'000'000;
  std::uint32_t max_side = 16'384;                ///< of either side as decoded; more is TOO_MANY_PIXELS
  std::uint32_t max_scans = 100;                  ///< of a progressive JPEG; more is TOO_COSTLY
  std::uint64_t max_scan_pixels = 1'500'000'000;  ///< pixels * scans; more is TOO_COSTLY
  /// Pixels of frames after the first that are decoded, and pixels of the canvas that are hashed for them,
  /// each. Further frames are not looked at: frames_seen says so.
  std::uint64_t max_frame_pixels = 100'000'000;
  std::uint32_t max_frames = 16'384;           ///< frames stored in the file; more is TOO_MANY_FRAMES
  std::uint32_t max_profile_bytes = 1U << 20;  ///< of a colour profile; longer ones count as unusual
  std::uint32_t max_exif_bytes = 64U << 10;   ///< of Exif that is searched for pictures; else embedded_unseen
  std::uint32_t cpu_seconds = 10;             ///< processor time of one job; more is TOO_COSTLY
  std::uint64_t memory_bytes = 512ULL << 20;  ///< RLIMIT_AS of a worker beyond what it has at its start
  /// What pictures may take of the memory, by computation before they are decoded; more is TOO_COSTLY.
  [[nodiscard]] std::uint64_t PictureBytes() const { return memory_bytes - memory_bytes / 8; }
};

/// The limit that a cause of DecodeResult stands for. Values go through the worker protocol: never renumber.
enum class Limit : std::uint8_t {
  kNone = 0,  ///< no limit; with TOO_COSTLY: processor time
  kBytes = 1,
  kPixels = 2,
  kSide = 3,
  kFrames = 4,
  kScans = 5,
  kScanPixels = 6,
  kMemory = 7,
};
/// The cause that a limit leads to; kNone for kNone.
Cause CauseOf(Limit limit);

/// Some of the algorithms.
struct AlgorithmSet {
  std::uint16_t bits = 0;  ///< bit n: the algorithm of that number

  [[nodiscard]] constexpr bool Has(Algorithm algorithm) const {
    return (bits >> static_cast<unsigned>(algorithm) & 1U) != 0;
  }
  constexpr void Add(Algorithm algorithm) {
    bits = static_cast<std::uint16_t>(bits | 1U << static_cast<unsigned>(algorithm));
  }
  [[nodiscard]] constexpr bool empty() const { return bits == 0; }
  /// Whether all of `others` are among these.
  [[nodiscard]] constexpr bool HasAll(AlgorithmSet others) const { return (others.bits & ~bits) == 0; }
  bool operator==(const AlgorithmSet&) const = default;
};
static_assert(kAlgorithmCount <= 16);

/// What to compute. Digests are the server's work, never the worker's.
struct Wanted {
  bool pdq_full = true;
  bool pdq_nn512 = false;  ///< the second pipeline, for each view that has a full hash
  AlgorithmSet vectors;    ///< of img_hash and of plug-ins, of the views that people see first
};

/// So many that a reply still fits one message of a socket whose buffer has the usual 208 KiB.
inline constexpr int kMaxViews = 256;
/// Forms of vectors in one reply: of two algorithms with eight forms each, those of 16 views.
inline constexpr int kMaxVectorForms = 256;
/// Bytes of the longest vector.
inline constexpr std::size_t kMaxVectorBytes = std::tuple_size_v<PhotoDna>;

/// PDQ of one view in all eight forms, each as if the turned picture had been hashed.
struct PdqForms {
  Pipeline pipeline = Pipeline::kFull;
  int quality = 0;                              ///< 0..100; turning does not change it
  std::array<PdqHash, kDihedralCount> forms{};  ///< indexed by Dihedral
};

/// A hash of one view by an algorithm whose hashes are compared one by one.
struct VectorForms {
  Algorithm algorithm = Algorithm::kUnspecified;
  /// HashSize(algorithm) bytes of the view as it is; or those of all its forms one after the other, in the
  /// order of Dihedral.
  std::vector<std::uint8_t> bytes;

  [[nodiscard]] int count() const { return static_cast<int>(bytes.size() / HashSize(algorithm)); }
  [[nodiscard]] ByteSpan form(int index) const {
    const std::size_t size = HashSize(algorithm);
    return ByteSpan(bytes).subspan(static_cast<std::size_t>(index) * size, size);
  }
};

struct ViewHashes {
  ViewKind kind = ViewKind::kWhole;
  std::uint32_t frame = 0;  ///< index of the frame or page the view shows; of kEmbedded, of the embedded ones
  std::uint32_t width = 0;  ///< pixels of this view
  std::uint32_t height = 0;
  bool hashable = false;  ///< false: a side under 5 px; no perceptual hash exists
  /// No usual viewer shows this: a match found only here says what the file holds, not what people see.
  bool hidden = false;
  std::vector<PdqForms> pdq;         ///< at most one per pipeline
  std::vector<VectorForms> vectors;  ///< at most one per algorithm; of views that are hashable and not hidden
  AlgorithmSet vectors_failed;       ///< wanted ones that a plug-in could not make of this view
};

/// Facts and hashes of one upload, checked.
struct DecodeResult {
  /// kNone: every pixel was decoded. kTruncated: `views` show what could be decoded. Else why nothing could
  /// be.
  Cause cause = Cause::kNone;
  Limit limit = Limit::kNone;  ///< that `cause` stands for
  Format format = Format::kUnknown;
  std::uint32_t width = 0;  ///< of the first picture, as its header declares it; 0 where unknown
  std::uint32_t height = 0;
  std::uint32_t frames_total = 0;  ///< pictures stored in the file; 0 where unknown
  /// Pictures looked at: hashed, or drawn and found to look like one whose hashes are here.
  std::uint32_t frames_seen = 0;
  bool has_alpha = false;
  bool codec_warned = false;    ///< the codec reported damage but every pixel is there
  bool trailing_bytes = false;  ///< bytes after the picture's own end
  /// The file asks viewers for a change of colours that may be far from sRGB (a profile, gamma or primaries):
  /// what people see may differ from what was hashed.
  bool colour_unusual = false;
  bool embedded_unseen =
      false;  ///< a picture inside the file (a thumbnail, an MPF picture) was not looked at
  std::uint32_t decode_micros = 0;
  std::uint32_t hash_micros = 0;
  std::vector<ViewHashes> views;  ///< at most kMaxViews
};

// ---- The protocol. One request and one reply a job, each a single SOCK_SEQPACKET message of fixed layout in
// host byte order (both ends are one machine). The upload's bytes lie in shared memory that the worker maps
// read-only.

inline constexpr std::uint32_t kRequestMagic = 0x31514748;  // "HGQ1"
inline constexpr std::uint32_t kReplyMagic = 0x31524748;    // "HGR1"

/// Wire form of a job. `job_id` is echoed by the reply.
struct RequestRecord {
  std::uint32_t magic = kRequestMagic;
  std::uint8_t format = 0;  ///< as the server sniffed it; the worker sniffs again and trusts itself
  std::uint8_t want_nn512 = 0;
  std::uint16_t want_vectors = 0;  ///< AlgorithmSet
  std::uint64_t job_id = 0;
  std::uint64_t length = 0;  ///< bytes of the upload at the front of the shared buffer
  Limits limits;
};

struct ViewRecord {
  std::uint8_t kind = 0;
  std::uint8_t hashable = 0;
  std::uint8_t pipelines = 0;  ///< bit 0: forms[0] holds `full`; bit 1: forms[1] holds `nn512`
  std::uint8_t hidden = 0;
  std::uint16_t vectors_failed = 0;  ///< AlgorithmSet
  std::uint16_t reserved = 0;
  std::uint32_t frame = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::int32_t quality[2] = {};
  std::uint8_t forms[2][kDihedralCount][32] = {};
};

/// One form of one view's vector. Rising by view, then algorithm, then form.
struct VectorRecord {
  std::uint16_t view = 0;
  std::uint8_t algorithm = 0;
  std::uint8_t form = 0;  ///< Dihedral
  std::uint8_t bytes[kMaxVectorBytes] = {};
};

struct ReplyRecord {
  std::uint32_t magic = kReplyMagic;
  std::uint8_t cause = 0;
  std::uint8_t format = 0;
  std::uint8_t has_alpha = 0;
  std::uint8_t codec_warned = 0;
  std::uint8_t trailing_bytes = 0;
  std::uint8_t colour_unusual = 0;
  std::uint8_t embedded_unseen = 0;
  std::uint8_t limit = 0;
  std::uint32_t view_count = 0;
  std::uint32_t vector_count = 0;
  std::uint32_t reserved = 0;
  std::uint64_t job_id = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t frames_total = 0;
  std::uint32_t frames_seen = 0;
  std::uint32_t decode_micros = 0;
  std::uint32_t hash_micros = 0;
  // followed by view_count ViewRecords and vector_count VectorRecords
};

inline constexpr std::size_t kMaxReplyBytes =
    sizeof(ReplyRecord) + kMaxViews * sizeof(ViewRecord) + kMaxVectorForms * sizeof(VectorRecord);
static_assert(kMaxReplyBytes < 200'000);

/// Writes `result` as a reply for `job_id`. Views past kMaxViews are left out (the worker keeps to the
/// bound), and so are the vectors of views for whose forms there is no room.
std::vector<std::uint8_t> EncodeReply(const DecodeResult& result, std::uint64_t job_id);

/// Reads a reply as if an enemy wrote it: exact length, known enums, ranges, consistent counts, hash forms
/// that are turns of one picture only as far as their bit counts allow, vectors of algorithms in `wanted`
/// only. Errors: kDecoderProtocol naming the field.
Result<DecodeResult> DecodeReply(ByteSpan bytes, std::uint64_t job_id, const Limits& limits,
                                 AlgorithmSet wanted = {});

}  // namespace hashgate::decode
