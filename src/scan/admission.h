// Which scans are taken and which of them is next: by cost, by deadline and by caller, never by count alone.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "scan/cost.h"
#include "scan/fair_queue.h"

namespace hashgate::scan {

/// Whether somebody waits for the answer. Background jobs run only where uploads leave room.
enum class Lane : std::uint8_t { kUpload, kBackground };

/// One scan that asks to be run.
struct ScanJob {
  /// Does it and says what it cost: time of its own work, waits for others not counted.
  std::function<Cost()> work;
  /// Runs instead of `work` where that could not start in time, and soon: an accepted call is always
  /// answered. Must be quick.
  std::function<void()> late;
  std::string caller;  ///< whose share it takes from
  Lane lane = Lane::kUpload;
  Estimate cost{};  ///< declared
  SteadyTime finish_by = SteadyTime::max();
  const void* owner = nullptr;  ///< whose jobs can be taken back together; may be null
};

/// The bound that a call ran into; names are label values of metrics.
enum class Bound : std::uint8_t {
  kQueue,      ///< too much work waits
  kShare,      ///< the caller has its share of what may wait
  kDeadline,   ///< it could not be done before its deadline
  kBytes,      ///< too many bytes are held in memory
  kByteShare,  ///< the caller has its share of these
  kStreams,    ///< too many streams are open
};
std::string_view BoundName(Bound bound);

/// Why a job was not taken.
struct Refused {
  Bound bound = Bound::kQueue;
  std::chrono::milliseconds retry_after{};  ///< when there may be room
};

struct AdmissionOptions {
  int threads = 2;             ///< jobs that run at once
  int workers = 1;             ///< decoders that they share: what is expected to be done at once
  int background_workers = 0;  ///< of these for background jobs at most; 0: all but one, at least one
  std::size_t max_queued = 256;
  /// Longest expected wait of an upload while work keeps coming faster than it is done; 0: four times what a
  /// scan usually takes, at least 10 ms.
  std::chrono::milliseconds queue_wait{0};
  /// The same for a burst after quieter times.
  std::chrono::milliseconds queue_burst{500};
};

/// Takes jobs, orders them and says which runs next. Three classes wait apart, each a FairQueue by caller:
///
/// - Uploads. An upload is taken where its expected wait is short, and where it can still be done in time.
///   Callers share: who has little waiting gets in however much others have.
/// - Heavy uploads, which are expected to take far longer than usual. While others scan, a heavy job must
///   leave most decoders alone, and all of them together get a fifth of the time: nothing can be taken back
///   from a decoder that has begun.
/// - Background jobs, which start only where no upload waits and a decoder stays free.
///
/// What a caller's files really take, by what their headers declare, is learned for each kind of work apart:
/// a caller whose GIFs lie pays for its GIFs from then on, and for nothing else. One file among many that
/// lies is charged for itself but changes little of what is expected of the others. Threads: confined. Time
/// is a parameter, so that tests can move it.
class AdmissionQueue {
 public:
  /// A job that was started. Hand it back to Finish.
  struct Running {
    ScanJob job;
    std::uint64_t id = 0;
  };

  explicit AdmissionQueue(const AdmissionOptions& options);

  /// Takes the job, or says why not; then neither of its functions will run.
  std::optional<Refused> Offer(ScanJob job, SteadyTime now);
  /// The job to run next. Empty where none may start now; see NextStart. Jobs that come too late for their
  /// deadlines are never given; they stay for TakeLate.
  std::optional<Running> Take(SteadyTime now);
  /// A job has ended and took `used`.
  void Finish(const Running& running, Cost used, SteadyTime now);
  /// Jobs that can no longer be done in time.
  std::vector<ScanJob> TakeLate(SteadyTime now);
  /// Jobs of an owner that wait; of all where it is null.
  std::vector<ScanJob> TakeBack(const void* owner);

  /// When TakeLate should be called next.
  [[nodiscard]] SteadyTime next_late() const { return late_.empty() ? next_late_ : SteadyTime::min(); }
  /// When Take may give something although nothing else changes; max where only a change can help.
  [[nodiscard]] SteadyTime NextStart(SteadyTime now) const;
  [[nodiscard]] std::size_t size() const;
  /// The most that is remembered of callers in one of the tables; bounded.
  [[nodiscard]] std::size_t callers_known() const;
  /// Time of one core that the queued jobs of a lane are expected to take.
  [[nodiscard]] Cost queued(Lane lane) const;

 private:
  enum class Class : std::uint8_t { kLight, kHeavy, kBackground };
  struct Queued {
    ScanJob job;
    Cost expected;
    SteadyTime start_by;
  };
  struct Started {
    std::string caller;
    Class of = Class::kLight;
    Estimate declared;
    Cost expected;
    SteadyTime begun;
  };
  using HabitKey = std::pair<std::string, std::uint8_t>;  // caller and kind of work
  struct Habit {
    double ratio_log = 0;  // of what such files usually took to what they declared
    SteadyTime seen;
  };

  [[nodiscard]] Cost Expected(const ScanJob& job) const;
  [[nodiscard]] bool IsHeavy(Cost expected) const;
  [[nodiscard]] std::optional<Refused> RefuseLight(const ScanJob& job, Cost expected, SteadyTime now);
  [[nodiscard]] std::optional<Refused> RefuseHeavy(const ScanJob& job, Cost expected, SteadyTime now) const;
  [[nodiscard]] Cost Residual(SteadyTime now) const;
  [[nodiscard]] bool LightIsActive(SteadyTime now) const;
  [[nodiscard]] int HeavyPlaces(SteadyTime now) const;
  [[nodiscard]] bool MayStart(Class of, SteadyTime now) const;
  [[nodiscard]] int running(Class of) const { return running_count_[static_cast<std::size_t>(of)]; }
  FairQueue<Queued>& queue(Class of) { return queues_[static_cast<std::size_t>(of)]; }
  [[nodiscard]] const FairQueue<Queued>& queue(Class of) const {
    return queues_[static_cast<std::size_t>(of)];
  }
  void Refill(SteadyTime now);
  void PutLateAside(SteadyTime now);
  void MoveHeavy();
  void Learn(const Started& started, Cost used, SteadyTime now);

  const AdmissionOptions options_;
  std::array<FairQueue<Queued>, 3> queues_;
  std::array<int, 3> running_count_{};
  std::map<std::uint64_t, Started> running_;
  std::uint64_t next_id_ = 1;
  SteadyTime next_late_ = SteadyTime::max();
  std::vector<ScanJob> late_;  // for TakeLate; they were counted while they waited
  std::map<HabitKey, Habit> habits_;
  double usual_log_;  // logarithm of the microseconds an upload usually takes
  Cost burst_left_;   // work that may still wait beyond the standing bound; idle decoders fill it up
  Cost heavy_left_{};
  bool learned_heavy_ = false;  // a job took so long that others of its caller may be heavy too
  SteadyTime refilled_{};
  SteadyTime last_light_{};
};

}  // namespace hashgate::scan
