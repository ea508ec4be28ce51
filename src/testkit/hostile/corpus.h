// The malformed corpus: files that no honest sender makes, the same for the same seed.
#pragma once

#include <string>
#include <vector>

#include "testkit/corpus.h"
#include "testkit/hostile/bases.h"
#include "testkit/hostile/bombs.h"

namespace hashgate::testkit::hostile {

struct HostileFile {
  std::string name;  ///< "m00042-png-interlaced", "bomb-gif-49mp": says how to make this one again
  Bytes bytes;
  /// Surely not all of its pixels are there: allowing it would be wrong.
  bool lacks_pixels = false;
};

/// Threads: thread-compatible.
class HostileCorpus {
 public:
  /// `more` are whole files to damage beside those made here, whose formats the generator has no encoder for.
  /// The bytes depend on the versions of the codec libraries, as those of encode.h do. Errors:
  /// kInvariantBroken where a codec refuses.
  static Result<HostileCorpus> Make(std::uint64_t seed, std::vector<Base> more = {});

  /// Bombs are spread evenly among `count` files, so that each part of a run has some. REQUIRES: 0 <= index <
  /// count.
  [[nodiscard]] HostileFile File(int index, int count) const;
  /// By its name; Bytes are empty where there is no such file.
  [[nodiscard]] HostileFile Named(const std::string& name) const;
  [[nodiscard]] const std::vector<Base>& bases() const { return bases_; }
  [[nodiscard]] int bombs() const { return static_cast<int>(bombs_.size()); }

  /// A damaged file by number; about 10 us.
  [[nodiscard]] HostileFile Damaged(int number) const;

 private:
  HostileCorpus() = default;

  std::uint64_t seed_ = 0;
  std::vector<Base> bases_;
  std::vector<Bytes> whole_;  // the bytes of bases_, as Mutate takes them
  std::vector<Bomb> bombs_;
};

/// The pictures among the seeds of fuzz targets: every file in a folder image_* of `folder`, in the order of
/// their paths, named after folder and file. Errors: kFileUnreadable.
Result<std::vector<Base>> PictureSeeds(const std::string& folder);

}  // namespace hashgate::testkit::hostile
