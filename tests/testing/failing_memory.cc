#include "testing/failing_memory.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

// glibc's own names of the functions that are replaced here: hence NOLINT.
extern "C" {
void* __libc_malloc(std::size_t size);                           // NOLINT
void* __libc_calloc(std::size_t count, std::size_t size);        // NOLINT
void* __libc_realloc(void* data, std::size_t size);              // NOLINT
void* __libc_memalign(std::size_t alignment, std::size_t size);  // NOLINT
void __libc_free(void* data);                                    // NOLINT
}

namespace {

struct State {
  bool armed = false;
  bool all_after = false;
  bool fired = false;
  std::uint64_t nth = 0;
  std::uint64_t seen = 0;
};
constinit thread_local State t_state;
constinit std::atomic<std::int64_t> g_live = 0;

bool Refuse() {
  State& state = t_state;
  if (!state.armed) return false;
  ++state.seen;
  const bool refuse =
      state.nth != 0 && (state.seen == state.nth || (state.all_after && state.seen > state.nth));
  if (!refuse) return false;
  state.fired = true;
  errno = ENOMEM;
  return true;
}

void* Counted(void* data) {
  if (data != nullptr) g_live.fetch_add(1, std::memory_order_relaxed);
  return data;
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) {
  return Refuse() ? nullptr : Counted(__libc_malloc(size));
}
void* calloc(std::size_t count, std::size_t size) {
  return Refuse() ? nullptr : Counted(__libc_calloc(count, size));
}
void* realloc(void* data, std::size_t size) {
  if (data == nullptr) return malloc(size);
  if (size == 0) {
    free(data);
    return nullptr;
  }
  return Refuse() ? nullptr : __libc_realloc(data, size);
}
void* memalign(std::size_t alignment, std::size_t size) {  // NOLINT: likewise
  return Refuse() ? nullptr : Counted(__libc_memalign(alignment, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return memalign(alignment, size);
}
int posix_memalign(void** data, std::size_t alignment, std::size_t size) {
  void* const made = memalign(alignment, size);
  if (made == nullptr) return ENOMEM;
  *data = made;
  return 0;
}
void free(void* data) {
  if (data == nullptr) return;
  g_live.fetch_sub(1, std::memory_order_relaxed);
  __libc_free(data);
}

}  // extern "C"

namespace hashgate::testing {

FailingMemory::FailingMemory(std::uint64_t nth, bool all_after) {
  t_state = {.armed = true, .all_after = all_after, .nth = nth};
}
FailingMemory::~FailingMemory() {
  Disarm();
}
void FailingMemory::Disarm() {
  t_state.armed = false;
}
std::uint64_t FailingMemory::seen() const {
  return t_state.seen;
}
bool FailingMemory::fired() const {
  return t_state.fired;
}

std::int64_t LiveBlocks() {
  return g_live.load(std::memory_order_relaxed);
}

}  // namespace hashgate::testing
