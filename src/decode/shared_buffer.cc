#include "decode/shared_buffer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace hashgate::decode {
namespace {

std::unexpected<Error> Failed(const char* step) {
  return Fail(Reason::kDecoderUnavailable, std::string("shared memory for a decoder worker failed at ") +
                                               step + ": " + std::strerror(errno));
}

}  // namespace

Result<SharedBuffer> SharedBuffer::Create(std::uint64_t size) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  size = (std::max<std::uint64_t>(size, 1) + page - 1) / page * page;
  UniqueFd fd(::memfd_create("hashgate-upload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return Failed("memfd_create");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return Failed("ftruncate");
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return Failed("mmap");
  SharedBuffer buffer(std::move(fd), static_cast<std::uint8_t*>(data), size);
  if (::madvise(data, size, MADV_DONTDUMP) != 0) return Failed("MADV_DONTDUMP");
  // Our writable mapping is older than the seal and stays; nobody can make another.
  if (::fcntl(buffer.fd(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) !=
      0) {
    return Failed("F_ADD_SEALS");
  }
  return buffer;
}

SharedBuffer::SharedBuffer(UniqueFd fd, std::uint8_t* data, std::uint64_t size)
    : fd_(std::move(fd)), data_(data), size_(size) {}

SharedBuffer::SharedBuffer(SharedBuffer&& other) noexcept
    : fd_(std::move(other.fd_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      filled_(std::exchange(other.filled_, 0)),
      touched_(std::exchange(other.touched_, 0)) {}

SharedBuffer& SharedBuffer::operator=(SharedBuffer&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(filled_, other.filled_);
  std::swap(touched_, other.touched_);
  return *this;
}

SharedBuffer::~SharedBuffer() {
  if (data_ == nullptr) return;
  Wipe();
  ::munmap(data_, size_);
}

void SharedBuffer::Fill(ByteSpan bytes) {
  std::memcpy(data_, bytes.data(), bytes.size());
  filled_ = std::max<std::uint64_t>(filled_, bytes.size());
  touched_ = std::max<std::uint64_t>(touched_, bytes.size());
}

void SharedBuffer::Wipe() {
  ::explicit_bzero(data_, filled_);
  filled_ = 0;
}

}  // namespace hashgate::decode
