// Numbers for what policy distinguishes among entries.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lists/catalog.h"

namespace hashgate::lists {

/// Numbers (classification, degenerate, low quality) as they appear; a number keeps its meaning as long as
/// the index. Bounded: what comes after kMaxActionClasses shares the class of entries without a
/// classification and the same flags. Threads: confined to the writer.
class ActionClasses {
 public:
  ActionClasses();
  index::ActionClass NumberOf(std::string_view classification, bool degenerate, bool low_quality);
  /// Takes the numbers over that an index snapshot goes by; false where they cannot be such.
  [[nodiscard]] bool Restore(std::vector<ActionClassInfo> infos);
  [[nodiscard]] const std::vector<ActionClassInfo>& infos() const { return infos_; }

 private:
  using Key = std::pair<std::string, int>;
  struct Less {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return a.second != b.second ? a.second < b.second : a.first < b.first;
    }
  };

  std::vector<ActionClassInfo> infos_;
  std::map<Key, index::ActionClass, Less> numbers_;
  // The last answer: neighbours on a list are mostly of one class.
  std::string last_classification_;
  int last_flags_ = 0;
  index::ActionClass last_ = 0;
};

/// Turns the rows' classes from numbers of `from` into numbers of `to`.
void Renumber(const ActionClasses& from, ActionClasses& to, index::IndexedRows& rows);

}  // namespace hashgate::lists
