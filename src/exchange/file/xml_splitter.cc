#include "exchange/file/xml_splitter.h"

#include <algorithm>

namespace hashgate::exchange {
namespace {

// An entry of this format has five levels.
constexpr int kMaxDepth = 64;
// Enough for any tag that has to be understood; longer ones are read to their end but not kept.
constexpr std::size_t kMaxTagBytes = 4096;

std::string_view TagName(std::string_view tag) {
  return tag.substr(0, tag.find_first_of(" \t\r\n/"));
}

}  // namespace

std::string_view LocalName(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

Result<int> XmlSplitter::Take(std::string& text) {
  HASHGATE_ASSIGN_OR_RETURN(const int c, input_.Get());
  if (c >= 0 && cutting_) {
    if (text.size() < max_bytes_) {
      text += static_cast<char>(c);
    } else {
      overlong_ = true;
    }
  }
  return c;
}

Result<bool> XmlSplitter::TakeUntil(std::string_view end, std::string& text) {
  std::string last;
  while (last != end) {
    HASHGATE_ASSIGN_OR_RETURN(const int c, Take(text));
    if (c < 0) return false;
    if (last.size() == end.size()) last.erase(0, 1);
    last += static_cast<char>(c);
  }
  return true;
}

Result<bool> XmlSplitter::TakeTag(char c, std::string& tag, std::string& text) {
  tag.clear();
  char quote = '\0';
  // The last byte tells an empty element and has to be right for a tag of any length.
  char last = '\0';
  for (int next = static_cast<unsigned char>(c); quote != '\0' || next != '>';) {
    const char byte = static_cast<char>(next);
    if (quote != '\0') {
      if (byte == quote) quote = '\0';
    } else if (byte == '"' || byte == '\'') {
      quote = byte;
    }
    if (tag.size() < kMaxTagBytes) tag += byte;
    last = byte;
    HASHGATE_ASSIGN_OR_RETURN(next, Take(text));
    if (next < 0) return false;
  }
  if (last == '/' && !tag.ends_with('/')) tag += '/';
  return true;
}

Result<XmlSplitter::Piece> XmlSplitter::TakeDeclaration(std::string& text) {
  HASHGATE_ASSIGN_OR_RETURN(const int c, Take(text));
  bool complete = false;
  if (c == '-') {
    HASHGATE_ASSIGN_OR_RETURN(const int dash, Take(text));
    if (dash != '-') return Piece::kBroken;
    HASHGATE_ASSIGN_OR_RETURN(complete, TakeUntil("-->", text));
  } else if (c == '[') {
    for (const char expected : std::string_view("CDATA[")) {
      HASHGATE_ASSIGN_OR_RETURN(const int letter, Take(text));
      if (letter != expected) return Piece::kForbidden;
    }
    HASHGATE_ASSIGN_OR_RETURN(complete, TakeUntil("]]>", text));
  } else {
    return c < 0 ? Piece::kBroken : Piece::kForbidden;
  }
  return complete ? Piece::kElement : Piece::kBroken;
}

Result<XmlSplitter::Piece> XmlSplitter::Next(std::string& text) {
  text.clear();
  std::string tag;
  while (true) {
    HASHGATE_ASSIGN_OR_RETURN(const int c, Take(text));
    if (c < 0) return depth_ == 0 && seen_root_ ? Piece::kEnd : Piece::kBroken;
    if (c != '<') continue;
    HASHGATE_ASSIGN_OR_RETURN(const int kind, Take(text));
    if (kind < 0) return Piece::kBroken;
    if (kind == '!') {
      HASHGATE_ASSIGN_OR_RETURN(const Piece piece, TakeDeclaration(text));
      if (piece != Piece::kElement) return piece;
      continue;
    }
    if (kind == '?') {
      HASHGATE_ASSIGN_OR_RETURN(const bool complete, TakeUntil("?>", text));
      if (!complete) return Piece::kBroken;
      continue;
    }
    HASHGATE_ASSIGN_OR_RETURN(const bool complete, TakeTag(static_cast<char>(kind), tag, text));
    if (!complete) return Piece::kBroken;
    if (kind == '/') {
      if (--depth_ < 0) return Piece::kBroken;
    } else {
      const std::string_view name = LocalName(TagName(tag));
      if (depth_ == 0) {
        if (seen_root_) return Piece::kBroken;
        if (name != root_) return Piece::kWrongRoot;
        seen_root_ = true;
      } else if (!cutting_ && std::ranges::find(names_, name) != names_.end()) {
        cutting_ = true;
        cut_depth_ = depth_;
        text = "<" + tag + ">";
        overlong_ = tag.size() >= kMaxTagBytes;
      }
      if (!tag.ends_with('/')) ++depth_;
      if (cutting_ && depth_ - cut_depth_ > kMaxDepth) overlong_ = true;
    }
    if (cutting_ && depth_ == cut_depth_) {
      cutting_ = false;
      return overlong_ ? Piece::kOverlong : Piece::kElement;
    }
  }
}

}  // namespace hashgate::exchange
