// What a file is, by its bytes and never by its name. Allocation-free, bounded, fuzzed.
#pragma once

#include <array>
#include <cstdint>

#include "base/utf8.h"
#include "decode/record.h"
#include "hashgate/hash.h"

namespace hashgate::decode {

/// Bytes from the front that Sniff looks at, at most.
inline constexpr std::size_t kSniffBytes = 4096;

/// The format by magic bytes alone (never kText: that takes the whole file). kUnknown where nothing is
/// recognised. Where a file could be taken for a picture by some viewer, it is never given a format that is
/// not a picture: video, audio, archive and document are a positive list that lets a file pass unlooked at.
Format Sniff(ByteSpan front);

/// True for formats that some class of workers decodes (worker_class.h); where that class is not there, the
/// decoder says UNSUPPORTED_FORMAT.
bool IsDecodable(Format format);
/// True for pictures, decodable or not: never NOT_AN_IMAGE.
bool IsImage(Format format);

/// Tells text from unrecognised bytes as they arrive: valid UTF-8 all through, no control but TAB, LF, FF and
/// CR (an escape may switch to another encoding), no XML declaration of an encoding that is not UTF-8 or its
/// subset, no picture written as text (PostScript, XPM, XBM, Netpbm), and no SVG or HTML root (a browser
/// would draw those). Byte order marks, white space, comments, processing instructions and doctypes of any
/// length before the root are passed over; where HTML and XML disagree on where one of them ends, the file is
/// not text. Names are compared without case and without an XML prefix; a root that browsers take for HTML
/// (source: mimesniff.spec.whatwg.org, "identifying a resource with an unknown MIME type") counts as HTML.
/// Under another XML root neither an element named svg nor the namespace of XHTML may follow, plain or in
/// character references: browsers draw such parts. Threads: confined. Cost: linear, no memory beyond the
/// object.
class TextSniffer {
 public:
  TextSniffer() = default;
  TextSniffer(const TextSniffer&) = default;
  TextSniffer& operator=(const TextSniffer&) = default;
  /// Wipes the bytes that it kept: it often lies on a stack, where they would stay.
  ~TextSniffer();
  void Update(ByteSpan bytes);
  /// True where the whole stream was such text and not empty.
  [[nodiscard]] bool IsText() const;

 private:
  enum class State : std::uint8_t {
    kBeforeRoot,    // white space and byte order marks
    kTagOpen,       // after '<'
    kDeclaration,   // after "<!", in the declaration's name
    kDoctypeSpace,  // before the name of the root that a doctype declares
    kDoctypeName,
    kDeclarationEnd,  // up to '>'
    kQuoted,          // inside quotes of a declaration
    kCommentStart,    // just after "<!--"
    kComment,
    kInstruction,  // after "<?"
    kRootName,
    kPlain,      // no markup at the front
    kOtherRoot,  // the root is neither SVG nor HTML; such an element may still follow
    kMarkup,     // an SVG or HTML root, or something that may hide one
  };

  void Step(std::uint8_t byte);
  State AfterDeclarationName(std::uint8_t byte);
  [[nodiscard]] State AfterInstruction() const;
  [[nodiscard]] bool BeginsLikePicture() const;
  void AddToName(std::uint8_t byte);
  State InsideOtherRoot(std::uint8_t byte);
  [[nodiscard]] bool NameIsMarkup() const;

  Utf8Validator validator_;
  bool possible_ = true;
  bool any_ = false;
  State state_ = State::kBeforeRoot;
  std::uint8_t quote_ = 0;
  std::uint8_t dashes_ = 0;  // '-' just before, 0..2; in kInstruction 1 after a '?'
  std::uint8_t name_size_ = 0;
  std::array<char, 12> name_{};  // lower case; longer names fill it and match nothing
  std::uint64_t window_ = 0;     // the last eight bytes in kOtherRoot
  bool in_namespace_ = false;    // in kOtherRoot, between "xmlns" and the next '>'
  std::uint8_t instruction_size_ = 0;
  std::array<char, 160> instruction_{};  // what follows "<?", as far as it fits
  std::uint8_t front_size_ = 0;
  std::array<char, 80> front_{};  // the stream's first bytes
};

/// Declared facts read from a header without decoding; zeros where the header does not say.
struct HeaderFacts {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t scans = 0;       ///< SOS markers seen in `bytes` for JPEG; 1 otherwise
  bool may_be_animated = false;  ///< GIF: always, as its header does not say; PNG and WebP: as they say
};

/// Reads declared width, height, scan count and whether to expect further frames. Never trusts lengths; cost
/// is linear in `bytes` at most.
HeaderFacts ReadHeader(Format format, ByteSpan bytes);

}  // namespace hashgate::decode
