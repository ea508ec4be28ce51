// A policy as parsed: what parse.cc fills in and decide.cc reads.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/conditions.h"
#include "policy/policy.h"

namespace hashgate::policy {

inline constexpr int kSurfaceKindCount = 6;

struct Rule {
  std::string id;
  Condition when;
  Verdict verdict = Verdict::kHold;
  std::string reason;
  int line = 1;
  bool intact = true;  ///< false: it was read with problems, so its condition says less than its author meant
};

struct CauseChoice {
  Verdict verdict = Verdict::kHold;
  std::string reason;
};

/// What one failure cause leads to.
struct CauseSetting {
  CauseChoice choice;
  std::array<std::optional<CauseChoice>, kSurfaceKindCount> by_surface_kind;
};

/// What classifications stand for, here and under this law.
struct Label {
  std::vector<std::string> schemes;          ///< empty: any, none given too
  std::vector<std::string> classifications;  ///< '*' stands for any text
  std::string meaning;
};

/// What an upload without a match leads to, by how far the look got.
struct NoMatch {
  Verdict complete = Verdict::kAllow;
  Verdict partial = Verdict::kAllow;
  Verdict exact_only = Verdict::kAllow;
  Verdict not_an_image = Verdict::kAllow;
  Verdict images_only = Verdict::kHold;  ///< not an image, where only images are expected
  /// Some frames were not looked at: at least this, whatever the coverage alone leads to.
  Verdict frames_unseen = Verdict::kHold;
  Verdict colours_unusual = Verdict::kHold;  ///< likewise, where viewers show other colours
};

struct PolicyData {
  std::string name;
  std::string version;
  std::string text_digest;
  std::string jurisdiction;  ///< for people
  bool reviewers = true;
  std::vector<Label> labels;  ///< the first that fits decides
  std::vector<Rule> rules;    ///< the last one applies to every match
  NoMatch no_match;
  /// Every cause but NOT_AN_IMAGE, which no_match decides.
  std::map<Cause, CauseSetting> causes;
};

/// The policy over `data`. See Policy.
std::shared_ptr<const Policy> MakePolicy(PolicyData data);

}  // namespace hashgate::policy
