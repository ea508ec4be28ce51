// Memory that is given back holds nothing any more: free and realloc of the binaries that hold uploads. gRPC,
// Protobuf, RocksDB and codecs copy bytes into blocks of their own and free them as they are; here every one
// of these is overwritten. Linked into a binary as a source of its own, because a library's would not replace
// the C library's. Source: glibc's manual, "Replacing malloc"; the flag below is in its malloc.c since 1996.
#include <malloc.h>
#include <string.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" {
void __libc_free(void* block);                        // NOLINT: the C library's own names
void* __libc_realloc(void* block, std::size_t size);  // NOLINT
void* __libc_malloc(std::size_t size);                // NOLINT
}

namespace {

// True where the block has a mapping of its own: the kernel takes it back, and touching it might first make
// it give pages that were never used.
bool IsMapped(void* block) {
  constexpr std::size_t kMapped = 2;
  std::size_t head = 0;
  std::memcpy(&head, static_cast<const char*>(block) - sizeof head, sizeof head);
  return (head & kMapped) != 0;
}

}  // namespace

extern "C" void free(void* block) {
  if (block == nullptr) return;
  if (!IsMapped(block)) ::explicit_bzero(block, ::malloc_usable_size(block));
  __libc_free(block);
}

extern "C" void* realloc(void* block, std::size_t size) {
  if (block == nullptr || size == 0 || IsMapped(block)) return __libc_realloc(block, size);
  const std::size_t usable = ::malloc_usable_size(block);
  if (size <= usable) {
    // What is cut off may be given back at once.
    ::explicit_bzero(static_cast<char*>(block) + size, usable - size);
    return __libc_realloc(block, size);
  }
  void* moved = __libc_malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, usable);
  free(block);
  return moved;
}
