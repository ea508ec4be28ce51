// What the heap of the binaries that hold uploads leaves in memory, and what it must not hide.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace hashgate {
namespace {

constexpr unsigned char kSecret = 0xa7;
// A thread's cache writes over the first two words of what it holds.
constexpr std::size_t kLinkBytes = 16;
// Of a size that the cache takes and one that it does not.
constexpr std::array<std::size_t, 4> kSizes = {24, 200, 1'000, 5'000};

// Calls that the compiler knows nothing about: it would leave out stores before them and reads behind.
void (*volatile give_back)(void*) = &std::free;
void* (*volatile resize)(void*, std::size_t) = &std::realloc;
void* (*volatile allocate)(std::size_t) = &std::malloc;

/// A block full of secrets. What lies behind it is in use, so that it is not joined with the heap's end.
struct Block {
  explicit Block(std::size_t size)
      : bytes(static_cast<unsigned char*>(allocate(size))), guard(allocate(size)) {
    std::memset(bytes, kSecret, size);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { give_back(guard); }

  unsigned char* volatile bytes;
  void* guard;
};

std::size_t CountSecrets(const unsigned char* bytes, std::size_t from, std::size_t size) {
  std::size_t count = 0;
  for (std::size_t i = from; i < size; ++i) {
    // A volatile read: the block is no longer the program's, and its page is still there.
    const volatile unsigned char* at = bytes + i;
    count += *at == kSecret ? 1 : 0;
  }
  return count;
}

TEST(WipingHeap, FreeLeavesNothing) {
  for (const std::size_t size : kSizes) {
    const Block block(size);
    ASSERT_EQ(CountSecrets(block.bytes, 0, size), size);
    give_back(block.bytes);
    // The heap's own links may hold a byte of that value by chance.
    EXPECT_EQ(CountSecrets(block.bytes, 2 * kLinkBytes, size), 0U) << size;
    EXPECT_LT(CountSecrets(block.bytes, 0, std::min(size, 2 * kLinkBytes)), 8U) << size;
  }
}

TEST(WipingHeap, NothingStaysOfABlockThatIsJoinedWithTheOneInFront) {
  // The heap puts nothing of its own into the second one.
  constexpr std::size_t kSize = 60'000;
  const Block first(kSize);
  const std::array<unsigned char* volatile, 2> rest = {static_cast<unsigned char*>(allocate(kSize)),
                                                       static_cast<unsigned char*>(allocate(kSize))};
  void* last = allocate(kSize);
  ASSERT_LT(static_cast<std::size_t>(rest[1] - rest[0]), kSize + 64);
  for (unsigned char* block : rest) std::memset(block, kSecret, kSize);
  for (unsigned char* block : rest) give_back(block);
  EXPECT_EQ(CountSecrets(rest[1], 0, kSize), 0U);
  give_back(last);
  give_back(first.bytes);
}

TEST(WipingHeap, ReallocToNothingLeavesNothing) {
  for (const std::size_t size : kSizes) {
    const Block block(size);
    EXPECT_EQ(resize(block.bytes, 0), nullptr);
    EXPECT_EQ(CountSecrets(block.bytes, 2 * kLinkBytes, size), 0U) << size;
    EXPECT_LT(CountSecrets(block.bytes, 0, std::min(size, 2 * kLinkBytes)), 8U) << size;
  }
}

TEST(WipingHeap, ReallocLeavesNothingBehindOrInTheOldPlace) {
  const Block shrunk(1'000);
  unsigned char* kept = static_cast<unsigned char*>(resize(shrunk.bytes, 100));
  EXPECT_EQ(CountSecrets(kept, 0, 100), 100U);
  EXPECT_EQ(CountSecrets(shrunk.bytes, 100 + 2 * kLinkBytes, 1'000), 0U);
  give_back(kept);

  const Block grown(1'000);
  kept = static_cast<unsigned char*>(resize(grown.bytes, 100'000));
  ASSERT_NE(kept, grown.bytes);
  EXPECT_EQ(CountSecrets(kept, 0, 1'000), 1'000U);
  EXPECT_EQ(CountSecrets(grown.bytes, 2 * kLinkBytes, 1'000), 0U);
  give_back(kept);
}

TEST(WipingHeap, NothingToFreeOrToResizeIsFine) {
  give_back(nullptr);
  void* block = resize(nullptr, 40);
  ASSERT_NE(block, nullptr);
  give_back(block);
  void* least = resize(nullptr, 0);
  EXPECT_NE(least, nullptr);
  give_back(least);
  // One with a mapping of its own.
  void* large = allocate(std::size_t{8} << 20);
  ASSERT_NE(large, nullptr);
  EXPECT_EQ(resize(large, 0), nullptr);
}

TEST(WipingHeapDeathTest, ABlockThatIsFreedTwiceAborts) {
  for (const std::size_t size : kSizes) {
    EXPECT_DEATH(
        {
          const Block block(size);
          give_back(block.bytes);
          give_back(block.bytes);
        },
        "double free")
        << size;
  }
}

TEST(WipingHeapDeathTest, ABlockThatIsFreedTwiceAbortsBehindOthersAndInOtherThreads) {
  EXPECT_DEATH(
      {
        const Block first(100);
        const Block second(100);
        give_back(first.bytes);
        give_back(second.bytes);
        give_back(first.bytes);
      },
      "double free");
  EXPECT_DEATH(std::thread([] {
                 const Block block(100);
                 give_back(block.bytes);
                 resize(block.bytes, 0);
               }).join(),
               "double free");
}

}  // namespace
}  // namespace hashgate
