#include "exchange/file/json_items.h"

#include <nlohmann/json.hpp>

#include "exchange/file/record_builder.h"

namespace hashgate::exchange {
namespace {

using Piece = JsonSplitter::Piece;

std::string Wanted(const JsonLayout& layout) {
  if (layout.path.empty()) return "an array";
  std::string text = "an object with the array ";
  for (const std::string& name : layout.path) text += "/" + name.substr(0, 64);
  return text;
}

}  // namespace

Result<bool> JsonItems::Next(Input& input, JsonItem& item) {
  item.text.clear();
  item.problem.clear();
  if (layout_.lines) return NextLine(input, item);
  JsonSplitter splitter(input, max_bytes_);
  while (state_ != State::kDone) {
    if (state_ == State::kBetween) {
      HASHGATE_ASSIGN_OR_RETURN(const int next, splitter.PeekChar());
      if (next < 0) break;
      HASHGATE_ASSIGN_OR_RETURN(const Front front, OpenDocument(splitter, item.text));
      if (front == Front::kNothing) {
        if (count_ > 0) return Stop("what follows is not " + Wanted(layout_), item);
        return Fail(Reason::kRequestInvalid, "the file is not JSON with " + Wanted(layout_));
      }
      if (front != Front::kArray) return Found(front == Front::kOverlong, item);
      state_ = State::kInArray;
      first_ = true;
    }
    HASHGATE_ASSIGN_OR_RETURN(const Piece piece, splitter.NextElement(first_, ']', item.text));
    first_ = false;
    if (piece == Piece::kBroken) return Stop("the file breaks off or is not JSON from this item on", item);
    if (piece != Piece::kEnd) return Found(piece == Piece::kOverlong, item);
    HASHGATE_ASSIGN_OR_RETURN(const bool sound, CloseDocument(splitter));
    if (!sound) return Stop("something else than the end of the document follows the items", item);
    state_ = State::kBetween;
  }
  state_ = State::kDone;
  return false;
}

Result<bool> JsonItems::NextLine(Input& input, JsonItem& item) {
  do {
    HASHGATE_ASSIGN_OR_RETURN(const bool more, input.ReadLine(max_bytes_, line_));
    if (!more) return false;
  } while (!line_.overlong && Trim(line_.text).empty());
  item.number = line_.number;
  const bool may_be_cut = layout_.whole && !line_.ended;
  if (may_be_cut && (line_.overlong || !nlohmann::json::accept(line_.text))) {
    return BreaksOff("line " + std::to_string(line_.number));
  }
  if (line_.overlong) {
    item.problem = "the line is longer than " + std::to_string(max_bytes_) + " bytes";
  } else {
    item.text = line_.text;
  }
  return true;
}

bool JsonItems::Found(bool overlong, JsonItem& item) {
  item.number = ++count_;
  if (overlong) {
    item.text.clear();
    item.problem = "the item is too long or too deeply nested";
  }
  return true;
}

Result<bool> JsonItems::Stop(std::string problem, JsonItem& item) {
  state_ = State::kDone;
  item.number = ++count_;
  if (layout_.whole) return BreaksOff("item " + std::to_string(item.number));
  item.text.clear();
  item.problem = std::move(problem);
  return true;
}

Result<JsonItems::Front> JsonItems::OpenDocument(JsonSplitter& splitter, std::string& text) {
  depth_ = 0;
  HASHGATE_ASSIGN_OR_RETURN(const bool array, splitter.Expect('['));
  if (array) return layout_.path.empty() || layout_.loose ? Front::kArray : Front::kNothing;
  for (const std::string& name : layout_.path) {
    HASHGATE_ASSIGN_OR_RETURN(const Front front, WalkTo(splitter, name, depth_ == 0, text));
    if (front != Front::kArray) return front;
    ++depth_;
  }
  if (layout_.path.empty()) return Front::kNothing;
  HASHGATE_ASSIGN_OR_RETURN(const bool items, splitter.Expect('['));
  return items ? Front::kArray : Front::kNothing;
}

// Walks to the value of `name` in the object that begins here: kArray where it is there, whatever it is.
Result<JsonItems::Front> JsonItems::WalkTo(JsonSplitter& splitter, const std::string& name, bool outermost,
                                           std::string& text) {
  HASHGATE_ASSIGN_OR_RETURN(const bool object, splitter.Expect('{'));
  if (!object) return Front::kNothing;
  const bool may_be_item = layout_.loose && outermost;
  bool overlong = false;
  std::string key;
  std::string value;
  text = "{";
  for (bool first = true;; first = false) {
    HASHGATE_ASSIGN_OR_RETURN(const Piece piece, splitter.NextKey(first, key));
    if (piece == Piece::kEnd) break;
    if (piece != Piece::kValue) return Front::kNothing;
    if (key == name) return Front::kArray;
    HASHGATE_ASSIGN_OR_RETURN(const Piece taken, splitter.TakeValue(value));
    if (taken != Piece::kValue && taken != Piece::kOverlong) return Front::kNothing;
    if (!may_be_item) continue;
    overlong = overlong || taken == Piece::kOverlong || text.size() + key.size() + value.size() > max_bytes_;
    if (!overlong) text += (first ? "" : ",") + nlohmann::json(key).dump() + ":" + value;
  }
  text += "}";
  if (!may_be_item) return Front::kNothing;
  return overlong ? Front::kOverlong : Front::kItem;
}

Result<bool> JsonItems::CloseDocument(JsonSplitter& splitter) {
  for (; depth_ > 0; --depth_) {
    const std::string& name = layout_.path[depth_ - 1];
    // A second array of items would be lost if it were passed over.
    HASHGATE_ASSIGN_OR_RETURN(const bool sound,
                              splitter.SkipRest([&name](std::string_view other) { return other == name; }));
    if (!sound) return false;
  }
  return true;
}

}  // namespace hashgate::exchange
