#include "lists/action_classes.h"

#include "lists/limits.h"

namespace hashgate::lists {
namespace {
constexpr int kDegenerate = 1;
constexpr int kLowQuality = 2;
constexpr int kFlagCombinations = 4;
}  // namespace

ActionClasses::ActionClasses() {
  // The classes without a classification have the first numbers, so that they are there to be shared.
  for (int flags = 0; flags < kFlagCombinations; ++flags) {
    numbers_[{std::string(), flags}] = static_cast<index::ActionClass>(infos_.size());
    infos_.push_back({{}, (flags & kDegenerate) != 0, (flags & kLowQuality) != 0});
  }
}

index::ActionClass ActionClasses::NumberOf(std::string_view classification, bool degenerate,
                                           bool low_quality) {
  const int flags = (degenerate ? kDegenerate : 0) | (low_quality ? kLowQuality : 0);
  if (flags == last_flags_ && classification == last_classification_) return last_;
  const auto at = numbers_.find(std::pair<std::string_view, int>(classification, flags));
  index::ActionClass number = static_cast<index::ActionClass>(flags);
  if (at != numbers_.end()) {
    number = at->second;
  } else if (infos_.size() < kMaxActionClasses) {
    number = static_cast<index::ActionClass>(infos_.size());
    infos_.push_back({std::string(classification), degenerate, low_quality});
    numbers_.emplace(Key(classification, flags), number);
  }
  last_classification_ = classification;
  last_flags_ = flags;
  last_ = number;
  return number;
}

bool ActionClasses::Restore(std::vector<ActionClassInfo> infos) {
  ActionClasses restored;
  if (infos.size() < restored.infos_.size()) return false;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const ActionClassInfo& info = infos[i];
    if (restored.NumberOf(info.classification, info.degenerate, info.low_quality) != i) return false;
  }
  *this = std::move(restored);
  return true;
}

void Renumber(const ActionClasses& from, ActionClasses& to, index::IndexedRows& rows) {
  if (rows.empty()) return;
  std::vector<index::ActionClass> numbers;
  numbers.reserve(from.infos().size());
  for (const ActionClassInfo& info : from.infos()) {
    numbers.push_back(to.NumberOf(info.classification, info.degenerate, info.low_quality));
  }
  for (index::IndexedHash& hash : rows.hashes) hash.action_class = numbers[hash.action_class];
  for (index::IndexedVector& vector : rows.vectors) vector.action_class = numbers[vector.action_class];
}

}  // namespace hashgate::lists
