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

Protection ProtectionOf(const Generation& generation, const HashList& list) {
  const auto count = [&](Algorithm algorithm) -> std::uint64_t {
    return std::min<std::uint64_t>(generation.index->CountIn(list.id, algorithm), list.entry_count);
  };
  Protection out;
  out.entries = list.entry_count;
  out.by_strong = count(Algorithm::kSha256);
  out.exact = std::max({out.by_strong, count(Algorithm::kMd5), count(Algorithm::kSha1)});
  out.by_pdq = count(Algorithm::kPdq);
  out.by_photodna = count(Algorithm::kPhotoDna);
  return out;
}

std::string Describe(const Protection& protection, bool enabled) {
  const std::uint64_t entries = protection.entries;
  if (entries == 0) return "No entries: it finds nothing.";
  std::string text = Grouped(entries) + (entries == 1 ? " entry: " : " entries: ");
  if (!enabled) text += "the list is disabled and finds nothing. Enabled: ";
  text += "exact copies of " + Share(protection.exact, entries) + " are found; edited copies of " +
          Share(protection.by_pdq, entries);
  if (protection.by_pdq == 0) text += ": the list has no PDQ";
  if (protection.by_photodna > 0) {
    text += "; of " + Share(protection.by_photodna, entries) +
            " by PhotoDNA, where a caller or a plug-in makes such vectors";
  }
  return text + ".";
}

}  // namespace hashgate::lists
