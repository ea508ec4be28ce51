#include "index/snapshot_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "base/checksum.h"
#include "base/hex.h"
#include "base/random.h"

namespace hashgate::index {
namespace {

constexpr std::string_view kMagic = "\x89HGIDX\r\n";
constexpr std::uint32_t kVersion = 3;
constexpr std::size_t kHeaderBytes = 4096;
constexpr std::size_t kHeaderValues = 88;  // without their checksum
constexpr std::size_t kAlignment = 4096;
constexpr std::uint64_t kMaxDirectoryBytes = std::uint64_t{256} << 20;
// So that the last sync has little left to write.
constexpr std::uint64_t kStartWritingEvery = std::uint64_t{8} << 20;

std::span<const std::uint8_t> BytesOf(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string_view TextOf(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t SealerTag(const std::shared_ptr<const Sealer>& sealer) {
  return SealsNothing(sealer.get()) ? 0 : Checksum(BytesOf(sealer->Name()));
}

// Blocks are numbered through the file; the directory has a number of its own.
std::string ContextOf(const SnapshotName& name, std::uint64_t block) {
  return "index.snapshot/" + HexEncode(name) + "/" + std::to_string(block);
}
constexpr std::uint64_t kDirectoryBlock = std::numeric_limits<std::uint64_t>::max();

std::uint64_t Aligned(std::uint64_t offset) {
  return (offset + kAlignment - 1) / kAlignment * kAlignment;
}

std::unexpected<Error> FileError(const std::string& what, const std::string& path, int error) {
  return Fail(
      error == ENOSPC || error == EDQUOT || error == EFBIG ? Reason::kStoreFull : Reason::kStoreFailed,
      "the index snapshot " + path + " cannot be " + what + ": " + std::system_category().message(error));
}

Status PutAt(int fd, const std::string& path, std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return FileError("written", path, put < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

}  // namespace

SnapshotWriter::SnapshotWriter(SnapshotFileOptions options, std::function<bool()> cancelled)
    : options_(std::move(options)), cancelled_(std::move(cancelled)), beside_(options_.path + ".new") {}

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::Create(SnapshotFileOptions options,
                                                               std::function<bool()> cancelled) {
  std::unique_ptr<SnapshotWriter> writer(new SnapshotWriter(std::move(options), std::move(cancelled)));
  writer->file_.reset(::open(writer->beside_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                             S_IRUSR | S_IWUSR));
  if (!writer->file_.valid()) return FileError("written", writer->beside_, errno);
  FillRandom(writer->name_);
  writer->size_ = kHeaderBytes;
  return writer;
}

SnapshotWriter::~SnapshotWriter() {
  if (!committed_ && file_.valid()) static_cast<void>(::unlink(beside_.c_str()));
}

Status SnapshotWriter::Put(std::span<const std::uint8_t> bytes) {
  HASHGATE_RETURN_IF_ERROR(PutAt(file_.get(), beside_, size_, bytes));
  const std::uint64_t before = size_;
  size_ += bytes.size();
  if (before / kStartWritingEvery != size_ / kStartWritingEvery) {
    // Only brings the writing forward: where the file system cannot, the sync at the end does it all.
    static_cast<void>(::sync_file_range(file_.get(), static_cast<off_t>(before), 0, SYNC_FILE_RANGE_WRITE));
  }
  return {};
}

Status SnapshotWriter::Array(const BlockSums& array) {
  size_ = Aligned(size_);
  values_.Little<std::uint64_t>(array.bytes().size());
  const bool sealed = !SealsNothing(options_.sealer.get());
  for (std::size_t i = 0; i < array.sums().size(); ++i) {
    if (cancelled_ && cancelled_()) return Fail(Reason::kCancelled, "the index snapshot was given up");
    values_.Little(array.sums()[i]);
    if (!sealed) {
      HASHGATE_RETURN_IF_ERROR(Put(array.block(i)));
    } else {
      const std::string block = options_.sealer->Seal(TextOf(array.block(i)), ContextOf(name_, blocks_ + i));
      values_.Little(static_cast<std::uint32_t>(block.size()));
      HASHGATE_RETURN_IF_ERROR(Put(BytesOf(block)));
    }
  }
  blocks_ += array.sums().size();
  return {};
}

Status SnapshotWriter::Commit() {
  size_ = Aligned(size_);
  const std::uint64_t at = size_;
  const std::string stored = SealsNothing(options_.sealer.get())
                                 ? std::move(directory_)
                                 : options_.sealer->Seal(directory_, ContextOf(name_, kDirectoryBlock));
  HASHGATE_RETURN_IF_ERROR(Put(BytesOf(stored)));
  std::string header;
  ByteWriter writer(header);
  writer.Raw(kMagic);
  writer.Little(kVersion);
  writer.Little<std::uint32_t>(BlockSums::kBlockBytes);
  writer.Little(SealerTag(options_.sealer));
  writer.Raw(TextOf(options_.owner));
  writer.Raw(TextOf(name_));
  writer.Little(at);
  writer.Little<std::uint64_t>(stored.size());
  writer.Little(Checksum(BytesOf(stored)));
  writer.Little(size_);
  writer.Little(Checksum(BytesOf(header)));
  header.resize(kHeaderBytes);
  HASHGATE_RETURN_IF_ERROR(PutAt(file_.get(), beside_, 0, BytesOf(header)));
  // The bytes first, then the name: what stands at `path` is whole at any time.
  if (::fsync(file_.get()) != 0) return FileError("written", beside_, errno);
  if (::rename(beside_.c_str(), options_.path.c_str()) != 0) return FileError("renamed", beside_, errno);
  committed_ = true;
  const std::string folder = std::filesystem::path(options_.path).parent_path().string();
  const UniqueFd directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get()) != 0) {
    return FileError("renamed durably", options_.path, errno);
  }
  return {};
}

Result<std::unique_ptr<SnapshotReader>> SnapshotReader::Open(SnapshotFileOptions options) {
  UniqueFd file(::open(options.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) {
    if (errno == ENOENT) return Fail(Reason::kEntryNotFound, "there is no index snapshot");
    return FileError("read", options.path, errno);
  }
  std::unique_ptr<SnapshotReader> reader(new SnapshotReader(std::move(options), std::move(file)));
  HASHGATE_RETURN_IF_ERROR(reader->ReadHeader());
  return reader;
}

std::unexpected<Error> SnapshotReader::Damaged(const std::string& what) const {
  return Fail(Reason::kStoreCorrupt, "the index snapshot " + options_.path + " " + what);
}

Status SnapshotReader::Get(std::uint64_t offset, std::span<std::uint8_t> into) const {
  while (!into.empty()) {
    const ssize_t got = ::pread(file_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError("read", options_.path, errno);
    if (got == 0) return Damaged("is cut short");
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

Status SnapshotReader::ReadHeader() {
  struct stat info{};
  if (::fstat(file_.get(), &info) != 0) return FileError("read", options_.path, errno);
  if (!S_ISREG(info.st_mode)) return Damaged("is not a file");
  file_bytes_ = static_cast<std::uint64_t>(info.st_size);
  std::array<std::uint8_t, kHeaderBytes> bytes{};
  HASHGATE_RETURN_IF_ERROR(Get(0, bytes));
  ByteReader header(TextOf(bytes));
  if (header.Raw(kMagic.size()) != kMagic) return Damaged("does not begin as one");
  const auto version = header.Little<std::uint32_t>();
  if (version != kVersion) {
    return Fail(version > kVersion ? Reason::kSchemaTooNew : Reason::kSchemaUnknown,
                "the index snapshot " + options_.path + " is of version " + std::to_string(version) +
                    ", and this program reads version " + std::to_string(kVersion));
  }
  const auto block_bytes = header.Little<std::uint32_t>();
  const auto sealer = header.Little<std::uint64_t>();
  const std::string_view owner = header.Raw(options_.owner.size());
  std::ranges::copy(BytesOf(header.Raw(name_.size())), name_.begin());
  const auto directory_at = header.Little<std::uint64_t>();
  const auto directory_bytes = header.Little<std::uint64_t>();
  const auto directory_sum = header.Little<std::uint64_t>();
  const auto whole = header.Little<std::uint64_t>();
  const auto header_sum = header.Little<std::uint64_t>();
  if (header_sum != Checksum(std::span(bytes).first(kHeaderValues))) return Damaged("has a damaged header");
  if (owner != TextOf(options_.owner)) return Damaged("belongs to another store");
  if (sealer != SealerTag(options_.sealer)) return Damaged("was sealed otherwise than this store is");
  if (whole != file_bytes_) return Damaged("is cut short, or longer than it was");
  if (block_bytes != BlockSums::kBlockBytes || directory_bytes > kMaxDirectoryBytes || directory_at > whole ||
      directory_bytes != whole - directory_at) {
    return Damaged("has a header that does not fit it");
  }
  directory_.resize(directory_bytes);
  HASHGATE_RETURN_IF_ERROR(
      Get(directory_at, {reinterpret_cast<std::uint8_t*>(directory_.data()), directory_.size()}));
  if (Checksum(BytesOf(directory_)) != directory_sum) return Damaged("has a damaged directory");
  if (!SealsNothing(options_.sealer.get())) {
    HASHGATE_ASSIGN_OR_RETURN(directory_,
                              options_.sealer->Open(directory_, ContextOf(name_, kDirectoryBlock)));
  }
  values_ = ByteReader(directory_);
  offset_ = kHeaderBytes;
  static_cast<void>(::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL));
  return {};
}

Result<std::uint64_t> SnapshotReader::NextArrayBytes() {
  if (!std::exchange(size_taken_, true)) next_array_bytes_ = values_.Little<std::uint64_t>();
  // No array is larger than the file: nothing is allocated for one that says so.
  if (!values_.ok() || next_array_bytes_ > file_bytes_)
    return Damaged("has a directory that does not fit it");
  return next_array_bytes_;
}

Status SnapshotReader::Array(std::span<std::uint8_t> into, BlockSums& sums) {
  HASHGATE_ASSIGN_OR_RETURN(const std::uint64_t bytes, NextArrayBytes());
  size_taken_ = false;
  if (bytes != into.size()) return Damaged("has an array of another size than its neighbours say");
  offset_ = Aligned(offset_);
  const bool sealed = !SealsNothing(options_.sealer.get());
  const std::size_t count = BlockSums::CountFor(into.size());
  std::vector<std::uint64_t> known;
  known.reserve(count);
  std::string stored;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * BlockSums::kBlockBytes;
    const std::span<std::uint8_t> block =
        into.subspan(begin, std::min(BlockSums::kBlockBytes, into.size() - begin));
    known.push_back(values_.Little<std::uint64_t>());
    if (!sealed) {
      HASHGATE_RETURN_IF_ERROR(Get(offset_, block));
      offset_ += block.size();
    } else {
      const auto stored_bytes = values_.Little<std::uint32_t>();
      if (!values_.ok() || stored_bytes > 2 * BlockSums::kBlockBytes) {
        return Damaged("has a directory that does not fit it");
      }
      stored.resize(stored_bytes);
      HASHGATE_RETURN_IF_ERROR(Get(offset_, {reinterpret_cast<std::uint8_t*>(stored.data()), stored.size()}));
      offset_ += stored.size();
      HASHGATE_ASSIGN_OR_RETURN(const std::string plain,
                                options_.sealer->Open(stored, ContextOf(name_, blocks_ + i)));
      if (plain.size() != block.size()) return Damaged("has a block of another size");
      std::ranges::copy(BytesOf(plain), block.begin());
    }
    if (!values_.ok() || Checksum(block) != known.back()) {
      return Damaged("has a damaged block: checksums differ at byte " + std::to_string(offset_));
    }
  }
  blocks_ += count;
  sums = BlockSums(into, std::move(known));
  return {};
}

}  // namespace hashgate::index
