// YAML text to a policy. Format: docs/policy.md.
#include <algorithm>
#include <set>
#include <utility>

#include "base/digest.h"
#include "base/hex.h"
#include "policy/model.h"
#include "policy/strict_yaml.h"

namespace hashgate::policy {
namespace {

constexpr std::size_t kMaxRules = 256;
constexpr std::size_t kMaxLabels = 256;
/// Names in one condition.
constexpr std::size_t kMaxNames = 100;
constexpr std::size_t kMaxReasonBytes = 1024;
/// Greatest distance in bits any list may use (docs/policy.md); a rule that asks for more could not tell
/// anything apart.
constexpr int kMaxDistanceBits = 63;
constexpr int kHashFamilyCount = 4;

/// Names of an enum's values from 1 to the last, as the wire spells them.
template <typename E>
std::vector<std::string_view> NamesOf(E last, std::string_view (*name)(E)) {
  std::vector<std::string_view> names;
  for (int i = 1; i <= static_cast<int>(last); ++i) {
    // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): none lies beyond the last
    names.push_back(name(static_cast<E>(i)));
  }
  return names;
}

/// The enum set that a key of the map holds; any where the key is absent or was refused.
template <typename E>
EnumSet ReadSet(YamlMap& map, std::string_view key, E last, std::string_view (*name)(E)) {
  EnumSet set;
  const std::vector<std::string_view> names = NamesOf<E>(last, name);
  for (const std::size_t index : map.Choices(key, names).value_or(std::vector<std::size_t>{})) {
    set.Insert(static_cast<E>(index + 1));
  }
  return set;
}

/// 1..63 of a-z, 0-9 and '-', starting with a letter or digit: what lists and rules are called.
bool IsSlug(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && plain(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return plain(c) || c == '-'; });
}

class PolicyReader {
 public:
  explicit PolicyReader(YamlProblems& problems) : problems_(&problems) {}

  /// Fills in everything but the digest. `base_text` is set where the text extends a profile.
  PolicyData Read(const StrictNode& root, std::string_view& base_text);

 private:
  void ReadBase(YamlMap& map, PolicyData& data, std::string_view& base_text);
  void ReadLabels(YamlMap& map, PolicyData& data);
  void ReadRules(YamlMap& map, PolicyData& data);
  Rule ReadRule(const StrictNode& node, const std::string& path, bool reviewers);
  Condition ReadCondition(const StrictNode& node, const std::string& path);
  std::vector<std::string> ReadListNames(YamlMap& map, std::string_view key);
  std::vector<std::string> ReadTexts(YamlMap& map, std::string_view key, bool allow_empty);
  std::map<Algorithm, int> ReadDistances(YamlMap& map);
  void CheckRules(std::vector<Rule>& own, const std::vector<Rule>& inherited);
  void CheckReach(const Rule& rule, const std::string& path, int line, bool reviewers);
  void ReadNoMatch(YamlMap& map, PolicyData& data);
  void ReadCauses(YamlMap& map, PolicyData& data);
  void ReadCause(Cause cause, const StrictNode& node, const std::string& path, CauseSetting& setting);
  void ReadChoice(Cause cause, YamlMap& map, CauseChoice& choice);
  std::optional<Verdict> ReadVerdict(YamlMap& map, std::string_view key, Verdict most);

