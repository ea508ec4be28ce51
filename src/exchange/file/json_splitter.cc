#include "exchange/file/json_splitter.h"

namespace hashgate::exchange {
namespace {

// VICS needs five levels. Deeper ones only cost memory in the parser behind.
constexpr int kMaxDepth = 32;

bool IsSpace(int c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

Result<int> JsonSplitter::PeekChar() {
  while (true) {
    HASHGATE_ASSIGN_OR_RETURN(const std::string_view next, input_.Peek(1));
    if (next.empty()) return -1;
    if (!IsSpace(static_cast<unsigned char>(next[0]))) return static_cast<unsigned char>(next[0]);
    HASHGATE_RETURN_IF_ERROR(input_.Get());
  }
}

Result<bool> JsonSplitter::Expect(char c) {
  HASHGATE_ASSIGN_OR_RETURN(const int next, PeekChar());
  if (next != static_cast<unsigned char>(c)) return false;
  HASHGATE_RETURN_IF_ERROR(input_.Get());
  return true;
}

Result<JsonSplitter::Piece> JsonSplitter::TakeValue(std::string& text) {
  text.clear();
  HASHGATE_ASSIGN_OR_RETURN(const int first, PeekChar());
  if (first < 0) return Piece::kBroken;
  bool overlong = false;
  bool in_string = false;
  bool escaped = false;
  int depth = 0;
  int deepest = 0;
  while (true) {
    HASHGATE_ASSIGN_OR_RETURN(const std::string_view next, input_.Peek(1));
    if (next.empty()) return depth == 0 && !in_string && !text.empty() ? Piece::kValue : Piece::kBroken;
    const char c = next[0];
    // A plain word (number, true, null) ends before what cannot be part of it.
    if (depth == 0 && !in_string && !text.empty() &&
        (IsSpace(c) || c == ',' || c == ']' || c == '}' || c == ':')) {
      break;
    }
    HASHGATE_RETURN_IF_ERROR(input_.Get());
    if (text.size() < max_bytes_) {
      text += c;
    } else {
      overlong = true;
    }
    if (in_string) {
      if (escaped) {
        escaped = false;
      } else if (c == '\\') {
        escaped = true;
      } else if (c == '"') {
        in_string = false;
        if (depth == 0) break;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
      deepest = std::max(deepest, depth);
    } else if (c == '}' || c == ']') {
      if (depth == 0) return Piece::kBroken;
      if (--depth == 0) break;
    }
  }
  if (overlong || deepest > kMaxDepth) {
    text.clear();
    return Piece::kOverlong;
  }
  return Piece::kValue;
}

Result<JsonSplitter::Piece> JsonSplitter::NextElement(bool first, char close, std::string& text) {
  HASHGATE_ASSIGN_OR_RETURN(const bool ended, Expect(close));
  if (ended) return Piece::kEnd;
  if (!first) {
    HASHGATE_ASSIGN_OR_RETURN(const bool comma, Expect(','));
    if (!comma) return Piece::kBroken;
  }
  return TakeValue(text);
}

}  // namespace hashgate::exchange
