// Cuts a JSON text into its members without holding it: the object at the root, and the elements of the one
// array that matters. Each piece is then parsed by a real JSON parser, so this only has to find where pieces
// end.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "exchange/file/input.h"

namespace hashgate::exchange {

/// Threads: confined.
class JsonSplitter {
 public:
  JsonSplitter(Input& input, std::size_t max_bytes) : input_(input), max_bytes_(max_bytes) {}

  enum class Piece : std::uint8_t {
    kValue,     ///< a whole value
    kOverlong,  ///< a value over the limit; it was passed over
    kEnd,       ///< the closing bracket
    kBroken,    ///< the text is not JSON here, or ends here
  };

  /// Takes spaces and then exactly `c`. False where something else stands there, which stays.
  Result<bool> Expect(char c);
  /// Takes spaces and looks at what follows: -1 at the end.
  Result<int> PeekChar();
  /// Takes the next value whole into `text`: object, array, string or plain word.
  Result<Piece> TakeValue(std::string& text);
  /// The next element of an array or member of an object: takes the comma before it. `first` is where no
  /// comma comes.
  Result<Piece> NextElement(bool first, char close, std::string& text);
  /// The next member of an object: its decoded name; its value comes next. kEnd is the closing brace; a name
  /// over the limit is kBroken.
  Result<Piece> NextKey(bool first, std::string& name);
  /// Takes the rest of an object after one of its members, to its closing brace. False where that is not
  /// JSON, or where `is_refused` says so of a further name.
  Result<bool> SkipRest(const std::function<bool(std::string_view name)>& is_refused);

 private:
  Input& input_;
  std::size_t max_bytes_;
};

}  // namespace hashgate::exchange
