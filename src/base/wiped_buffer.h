// Memory that holds parts of an upload.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace hashgate {

/// Fixed-size memory that starts as zeros and is wiped before it is given back: no picture outlives its scan.
/// Throws std::bad_alloc where memory is refused.
template <typename T>
class WipedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  WipedBuffer() = default;
  explicit WipedBuffer(std::size_t size)
      : data_(size == 0 ? nullptr : static_cast<T*>(std::calloc(size, sizeof(T)))), size_(size) {
    if (size != 0 && data_ == nullptr) throw std::bad_alloc();
  }
  WipedBuffer(const WipedBuffer&) = delete;
  WipedBuffer& operator=(const WipedBuffer&) = delete;
  WipedBuffer(WipedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  WipedBuffer& operator=(WipedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~WipedBuffer() {
    if (data_ == nullptr) return;
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes what a std::optional holds for destroyed twice.
    explicit_bzero(data_, size_ * sizeof(T));
    std::free(data_);
  }

  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T& operator[](std::size_t i) { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return data_[i]; }
  [[nodiscard]] std::span<const T> first(std::size_t count) const { return {data_, count}; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace hashgate
