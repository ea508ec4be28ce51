#include "scan/digests.h"

#include <algorithm>
#include <utility>

namespace hashgate::scan {

DigestKinds DigestsHeld(std::span<const lists::HashList* const> lists, const lists::Generation& generation) {
  constexpr std::pair<Algorithm, DigestKind> kDigests[] = {{Algorithm::kMd5, DigestKind::kMd5},
                                                           {Algorithm::kSha1, DigestKind::kSha1},
                                                           {Algorithm::kSha256, DigestKind::kSha256}};
  DigestKinds kinds;
  for (const std::pair<Algorithm, DigestKind>& digest : kDigests) {
    const auto holds = [&](const lists::HashList* list) {
      return generation.index->HoldsAny(list->id, digest.first);
    };
    if (std::ranges::any_of(lists, holds)) kinds = kinds.With(digest.second);
  }
  return kinds;
}

void SetDigests(const Digests& digests, FileHashes& hashes) {
  if (digests.kinds.Has(DigestKind::kMd5)) hashes.md5 = digests.md5;
  if (digests.kinds.Has(DigestKind::kSha1)) hashes.sha1 = digests.sha1;
  if (digests.kinds.Has(DigestKind::kSha256)) hashes.sha256 = digests.sha256;
}

void AddDigests(DigestKinds missing, ByteSpan content, Digests& digests) {
  DigestSet set(missing);
  set.Update(content);
  const Digests late = set.Finish();
  if (missing.Has(DigestKind::kMd5)) digests.md5 = late.md5;
  if (missing.Has(DigestKind::kSha1)) digests.sha1 = late.sha1;
  if (missing.Has(DigestKind::kSha256)) digests.sha256 = late.sha256;
  digests.kinds = digests.kinds.With(missing);
}

}  // namespace hashgate::scan
