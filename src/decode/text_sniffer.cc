#include <string.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "decode/sniff.h"

namespace hashgate::decode {
namespace {

// Roots that a browser draws. The HTML ones are those of the MIME Sniffing standard plus elements that people
// put first in a fragment.
constexpr std::array<std::string_view, 36> kMarkupRoots = {
    "svg",  "html",   "head",  "body",    "script", "iframe",  "h1",      "h2",       "h3",
    "div",  "font",   "table", "a",       "style",  "title",   "b",       "br",       "p",
    "img",  "image",  "meta",  "link",    "base",   "center",  "span",    "object",   "embed",
    "math", "canvas", "video", "picture", "figure", "section", "article", "template", "frameset"};

bool IsSpace(std::uint8_t byte) {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}
bool IsByteOrderMarkPart(std::uint8_t byte) {
  return byte == 0xef || byte == 0xbb || byte == 0xbf;
}
bool IsForbiddenControl(std::uint8_t byte) {
  return byte < ' ' && byte != '\t' && byte != '\n' && byte != '\f' && byte != '\r';
}

char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string_view SkipSpace(std::string_view text) {
  while (!text.empty() && IsSpace(static_cast<std::uint8_t>(text.front()))) text.remove_prefix(1);
  return text;
}

// True where an XML declaration names no encoding, or one whose bytes mean what they mean in UTF-8.
bool EncodingIsUtf8(std::string_view declaration) {
  constexpr std::string_view kName = "encoding";
  const std::size_t at = declaration.find(kName);
  if (at == std::string_view::npos) return true;
  std::string_view value = SkipSpace(declaration.substr(at + kName.size()));
  if (!value.starts_with('=')) return false;
  value = SkipSpace(value.substr(1));
  if (!value.starts_with('"') && !value.starts_with('\'')) return false;
  const std::size_t end = value.find(value.front(), 1);
  if (end == std::string_view::npos) return false;
  value = value.substr(1, end - 1);
  constexpr std::array<std::string_view, 2> kSame = {"utf-8", "us-ascii"};
  return std::ranges::any_of(
      kSame, [value](std::string_view name) { return std::ranges::equal(name, value, {}, {}, ToLower); });
}

bool IsLetter(std::uint8_t byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' || byte >= 0x80;
}

}  // namespace

void TextSniffer::AddToName(std::uint8_t byte) {
  if (name_size_ == name_.size()) return;
  const bool upper = byte >= 'A' && byte <= 'Z';
  name_[name_size_++] = static_cast<char>(upper ? byte + ('a' - 'A') : byte);
}

bool TextSniffer::NameIsMarkup() const {
  const std::string_view name(name_.data(), name_size_);
  return std::find(kMarkupRoots.begin(), kMarkupRoots.end(), name) != kMarkupRoots.end();
}

TextSniffer::State TextSniffer::AfterDeclarationName(std::uint8_t byte) {
  const bool doctype = std::string_view(name_.data(), name_size_) == "doctype";
  name_size_ = 0;
  if (byte == '>') return State::kBeforeRoot;
  return doctype && IsSpace(byte) ? State::kDoctypeSpace : State::kDeclarationEnd;
}

// Names of elements cannot be written with references, the value of a namespace can.
TextSniffer::State TextSniffer::InsideOtherRoot(std::uint8_t byte) {
  window_ = window_ << 8 | byte;
  const auto ends_with = [this](std::string_view text) {
    std::uint64_t value = 0;
    for (const char c : text) value = value << 8 | static_cast<std::uint8_t>(c);
    return (window_ & ((std::uint64_t{1} << 8 * text.size()) - 1)) == value;
  };
  if (byte == 'g' && (ends_with("<svg") || ends_with(":svg"))) return State::kMarkup;
  if (byte == 'l' && ends_with("9/xhtml")) return State::kMarkup;
  if (byte == 's' && ends_with("xmlns")) in_namespace_ = true;
  if (byte == '>') in_namespace_ = false;
  return byte == '&' && in_namespace_ ? State::kMarkup : State::kOtherRoot;
}

TextSniffer::State TextSniffer::AfterInstruction() const {
  const std::string_view text(instruction_.data(), instruction_size_);
  if (!text.starts_with("xml")) return State::kBeforeRoot;
  // A style sheet may turn any document into a page, and a declaration that does not fit is no ordinary one.
  if (text.starts_with("xml-stylesheet") || text.size() == instruction_.size()) return State::kMarkup;
  return EncodingIsUtf8(text) ? State::kBeforeRoot : State::kMarkup;
}

// Sources: Adobe technical note 5001 (PostScript); X11's bitmap and pixmap formats; netpbm.sourceforge.net.
bool TextSniffer::BeginsLikePicture() const {
  const std::string_view text(front_.data(), front_size_);
  if (text.starts_with("%!PS") || text.starts_with("/* XPM")) return true;
  if (text.starts_with("#define ")) {
    return text.substr(0, text.find('\n')).find("_width ") != std::string_view::npos;
  }
  if (text.size() < 4 || text[0] != 'P' || text[1] < '1' || text[1] > '7') return false;
  const std::string_view rest = SkipSpace(text.substr(2));
  return rest.size() < text.size() - 2 && !rest.empty() &&
         (rest[0] == '#' || (rest[0] >= '0' && rest[0] <= '9') || rest.starts_with("WIDTH"));
}

void TextSniffer::Step(std::uint8_t byte) {
  switch (state_) {
    case State::kBeforeRoot:
      if (byte == '<') {
        state_ = State::kTagOpen;
      } else if (!IsSpace(byte) && !IsByteOrderMarkPart(byte)) {
        state_ = State::kPlain;
      }
      return;
    case State::kTagOpen:
      name_size_ = 0;
      dashes_ = 0;
      instruction_size_ = 0;
      if (byte == '!') {
        state_ = State::kDeclaration;
      } else if (byte == '?') {
        state_ = State::kInstruction;
      } else if (byte == '/') {
        // An HTML parser drops a stray end tag and goes on to what follows.
        state_ = State::kMarkup;
      } else if (IsLetter(byte)) {
        AddToName(byte);
        state_ = State::kRootName;
      } else {
        state_ = State::kPlain;
      }
      return;
    case State::kDeclaration:
      if (byte == '-' && name_size_ == 0) {
        if (++dashes_ == 2) {
          dashes_ = 0;
          state_ = State::kCommentStart;
        }
      } else if (byte == '[' || byte == '"' || byte == '\'' || dashes_ != 0) {
        state_ = State::kMarkup;
      } else if (IsLetter(byte)) {
        AddToName(byte);
      } else {
        state_ = AfterDeclarationName(byte);
      }
      return;
    case State::kDoctypeSpace:
      if (IsSpace(byte)) return;
      state_ = State::kDoctypeName;
      [[fallthrough]];
    case State::kDoctypeName:
      if (byte == ':') {
        name_size_ = 0;
      } else if (!IsSpace(byte) && byte != '>' && byte != '[') {
        AddToName(byte);
      } else if (NameIsMarkup() || byte == '[') {
        state_ = State::kMarkup;
      } else {
        state_ = byte == '>' ? State::kBeforeRoot : State::kDeclarationEnd;
      }
      return;
    case State::kDeclarationEnd:
      if (byte == '>') {
        state_ = State::kBeforeRoot;
      } else if (byte == '[') {
        // An internal subset holds '>' that ends the doctype for HTML but not for XML.
        state_ = State::kMarkup;
      } else if (byte == '"' || byte == '\'') {
        quote_ = byte;
        state_ = State::kQuoted;
      }
      return;
    case State::kQuoted:
      if (byte == quote_) {
        state_ = State::kDeclarationEnd;
      } else if (byte == '>') {
        // HTML ends the declaration here, XML does not.
        state_ = State::kMarkup;
      }
      return;
    case State::kCommentStart:
      // "<!-->" and "<!--->" are whole comments for HTML and open ones for XML.
      if (byte == '>') {
        state_ = State::kMarkup;
      } else if (byte == '-' && dashes_ < 2) {
        ++dashes_;
      } else {
        dashes_ = 0;
        state_ = State::kComment;
      }
      return;
    case State::kComment:
      if (byte == '-') {
        dashes_ = static_cast<std::uint8_t>(std::min(dashes_ + 1, 2));
      } else if (byte == '>' && dashes_ == 2) {
        state_ = State::kBeforeRoot;
      } else if (byte == '!' && dashes_ == 2) {
        // "--!>" ends a comment for HTML only.
        state_ = State::kMarkup;
      } else {
        dashes_ = 0;
      }
      return;
    case State::kInstruction:
      // For HTML this is a comment that ends at the first '>', for XML it ends at "?>".
      if (byte == '>') state_ = dashes_ == 1 ? AfterInstruction() : State::kMarkup;
      if (instruction_size_ < instruction_.size()) {
        instruction_[instruction_size_++] = static_cast<char>(byte);
      }
      dashes_ = byte == '?' ? 1 : 0;
      return;
    case State::kRootName:
      if (byte == ':') {
        name_size_ = 0;
      } else if (IsSpace(byte) || byte == '/' || byte == '>') {
        state_ = NameIsMarkup() ? State::kMarkup : State::kOtherRoot;
      } else {
        AddToName(byte);
      }
      return;
    case State::kOtherRoot: state_ = InsideOtherRoot(byte); return;
    case State::kPlain:
    case State::kMarkup: return;
  }
}

TextSniffer::~TextSniffer() {
  ::explicit_bzero(name_.data(), name_.size());
  ::explicit_bzero(instruction_.data(), instruction_.size());
  ::explicit_bzero(front_.data(), front_.size());
  ::explicit_bzero(&window_, sizeof window_);
}

void TextSniffer::Update(ByteSpan bytes) {
  if (!possible_ || bytes.empty()) return;
  any_ = true;
  for (const std::uint8_t byte : bytes) {
    if (state_ == State::kPlain || state_ == State::kMarkup) break;
    Step(byte);
  }
  const std::size_t fits = std::min(bytes.size(), front_.size() - front_size_);
  std::memcpy(front_.data() + front_size_, bytes.data(), fits);
  front_size_ = static_cast<std::uint8_t>(front_size_ + fits);
  possible_ =
      state_ != State::kMarkup && std::ranges::none_of(bytes, IsForbiddenControl) && validator_.Update(bytes);
}

bool TextSniffer::IsText() const {
  if (!any_ || !possible_ || !validator_.Complete() || BeginsLikePicture()) return false;
  if (state_ == State::kRootName) return !NameIsMarkup();
  // What ends inside a comment or declaration may be read differently by someone else.
  return state_ == State::kPlain || state_ == State::kOtherRoot || state_ == State::kBeforeRoot ||
         state_ == State::kTagOpen;
}

}  // namespace hashgate::decode
