// What was hashed of files that were scanned lately, so that identical bytes are not decoded again.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/mutex.h"
#include "decode/record.h"

namespace hashgate::scan {

struct SeenPicturesOptions {
  std::size_t max_bytes = std::size_t{32} << 20;  ///< of memory, about; 0: nothing is kept
  /// How long a result counts. A decoder that an upload took over could forge results of the next ones; this
  /// bounds how long one of those would be believed.
  std::chrono::seconds keep{600};
};

/// Results by a keyed digest of the bytes, those used last kept longest. The key is drawn at the start, so
/// what lies in memory says nothing about which files were seen to whoever does not hold it. Threads:
/// thread-safe.
class SeenPictures {
 public:
  using Sha256 = std::array<std::uint8_t, 32>;

  explicit SeenPictures(const SeenPicturesOptions& options, const Clock& clock = Clock::System());
  SeenPictures(const SeenPictures&) = delete;
  SeenPictures& operator=(const SeenPictures&) = delete;
  ~SeenPictures() = default;

  /// What was hashed of the same bytes when the same was wanted.
  std::shared_ptr<const decode::DecodeResult> Find(const Sha256& content, const decode::Wanted& wanted);

  /// Keeps what a decoder said of these bytes. What it could not show any part of is not kept: such a file is
  /// tried anew each time.
  void Remember(const Sha256& content, const decode::Wanted& wanted, const decode::DecodeResult& result);

  /// How many results are kept.
  [[nodiscard]] std::size_t Count() const;

 private:
  struct Seen {
    std::string id;
    std::shared_ptr<const decode::DecodeResult> result;
    std::size_t bytes = 0;
    SteadyTime until;
  };
  using Order = std::list<Seen>;

  [[nodiscard]] std::string IdOf(const Sha256& content, const decode::Wanted& wanted) const;
  void Drop(Order::iterator seen) HASHGATE_REQUIRES(mutex_);

  const SeenPicturesOptions options_;
  const Clock& clock_;
  const std::array<std::uint8_t, 32> key_;
  mutable Mutex mutex_;
  Order order_ HASHGATE_GUARDED_BY(mutex_);  // last used first
  std::unordered_map<std::string, Order::iterator> by_id_ HASHGATE_GUARDED_BY(mutex_);
  std::size_t bytes_ HASHGATE_GUARDED_BY(mutex_) = 0;
};

}  // namespace hashgate::scan
