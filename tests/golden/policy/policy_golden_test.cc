// The profiles' answers, case by case, and the documentation's tables against the profiles themselves.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace hashgate::policy {
namespace {

std::string ReadSource(const std::string& path) {
  const char* root = std::getenv("HASHGATE_SOURCE_DIR");
  std::ifstream file(std::string(root != nullptr ? root : ".") + "/" + path);
  EXPECT_TRUE(file) << path << ": run through ctest, which sets HASHGATE_SOURCE_DIR";
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Trim(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(Trim(part));
  return parts;
}

/// The enum value of that name, by trying every value.
template <typename E>
E ByName(const std::string& name) {
  for (int i = 0; i < 64; ++i) {
    if (Name(static_cast<E>(i)) == name) return static_cast<E>(i);
  }
  ADD_FAILURE() << "unknown name " << name;
  return E{};
}

MatchFact ReadMatch(const std::string& text) {
  MatchFact match;
  match.list = "golden";
  match.trust = Trust::kTrusted;
  std::stringstream stream(text);
  for (std::string word; stream >> word;) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (key == "purpose") {
      match.purpose = ByName<Purpose>(value);
    } else if (key == "trust") {
      match.trust = ByName<Trust>(value);
    } else if (key == "algorithms") {
      for (const std::string& name : Split(value, '+')) {
        const auto algorithm = ParseAlgorithm(name);
        EXPECT_TRUE(algorithm) << name;
        if (algorithm) match.algorithms.push_back(*algorithm);
      }
    } else if (key == "distance") {
      match.distance_bits = std::stoi(value);
    } else if (key == "uq") {
      match.upload_quality = std::stoi(value);
    } else if (key == "eq") {
      match.entry_quality = std::stoi(value);
    } else if (key == "ceiling") {
      match.action_ceiling = ByName<Verdict>(value);
    } else if (key == "class") {
      match.classification = value;
    } else if (key == "view") {
      match.view = ByName<ViewKind>(value);
    } else if (key == "upload_degenerate") {
      match.upload_degenerate = true;
    } else if (key == "entry_degenerate") {
      match.entry_degenerate = true;
    } else if (key == "digest_conflict") {
      match.digest_conflict = true;
    } else if (key == "nn512_only") {
      match.nn512_only = true;
    } else if (key == "hidden_only") {
      match.hidden_only = true;
    } else {
      ADD_FAILURE() << "unknown fact " << key;
    }
  }
  match.identity = IdentityOf(match.algorithms);
  return match;
}

/// `matches` keeps what the returned input points at.
Input ReadInput(const std::string& facts, std::vector<MatchFact>& matches) {
  Input input;
  input.coverage = CoverageLevel::kComplete;
  // A classification holds colons of its own.
  const std::size_t colon = facts.find(" :");
  std::stringstream stream(colon == std::string::npos ? "" : facts.substr(0, colon));
  for (std::string word; stream >> word;) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (key == "cause") {
      input.cause = ByName<Cause>(value);
    } else if (key == "coverage") {
      input.coverage = ByName<CoverageLevel>(value);
    } else if (key == "kind") {
      input.surface_kind = ByName<SurfaceKind>(value);
    } else if (key == "images_only") {
      input.images_only = true;
    } else if (key == "frames_unseen") {
      input.frames_unseen = true;
    } else if (key == "colours_unusual") {
      input.colours_unusual = true;
    } else {
      ADD_FAILURE() << "unknown fact " << key;
    }
  }
  for (const std::string& text : Split(colon == std::string::npos ? facts : facts.substr(colon + 2), ';')) {
    if (!text.empty()) matches.push_back(ReadMatch(text));
  }
  input.matches = matches;
  input.outcome = !matches.empty()              ? Outcome::kMatched
                  : input.cause == Cause::kNone ? Outcome::kNotMatched
                                                : OutcomeOf(input.cause);
  return input;
}

std::map<std::string, std::shared_ptr<const Policy>> Profiles() {
  std::map<std::string, std::shared_ptr<const Policy>> profiles;
  for (const std::string_view name : ProfileNames()) {
    auto policy = LoadProfile(name);
    EXPECT_TRUE(policy) << policy.error().message;
    if (policy) profiles[std::string(name)] = *policy;
  }
  return profiles;
}

