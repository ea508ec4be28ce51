// The file that an index is saved in, so that a start reads it back instead of building it from the store.
//
// Layout: a header of 4,096 bytes, the arrays, each from a multiple of 4,096 on, and the directory, a stream
// of small values and of what is said of each array, in the order in which they were written. Whole numbers
// are little-endian, arrays as they lie in memory (little-endian machines only). src/index/FORMAT.md gives
// each byte.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/byte_codec.h"
#include "base/sealer.h"
#include "base/unique_fd.h"
#include "hashgate/error.h"
#include "index/block_sums.h"

namespace hashgate::index {

/// Whose file it is: a file of another store is refused.
using SnapshotOwner = std::array<std::uint8_t, 16>;
/// Random, of each file: tells it from all others.
using SnapshotName = std::array<std::uint8_t, 16>;

struct SnapshotFileOptions {
  std::string path;
  SnapshotOwner owner{};
  /// Seals every block and the directory; null or the identity: they stand as they are.
  std::shared_ptr<const Sealer> sealer;
};

/// Writes a file beside `path` and renames it once it is whole and on disk. Threads: confined.
class SnapshotWriter {
 public:
  /// `cancelled` is asked at every block. Errors: kStoreFull, kStoreFailed.
  static Result<std::unique_ptr<SnapshotWriter>> Create(SnapshotFileOptions options,
                                                        std::function<bool()> cancelled = {});
  /// Removes what was not committed.
  ~SnapshotWriter();
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  /// Where small values go.
  [[nodiscard]] ByteWriter& values() { return values_; }
  /// Appends the array. The checksums written are those taken earlier: what changed in memory since then does
  /// not pass when it is read. Errors: kStoreFull, kStoreFailed, kCancelled.
  Status Array(const BlockSums& array);
  /// Makes the file the one at `path`, durably. Errors: as Array.
  Status Commit();
  [[nodiscard]] const SnapshotName& name() const { return name_; }

 private:
  explicit SnapshotWriter(SnapshotFileOptions options, std::function<bool()> cancelled);
  Status Put(std::span<const std::uint8_t> bytes);

  const SnapshotFileOptions options_;
  const std::function<bool()> cancelled_;
  const std::string beside_;
  UniqueFd file_;
  SnapshotName name_{};
  std::uint64_t size_ = 0;
  std::uint64_t blocks_ = 0;
  std::string directory_;
  ByteWriter values_{directory_};
  bool committed_ = false;
};

/// Reads a file of SnapshotWriter in the order in which it was written. Threads: confined.
class SnapshotReader {
 public:
  /// Opens the file and checks its header and directory. Errors: kEntryNotFound where there is none,
  /// kSchemaTooNew and kSchemaUnknown for another version, kStoreCorrupt where it is damaged, of another
  /// store, or sealed otherwise, kStoreFailed.
  static Result<std::unique_ptr<SnapshotReader>> Open(SnapshotFileOptions options);

  /// Where small values come from. ok() of it says whether they were there.
  [[nodiscard]] ByteReader& values() { return values_; }
  /// The size of the next array, in bytes.
  [[nodiscard]] Result<std::uint64_t> NextArrayBytes();
  /// Fills the next array, which must have that size, and checks every block. `sums` then guards it. Errors:
  /// kStoreCorrupt, kStoreFailed.
  Status Array(std::span<std::uint8_t> into, BlockSums& sums);
  [[nodiscard]] const SnapshotName& name() const { return name_; }
  /// Bytes of the file.
  [[nodiscard]] std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  SnapshotReader(SnapshotFileOptions options, UniqueFd file)
      : options_(std::move(options)), file_(std::move(file)) {}
  Status ReadHeader();
  Status Get(std::uint64_t offset, std::span<std::uint8_t> into) const;
  [[nodiscard]] std::unexpected<Error> Damaged(const std::string& what) const;

  const SnapshotFileOptions options_;
  const UniqueFd file_;
  SnapshotName name_{};
  std::uint64_t file_bytes_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t blocks_ = 0;
  std::uint64_t next_array_bytes_ = 0;
  bool size_taken_ = false;
  std::string directory_;
  ByteReader values_{{}};
};

}  // namespace hashgate::index
