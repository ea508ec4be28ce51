// A pool over the hostile decoder, for tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "decode/decoder_pool.h"
#include "decode/shared_buffer.h"
#include "decode/spawner.h"
#include "integration/decode/hostile_protocol.h"

namespace hashgate::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline std::string HostileBinary() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "hashgate-decoder-hostile";
}

inline ByteSpan BytesOf(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline SteadyTime In(milliseconds time) {
  return Clock::System().Steady() + time;
}

/// Looks again and again until `done`, at most ten seconds.
inline bool Eventually(const std::function<bool()>& done) {
  const SteadyTime deadline = In(seconds(10));
  while (!done()) {
    if (Clock::System().Steady() >= deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

inline int OpenDescriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

class PoolTest : public ::testing::Test {
 protected:
  static decode::PoolOptions OneWorker() {
    decode::PoolOptions options;
    options.workers = 1;
    options.job_timeout = seconds(60);
    return options;
  }

  void StartPool(const decode::PoolOptions& options, const std::string& binary = HostileBinary()) {
    auto spawner = decode::Spawner::Start(binary);
    ASSERT_TRUE(spawner) << spawner.error().message;
    spawner_pid_ = static_cast<decode::SpawnerProcess*>(spawner->get())->pid();
    auto pool = decode::StartDecoderPool(*std::move(spawner), options);
    ASSERT_TRUE(pool) << pool.error().message;
    pool_ = *std::move(pool);
  }

  Result<decode::DecodeResult> Decode(std::string_view upload, milliseconds time = seconds(60),
                                      const std::function<bool()>& cancelled = {}) {
    if (!pool_) return Fail(Reason::kDecoderUnavailable, "the pool did not start");
    return pool_->Decode(BytesOf(upload), decode::Format::kJpeg, {}, In(time), cancelled);
  }

  /// How many jobs the worker that answered `result` had seen.
  static std::uint32_t JobsOf(const Result<decode::DecodeResult>& result) {
    return result ? result->frames_seen : 0;
  }

  /// Workers replaced for `reason` so far.
  std::uint64_t Restarts(decode::Restart reason) {
    return pool_->Stats().classes.at(0).restarts.at(static_cast<std::size_t>(reason));
  }

  /// The pool works, and on the bytes it was given.
  void ExpectServes(std::string_view upload) {
    const auto result = Decode(upload);
    ASSERT_TRUE(result) << result.error().message;
    ASSERT_EQ(result->cause, Cause::kNone);
    ASSERT_EQ(result->views.size(), 1U);
    EXPECT_EQ(result->views[0].pdq.at(0).forms[0].words[0], Checksum(BytesOf(upload)));
  }

  std::unique_ptr<decode::Decoder> pool_;
  int spawner_pid_ = 0;
};

}  // namespace hashgate::testing
