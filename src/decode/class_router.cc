// Uploads to the pool of their class.
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "decode/decoder_pool.h"

namespace hashgate::decode {
namespace {

class ClassRouter final : public Decoder {
 public:
  Status Start(std::vector<ClassPool> pools) {
    for (ClassPool& pool : pools) {
      const WorkerClass worker_class = pool.spawner->worker_class();
      std::unique_ptr<Decoder>& place = PoolOf(worker_class);
      if (place != nullptr) return Fail(Reason::kInvariantBroken, "two decoder pools have one class");
      HASHGATE_ASSIGN_OR_RETURN(place, StartDecoderPool(std::move(pool.spawner), pool.options));
    }
    if (PoolOf(WorkerClass::kCore) == nullptr) {
      return Fail(Reason::kInvariantBroken, "a decoder needs workers of the core class");
    }
    return {};
  }

  Result<DecodeResult> Decode(ByteSpan upload, Format format, const Wanted& wanted, SteadyTime deadline,
                              const std::function<bool()>& cancelled) override {
    const auto& pool = PoolOf(ClassOf(format));
    if (pool != nullptr) return pool->Decode(upload, format, wanted, deadline, cancelled);
    return DecodeResult{.cause = upload.empty() ? Cause::kEmpty : Cause::kUnsupportedFormat,
                        .format = format};
  }

  [[nodiscard]] std::span<const VectorMaker> vector_makers() const override {
    return pools_[static_cast<std::size_t>(WorkerClass::kCore)]->vector_makers();
  }

  [[nodiscard]] PoolStats Stats() const override {
    PoolStats sum;
    for (const auto& pool : pools_) {
      if (pool == nullptr) continue;
      PoolStats stats = pool->Stats();
      for (std::uint64_t PoolStats::* const counter :
           {&PoolStats::jobs, &PoolStats::crashes, &PoolStats::timeouts, &PoolStats::cancelled,
            &PoolStats::protocol_errors, &PoolStats::retries, &PoolStats::started, &PoolStats::recycled,
            &PoolStats::spawner_starts}) {
        sum.*counter += stats.*counter;
      }
      sum.workers_alive += stats.workers_alive;
      sum.workers_busy += stats.workers_busy;
      sum.lock = sum.classes.empty() ? stats.lock : std::min(sum.lock, stats.lock);
      std::ranges::move(stats.classes, std::back_inserter(sum.classes));
    }
    return sum;
  }

 private:
  std::unique_ptr<Decoder>& PoolOf(WorkerClass worker_class) {
    return pools_[static_cast<std::size_t>(worker_class)];
  }

  std::array<std::unique_ptr<Decoder>, kWorkerClasses.size()> pools_;  // by WorkerClass; null: absent
};

}  // namespace

Result<std::unique_ptr<Decoder>> StartDecoder(std::vector<ClassPool> pools) {
  auto router = std::make_unique<ClassRouter>();
  HASHGATE_RETURN_IF_ERROR(router->Start(std::move(pools)));
  return router;
}

}  // namespace hashgate::decode
