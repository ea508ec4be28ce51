// Memory that runs out on the thread that writes records: some are counted as dropped, and later ones are
// written.
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "unit/casework/casework_samples.h"

namespace {

// The allocation of the log's own thread that fails, counted from 1; at 0 none does.
constinit std::atomic<int> g_nth = 0;

bool IsWriter() {
  char name[16] = {};
  return ::pthread_getname_np(::pthread_self(), name, sizeof name) == 0 && std::strcmp(name, "verdicts") == 0;
}

}  // namespace

// Not inlined, or the compiler takes malloc and operator delete for a pair that does not match.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (g_nth.load() > 0 && IsWriter() && g_nth.fetch_sub(1) == 1) throw std::bad_alloc();
  void* const data = std::malloc(size == 0 ? 1 : size);  // NOLINT: this is where memory comes from
  if (data == nullptr) throw std::bad_alloc();
  return data;
}
[[gnu::noinline]] void operator delete(void* data) noexcept {
  std::free(data);  // NOLINT: likewise
}
[[gnu::noinline]] void operator delete(void* data, std::size_t) noexcept {
  std::free(data);  // NOLINT: likewise
}

namespace hashgate::casework {
namespace {

using testing::MakeAnswer;
using testing::MakeMatch;
using testing::ScanId;

TEST(VerdictMemory, TheLogOutlivesAnyAllocationThatFails) {
  testing::CaseworkFixture fixture;
  // The lists' names are known, so that a record's last row is that of its entry.
  fixture.Record(
      MakeAnswer(ScanId(1), {MakeMatch(1, 9'999, Verdict::kBlock), MakeMatch(2, 9'999, Verdict::kBlock)}));
  int dropped = 0;
  bool fired = true;
  int nth = 0;
  while (fired) {
    ++nth;
    ASSERT_LT(nth, 10'000);
    g_nth = nth;
    fixture.Record(
        MakeAnswer(ScanId(2 * nth), {MakeMatch(1, static_cast<std::uint64_t>(nth), Verdict::kBlock)}));
    fired = g_nth.exchange(0) == 0;
    dropped += fixture.OfEntry(1, static_cast<std::uint64_t>(nth)).empty() ? 1 : 0;
    fixture.Record(
        MakeAnswer(ScanId(2 * nth + 1), {MakeMatch(2, static_cast<std::uint64_t>(nth), Verdict::kBlock)}));
    ASSERT_EQ(fixture.OfEntry(2, static_cast<std::uint64_t>(nth)).size(), 1U) << "after allocation " << nth;
  }
  EXPECT_GT(dropped, 10);
  EXPECT_TRUE(fixture.Shows("hashgate_verdict_records_total{result=\"dropped\"} " + std::to_string(dropped)));
}

}  // namespace
}  // namespace hashgate::casework
