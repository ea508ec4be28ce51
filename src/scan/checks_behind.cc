#include "scan/checks_behind.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/log.h"
#include "base/wiped_buffer.h"
#include "scan/cost.h"

namespace hashgate::scan {
namespace {

// Values of the label `result`.
constexpr std::string_view kDone = "done";
constexpr std::string_view kFailed = "failed";
constexpr std::string_view kDropped = "dropped";

}  // namespace

// One upload's bytes, counted until they are gone. Empty where there was no room.
class ChecksBehind::Kept {
 public:
  Kept(ChecksBehind& checks, ByteSpan content) : checks_(checks) {
    if (!checks_.Enter(content.size())) return;
    entered_ = content.size();
    try {
      bytes_ = WipedBuffer<std::uint8_t>(content.size());
    } catch (const std::bad_alloc&) {
      return;
    }
    std::ranges::copy(content, bytes_.data());
  }
  ~Kept() {
    bytes_ = {};
    if (entered_ > 0) checks_.Leave(entered_);
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  [[nodiscard]] ByteSpan content() const { return bytes_.first(bytes_.size()); }

 private:
  ChecksBehind& checks_;
  std::size_t entered_ = 0;
  WipedBuffer<std::uint8_t> bytes_;
};

ChecksBehind::ChecksBehind(ChecksBehindParts parts, const ChecksBehindOptions& options)
    : parts_(std::move(parts)), options_(options) {}

bool ChecksBehind::Enter(std::size_t bytes) {
  const MutexLock lock(mutex_);
  if (stopped_ || waiting_ >= options_.max_waiting || bytes > options_.max_bytes - bytes_) return false;
  if (!parts_.take_bytes(bytes)) return false;
  ++waiting_;
  bytes_ += bytes;
  return true;
}

void ChecksBehind::Leave(std::size_t bytes) {
  parts_.give_bytes(bytes);
  const MutexLock lock(mutex_);
  --waiting_;
  bytes_ -= bytes;
}

std::size_t ChecksBehind::waiting() const {
  const MutexLock lock(mutex_);
  return waiting_;
}

bool ChecksBehind::stopped() const {
  const MutexLock lock(mutex_);
  return stopped_;
}

void ChecksBehind::Count(std::string_view result) try {
  if (parts_.metrics != nullptr) parts_.metrics->Count(obs::Metric::kChecksBehind, {{"result", result}});
} catch (const std::bad_alloc&) {
  // A count is lost, and not the server with it.
  return;
}

Cost ChecksBehind::Run(Kept& kept, const Check& check) {
  const SteadyTime begun = std::chrono::steady_clock::now();
  Finding finding;
  try {
    finding = check(kept.content(),
                    {.deadline = begun + options_.max_time, .stopped = [this] { return stopped(); }});
  } catch (const std::bad_alloc&) {
    finding = {};
  }
  if (finding.compared) {
    Count(kDone);
  } else {
    Count(stopped() ? kDropped : kFailed);
  }
  return UsedBy(finding.timings, begun);
}

bool ChecksBehind::Submit(ByteSpan content, Check check) {
  auto kept = std::make_shared<Kept>(*this, content);
  if (kept->content().empty()) return false;
  const SteadyTime now = std::chrono::steady_clock::now();
  ScanJob job{.caller = std::string(kChecksBehindShare),
              .lane = Lane::kBackground,
              .cost = DeclaredCost(content, content.size(), options_.decode_limits),
              .finish_by = now + options_.max_wait,
              .owner = this};
  job.work = [this, kept, check = std::move(check)] { return Run(*kept, check); };
  // A copy: the upload is not to be wiped under the executor's mutex where it refuses.
  job.late = [this, kept] { Count(kDropped); };
  return !parts_.executor->Submit(std::move(job));
}

void ChecksBehind::Add(ByteSpan content, Check check) {
  if (content.empty()) return;
  if (!Submit(content, std::move(check))) return Count(kDropped);
  // It may have come after Stop took the others back.
  if (stopped()) parts_.executor->TakeBack(this);
}

void ChecksBehind::Stop() {
  std::size_t left = 0;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    left = waiting_;
  }
  parts_.executor->TakeBack(this);
  if (left == 0) return;
  log::Warning("checks_behind_dropped",
               "the server stops before pictures of reported uploads were compared with their entries",
               {{"checks", left}});
}

}  // namespace hashgate::scan