  YamlProblems* problems_;
  std::set<std::string> meanings_;
};

std::optional<Verdict> PolicyReader::ReadVerdict(YamlMap& map, std::string_view key, Verdict most) {
  static const std::vector<std::string_view> verdict_names =
      NamesOf<Verdict>(Verdict::kBlockAndReport, &Name);
  const std::optional<std::size_t> index = map.Choice(key, verdict_names);
  if (!index) return std::nullopt;
  const auto verdict = static_cast<Verdict>(*index + 1);
  if (verdict > most || (most < Verdict::kBlockAndReport && verdict == Verdict::kReview)) {
    std::string message = map.PathOf(key) + ": " + std::string(Name(verdict)) + " takes a match";
    message += most >= Verdict::kBlock ? ": use ALLOW, HOLD or BLOCK here" : ": use ALLOW or HOLD here";
    problems_->Add(map.Find(key)->line, message);
    return std::nullopt;
  }
  return verdict;
}

std::vector<std::string> PolicyReader::ReadTexts(YamlMap& map, std::string_view key, bool allow_empty) {
  std::vector<std::string> out;
  for (auto& text : map.Texts(key, kMaxNames, allow_empty).value_or(std::vector<YamlMap::TextAt>{})) {
    out.push_back(std::move(text.text));
  }
  return out;
}

std::vector<std::string> PolicyReader::ReadListNames(YamlMap& map, std::string_view key) {
  std::vector<std::string> out;
  for (auto& name : map.Texts(key, kMaxNames).value_or(std::vector<YamlMap::TextAt>{})) {
    if (!IsSlug(name.text)) {
      problems_->Add(name.line, map.PathOf(key) + ": " + QuoteForMessage(name.text) +
                                    " is no list name: 1 to 63 of a-z, 0-9 and '-'");
      continue;
    }
    out.push_back(std::move(name.text));
  }
  return out;
}

std::map<Algorithm, int> PolicyReader::ReadDistances(YamlMap& map) {
  std::map<Algorithm, int> out;
  const StrictNode* const node = map.Find("max_distances");
  if (node == nullptr) return out;
  YamlMap distances(*node, map.PathOf("max_distances"), *problems_);
  for (int i = 1; i < kAlgorithmCount; ++i) {
    const auto algorithm = static_cast<Algorithm>(i);
    if (!HasOwnUnit(algorithm) && !IsImgHash(algorithm)) continue;
    const auto value = distances.Integer(AlgorithmName(algorithm), 0, GreatestMaxDistance(algorithm));
    if (value) out[algorithm] = static_cast<int>(*value);
  }
  distances.RefuseOthers();
  if (node->kind == StrictNode::Kind::kMap && node->members.empty()) {
    problems_->Add(node->line, map.PathOf("max_distances") + ": names no algorithm");
  }
  return out;
}

Condition PolicyReader::ReadCondition(const StrictNode& node, const std::string& path) {
  YamlMap map(node, path, *problems_);
  Condition when;
  when.lists = ReadListNames(map, "list");
  when.lists_not = ReadListNames(map, "list_not");
  when.purposes = ReadSet<Purpose>(map, "purpose", Purpose::kTest, &Name);
  when.trusts = ReadSet<Trust>(map, "trust", Trust::kTrusted, &Name);
  when.classifications = ReadTexts(map, "classification", true);
  when.meanings = ReadListNames(map, "meaning");
  for (const std::string& meaning : when.meanings) {
    if (meanings_.contains(meaning)) continue;
    problems_->Add(map.LineOf("meaning"),
                   map.PathOf("meaning") + ": no row of 'labels' gives " + QuoteForMessage(meaning));
  }
  when.confirmed = map.Bool("confirmed");
  when.algorithms =
      ReadSet<Algorithm>(map, "algorithm", static_cast<Algorithm>(kAlgorithmCount - 1), &AlgorithmName);
  when.identities = ReadSet<Identity>(map, "identity", Identity::kStrong, &Name);
  when.views = ReadSet<ViewKind>(map, "view", ViewKind::kTrimmed, &Name);
  when.surfaces = ReadTexts(map, "surface", false);
  when.surface_kinds = ReadSet<SurfaceKind>(map, "surface_kind", SurfaceKind::kOther, &Name);
  when.coverages = ReadSet<CoverageLevel>(map, "coverage", CoverageLevel::kComplete, &Name);
  const auto number = [&](std::string_view key, int min, int max) -> std::optional<int> {
    const std::optional<std::int64_t> value = map.Integer(key, min, max);
    if (!value) return std::nullopt;
    return static_cast<int>(*value);
  };
  when.max_distance_bits = number("max_distance_bits", 0, kMaxDistanceBits);
  when.max_distances = ReadDistances(map);
  when.min_quality = number("min_quality", 0, 100);
  when.min_corroboration = number("min_corroboration", 1, kHashFamilyCount);
  when.corroborated_by =
      ReadSet<Algorithm>(map, "corroborated_by", static_cast<Algorithm>(kAlgorithmCount - 1), &AlgorithmName);

  static const std::vector<std::string_view> trust_names = NamesOf<Trust>(Trust::kTrusted, &Name);
  if (const std::optional<std::size_t> least = map.Choice("min_trust", trust_names)) {
    if (map.Has("trust")) {
      problems_->Add(map.LineOf("min_trust"), path + ": 'trust' and 'min_trust' exclude each other");
    }
    for (std::size_t i = *least; i < trust_names.size(); ++i) when.trusts.Insert(static_cast<Trust>(i + 1));
  }
  if (node.kind == StrictNode::Kind::kMap && node.members.empty()) {
    problems_->Add(node.line, path + ": is empty: leave it out for a rule that applies to every match");
  }
  map.RefuseOthers();
  return when;
}

/// Refuses a verdict that the hard limits would always lower: it would promise what cannot happen.
void PolicyReader::CheckReach(const Rule& rule, const std::string& path, int line, bool reviewers) {
  const auto refuse = [&](const std::string& why) { problems_->Add(line, path + ".verdict: " + why); };
  if (rule.verdict == Verdict::kReview && !reviewers) {
    refuse("REVIEW needs people: this policy says 'reviewers: false'");
    return;
  }
  if (rule.verdict >= Verdict::kBlock && !rule.when.trusts.Allows(Trust::kTrusted) &&
      rule.when.confirmed != true) {
    refuse(
        std::string(Name(rule.verdict)) +
        " cannot happen: a list below TRUSTED leads to REVIEW at most, but for entries that are confirmed");
    return;
  }
  if (rule.verdict != Verdict::kBlockAndReport) return;
  if (!rule.when.purposes.Allows(Purpose::kCsam)) {
    refuse("BLOCK_AND_REPORT cannot happen: only lists of purpose CSAM may report");
  } else if (!rule.when.identities.Allows(Identity::kStrong)) {
    refuse("BLOCK_AND_REPORT cannot happen: only STRONG identity may report");
  }
}

Rule PolicyReader::ReadRule(const StrictNode& node, const std::string& path, bool reviewers) {
  const std::size_t problems_before = problems_->count();
  YamlMap map(node, path, *problems_);
  Rule rule;
  rule.line = node.line;
  map.Require("id");
  if (const std::optional<std::string> id = map.Text("id")) {
    rule.id = *id;
    if (!IsSlug(rule.id)) {
      problems_->Add(map.LineOf("id"), map.PathOf("id") + ": " + QuoteForMessage(rule.id) +
                                           " is no rule id: 1 to 63 of a-z, 0-9 and '-'");
    }
  }
  if (const StrictNode* when = map.Find("when")) {
    rule.when = ReadCondition(*when, map.PathOf("when"));
    if (const std::string why = Contradiction(rule.when); !why.empty()) {
      problems_->Add(when->line, path + ": can never apply: " + why);
    }
  }
  rule.reason = map.Text("reason", kMaxReasonBytes).value_or("");
  map.Require("verdict");
  if (const std::optional<Verdict> verdict = ReadVerdict(map, "verdict", Verdict::kBlockAndReport)) {
    rule.verdict = *verdict;
    const int line = map.LineOf("verdict");
    if (rule.verdict == Verdict::kAllow && !map.Has("reason")) {
      problems_->Add(line, path + ".verdict: ALLOW for a match needs a 'reason'");
    }
    CheckReach(rule, path, line, reviewers);
  }
  map.RefuseOthers();
  rule.intact = problems_->count() == problems_before;
  return rule;
}

void PolicyReader::CheckRules(std::vector<Rule>& own, const std::vector<Rule>& inherited) {
  for (std::size_t i = 0; i < own.size(); ++i) {
    const Rule& rule = own[i];
    const std::string path = "rules[" + std::to_string(i) + "]";
    const auto same_id = [&](const Rule& other) { return !rule.id.empty() && other.id == rule.id; };
    const auto first = std::find_if(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(i), same_id);
    if (first != own.begin() + static_cast<std::ptrdiff_t>(i)) {
      problems_->Add(rule.line, path + ": id " + QuoteForMessage(rule.id) + " is taken by the rule in line " +
                                    std::to_string(first->line));
    } else if (std::ranges::any_of(inherited, same_id)) {
      problems_->Add(rule.line, path + ": id " + QuoteForMessage(rule.id) + " is taken by an inherited rule");
    }
    const auto cover =
        std::find_if(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(i),
                     [&](const Rule& earlier) { return earlier.intact && Covers(earlier.when, rule.when); });
    if (rule.intact && cover != own.begin() + static_cast<std::ptrdiff_t>(i)) {
      problems_->Add(rule.line, path + ": can never apply: the rule in line " + std::to_string(cover->line) +
                                    " takes every match that this one would");
    }
  }
  if (!inherited.empty() || own.empty() || !own.back().intact) return;
  if (!Covers(own.back().when, Condition{})) {
    problems_->Add(own.back().line,
                   "rules: the last rule must apply to every match: add one without 'when' behind it");
  }
}

void PolicyReader::ReadLabels(YamlMap& map, PolicyData& data) {
  if (const StrictNode* node = map.Find("labels")) {
    std::vector<Label> inherited = std::move(data.labels);
    data.labels.clear();
    if (node->kind != StrictNode::Kind::kSequence || node->items.empty() || node->items.size() > kMaxLabels) {
      problems_->Add(node->line, "labels: must be a list of 1 to " + std::to_string(kMaxLabels) + " rows");
    } else {
      for (std::size_t i = 0; i < node->items.size(); ++i) {
        YamlMap row(node->items[i], "labels[" + std::to_string(i) + "]", *problems_);
        Label label;
        label.schemes = ReadListNames(row, "scheme");
        row.Require("classification");
        label.classifications = ReadTexts(row, "classification", true);
        row.Require("meaning");
        label.meaning = row.Text("meaning").value_or("");
        if (row.Has("meaning") && !IsSlug(label.meaning)) {
          problems_->Add(row.LineOf("meaning"), row.PathOf("meaning") + ": " +
                                                    QuoteForMessage(label.meaning) +
                                                    " is no meaning: 1 to 63 of a-z, 0-9 and '-'");
        }
        row.RefuseOthers();
        data.labels.push_back(std::move(label));
      }
    }
    std::ranges::move(inherited, std::back_inserter(data.labels));
  }
  for (const Label& label : data.labels) meanings_.insert(label.meaning);
}

void PolicyReader::ReadRules(YamlMap& map, PolicyData& data) {
  std::vector<Rule> inherited = std::move(data.rules);
  data.rules.clear();
  const StrictNode* node = inherited.empty() ? map.Require("rules") : map.Find("rules");
  if (node == nullptr) {
    data.rules = std::move(inherited);
    return;
  }
  if (node->kind != StrictNode::Kind::kSequence || node->items.empty() || node->items.size() > kMaxRules) {
    problems_->Add(node->line, "rules: must be a list of 1 to " + std::to_string(kMaxRules) + " rules");
    return;
  }
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    data.rules.push_back(ReadRule(node->items[i], "rules[" + std::to_string(i) + "]", data.reviewers));
  }
  CheckRules(data.rules, inherited);
  std::ranges::move(inherited, std::back_inserter(data.rules));
}

