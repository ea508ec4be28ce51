#include "scan/file_hashes.h"

#include <algorithm>

#include "hash/core/digest_set.h"

namespace hashgate::scan {

std::vector<FileVector> VectorsOf(const FileHashes& hashes) {
  std::vector<FileVector> all;
  for (const HashValue& value : hashes.vectors)
    all.push_back({.algorithm = value.algorithm, .bytes = value.bytes});
  for (const decode::ViewHashes& view : hashes.views) {
    for (const decode::VectorForms& vector : view.vectors) {
      for (int form = 0; form < vector.count(); ++form) {
        all.push_back({.algorithm = vector.algorithm,
                       .bytes = vector.form(form),
                       .view = &view,
                       .form = static_cast<Dihedral>(form)});
      }
    }
  }
  return all;
}

VectorViews CountVectorViews(const FileHashes& hashes, Algorithm algorithm) {
  VectorViews count;
  for (const decode::ViewHashes& view : hashes.views) {
    if (view.hidden || !view.hashable) continue;
    ++count.seen;
    if (std::ranges::find(view.vectors, algorithm, &decode::VectorForms::algorithm) != view.vectors.end())
      ++count.made;
    if (view.vectors_failed.Has(algorithm)) ++count.failed;
  }
  return count;
}

bool LacksNn512(const FileHashes& hashes) {
  const auto has = [](const decode::ViewHashes& view, Pipeline pipeline) {
    return std::ranges::any_of(view.pdq, [&](const auto& forms) { return forms.pipeline == pipeline; });
  };
  return std::ranges::any_of(hashes.views, [&](const decode::ViewHashes& view) {
    return has(view, Pipeline::kFull) && !has(view, Pipeline::kNn512);
  });
}

int BestQuality(const FileHashes& hashes) {
  int best = -1;
  for (const decode::ViewHashes& view : hashes.views) {
    if (view.hidden) continue;
    for (const decode::PdqForms& forms : view.pdq) {
      best = std::max(best, forms.quality == kQualityUnknown ? 100 : forms.quality);
    }
  }
  return best;
}

std::array<std::uint8_t, 32> DigestOf(const FileHashes& file) {
  DigestStream stream(DigestKind::kSha256);
  const auto add = [&stream](char tag, ByteSpan bytes) {
    const auto byte = static_cast<std::uint8_t>(tag);
    stream.Update({&byte, 1});
    stream.Update(bytes);
  };
  if (file.md5) add('m', *file.md5);
  if (file.sha1) add('1', *file.sha1);
  if (file.sha256) add('2', *file.sha256);
  for (const decode::ViewHashes& view : file.views) {
    for (const decode::PdqForms& forms : view.pdq) {
      add(forms.pipeline == Pipeline::kNn512 ? 'n' : 'p', forms.forms[0].bytes());
    }
  }
  for (const HashValue& vector : file.vectors) {
    const auto algorithm = static_cast<std::uint8_t>(vector.algorithm);
    add('v', {&algorithm, 1});
    stream.Update(vector.bytes);
  }
  std::array<std::uint8_t, 32> digest{};
  stream.Finish(digest);
  return digest;
}

}  // namespace hashgate::scan
