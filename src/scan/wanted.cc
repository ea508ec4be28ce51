#include "scan/wanted.h"

#include <algorithm>

namespace hashgate::scan {

bool NeedsNn512(const lists::Generation& generation, const lists::HashList& list) {
  return generation.index->HoldsPdqOf(list.id, Pipeline::kNn512) ||
         generation.index->HoldsPdqOf(list.id, Pipeline::kUnspecified);
}

decode::Wanted WantedFor(const lists::Generation& generation, std::span<const lists::HashList* const> lists) {
  return {.pdq_nn512 =
              std::ranges::any_of(lists, [&](const auto* list) { return NeedsNn512(generation, *list); })};
}

}  // namespace hashgate::scan