void PolicyReader::ReadNoMatch(YamlMap& map, PolicyData& data) {
  const StrictNode* node = map.Find("no_match");
  if (node == nullptr) return;
  YamlMap section(*node, "no_match", *problems_);
  NoMatch& no_match = data.no_match;
  no_match.complete = ReadVerdict(section, "default", Verdict::kHold).value_or(no_match.complete);
  no_match.partial = ReadVerdict(section, "partial", Verdict::kBlock).value_or(no_match.partial);
  no_match.exact_only = ReadVerdict(section, "exact_only", Verdict::kBlock).value_or(no_match.exact_only);
  no_match.frames_unseen =
      ReadVerdict(section, "frames_unseen", Verdict::kBlock).value_or(no_match.frames_unseen);
  no_match.colours_unusual =
      ReadVerdict(section, "colours_unusual", Verdict::kBlock).value_or(no_match.colours_unusual);
  no_match.not_an_image =
      ReadVerdict(section, "not_an_image", Verdict::kBlock).value_or(no_match.not_an_image);
  no_match.images_only = ReadVerdict(section, "images_only", Verdict::kBlock).value_or(no_match.images_only);
  section.RefuseOthers();
}

/// The part that a cause and its exceptions share: verdict, accept_unscanned, reason.
void PolicyReader::ReadChoice(Cause cause, YamlMap& map, CauseChoice& choice) {
  // NOT_EVALUATED passes, and answers for one request only get stricter: a BLOCK would outlive our own
  // trouble.
  const Verdict most = OutcomeOf(cause) == Outcome::kNotEvaluated ? Verdict::kHold : Verdict::kBlock;
  const std::optional<Verdict> verdict = ReadVerdict(map, "verdict", most);
  const std::optional<bool> accepted = map.Bool("accept_unscanned");
  const std::optional<std::string> reason = map.Text("reason", kMaxReasonBytes);
  if (!verdict) {
    if (accepted.value_or(false) && !map.Has("verdict")) {
      problems_->Add(map.LineOf("accept_unscanned"),
                     map.PathOf("accept_unscanned") + ": does nothing without 'verdict: ALLOW'");
    }
    return;
  }
  choice = {*verdict, reason.value_or("")};
  const int line = map.LineOf("verdict");
  if (*verdict == Verdict::kAllow) {
    if (!accepted.value_or(false)) {
      problems_->Add(
          line, map.PathOf("verdict") + ": ALLOW for what was not scanned needs 'accept_unscanned: true'");
    }
    if (!map.Has("reason")) {
      problems_->Add(line, map.PathOf("verdict") + ": ALLOW for what was not scanned needs a 'reason'");
    }
  } else if (accepted.value_or(false)) {
    problems_->Add(map.LineOf("accept_unscanned"),
                   map.PathOf("accept_unscanned") + ": goes with 'verdict: ALLOW' only");
  }
}