TEST(PolicyGolden, EveryProfileAnswersAsRecorded) {
  const auto profiles = Profiles();
  int cases = 0;
  for (const std::string& line : Split(ReadSource("tests/golden/policy/verdicts.txt"), '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::vector<std::string> cells = Split(line, '|');
    ASSERT_EQ(cells.size(), 5U) << line;
    std::vector<MatchFact> matches;
    const Input input = ReadInput(cells[1], matches);
    for (std::size_t i = 0; i < ProfileNames().size(); ++i) {
      const Decision decision = profiles.at(std::string(ProfileNames()[i]))->Decide(input);
      EXPECT_EQ(std::string(Name(decision.verdict)) + " " + decision.rule_id, cells[2 + i])
          << cells[0] << " under " << ProfileNames()[i];
    }
    ++cases;
  }
  EXPECT_GE(cases, 50);
}

/// Rows of a Markdown table whose first cell is a name in backticks: name to the other cells.
std::map<std::string, std::vector<std::string>> TableRows(const std::string& text,
                                                          const std::string& heading) {
  std::map<std::string, std::vector<std::string>> rows;
  bool inside = false;
  for (const std::string& line : Split(text, '\n')) {
    if (line.starts_with("#")) inside = line.ends_with(heading);
    if (!inside || !line.starts_with("| `")) continue;
    std::vector<std::string> cells = Split(line.substr(1), '|');
    const std::string name = cells[0].substr(1, cells[0].find('`', 1) - 1);
    cells.erase(cells.begin());
    for (std::string& cell : cells) std::erase(cell, '`');
    EXPECT_TRUE(rows.emplace(name, cells).second) << name << " is in the table twice";
  }
  return rows;
}

TEST(PolicyDocumentation, TheTableOfCausesIsWhatTheProfilesSay) {
  const auto profiles = Profiles();
  const auto rows = TableRows(ReadSource("docs/verdicts.md"), "Causes and their verdicts");
  for (const Cause cause : AllCauses()) {
    const auto row = rows.find(std::string(Name(cause)));
    ASSERT_NE(row, rows.end()) << Name(cause) << " is not documented";
    ASSERT_GE(row->second.size(), 5U) << row->first;
    EXPECT_EQ(row->second[0], Name(OutcomeOf(cause))) << row->first;
    for (std::size_t i = 0; i < ProfileNames().size(); ++i) {
      const Verdict verdict =
          profiles.at(std::string(ProfileNames()[i]))->ForCause(cause, SurfaceKind::kPublic);
      EXPECT_EQ(row->second[2 + i], Name(verdict)) << row->first << " under " << ProfileNames()[i];
    }
  }
  EXPECT_EQ(rows.size(), AllCauses().size());
}

TEST(PolicyDocumentation, TheTableOfCoverageIsWhatTheProfilesSay) {
  const auto profiles = Profiles();
  const auto rows = TableRows(ReadSource("docs/verdicts.md"), "No match and no cause");
  ASSERT_EQ(rows.size(), 3U);
  for (const auto& [name, cells] : rows) {
    ASSERT_GE(cells.size(), 3U);
    Input input;
    input.outcome = Outcome::kNotMatched;
    input.coverage = ByName<CoverageLevel>(name);
    for (std::size_t i = 0; i < ProfileNames().size(); ++i) {
      const Decision decision = profiles.at(std::string(ProfileNames()[i]))->Decide(input);
      EXPECT_EQ(cells[i], Name(decision.verdict)) << name << " under " << ProfileNames()[i];
    }
  }
}

TEST(PolicyDocumentation, EveryExampleLoads) {
  const std::string text = ReadSource("docs/policy.md");
  int examples = 0;
  for (std::size_t at = text.find("```yaml\n"); at != std::string::npos; at = text.find("```yaml\n", at)) {
    at += 8;
    const std::size_t end = text.find("```", at);
    ASSERT_NE(end, std::string::npos);
    const auto policy = ParsePolicy(text.substr(at, end - at), "docs/policy.md example");
    EXPECT_TRUE(policy) << policy.error().message;
    ++examples;
  }
  EXPECT_GE(examples, 2);
}

TEST(PolicyDocumentation, EveryConditionIsDocumented) {
  // A condition that the parser knows is named in its answer to one that it does not know.
  const auto refused = ParsePolicy(
      "version: '1'\nname: m\nrules: [{id: a, when: {zzzzzzzzz: 1}, verdict: BLOCK}, {id: b, verdict: "
      "REVIEW}]\n",
      "p");
  ASSERT_FALSE(refused);
  const std::string& message = refused.error().message;
  const std::string marker = "the keys here are ";
  const std::size_t at = message.find(marker);
  ASSERT_NE(at, std::string::npos) << message;
  const auto rows = TableRows(ReadSource("docs/policy.md"), "Conditions");
  std::stringstream keys(message.substr(at + marker.size(), message.find('\n', at) - at - marker.size()));
  int count = 0;
  for (std::string key; keys >> key; ++count) EXPECT_TRUE(rows.contains(key)) << key;
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(count));
}

}  // namespace
}  // namespace hashgate::policy
