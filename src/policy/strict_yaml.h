// Strict YAML for files that decide something: policies and the server's configuration. The library under it
// takes doubled keys silently and reads `yes` and `010` as YAML 1.1 does; this layer refuses whatever two
// readers could understand differently, and names every problem with its line. Standard types only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hashgate/error.h"

namespace hashgate::policy {

/// Everything wrong with one text, by line. Threads: confined.
class YamlProblems {
 public:
  /// `source` names the text in messages: "policy.yaml".
  explicit YamlProblems(std::string source) : source_(std::move(source)) {}

  /// Records one problem. `line` counts from 1. Text that is not printable or too long is shortened.
  void Add(int line, const std::string& message);
  [[nodiscard]] bool empty() const { return problems_.empty(); }
  /// How many were recorded; compare two values to see whether a part was read without any.
  [[nodiscard]] std::size_t count() const { return problems_.size() + dropped_; }
  /// The first 20 by line, each "source:line: message" on a line of its own, then how many more there are.
  /// `field` of the error is "source:line" of the first. Call only when not empty.
  [[nodiscard]] Error ToError(Reason reason) const;

 private:
  struct Problem {
    int line;
    std::string message;
  };
  std::string source_;
  std::vector<Problem> problems_;
  std::size_t dropped_ = 0;
};

/// One value of the text with its line.
struct StrictNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kSequence, kMap };
  struct Member;

  Kind kind = Kind::kNull;
  bool quoted = false;  ///< scalars: written in quotes or as a block, so it is text and nothing else
  int line = 1;         ///< where the value starts, from 1
  std::string text;     ///< scalars
  std::vector<StrictNode> items;  ///< sequences
  std::vector<Member> members;    ///< maps, in the order written; keys are unique
};

struct StrictNode::Member {
  std::string key;
  int line = 1;  ///< of the key
  StrictNode value;
};

/// What one text may cost. The defaults fit policies and configurations.
struct YamlLimits {
  std::size_t max_bytes = std::size_t{1} << 20;
  int max_depth = 32;  ///< nested sequences and maps
  std::size_t max_values = 100'000;
};

/// Reads one document. Refused, each with its line: text over the limits or not UTF-8, control characters,
/// syntax errors, more than one document, doubled keys at any level, keys that are not plain text, anchors,
/// aliases and tags. Returns the tree where the text could be read to its end, problems or not; an empty
/// optional always comes with a problem. Never throws. Cost: under a second for any MiB, about 1 ms for a
/// policy.
std::optional<StrictNode> LoadStrictYaml(std::string_view text, YamlProblems& problems,
                                         const YamlLimits& limits = {});

/// The entry of `known` that `word` was probably meant to be; empty where none is near.
std::string_view NearestWord(std::string_view word, std::span<const std::string_view> known);

/// Text as given in a message: in single quotes, shortened to 64 bytes.
std::string QuoteForMessage(std::string_view text);

/// Typed access to one map: each getter records a problem where the value does not fit, and remembers its key
/// as known, so that RefuseOthers() can name the unknown ones. A getter gives an empty optional where the key
/// is absent or its value was refused; Has() tells these apart.
/// Lifetime: `node` and `problems` must outlive it. Threads: confined.
class YamlMap {
 public:
  /// `path` names the map in messages: "rules[2].when"; empty for the whole document. Anything but a map is
  /// recorded as a problem and then treated as an empty map.
  YamlMap(const StrictNode& node, std::string path, YamlProblems& problems);

  [[nodiscard]] bool Has(std::string_view key) const { return Lookup(key) != nullptr; }
  /// The value, whatever it is; null where absent.
  const StrictNode* Find(std::string_view key);
  /// The same, and a problem where absent.
  const StrictNode* Require(std::string_view key);
  /// Line of the key, or of the map where the key is absent.
  [[nodiscard]] int LineOf(std::string_view key) const;
  /// "rules[2].when.purpose"
  [[nodiscard]] std::string PathOf(std::string_view key) const;
  [[nodiscard]] const StrictNode& node() const { return *node_; }

  /// Non-empty text of at most `max_bytes`. Plain words that YAML 1.1 reads as something else (yes, off, 1.0,
  /// 010, 1:30) must be in quotes; plain whole numbers are taken as text.
  std::optional<std::string> Text(std::string_view key, std::size_t max_bytes = 256);
  /// `true` or `false`, nothing else.
  std::optional<bool> Bool(std::string_view key);
  /// Decimal digits, no leading zero, within [min, max].
  std::optional<std::int64_t> Integer(std::string_view key, std::int64_t min, std::int64_t max);
  /// Index of the value in `names`, letter for letter.
  std::optional<std::size_t> Choice(std::string_view key, std::span<const std::string_view> names);

  struct TextAt {
    std::string text;
    int line;
  };
  /// One text or a non-empty list of different texts, at most `max_items`. Empty texts pass where
  /// `allow_empty_text`. Nothing is returned where any item was refused.
  std::optional<std::vector<TextAt>> Texts(std::string_view key, std::size_t max_items = 1000,
                                           bool allow_empty_text = false);
  /// One name or a non-empty list of names, as indices into `names`.
  std::optional<std::vector<std::size_t>> Choices(std::string_view key,
                                                  std::span<const std::string_view> names);

  /// Records every key that no call has asked for, with the nearest one that was. Call it last.
  void RefuseOthers();

 private:
  [[nodiscard]] const StrictNode::Member* Lookup(std::string_view key) const;
  void Know(std::string_view key);
  void Problem(int line, std::string_view key, const std::string& message);
  std::optional<std::string> TextOf(const StrictNode& value, std::string_view key, std::size_t max_bytes,
                                    bool allow_empty);
  std::optional<std::size_t> IndexOf(std::string_view text, int line, std::string_view key,
                                     std::span<const std::string_view> names);

  const StrictNode* node_;
  std::string path_;
  YamlProblems* problems_;
  std::vector<std::string> known_;
};

}  // namespace hashgate::policy
