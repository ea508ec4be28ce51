#include "exchange/file/json_splitter.h"

#include <algorithm>
#include <nlohmann/json.hpp>

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

namespace {

/// Follows one value through its brackets and quotes.
class ValueScan {
 public:
  enum class State : std::uint8_t { kOpen, kEnded, kBroken };

  /// Takes bytes off the front of `text` up to the value's end; says how many by `taken`.
  State Take(std::string_view text, std::size_t& taken) {
    for (taken = 0; taken < text.size(); ++taken) {
      const char c = text[taken];
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
          if (depth_ == 0) return EndBehind(taken);
        }
        continue;
      }
      // A plain word (number, true, null) ends before what cannot be part of it.
      if (depth_ == 0 && any_ && (IsSpace(c) || c == ',' || c == ']' || c == '}' || c == ':')) {
        return State::kEnded;
      }
      any_ = true;
      if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        deepest_ = std::max(deepest_, ++depth_);
      } else if (c == '}' || c == ']') {
        if (depth_ == 0) return State::kBroken;
        if (--depth_ == 0) return EndBehind(taken);
      }
    }
    return State::kOpen;
  }
  /// Whether the value may end where the file does.
  [[nodiscard]] bool MayEnd() const { return any_ && depth_ == 0 && !in_string_; }
  [[nodiscard]] int deepest() const { return deepest_; }

 private:
  static State EndBehind(std::size_t& taken) {
    ++taken;
    return State::kEnded;
  }

  bool any_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  int depth_ = 0;
  int deepest_ = 0;
};

}  // namespace

Result<JsonSplitter::Piece> JsonSplitter::TakeValue(std::string& text) {
  text.clear();
  HASHGATE_ASSIGN_OR_RETURN(const int first, PeekChar());
  if (first < 0) return Piece::kBroken;
  ValueScan scan;
  bool overlong = false;
  auto state = ValueScan::State::kOpen;
  while (state == ValueScan::State::kOpen) {
    HASHGATE_ASSIGN_OR_RETURN(const std::string_view next, input_.Buffered());
    if (next.empty() && !scan.MayEnd()) return Piece::kBroken;
    if (next.empty()) break;
    std::size_t taken = 0;
    state = scan.Take(next, taken);
    if (state == ValueScan::State::kBroken) return Piece::kBroken;
    const std::size_t room = max_bytes_ - std::min(text.size(), max_bytes_);
    overlong = overlong || taken > room;
    text.append(next.substr(0, std::min(taken, room)));
    input_.Skip(taken);
  }
  if (overlong || scan.deepest() > kMaxDepth) {
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

Result<JsonSplitter::Piece> JsonSplitter::NextKey(bool first, std::string& name) {
  HASHGATE_ASSIGN_OR_RETURN(const Piece piece, NextElement(first, '}', name));
  if (piece == Piece::kEnd) return piece;
  const auto key = piece == Piece::kValue ? nlohmann::json::parse(name, nullptr, false) : nlohmann::json();
  if (!key.is_string()) return Piece::kBroken;
  name = key.get_ref<const std::string&>();
  HASHGATE_ASSIGN_OR_RETURN(const bool colon, Expect(':'));
  return colon ? Piece::kValue : Piece::kBroken;
}

Result<bool> JsonSplitter::SkipRest(const std::function<bool(std::string_view name)>& is_refused) {
  std::string text;
  while (true) {
    HASHGATE_ASSIGN_OR_RETURN(const Piece key, NextKey(false, text));
    if (key == Piece::kEnd) return true;
    if (key == Piece::kBroken || is_refused(text)) return false;
    HASHGATE_ASSIGN_OR_RETURN(const Piece value, TakeValue(text));
    if (value == Piece::kBroken) return false;
  }
}

}  // namespace hashgate::exchange
