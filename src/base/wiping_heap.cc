// Memory that is given back holds nothing any more: free and realloc of the binaries that hold uploads. gRPC,
// Protobuf, RocksDB and codecs copy bytes into blocks of their own and free them as they are; here every one
// of these is overwritten. Linked into a binary as a source of its own, because a library's would not replace
// the C library's. Source: glibc's manual, "Replacing malloc"; the flag below is in its malloc.c since 1996,
// the mark of freed blocks since 2.29.
#include <malloc.h>
#include <string.h>

#include <atomic>
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

// A thread's cache of freed blocks keeps a link in the first word of each and one mark, the same in all of a
// process and its forks, in the second. By that mark the C library knows a block that is freed twice.
constexpr std::size_t kCacheBytes = 16;

std::uintptr_t SecondWord(const void* block) {
  std::uintptr_t word = 0;
  std::memcpy(&word, static_cast<const char*>(block) + sizeof word, sizeof word);
  return word;
}

// 0 where there is no such cache, and until it is known: libraries may have threads by then.
constinit std::atomic<std::uintptr_t> cache_mark = 0;

// Runs before any constructor of the binary.
__attribute__((constructor(101))) void LearnCacheMark() {
  void* block = __libc_malloc(kCacheBytes);
  if (block == nullptr) return;
  ::explicit_bzero(block, kCacheBytes);
  // The compiler must not know that the block is read after it was given back: the mark is there only then.
  void* volatile freed = block;
  __libc_free(block);
  cache_mark.store(SecondWord(freed), std::memory_order_relaxed);
}

// Leaves link and mark of a block that seems to be free already, so that the C library sees it and aborts. A
// block in use has that mark only by chance: the cache takes it off.
void Wipe(void* block) {
  const std::uintptr_t mark = cache_mark.load(std::memory_order_relaxed);
  const std::size_t kept = mark != 0 && SecondWord(block) == mark ? kCacheBytes : 0;
  // Nothing is usable of a block that is free and not in a cache.
  const std::size_t usable = ::malloc_usable_size(block);
  if (usable > kept) ::explicit_bzero(static_cast<char*>(block) + kept, usable - kept);
}

}  // namespace

extern "C" void free(void* block) {
  if (block == nullptr) return;
  if (!IsMapped(block)) Wipe(block);
  __libc_free(block);
}

extern "C" void* realloc(void* block, std::size_t size) {
  if (block != nullptr && size == 0) {
    free(block);
    return nullptr;
  }
  if (block == nullptr || IsMapped(block)) return __libc_realloc(block, size);
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
