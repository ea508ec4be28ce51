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
  for (const decode::VectorMaker& maker : makers) {
    const bool held = std::ranges::any_of(
        lists, [&](const auto* list) { return generation.index->HoldsAny(list->id, maker.algorithm); });
    if (held) wanted.vectors.Add(maker.algorithm);
  }
  return wanted;
}

}  // namespace hashgate::scan
