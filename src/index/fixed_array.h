// Memory of the index: arrays whose size is known when they are made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace hashgate::index {

/// Bytes on a cache line boundary, large ones on a huge page's and with huge pages asked for: random reads of
/// a large table are four times as fast then. Throws std::bad_alloc.
void* AllocateArray(std::size_t bytes);
void FreeArray(void* data, std::size_t bytes) noexcept;

/// An array of exactly the size asked for. Elements start with no value.
template <typename T>
class FixedArray {
 public:
  FixedArray() = default;
  explicit FixedArray(std::size_t size)
      : data_(static_cast<T*>(AllocateArray(size * sizeof(T))), Free{size * sizeof(T)}), size_(size) {}
  [[nodiscard]] T* data() { return data_.get(); }
  [[nodiscard]] const T* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return size_ * sizeof(T); }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }
  [[nodiscard]] std::span<T> span() { return {data_.get(), size_}; }
  [[nodiscard]] std::span<const T> span() const { return {data_.get(), size_}; }

 private:
  struct Free {
    std::size_t bytes = 0;
    void operator()(T* data) const { FreeArray(data, bytes); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

template <typename T>
std::span<const std::uint8_t> AsBytes(const FixedArray<T>& array) {
  return {reinterpret_cast<const std::uint8_t*>(array.data()), array.bytes()};
}
template <typename T>
std::span<std::uint8_t> AsWritableBytes(FixedArray<T>& array) {
  return {reinterpret_cast<std::uint8_t*>(array.data()), array.bytes()};
}

}  // namespace hashgate::index
