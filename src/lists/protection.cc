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

std::string Counted(std::uint64_t number, const std::string& one, const std::string& many) {
  return Grouped(number) + " " + (number == 1 ? one : many);
}

// Neither "100 %" for nearly all nor "0 %" for a few.
std::string Share(std::uint64_t part, std::uint64_t whole) {
  if (part == 0) return "none";
  if (part >= whole) return "100 %";
  const std::uint64_t tenths = part * 1'000 / whole;
  if (tenths == 0) return "under 0.1 %";
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

struct Words {
  const char* no_pdq;
  const char* photodna;
  bool photodna_is_made;
};

// Empty where there are none.
std::string PhotoDnaAlone(const Protection& of) {
  if (of.most_photodna_alone == 0) return {};
  std::string text = "; ";
  if (of.least_photodna_alone == of.most_photodna_alone) {
    text += Counted(of.most_photodna_alone, "entry is", "entries are");
  } else {
    text += "up to " + Counted(of.most_photodna_alone, "entry", "entries");
    if (of.least_photodna_alone > 0) text += ", at least " + Grouped(of.least_photodna_alone) + ",";
    text += of.most_photodna_alone == 1 ? " is" : " are";
  }
  return text + " found by nothing but PhotoDNA vectors";
}

std::string Describe(const Protection& of, const Words& words) {
  const auto share = [&of](std::uint64_t part) { return Share(part, of.entries); };
  std::string text = "exact copies of " + share(of.kinds.digest) + " are found; edited copies of ";
  if (of.kinds.pdq + of.kinds.photodna + of.kinds.img_hash == 0) {
    return text + "none: " + words.no_pdq + ".";
  }
  text += share(of.kinds.pdq) + " by PDQ";
  if (of.kinds.photodna > 0) text += ", of " + share(of.kinds.photodna) + " by PhotoDNA" + words.photodna;
  if (of.kinds.img_hash > 0) {
    text += ", of " + share(of.kinds.img_hash) + " by img_hash";
    const std::uint64_t weak = of.kinds.img_hash - of.identifying;
    if (weak > 0) text += " (" + share(weak) + " by short or coarse hashes, which lead to REVIEW at most)";
  }
  if (!words.photodna_is_made) text += PhotoDnaAlone(of);
  return text + ".";
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

Protection& Protection::operator+=(const Protection& other) {
  lists += other.lists;
  entries += other.entries;
  kinds += other.kinds;
  identifying += other.identifying;
  least_photodna_alone += other.least_photodna_alone;
  most_photodna_alone += other.most_photodna_alone;
  return *this;
}

Protection ProtectionOf(const HashList& list, const index::HashIndex& index) {
  Protection out{.lists = 1, .entries = list.entry_count, .kinds = list.kinds};
  const KindCounts& kinds = out.kinds;
  for (const Algorithm algorithm : kImgHashes) {
    if (IdentifiesAlone(algorithm)) out.identifying += index.CountIn(list.id, algorithm);
  }
  // The list may be newer than the index.
  out.identifying = std::min(out.identifying, kinds.img_hash);
  const auto without = [&](std::uint64_t found) { return out.entries - std::min(found, out.entries); };
  out.most_photodna_alone =
      std::min(kinds.photodna, without(std::max({kinds.digest, kinds.pdq, kinds.img_hash})));
  out.least_photodna_alone =
      std::min(out.most_photodna_alone, without(kinds.digest + kinds.pdq + kinds.img_hash));
  return out;
}

std::string DescribeProtection(const HashList& list, const Protection& protection) {
  if (protection.entries == 0) return "No entries: it finds nothing.";
  std::string text = Counted(protection.entries, "entry: ", "entries: ");
  if (!list.config.enabled) text += "the list is disabled and finds nothing. Enabled: ";
  return text + Describe(protection, {.no_pdq = "the list has no PDQ",
                                      .photodna = " where a caller sends or a plug-in makes such vectors",
                                      .photodna_is_made = false});
}

std::string DescribeProtection(const Protection& protection, bool photodna_is_made) {
  const Words words{.no_pdq = "no list has PDQ",
                    .photodna = photodna_is_made
                                    ? ", whose vectors a plug-in makes of uploads"
                                    : " where a caller sends such vectors: no plug-in makes them",
                    .photodna_is_made = photodna_is_made};
  return Counted(protection.entries, "entry", "entries") + " in " +
         Counted(protection.lists, "enabled list: ", "enabled lists: ") + Describe(protection, words);
}

}  // namespace hashgate::lists
