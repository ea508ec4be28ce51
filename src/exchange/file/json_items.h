// The items of a JSON file, one at a time, in whichever of the usual ways the file holds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "exchange/file/json_splitter.h"

namespace hashgate::exchange {

/// Where a file's items stand.
struct JsonLayout {
  /// One item a line; nothing else is then asked.
  bool lines = false;
  /// Names from the root to the array of items; empty: the root is that array. Whole documents may follow
  /// each other, as saved pages of an answer do.
  std::vector<std::string> path;
  /// With a path: a root that is an array holds items too, and an object without the array is one itself.
  bool loose = false;
  /// A file that breaks off is an error and not an item with a problem.
  bool whole = false;
};

struct JsonItem {
  std::uint64_t number = 0;  ///< from 1: of the line, or of the item throughout the file
  std::string text;          ///< a JSON text, as far as brackets and quotes tell
  std::string problem;       ///< why there is none; empty where there is one
};

/// Threads: confined. Memory: one item.
class JsonItems {
 public:
  JsonItems(JsonLayout layout, std::size_t max_bytes) : layout_(std::move(layout)), max_bytes_(max_bytes) {}

  /// The next item; false at the end. A file that breaks off gives one last item with a problem. Errors:
  /// kFileUnreadable; kRequestInvalid where the file does not even begin as the layout says, or breaks off
  /// and must be whole.
  Result<bool> Next(Input& input, JsonItem& item);

 private:
  enum class State : std::uint8_t { kBetween, kInArray, kDone };
  /// What was found at the front of a document.
  enum class Front : std::uint8_t { kArray, kItem, kOverlong, kNothing };

  Result<bool> NextLine(Input& input, JsonItem& item);
  Result<Front> OpenDocument(JsonSplitter& splitter, std::string& text);
  Result<Front> WalkTo(JsonSplitter& splitter, const std::string& name, bool outermost, std::string& text);
  Result<bool> CloseDocument(JsonSplitter& splitter);
  bool Found(bool overlong, JsonItem& item);
  Result<bool> Stop(std::string problem, JsonItem& item);

  JsonLayout layout_;
  std::size_t max_bytes_;
  Line line_;
  State state_ = State::kBetween;
  std::size_t depth_ = 0;  // objects of the path around the array that is open
  bool first_ = true;      // no element of that array has been taken
  std::uint64_t count_ = 0;
};

}  // namespace hashgate::exchange
