#include "index/fixed_array.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace hashgate::index {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Below it, rounding up to whole huge pages would waste more than they win.
constexpr std::size_t kHugeFrom = 2 * kHugePage;

std::align_val_t AlignmentFor(std::size_t bytes) {
  return std::align_val_t{bytes >= kHugeFrom ? kHugePage : 64};
}

}  // namespace

void* AllocateArray(std::size_t bytes) {
  void* const data = ::operator new(std::max<std::size_t>(bytes, 1), AlignmentFor(bytes));
  // A kernel without huge pages says no, which costs speed only.
  if (bytes >= kHugeFrom) static_cast<void>(madvise(data, bytes, MADV_HUGEPAGE));
  return data;
}

void FreeArray(void* data, std::size_t bytes) noexcept {
  ::operator delete(data, AlignmentFor(bytes));
}

}  // namespace hashgate::index
