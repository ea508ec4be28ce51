#include "lists/protection.h"

#include <algorithm>

namespace hashgate::lists {
namespace {

std::string Grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

// Neither "100 %" for nearly all nor "0 %" for a few.
std::string Share(std::uint64_t part, std::uint64_t whole) {
  if (part == 0) return "none";
  if (part >= whole) return "100 %";
  const std::uint64_t tenths = std::clamp<std::uint64_t>(part * 1'000 / whole, 1, 999);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

}  // namespace

KindCounts CountKinds(const index::IndexedRows& rows) {
  KindCounts counts;
  for (std::size_t at = 0; at < rows.hashes.size();) {
    const index::EntryId entry = rows.hashes[at].entry;
    bool digest = false;
    bool pdq = false;
    for (; at < rows.hashes.size() && rows.hashes[at].entry == entry; ++at)
      (rows.hashes[at].algorithm == Algorithm::kPdq ? pdq : digest) = true;
    counts.digest += digest ? 1 : 0;
    counts.pdq += pdq ? 1 : 0;
  }
  // An entry has one vector of an algorithm at most, and those of an entry come together.
  const index::IndexedVector* last_img_hash = nullptr;
  for (const index::IndexedVector& vector : rows.vectors) {
    counts.photodna += vector.algorithm == Algorithm::kPhotoDna ? 1 : 0;
    if (!IsImgHash(vector.algorithm)) continue;
    counts.img_hash += last_img_hash == nullptr || last_img_hash->entry != vector.entry ? 1 : 0;
    last_img_hash = &vector;
  }
  return counts;
}

std::string DescribeProtection(const HashList& list) {
  const std::uint64_t entries = list.entry_count;
  if (entries == 0) return "No entries: it finds nothing.";
  std::string text = Grouped(entries) + (entries == 1 ? " entry: " : " entries: ");
  if (!list.config.enabled) text += "the list is disabled and finds nothing. Enabled: ";
  text += "exact copies of " + Share(list.kinds.digest, entries) + " are found; edited copies of " +
          Share(list.kinds.pdq, entries);
  if (list.kinds.pdq == 0) text += ": the list has no PDQ";
  if (list.kinds.photodna > 0) {
    text += "; of " + Share(list.kinds.photodna, entries) +
            " by PhotoDNA, where a caller or a plug-in makes such vectors";
  }
  if (list.kinds.img_hash > 0) text += "; of " + Share(list.kinds.img_hash, entries) + " by img_hash";
  return text + ".";
}

}  // namespace hashgate::lists
