// Memory that carries an upload to a worker: the server writes it, the worker can map it for reading only and
// can neither resize nor write it.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"

namespace hashgate::decode {

/// Pages stay with the buffer once touched (wiped, not returned): `touched()` says how many bytes that is at
/// most. Threads: confined.
class SharedBuffer {
 public:
  /// `size` bytes, rounded up to pages; touched lazily. Errors: kDecoderUnavailable.
  static Result<SharedBuffer> Create(std::uint64_t size);

  SharedBuffer(SharedBuffer&& other) noexcept;
  SharedBuffer& operator=(SharedBuffer&& other) noexcept;
  SharedBuffer(const SharedBuffer&) = delete;
  SharedBuffer& operator=(const SharedBuffer&) = delete;
  /// Wipes what is filled.
  ~SharedBuffer();

  /// Copies `bytes` to the front. REQUIRES: bytes.size() <= size().
  void Fill(ByteSpan bytes);
  /// Overwrites what Fill wrote with zeros, in a way no compiler removes.
  void Wipe();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t touched() const { return touched_; }
  /// The whole buffer as the server sees it.
  [[nodiscard]] ByteSpan view() const { return {data_, size_}; }

 private:
  SharedBuffer(UniqueFd fd, std::uint8_t* data, std::uint64_t size);

  UniqueFd fd_;
  std::uint8_t* data_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint64_t filled_ = 0;
  std::uint64_t touched_ = 0;
};

}  // namespace hashgate::decode
