#include "app/cli/mapping_file.h"

#include <functional>
#include <span>

#include "policy/strict_yaml.h"

namespace hashgate::cli {
namespace {

using exchange::Mapping;
using policy::StrictNode;
using policy::YamlMap;
using policy::YamlProblems;

constexpr std::size_t kMaxRules = 64;

/// Collects one mapping; what is wrong goes to the problems.
class MappingReader {
 public:
  explicit MappingReader(YamlProblems& problems) : problems_(problems) {}

  Mapping Read(const StrictNode& root) {
    YamlMap map(root, "", problems_);
    static constexpr std::string_view kFormats[] = {"csv", "json", "jsonl"};
    if (map.Require("format") != nullptr) {
      mapping_.layout = static_cast<Mapping::Layout>(map.Choice("format", kFormats).value_or(0));
    }
    ReadLayout(map);
    mapping_.source_id = ReadPlace(map, "sourceId");
    map.Require("hashes");
    ForEach(map, "hashes", [this](YamlMap& item) { mapping_.hashes.push_back(ReadHash(item)); });
    if (const StrictNode* const node = map.Find("classification")) {
      YamlMap item(*node, map.PathOf("classification"), problems_);
      mapping_.classification = ReadText(item, false);
      item.RefuseOthers();
    }
    ForEach(map, "labels", [this](YamlMap& item) { mapping_.labels.push_back(ReadText(item, true)); });
    ForEach(map, "removed", [this](YamlMap& item) { mapping_.removed.push_back(ReadCondition(item)); });
    ForEach(map, "skip", [this](YamlMap& item) { mapping_.skip.push_back(ReadCondition(item)); });
    map.RefuseOthers();
    return std::move(mapping_);
  }

 private:
  void ReadLayout(YamlMap& map) {
    const bool csv = mapping_.layout == Mapping::Layout::kCsv;
    for (const char* key : {"separator", "header"}) {
      if (!csv && map.Has(key)) problems_.Add(map.LineOf(key), std::string(key) + ": is for CSV");
    }
    if (const auto separator = map.Text("separator", 8)) {
      if (const Result<char> parsed = ParseSeparator(*separator)) {
        mapping_.separator = *parsed;
      } else {
        problems_.Add(map.LineOf("separator"), "separator: " + parsed.error().message);
      }
    }
    for (const YamlMap::TextAt& name : map.Texts("header").value_or(std::vector<YamlMap::TextAt>())) {
      mapping_.header.push_back(name.text);
    }
    if (mapping_.layout != Mapping::Layout::kJson && map.Has("items")) {
      problems_.Add(map.LineOf("items"), "items: is for JSON");
    }
    mapping_.items = ReadPlace(map, "items");
  }

  /// Empty where the key is absent or was refused.
  Mapping::Place ReadPlace(YamlMap& map, std::string_view key) {
    std::string place = map.Text(key).value_or("");
    if (!place.empty() && mapping_.layout != Mapping::Layout::kCsv) {
      if (const auto path = exchange::ParseJsonPointer(place); !path) {
        problems_.Add(map.LineOf(key), map.PathOf(key) + ": " + path.error().message);
      }
    }
    return place;
  }
  Mapping::Place RequirePlace(YamlMap& map, std::string_view key) {
    map.Require(key);
    return ReadPlace(map, key);
  }

  /// Calls `read` with each map of a sequence, which must not be empty where it is there.
  void ForEach(YamlMap& map, std::string_view key, const std::function<void(YamlMap& item)>& read) {
    const StrictNode* const node = map.Find(key);
    if (node == nullptr) return;
    const std::size_t count = node->items.size();
    if (node->kind != StrictNode::Kind::kSequence || count == 0 || count > kMaxRules) {
      problems_.Add(node->line,
                    map.PathOf(key) + ": must be a list of 1 to " + std::to_string(kMaxRules) + " maps");
      return;
    }
    for (std::size_t i = 0; i < count; ++i) {
      YamlMap item(node->items[i], map.PathOf(key) + "[" + std::to_string(i) + "]", problems_);
      read(item);
      item.RefuseOthers();
    }
  }

  Mapping::Hash ReadHash(YamlMap& map) {
    static constexpr std::string_view kAlgorithms[] = {
        "md5", "sha1", "sha256", "pdq", "photodna", "phash", "block_mean", "marr_hildreth", "average"};
    static constexpr std::string_view kEncodings[] = {"hex", "base64", "decimal"};
    static constexpr std::string_view kPipelines[] = {"unknown", "full", "nn512"};
    Mapping::Hash hash;
    map.Require("algorithm");
    if (const auto algorithm = map.Choice("algorithm", kAlgorithms)) {
      hash.algorithm =
          ParseAlgorithm(kAlgorithms[static_cast<std::size_t>(*algorithm)]).value_or(hash.algorithm);
    }
    hash.encoding = static_cast<HashEncoding>(map.Choice("encoding", kEncodings).value_or(0));
    hash.pipeline = static_cast<Pipeline>(map.Choice("pipeline", kPipelines).value_or(0));
    hash.at = RequirePlace(map, "at");
    hash.quality = ReadPlace(map, "quality");
    for (const char* key : {"pipeline", "quality"}) {
      if (hash.algorithm != Algorithm::kPdq && map.Has(key)) {
        problems_.Add(map.LineOf(key), map.PathOf(key) + ": is for pdq");
      }
    }
    if (const StrictNode* const node = map.Find("when")) {
      YamlMap condition(*node, map.PathOf("when"), problems_);
      hash.when = ReadCondition(condition);
      condition.RefuseOthers();
    }
    return hash;
  }

  Mapping::Text ReadText(YamlMap& map, bool label) {
    Mapping::Text text;
    text.at = RequirePlace(map, "at");
    text.prefix = map.Text("prefix", 64).value_or("");
    if (label) text.separator = map.Text("separator", 8).value_or("");
    return text;
  }

  Mapping::Condition ReadCondition(YamlMap& map) {
    Mapping::Condition condition;
    condition.at = RequirePlace(map, "at");
    map.Require("is");
    for (const YamlMap::TextAt& value : map.Texts("is", 256, true).value_or(std::vector<YamlMap::TextAt>())) {
      condition.values.push_back(value.text);
    }
    return condition;
  }

  YamlProblems& problems_;
  Mapping mapping_;
};

static_assert(static_cast<int>(Mapping::Layout::kJsonl) == 2 &&
              static_cast<int>(HashEncoding::kDecimal) == 2 && static_cast<int>(Pipeline::kNn512) == 2);

}  // namespace

Result<exchange::Mapping> ParseMapping(std::string_view text, const std::string& source) {
  YamlProblems problems(source);
  const std::optional<StrictNode> root = policy::LoadStrictYaml(text, problems);
  Mapping mapping;
  if (root) mapping = MappingReader(problems).Read(*root);
  if (!problems.empty()) return std::unexpected(problems.ToError(Reason::kRequestInvalid));
  return mapping;
}

Result<char> ParseSeparator(std::string_view text) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text.size() == 1 && text != "\"" && text != "\n" && text != "\r") return text[0];
  return Fail(Reason::kRequestInvalid, "a separator is one character, or tab", "separator");
}

}  // namespace hashgate::cli
