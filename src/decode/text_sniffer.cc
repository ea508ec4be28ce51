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
      if (byte == '>') state_ = dashes_ == 1 ? State::kBeforeRoot : State::kMarkup;
      dashes_ = byte == '?' ? 1 : 0;
      return;
    case State::kRootName:
      if (byte == ':') {
        name_size_ = 0;
      } else if (IsSpace(byte) || byte == '/' || byte == '>') {
        state_ = NameIsMarkup() ? State::kMarkup : State::kPlain;
      } else {
        AddToName(byte);
      }
      return;
    case State::kPlain:
    case State::kMarkup: return;
  }
}

void TextSniffer::Update(ByteSpan bytes) {
  if (!possible_ || bytes.empty()) return;
  any_ = true;
  for (const std::uint8_t byte : bytes) {
    if (state_ == State::kPlain || state_ == State::kMarkup) break;
    Step(byte);
  }
  possible_ = state_ != State::kMarkup && std::memchr(bytes.data(), 0, bytes.size()) == nullptr &&
              validator_.Update(bytes);
}

bool TextSniffer::IsText() const {
  if (!any_ || !possible_ || !validator_.Complete()) return false;
  if (state_ == State::kRootName) return !NameIsMarkup();
  // What ends inside a comment or declaration may be read differently by someone else.
  return state_ == State::kPlain || state_ == State::kBeforeRoot || state_ == State::kTagOpen;
}

}  // namespace hashgate::decode
