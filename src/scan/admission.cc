#include "scan/admission.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace hashgate::scan {
namespace {

using std::chrono::milliseconds;

constexpr Cost kFirstGuess = milliseconds(10);  // what an upload usually takes, before any was scanned
constexpr Cost kLeastExpected{50};
constexpr double kStandingScans = 4;
constexpr Cost kLeastStandingWait = milliseconds(10);

// Heavy: so much longer than usual, and long enough for a person to notice what waits behind it.
constexpr double kHeavyFactor = 8;
constexpr Cost kLeastHeavy = milliseconds(50);
constexpr double kHeavyShare = 0.2;
constexpr Cost kHeavySaved = milliseconds(100);
constexpr Cost kHeavyDebt = std::chrono::seconds(10);
constexpr Cost kHeavyWait = std::chrono::seconds(2);
constexpr std::chrono::seconds kLightMemory{1};

// Learning. Times below are taken as noise of the machine.
constexpr Cost kNoise = milliseconds(2);
constexpr double kUsualStep = 0.05;
constexpr double kRatioUp = 0.4;
constexpr double kRatioDown = 0.1;
constexpr double kLeastRatio = 1.0 / 16;
constexpr double kMostRatio = 1024;
constexpr double kMostJump = 8;  // one file says no more than this
constexpr std::size_t kMaxHabits = 4096;

constexpr milliseconds kMaxRetry{30'000};

Cost ToCost(SteadyTime::duration duration) {
  return std::chrono::duration_cast<Cost>(duration);
}

SteadyTime::duration ToDuration(Cost cost) {
  return std::chrono::duration_cast<SteadyTime::duration>(cost);
}

Refused Refuse(Bound bound, Cost retry_after) {
  return {bound, std::min(kMaxRetry, std::chrono::ceil<milliseconds>(retry_after))};
}

}  // namespace

std::string_view BoundName(Bound bound) {
  switch (bound) {
    case Bound::kQueue: return "queue";
    case Bound::kShare: return "share";
    case Bound::kDeadline: return "deadline";
    case Bound::kBytes: return "bytes";
    case Bound::kByteShare: return "byte_share";
    case Bound::kStreams: return "streams";
  }
  return "queue";
}

AdmissionQueue::AdmissionQueue(const AdmissionOptions& options)
    : options_(options),
      usual_log_(std::log(kFirstGuess.count())),
      burst_left_(options.workers * Cost(options.queue_burst)) {}

std::size_t AdmissionQueue::size() const {
  return queues_[0].size() + queues_[1].size() + queues_[2].size() + late_.size();
}

std::size_t AdmissionQueue::callers_known() const {
  return std::max(
      {habits_.size(), queues_[0].callers_known(), queues_[1].callers_known(), queues_[2].callers_known()});
}

Cost AdmissionQueue::queued(Lane lane) const {
  if (lane == Lane::kBackground) return queue(Class::kBackground).queued();
  return queue(Class::kLight).queued() + queue(Class::kHeavy).queued();
}

Cost AdmissionQueue::Expected(const ScanJob& job) const {
  const auto habit = habits_.find({job.caller, job.cost.kind});
  const double ratio = habit == habits_.end() ? 1 : std::exp(habit->second.ratio_log);
  return std::max(kLeastExpected, job.cost.time * ratio);
}

bool AdmissionQueue::IsHeavy(Cost expected) const {
  return expected > kLeastHeavy && expected > Cost(kHeavyFactor * std::exp(usual_log_));
}

Cost AdmissionQueue::Residual(SteadyTime now) const {
  Cost sum{};
  for (const auto& [id, started] : running_) {
    if (started.of != Class::kLight) continue;
    sum += std::max(Cost{}, started.expected - ToCost(now - started.begun));
  }
  return sum;
}

bool AdmissionQueue::LightIsActive(SteadyTime now) const {
  return !queue(Class::kLight).empty() || running(Class::kLight) > 0 || now - last_light_ < kLightMemory;
}

// A newcomer finds a free decoder wherever there is more than one.
int AdmissionQueue::HeavyPlaces(SteadyTime now) const {
  return std::max(1, LightIsActive(now) ? options_.workers / 4 : options_.workers - 1);
}

void AdmissionQueue::Refill(SteadyTime now) {
  if (refilled_ == SteadyTime{}) refilled_ = now;
  const Cost passed = std::max(Cost{}, ToCost(now - refilled_));
  refilled_ = now;
  const int busy = running(Class::kLight) + running(Class::kHeavy);
  burst_left_ = std::min(options_.workers * Cost(options_.queue_burst),
                         burst_left_ + std::max(0, options_.workers - busy) * passed);
  heavy_left_ =
      std::min(kHeavySaved, std::max(-kHeavyDebt, heavy_left_) + kHeavyShare * options_.workers * passed);
}

std::optional<Refused> AdmissionQueue::RefuseLight(const ScanJob& job, Cost expected, SteadyTime now) {
  const FairQueue<Queued>& waiting = queue(Class::kLight);
  const int others = running(Class::kHeavy) + running(Class::kBackground);
  const double hands = std::max(1, options_.workers - others);
  // Fair turns: while this caller's jobs are done, each other caller that waits has as much.
  const Cost own = waiting.queued(job.caller);
  const std::size_t callers = waiting.active() + (waiting.size(job.caller) == 0 ? 1 : 0);
  const Cost ahead = std::min(waiting.queued(), own * static_cast<double>(callers));
  const Cost wait = (ahead + Residual(now)) / hands;
  const Cost left = job.finish_by == SteadyTime::max() ? Cost::max() : ToCost(job.finish_by - now);
  // A job that is alone longer than its deadline may still try where it need not wait; one whose deadline has
  // passed is taken, to be answered as late.
  if (left > Cost{} && wait > left / 10 && wait + expected > left) return Refuse(Bound::kDeadline, wait);
  if (own == Cost{}) return std::nullopt;
  const Cost standing =
      options_.queue_wait.count() > 0
          ? Cost(options_.queue_wait)
          : std::max(kLeastStandingWait,
                     std::min(Cost(kStandingScans * std::exp(usual_log_)), Cost(options_.queue_burst)));
  if (wait <= standing) return std::nullopt;
  if (wait <= Cost(options_.queue_burst) && burst_left_ >= expected) {
    burst_left_ -= expected;
    return std::nullopt;
  }
  return Refuse(
      callers > 1 && own > waiting.queued() / static_cast<double>(callers) ? Bound::kShare : Bound::kQueue,
      2 * wait);
}

std::optional<Refused> AdmissionQueue::RefuseHeavy(const ScanJob& job, Cost expected, SteadyTime now) const {
  const FairQueue<Queued>& waiting = queue(Class::kHeavy);
  const double hands = LightIsActive(now) ? kHeavyShare * options_.workers : HeavyPlaces(now);
  const Cost own = waiting.queued(job.caller);
  const std::size_t callers = waiting.active() + (waiting.size(job.caller) == 0 ? 1 : 0);
  const Cost debt = LightIsActive(now) ? std::max(Cost{}, -heavy_left_) : Cost{};
  const Cost wait = (std::min(waiting.queued(), own * static_cast<double>(callers)) + debt) / hands;
  const Cost left = job.finish_by == SteadyTime::max() ? Cost::max() : ToCost(job.finish_by - now);
  if (left > Cost{} && wait > left / 10 && wait + expected > left) return Refuse(Bound::kDeadline, wait);
  if (own == Cost{} || wait <= kHeavyWait) return std::nullopt;
  return Refuse(callers > 1 ? Bound::kShare : Bound::kQueue, wait);
}

std::optional<Refused> AdmissionQueue::Offer(ScanJob job, SteadyTime now) {
  Refill(now);
  const Cost expected = Expected(job);
  Class of = IsHeavy(expected) ? Class::kHeavy : Class::kLight;
  if (job.lane == Lane::kBackground) of = Class::kBackground;
  if (of == Class::kLight) last_light_ = now;
  const std::size_t own = queue(of).size(job.caller);
  if (!FitsShare(own, 1, queue(of).size(), options_.max_queued)) {
    const bool full = queue(of).size() >= options_.max_queued;
    return Refuse(full ? Bound::kQueue : Bound::kShare, queue(of).queued() / options_.workers);
  }
  std::optional<Refused> refused;
  if (of == Class::kLight) refused = RefuseLight(job, expected, now);
  if (of == Class::kHeavy) refused = RefuseHeavy(job, expected, now);
  if (refused) return refused;

  SteadyTime start_by = SteadyTime::max();
  if (job.finish_by != SteadyTime::max()) {
    // Nothing is begun that will not be done in time; half of what is left is there for a wrong estimate.
    const SteadyTime::duration left = std::max(SteadyTime::duration{}, job.finish_by - now);
    start_by = job.finish_by - std::min(ToDuration(expected), left / 2);
  }
  next_late_ = std::min(next_late_, start_by);
  std::string caller = job.caller;
  queue(of).Push(caller, {std::move(job), expected, start_by}, expected);
  return std::nullopt;
}

bool AdmissionQueue::MayStart(Class of, SteadyTime now) const {
  if (queue(of).empty()) return false;
  const int all = running(Class::kLight) + running(Class::kHeavy) + running(Class::kBackground);
  const int slow = running(Class::kHeavy) + running(Class::kBackground);
  switch (of) {
    case Class::kLight: return true;
    case Class::kHeavy:
      if (running(Class::kHeavy) >= HeavyPlaces(now) || slow >= std::max(1, options_.workers - 1))
        return false;
      return heavy_left_ >= Cost{} || !LightIsActive(now);
    case Class::kBackground: {
      const int places =
          options_.background_workers > 0 ? options_.background_workers : std::max(1, options_.workers - 1);
      return queue(Class::kLight).empty() && queue(Class::kHeavy).empty() && slow < places &&
             all < options_.workers;
    }
  }
  return false;
}

std::optional<AdmissionQueue::Running> AdmissionQueue::Take(SteadyTime now) {
  Refill(now);
  PutLateAside(now);
  // Heavy jobs come first where they may start at all: else uploads that never pause would shut them out.
  for (const Class of : {Class::kHeavy, Class::kLight, Class::kBackground}) {
    if (of == Class::kLight) MoveHeavy();
    if (!MayStart(of, now)) continue;
    std::optional<Queued> next = queue(of).Pop();
    if (!next) continue;
    Running started{std::move(next->job), next_id_++};
    ++running_count_[static_cast<std::size_t>(of)];
    running_.emplace(started.id, Started{started.job.caller, of, started.job.cost, next->expected, now});
    if (of == Class::kHeavy) heavy_left_ -= next->expected;
    return started;
  }
  return std::nullopt;
}

// What was learned of a caller counts for what it has in the queue already.
void AdmissionQueue::MoveHeavy() {
  if (!learned_heavy_) return;
  learned_heavy_ = false;
  FairQueue<Queued>& light = queue(Class::kLight);
  const auto is_heavy = [this](const Queued& item) { return IsHeavy(Expected(item.job)); };
  for (Queued& item : light.Extract(is_heavy)) {
    item.expected = Expected(item.job);
    std::string caller = item.job.caller;
    const Cost expected = item.expected;
    queue(Class::kHeavy).Push(caller, std::move(item), expected);
  }
}

void AdmissionQueue::Finish(const Running& running, Cost used, SteadyTime now) {
  Refill(now);
  const auto found = running_.find(running.id);
  if (found == running_.end()) return;
  const Started started = std::move(found->second);
  running_.erase(found);
  --running_count_[static_cast<std::size_t>(started.of)];
  queue(started.of).Charge(started.caller, used - started.expected);
  if (started.of == Class::kHeavy) heavy_left_ -= used - started.expected;
  Learn(started, used, now);
}

void AdmissionQueue::Learn(const Started& started, Cost used, SteadyTime now) {
  if (started.of != Class::kBackground) {
    // Of logarithms, so that one bomb among many pictures does not make bombs usual.
    usual_log_ += kUsualStep * (std::log(std::max(kLeastExpected, used).count()) - usual_log_);
  }
  Habit& habit = habits_[{started.caller, started.declared.kind}];
  habit.seen = now;
  // Of logarithms here too: a platform passes on a bomb now and then, and its other pictures stay what they
  // are; whoever sends mostly bombs is found out after a few.
  const double seen = (used + kNoise) / (started.declared.time + kNoise);
  const double step = std::log(std::clamp(seen, kLeastRatio, kMostRatio)) - habit.ratio_log;
  habit.ratio_log += step > 0 ? kRatioUp * std::min(step, std::log(kMostJump)) : kRatioDown * step;
  if (started.of == Class::kLight && IsHeavy(used)) learned_heavy_ = true;
  if (habits_.size() <= kMaxHabits) return;
  habits_.erase(std::ranges::min_element(habits_, {}, [](const auto& row) { return row.second.seen; }));
}

void AdmissionQueue::PutLateAside(SteadyTime now) {
  if (now < next_late_) return;
  next_late_ = SteadyTime::max();
  for (FairQueue<Queued>& waiting : queues_) {
    for (Queued& queued : waiting.Extract([now](const Queued& item) { return item.start_by <= now; })) {
      late_.push_back(std::move(queued.job));
    }
    waiting.ForEach([this](const Queued& item) { next_late_ = std::min(next_late_, item.start_by); });
  }
}

std::vector<ScanJob> AdmissionQueue::TakeLate(SteadyTime now) {
  PutLateAside(now);
  return std::exchange(late_, {});
}

std::vector<ScanJob> AdmissionQueue::TakeBack(const void* owner) {
  std::vector<ScanJob> back;
  const auto is_owned = [owner](const ScanJob& job) { return owner == nullptr || job.owner == owner; };
  for (FairQueue<Queued>& waiting : queues_) {
    for (Queued& queued : waiting.Extract([&](const Queued& item) { return is_owned(item.job); })) {
      back.push_back(std::move(queued.job));
    }
  }
  const auto kept = std::ranges::stable_partition(late_, std::not_fn(is_owned));
  for (ScanJob& job : kept) back.push_back(std::move(job));
  late_.erase(kept.begin(), kept.end());
  return back;
}

SteadyTime AdmissionQueue::NextStart(SteadyTime now) const {
  if (queue(Class::kHeavy).empty() || running(Class::kHeavy) >= HeavyPlaces(now)) return SteadyTime::max();
  const Cost missing = std::max(Cost{}, -heavy_left_);
  const SteadyTime saved = now + ToDuration(missing / (kHeavyShare * options_.workers));
  return std::min(saved, std::max(now, last_light_ + kLightMemory)) + milliseconds(1);
}

}  // namespace hashgate::scan
