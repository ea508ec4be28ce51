// When a rule applies, and when one rule leaves nothing for a later one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace hashgate::policy {

/// A set of enum values below 32; empty means "any".
class EnumSet {
 public:
  template <typename E>
  void Insert(E value) {
    bits_ |= std::uint32_t{1} << static_cast<unsigned>(value);
  }
  template <typename E>
  [[nodiscard]] bool Allows(E value) const {
    return bits_ == 0 || ((bits_ >> static_cast<unsigned>(value)) & 1) != 0;
  }
  [[nodiscard]] bool any() const { return bits_ == 0; }
  /// True where everything `other` allows is allowed here too.
  [[nodiscard]] bool Covers(EnumSet other) const {
    return bits_ == 0 || (other.bits_ != 0 && (other.bits_ & ~bits_) == 0);
  }
  [[nodiscard]] bool Overlaps(EnumSet other) const { return (bits_ & other.bits_) != 0; }
  [[nodiscard]] EnumSet Both(EnumSet other) const {
    EnumSet out;
    out.bits_ = any() ? other.bits_ : other.any() ? bits_ : bits_ & other.bits_;
    return out;
  }

 private:
  std::uint32_t bits_ = 0;
};

/// All of it must hold; what is empty asks nothing.
struct Condition {
  std::vector<std::string> lists;
  std::vector<std::string> lists_not;
  std::vector<std::string> classifications;  ///< '*' stands for any text
  std::vector<std::string> meanings;         ///< what the policy's `labels` make of scheme and classification
  std::vector<std::string> surfaces;
  EnumSet purposes;
  EnumSet trusts;
  EnumSet algorithms;  ///< any of them is enough
  EnumSet identities;
  EnumSet views;
  EnumSet surface_kinds;
  EnumSet coverages;
  std::optional<bool> confirmed;         ///< a person's opinion of the entry is in force, or is not
  std::optional<int> max_distance_bits;  ///< PDQ matched, at most this far
  /// Each of these algorithms matched, at most so far in its own unit. Not PDQ.
  std::map<Algorithm, int> max_distances;
  std::optional<int> min_quality;        ///< no known quality of either side is below
  std::optional<int> min_corroboration;  ///< at least so many hash families agree
  EnumSet corroborated_by;               ///< one of these algorithms agrees, beside one of another family
};

/// True where `text` fits `pattern`, in which '*' stands for any text, also none. Cost: pattern * text at
/// worst.
bool GlobMatches(std::string_view pattern, std::string_view text);

/// Independent kinds of hash that agree: digests are one, PDQ, PhotoDNA and all of img_hash one each.
int HashFamilies(std::span<const Algorithm> algorithms);

/// The identity a match may count on: the weaker of what it claims and what its algorithms prove.
Identity ProvenIdentity(const MatchFact& match);

/// True where the condition holds for this match, whose classification has this meaning, in this upload.
bool Applies(const Condition& condition, const MatchFact& match, Identity identity, std::string_view meaning,
             const Input& input);

/// True where `earlier` holds whenever `later` does. May miss such pairs, never invents them.
bool Covers(const Condition& earlier, const Condition& later);

/// Why no match can ever fulfil the condition; empty where one can as far as this can tell.
std::string Contradiction(const Condition& condition);

}  // namespace hashgate::policy
