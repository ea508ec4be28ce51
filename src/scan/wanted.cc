#include "scan/wanted.h"

#include <algorithm>

namespace hashgate::scan {

bool NeedsNn512(const lists::Generation& generation, const lists::HashList& list) {
  return generation.index->HoldsPdqOf(list.id, Pipeline::kNn512) ||
         generation.index->HoldsPdqOf(list.id, Pipeline::kUnspecified);
}

decode::Wanted WantedFor(const lists::Generation& generation, std::span<const lists::HashList* const> lists,
                         std::span<const decode::VectorMaker> makers) {
  decode::Wanted wanted{.pdq_nn512 = std::ranges::any_of(
                            lists, [&](const auto* list) { return NeedsNn512(generation, *list); })};
  const auto add_if_held = [&](Algorithm algorithm) {
    const bool held = std::ranges::any_of(
        lists, [&](const auto* list) { return generation.index->HoldsAny(list->id, algorithm); });
    if (held) wanted.vectors.Add(algorithm);
  };
  for (const Algorithm algorithm : kImgHashes) add_if_held(algorithm);
  for (const decode::VectorMaker& maker : makers) add_if_held(maker.algorithm);
  return wanted;
}

}  // namespace hashgate::scan
