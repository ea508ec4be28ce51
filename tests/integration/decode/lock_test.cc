// The shared buffer's seals and the lock's refusals, seen from inside one process.
#include "decode/lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "decode/shared_buffer.h"

namespace hashgate::decode {
namespace {

TEST(SharedBuffer, NobodyElseCanWriteOrResizeIt) {
  auto buffer = SharedBuffer::Create(10'000);
  ASSERT_TRUE(buffer) << buffer.error().message;
  EXPECT_EQ(buffer->size(), 12'288U);
  const int fd = buffer->fd();
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd, 1 << 20), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::pwrite(fd, "x", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
  EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST(SharedBuffer, AReadOnlyMappingSeesTheUploadAndStaysReadOnly) {
  auto buffer = SharedBuffer::Create(4096);
  ASSERT_TRUE(buffer);
  void* mapping = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, buffer->fd(), 0);
  ASSERT_NE(mapping, MAP_FAILED);
  const std::vector<std::uint8_t> upload = {1, 2, 3};
  buffer->Fill(upload);
  EXPECT_TRUE(std::equal(upload.begin(), upload.end(), static_cast<const std::uint8_t*>(mapping)));
  EXPECT_EQ(::mprotect(mapping, 4096, PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(errno, EACCES);
  ::munmap(mapping, 4096);
}

TEST(SharedBuffer, WipeLeavesZeros) {
  auto buffer = SharedBuffer::Create(100'000);
  ASSERT_TRUE(buffer);
  buffer->Fill(std::vector<std::uint8_t>(90'000, 0xaa));
  EXPECT_EQ(buffer->touched(), 90'000U);
  buffer->Wipe();
  const ByteSpan view = buffer->view();
  EXPECT_TRUE(std::all_of(view.begin(), view.end(), [](std::uint8_t b) { return b == 0; }));
  EXPECT_EQ(buffer->touched(), 90'000U);
}

TEST(Lock, RefusesAProcessWithSeveralThreads) {
#ifdef HASHGATE_SANITIZED
  GTEST_SKIP() << "sanitizers have a thread of their own, so the check is off";
#endif
  std::mutex mutex;
  std::condition_variable wake;
  bool done = false;
  std::thread other([&] {
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return done; });
  });
  const auto locked = LockProcess({.socket_fd = 3, .memory_bytes = 1 << 30, .cpu_seconds = 10});
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  wake.notify_one();
  other.join();
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().step, LockStep::kThreads);
  EXPECT_THAT(Describe(locked.error()), ::testing::HasSubstr("threads"));
}

TEST(Lock, LevelsHaveNames) {
  EXPECT_EQ(LockLevelName(LockLevel::kNone), "none");
  EXPECT_EQ(LockLevelName(LockLevel::kBasic), "basic");
  EXPECT_EQ(LockLevelName(LockLevel::kLandlock), "landlock");
  EXPECT_EQ(LockLevelName(LockLevel::kNamespaces), "namespaces");
}

}  // namespace
}  // namespace hashgate::decode