void PolicyReader::ReadCause(Cause cause, const StrictNode& node, const std::string& path,
                             CauseSetting& setting) {
  YamlMap map(node, path, *problems_);
  ReadChoice(cause, map, setting.choice);
  if (const StrictNode* kinds = map.Find("surface_kind")) {
    YamlMap section(*kinds, map.PathOf("surface_kind"), *problems_);
    if (kinds->kind == StrictNode::Kind::kMap && kinds->members.empty()) {
      problems_->Add(kinds->line, map.PathOf("surface_kind") + ": is empty");
    }
    for (int i = 1; i < kSurfaceKindCount; ++i) {
      const std::string_view name = Name(static_cast<SurfaceKind>(i));
      const StrictNode* value = section.Find(name);
      if (value == nullptr) continue;
      CauseChoice& choice = setting.by_surface_kind[static_cast<std::size_t>(i)].emplace();
      YamlMap exception(*value, section.PathOf(name), *problems_);
      exception.Require("verdict");
      ReadChoice(cause, exception, choice);
      exception.RefuseOthers();
    }
    section.RefuseOthers();
  } else {
    map.Require("verdict");
  }
  map.RefuseOthers();
}

void PolicyReader::ReadCauses(YamlMap& map, PolicyData& data) {
  for (const Cause cause : AllCauses()) {
    if (cause != Cause::kNotAnImage) data.causes.try_emplace(cause);
  }
  const StrictNode* node = map.Find("causes");
  if (node == nullptr) return;
  YamlMap section(*node, "causes", *problems_);
  for (auto& [cause, setting] : data.causes) {
    const std::string_view name = Name(cause);
    const StrictNode* value = section.Find(name);
    if (value == nullptr) continue;
    // What is written here replaces what a profile says; only a bare list of exceptions keeps its verdict.
    setting.by_surface_kind = {};
    if (value->kind == StrictNode::Kind::kScalar) {
      // `TRUNCATED: BLOCK` is short for `TRUNCATED: {verdict: BLOCK}`.
      StrictNode full;
      full.kind = StrictNode::Kind::kMap;
      full.line = value->line;
      full.members.push_back({"verdict", value->line, *value});
      ReadCause(cause, full, section.PathOf(name), setting);
    } else {
      ReadCause(cause, *value, section.PathOf(name), setting);
    }
  }
  const std::string_view not_an_image = Name(Cause::kNotAnImage);
  if (section.Has(not_an_image)) {
    section.Find(not_an_image);
    problems_->Add(section.LineOf(not_an_image),
                   "causes.NOT_AN_IMAGE: is no failure: set 'not_an_image' under 'no_match'");
  }
  section.RefuseOthers();
}

