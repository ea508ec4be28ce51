// Cuts the entries out of an XML text one at a time, so that memory does not grow with the file. Declarations
// of document types and entities are refused: nothing of this format needs them, and they can make a small
// file expand without end.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "exchange/file/input.h"

namespace hashgate::exchange {

/// `name` without its namespace prefix.
std::string_view LocalName(std::string_view name);

/// Threads: confined.
class XmlSplitter {
 public:
  /// Elements with one of the local `names` are cut out wherever they stand below the root, which has to have
  /// the local name `root`.
  XmlSplitter(Input& input, std::string_view root, std::span<const std::string_view> names,
              std::size_t max_bytes)
      : input_(input), root_(root), names_(names), max_bytes_(max_bytes) {}

  enum class Piece : std::uint8_t {
    kElement,    ///< a whole element
    kOverlong,   ///< an element over the limit, or nested too deeply; it was passed over
    kEnd,        ///< the root was closed and nothing follows
    kBroken,     ///< the file ends inside an element, or closes more than it opened
    kForbidden,  ///< a document type or entity declaration
    kWrongRoot,  ///< the root has another name
  };

  /// The next element into `text`, with its tags.
  Result<Piece> Next(std::string& text);

 private:
  /// The next byte, kept where an element is being cut out; -1 at the end.
  Result<int> Take(std::string& text);
  /// Takes up to and with `end`. False at the end of the file.
  Result<bool> TakeUntil(std::string_view end, std::string& text);
  /// Takes a tag behind its first byte `c`, into `tag` without the angle brackets. False at the end of the
  /// file.
  Result<bool> TakeTag(char c, std::string& tag, std::string& text);
  /// What follows "<!": a comment or CDATA section is taken whole.
  Result<Piece> TakeDeclaration(std::string& text);

  Input& input_;
  std::string_view root_;
  std::span<const std::string_view> names_;
  std::size_t max_bytes_;
  int depth_ = 0;
  bool seen_root_ = false;
  bool cutting_ = false;
  int cut_depth_ = 0;
  bool overlong_ = false;
};

}  // namespace hashgate::exchange
