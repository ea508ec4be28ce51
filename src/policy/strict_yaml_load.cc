// Text to tree: a walk over the library's events, because its node type drops doubled keys and follows
// aliases.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <map>
#include <streambuf>
#include <utility>

#include "base/utf8.h"
#include "policy/strict_yaml.h"

namespace hashgate::policy {
namespace {

/// Ends the walk where going on would cost too much or mean nothing; its problem is already recorded.
struct WalkEnded {};

/// Reads from the text itself instead of a copy.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    // The get area is never written to: this class has no overflow or pbackfail.
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(YamlProblems& problems, const YamlLimits& limits) : problems_(&problems), limits_(limits) {}

  StrictNode Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    StrictNode node = NewNode(StrictNode::Kind::kNull, mark);
    if (ExpectsKey()) {
      problems_->Add(node.line, "a key is missing before ':'");
      stack_.back().SetKey("", node.line, false);
      return;
    }
    Attach(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    problems_->Add(LineOf(mark), "aliases (*name) are not supported: write the value out");
    StrictNode node = NewNode(StrictNode::Kind::kNull, mark);
    if (ExpectsKey()) {
      stack_.back().SetKey("", node.line, false);
      return;
    }
    Attach(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    StrictNode node = NewNode(StrictNode::Kind::kScalar, mark);
    if (ExpectsKey()) {
      Frame& frame = stack_.back();
      const auto [first, is_new] = frame.first_lines.emplace(value, node.line);
      if (!is_new) {
        problems_->Add(node.line, "key " + QuoteForMessage(value) + " is given twice (first in line " +
                                      std::to_string(first->second) + ")");
      }
      frame.SetKey(value, node.line, is_new);
      return;
    }
    node.text = value;
    node.quoted = tag == "!";
    Attach(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(StrictNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(StrictNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    StrictNode node;
    std::map<std::string, int> first_lines;  ///< by key
    std::string key;
    int key_line = 1;
    bool has_key = false;
    bool keep = true;  ///< false: the value of a key that was refused is read and dropped

    void SetKey(std::string text, int line, bool keep_value) {
      key = std::move(text);
      key_line = line;
      has_key = true;
      keep = keep_value;
    }
  };

  static int LineOf(const YAML::Mark& mark) { return mark.line + 1; }

  [[nodiscard]] bool ExpectsKey() const {
    return !stack_.empty() && stack_.back().node.kind == StrictNode::Kind::kMap && !stack_.back().has_key;
  }

  StrictNode NewNode(StrictNode::Kind kind, const YAML::Mark& mark) {
    if (++values_ > limits_.max_values) {
      problems_->Add(LineOf(mark), "more than " + std::to_string(limits_.max_values) + " values");
      throw WalkEnded{};
    }
    StrictNode node;
    node.kind = kind;
    node.line = LineOf(mark);
    return node;
  }

  void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) {
      problems_->Add(LineOf(mark),
                     "anchors (&name) are not supported: write the value out where it is needed");
    }
  }

  /// "?" is a plain scalar or collection, "!" a quoted one; anything else was written as a tag.
  void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      problems_->Add(LineOf(mark), "tags are not supported: " + QuoteForMessage(tag));
    }
  }

  void Open(StrictNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    if (ExpectsKey()) {
      problems_->Add(LineOf(mark), "a key must be plain text, not a list or a map");
      throw WalkEnded{};
    }
    if (static_cast<int>(stack_.size()) >= limits_.max_depth) {
      problems_->Add(LineOf(mark), "nested deeper than " + std::to_string(limits_.max_depth) + " levels");
      throw WalkEnded{};
    }
    stack_.emplace_back();
    stack_.back().node = NewNode(kind, mark);
  }

  void Close() {
    StrictNode node = std::move(stack_.back().node);
    stack_.pop_back();
    Attach(std::move(node));
  }

  void Attach(StrictNode node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.kind == StrictNode::Kind::kSequence) {
      frame.node.items.push_back(std::move(node));
      return;
    }
    // The library finds that a value is missing only at the token behind it.
    if (node.kind == StrictNode::Kind::kNull) node.line = frame.key_line;
    if (frame.keep) {
      frame.node.members.push_back({std::move(frame.key), frame.key_line, std::move(node)});
    }
    frame.has_key = false;
  }

  YamlProblems* problems_;
  YamlLimits limits_;
  std::vector<Frame> stack_;
  StrictNode root_;
  std::size_t values_ = 0;
};

/// Only notes where a further document starts.
class DocumentStart : public YAML::EventHandler {
 public:
  [[nodiscard]] int line() const { return line_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    line_ = mark.line + 1;
    throw WalkEnded{};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}

 private:
  int line_ = 1;
};

/// The library guesses UTF-16 and UTF-32 and replaces what it cannot read, so the bytes are checked before it
/// sees them.
bool CheckBytes(std::string_view text, YamlProblems& problems, const YamlLimits& limits) {
  if (text.size() > limits.max_bytes) {
    problems.Add(1, "larger than " + std::to_string(limits.max_bytes) + " bytes");
    return false;
  }
  int line = 1;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = Utf8SequenceLength(text.substr(at));
    if (length == 0) {
      problems.Add(line, "not valid UTF-8");
      return false;
    }
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\n') ++line;
    if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f) {
      problems.Add(line, "control character with code " + std::to_string(byte));
      return false;
    }
    at += length;
  }
  return true;
}

}  // namespace

std::optional<StrictNode> LoadStrictYaml(std::string_view text, YamlProblems& problems,
                                         const YamlLimits& limits) {
  if (!CheckBytes(text, problems, limits)) return std::nullopt;
  TreeBuilder builder(problems, limits);
  DocumentStart further;
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      problems.Add(1, "the text is empty");
      return std::nullopt;
    }
    try {
      if (parser.HandleNextDocument(further)) problems.Add(further.line(), "more than one document");
    } catch (const WalkEnded&) {
      problems.Add(further.line(), "more than one document");
    }
  } catch (const WalkEnded&) {
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    problems.Add(error.mark.is_null() ? 1 : error.mark.line + 1, "not YAML: " + error.msg);
    return std::nullopt;
  }
  return builder.Take();
}

}  // namespace hashgate::policy