void PolicyReader::ReadBase(YamlMap& map, PolicyData& data, std::string_view& base_text) {
  const std::optional<std::size_t> index = map.Choice("extends", ProfileNames());
  if (!index) return;
  const Result<std::string_view> text = ProfileText(ProfileNames()[*index]);
  if (!text) return;
  base_text = *text;
  YamlProblems none("profile");
  const std::optional<StrictNode> root = LoadStrictYaml(*text, none);
  std::string_view no_base;
  // Profiles are checked by tests and extend nothing.
  if (root) data = PolicyReader(none).Read(*root, no_base);
}

PolicyData PolicyReader::Read(const StrictNode& root, std::string_view& base_text) {
  YamlMap map(root, "", *problems_);
  PolicyData data;
  ReadBase(map, data, base_text);
  map.Require("version");
  map.Require("name");
  data.version = map.Text("version", 64).value_or("");
  if (const std::optional<std::string> name = map.Text("name")) {
    data.name = *name;
    if (!IsSlug(data.name)) {
      problems_->Add(map.LineOf("name"), "name: " + QuoteForMessage(data.name) +
                                             " is no policy name: 1 to 63 of a-z, 0-9 and '-'");
    }
  }
  data.reviewers = map.Bool("reviewers").value_or(data.reviewers);
  const bool inherits_review =
      std::ranges::any_of(data.rules, [](const Rule& rule) { return rule.verdict == Verdict::kReview; });
  if (!data.reviewers && inherits_review) {
    problems_->Add(map.LineOf("reviewers"),
                   "reviewers: the profile has rules that end in REVIEW: extend 'no-reviewers' instead");
  }
  data.jurisdiction = map.Text("jurisdiction", 64).value_or(data.jurisdiction);
  ReadLabels(map, data);
  ReadRules(map, data);
  ReadNoMatch(map, data);
  ReadCauses(map, data);
  map.RefuseOthers();
  return data;
}

std::string DigestOf(std::string_view text, std::string_view base_text) {
  DigestStream stream(DigestKind::kSha256);
  stream.Update(AsBytes(text));
  stream.Update(AsBytes(base_text));
  std::array<std::uint8_t, 32> digest{};
  stream.Finish(digest);
  return "sha256:" + HexEncode(std::span(digest).first(8));
}

}  // namespace

Result<std::shared_ptr<const Policy>> ParsePolicy(std::string_view yaml, std::string_view source) {
  YamlProblems problems{std::string(source)};
  const std::optional<StrictNode> root = LoadStrictYaml(yaml, problems);
  if (!root) return std::unexpected(problems.ToError(Reason::kPolicyInvalid));
  std::string_view base_text;
  PolicyData data = PolicyReader(problems).Read(*root, base_text);
  if (!problems.empty()) return std::unexpected(problems.ToError(Reason::kPolicyInvalid));
  data.text_digest = DigestOf(yaml, base_text);
  return MakePolicy(std::move(data));
}

}  // namespace hashgate::policy
