// Reads the configuration from YAML, and prints it: two visitors of one description of its keys. Private to
// config.cc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/server/config.h"
#include "policy/strict_yaml.h"

namespace hashgate::app {

inline constexpr std::string_view kSurfaceKinds[] = {"public", "group", "private_message", "avatar", "other"};
inline constexpr SurfaceKind kSurfaceKindValues[] = {SurfaceKind::kPublic, SurfaceKind::kGroup,
                                                     SurfaceKind::kPrivateMessage, SurfaceKind::kAvatar,
                                                     SurfaceKind::kOther};

/// Reads a map: values that are given replace the defaults.
class ConfigReader {
 public:
  /// `path` names the map in messages; empty: the whole text.
  ConfigReader(const policy::StrictNode& root, std::string path, policy::YamlProblems& problems)
      : problems_(problems), path_(path), root_(root, std::move(path), problems) {}

  void Section(const char* name) {
    EndSection();
    static const policy::StrictNode empty{.kind = policy::StrictNode::Kind::kMap};
    const policy::StrictNode* node = root_.Find(name);
    section_.emplace(node != nullptr ? *node : empty, path_.empty() ? name : path_ + "." + name, problems_);
  }
  void Text(const char* key, std::string& value) {
    // An empty text means "not set", which is what leaving the key out means too.
    policy::YamlMap& map = Map();
    const policy::StrictNode* node = map.Find(key);
    if (node != nullptr && node->kind == policy::StrictNode::Kind::kScalar && node->quoted &&
        node->text.empty()) {
      value.clear();
    } else if (auto text = map.Text(key, 4096)) {
      value = *std::move(text);
    }
  }
  void Flag(const char* key, bool& value) {
    if (const auto flag = Map().Bool(key)) value = *flag;
  }
  void Number(const char* key, std::int64_t& value, std::int64_t min, std::int64_t max) {
    if (const auto number = Map().Integer(key, min, max)) value = *number;
  }
  void Choice(const char* key, std::string& value, std::span<const std::string_view> names) {
    if (const auto index = Map().Choice(key, names)) value = std::string(names[*index]);
  }
  void Surfaces(std::map<std::string, Config::Surface>& surfaces) {
    EndSection();
    const policy::StrictNode* node = root_.Find("surfaces");
    if (node == nullptr) return;
    policy::YamlMap map(*node, "surfaces", problems_);
    for (const policy::StrictNode::Member& member : node->members) {
      if (member.key.empty() || member.key.size() > 64) {
        problems_.Add(member.line, "a surface's name has 1 to 64 bytes");
        continue;
      }
      policy::YamlMap surface(member.value, "surfaces." + member.key, problems_);
      Config::Surface& made = surfaces[member.key];
      if (surface.Require("kind") != nullptr) {
        if (const auto index = surface.Choice("kind", kSurfaceKinds)) made.kind = kSurfaceKindValues[*index];
      }
      if (const auto images_only = surface.Bool("images_only")) made.images_only = *images_only;
      surface.RefuseOthers();
    }
    if (node->members.size() > 1'000) problems_.Add(node->line, "at most 1,000 surfaces");
  }
  void Texts(const char* key, std::vector<std::string>& value) {
    const auto texts = Map().Texts(key);
    if (!texts) return;
    value.clear();
    for (const policy::YamlMap::TextAt& text : *texts) value.push_back(text.text);
  }
  /// A map of named things, each described by `describe(thing, reader)`.
  template <typename T, typename Describe>
  void Map(const char* key, std::map<std::string, T>& things, const Describe& describe) {
    EndSection();
    const policy::StrictNode* const node = root_.Find(key);
    if (node == nullptr) return;
    policy::YamlMap map(*node, key, problems_);
    for (const policy::StrictNode::Member& member : node->members) {
      ConfigReader own(member.value, std::string(key) + "." + member.key, problems_);
      describe(things[member.key], own);
      own.End();
    }
  }
  /// A list of things within the section, each described by `describe(thing, reader)`.
  template <typename T, typename Describe>
  void List(const char* key, std::vector<T>& things, std::size_t max, const Describe& describe) {
    policy::YamlMap& map = Map();
    const policy::StrictNode* const node = map.Find(key);
    if (node == nullptr) return;
    const std::string path = map.PathOf(key);
    if (node->kind != policy::StrictNode::Kind::kSequence || node->items.size() > max) {
      problems_.Add(node->line, path + " is a list of at most " + std::to_string(max));
      return;
    }
    things.clear();
    for (const policy::StrictNode& item : node->items) {
      ConfigReader own(item, path + "[" + std::to_string(things.size()) + "]", problems_);
      describe(things.emplace_back(), own);
      own.End();
    }
  }
  void End() {
    EndSection();
    root_.RefuseOthers();
  }

 private:
  policy::YamlMap& Map() { return section_ ? *section_ : root_; }
  void EndSection() {
    if (section_) section_->RefuseOthers();
    section_.reset();
  }

  policy::YamlProblems& problems_;
  const std::string path_;
  policy::YamlMap root_;
  std::optional<policy::YamlMap> section_;
};

/// Prints YAML that ConfigReader reads back.
class ConfigPrinter {
 public:
  void Section(const char* name) {
    out_ += outer_ + std::string(name) + ":\n";
    indent_ = outer_ + "  ";
  }
  void Text(const char* key, const std::string& value) { Line(key, Quoted(value)); }
  void Flag(const char* key, bool value) { Line(key, value ? "true" : "false"); }
  void Number(const char* key, std::int64_t value, std::int64_t, std::int64_t) {
    Line(key, std::to_string(value));
  }
  void Choice(const char* key, const std::string& value, std::span<const std::string_view>) {
    if (!value.empty()) Line(key, value);
  }
  void Surfaces(const std::map<std::string, Config::Surface>& surfaces) {
    out_ += "surfaces:\n";
    for (const auto& [name, surface] : surfaces) {
      const auto at = std::ranges::find(kSurfaceKindValues, surface.kind) - std::begin(kSurfaceKindValues);
      out_ += "  " + Quoted(name) + ":\n    kind: " + std::string(kSurfaceKinds[at]) +
              "\n    images_only: " + (surface.images_only ? "true" : "false") + "\n";
    }
    indent_.clear();
  }
  void Texts(const char* key, const std::vector<std::string>& value) {
    if (value.empty()) return;
    std::string list;
    for (const std::string& text : value) list += (list.empty() ? "" : ", ") + Quoted(text);
    Line(key, "[" + list + "]");
  }
  template <typename T, typename Describe>
  void Map(const char* key, const std::map<std::string, T>& things, const Describe& describe) {
    out_ += std::string(key) + (things.empty() ? ": {}\n" : ":\n");
    for (const auto& [name, thing] : things) {
      out_ += "  " + Quoted(name) + ":\n";
      outer_ = "    ";
      indent_ = outer_;
      describe(thing, *this);
      outer_.clear();
    }
    indent_.clear();
  }
  template <typename T, typename Describe>
  void List(const char* key, const std::vector<T>& things, std::size_t, const Describe& describe) {
    out_ += indent_ + key + (things.empty() ? ": []\n" : ":\n");
    const std::string before = indent_;
    for (const T& thing : things) {
      out_ += before + "  -\n";
      indent_ = before + "    ";
      describe(thing, *this);
    }
    indent_ = before;
  }
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  static std::string Quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + "\"";
  }
  void Line(const char* key, const std::string& value) { out_ += indent_ + key + ": " + value + "\n"; }
  std::string out_;
  std::string outer_;   // of the map that is being printed
  std::string indent_;  // of its section
};

}  // namespace hashgate::app
