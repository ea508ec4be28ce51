// A queue that serves callers by turns, weighed by what they cost: whoever has used least is next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scan/cost.h"

namespace hashgate::scan {

/// Fair queueing by virtual time, corrected afterwards by what the work really took. Source: Demers, Keshav
/// and Shenker, "Analysis and simulation of a fair queueing algorithm", SIGCOMM 1989; Goyal, Vin and Cheng,
/// "Start-time fair queueing", 1996. A caller that comes back starts where the others are: nobody saves up.
/// Threads: confined. Cost: linear in the callers that wait or have used more than their turn.
template <typename Item>
class FairQueue {
 public:
  void Push(const std::string& caller, Item item, Cost cost) {
    if (flows_.size() >= kMaxRemembered && !flows_.contains(caller)) Forget();
    Flow& flow = flows_[caller];
    if (flow.items.empty()) {
      flow.used = std::max(flow.used, clock_);
      ++active_;
    }
    flow.items.push_back({std::move(item), cost});
    flow.queued += cost;
    queued_ += cost;
    ++size_;
  }

  /// The oldest item of the caller that has used least; it is charged with the item's cost.
  std::optional<Item> Pop() {
    auto next = flows_.end();
    for (auto at = flows_.begin(); at != flows_.end();) {
      if (at->second.items.empty()) {
        // Nothing is known of this caller that a newcomer would not have.
        at = at->second.used <= clock_ ? flows_.erase(at) : std::next(at);
        continue;
      }
      if (next == flows_.end() || at->second.used < next->second.used) next = at;
      ++at;
    }
    if (next == flows_.end()) return std::nullopt;
    Flow& flow = next->second;
    clock_ = std::max(clock_, flow.used);
    Entry entry = std::move(flow.items.front());
    flow.items.pop_front();
    Leave(flow, entry.cost);
    flow.used += entry.cost;
    return std::move(entry.item);
  }

  /// Corrects what a caller has used. What it used is forgotten once the others have used as much.
  void Charge(const std::string& caller, Cost more) {
    const auto found = flows_.find(caller);
    if (found != flows_.end()) {
      found->second.used += more;
    } else if (more > Cost{}) {
      if (flows_.size() >= kMaxRemembered) Forget();
      flows_[caller].used = clock_ + more;
    }
  }

  /// Takes out what `is_due` says, in no particular order.
  std::vector<Item> Extract(const std::function<bool(const Item&)>& is_due) {
    std::vector<Item> out;
    for (auto& [caller, flow] : flows_) {
      std::deque<Entry> kept;
      const bool waited = !flow.items.empty();
      for (Entry& entry : flow.items) {
        if (!is_due(entry.item)) {
          kept.push_back(std::move(entry));
          continue;
        }
        flow.queued -= entry.cost;
        queued_ -= entry.cost;
        --size_;
        out.push_back(std::move(entry.item));
      }
      flow.items = std::move(kept);
      if (waited && flow.items.empty()) Rest(flow);
    }
    return out;
  }

  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& [caller, flow] : flows_) {
      for (const Entry& entry : flow.items) visit(entry.item);
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] Cost queued() const { return queued_; }
  [[nodiscard]] Cost queued(const std::string& caller) const {
    const auto found = flows_.find(caller);
    return found == flows_.end() ? Cost{} : found->second.queued;
  }
  [[nodiscard]] std::size_t size(const std::string& caller) const {
    const auto found = flows_.find(caller);
    return found == flows_.end() ? 0 : found->second.items.size();
  }
  [[nodiscard]] std::size_t callers_known() const { return flows_.size(); }
  /// Callers that wait.
  [[nodiscard]] std::size_t active() const { return active_; }

 private:
  static constexpr std::size_t kMaxRemembered = 1024;  // beyond those that wait

  struct Entry {
    Item item;
    Cost cost;
  };
  struct Flow {
    std::deque<Entry> items;
    Cost queued{};
    Cost used{};  // virtual time
  };

  // Of the callers that do not wait, the one with the least to remember.
  void Forget() {
    auto least = flows_.end();
    for (auto at = flows_.begin(); at != flows_.end(); ++at) {
      if (!at->second.items.empty()) continue;
      if (least == flows_.end() || at->second.used < least->second.used) least = at;
    }
    if (least != flows_.end()) flows_.erase(least);
  }

  void Leave(Flow& flow, Cost cost) {
    flow.queued -= cost;
    queued_ -= cost;
    --size_;
    if (flow.items.empty()) Rest(flow);
  }

  // What adding and taking away left of sums that are zero.
  void Rest(Flow& flow) {
    flow.queued = Cost{};
    --active_;
    if (size_ == 0) queued_ = Cost{};
  }

  std::map<std::string, Flow> flows_;
  Cost clock_{};
  Cost queued_{};
  std::size_t size_ = 0;
  std::size_t active_ = 0;
};

/// Whether one of many may take `amount` more of something bounded: never more than eight times what stays
/// free for the others. So one alone gets eight ninths, two get eight seventeenths each, and there is always
/// room for a newcomer without asking how many there are. Source: Choudhury and Hahne, "Dynamic queue length
/// thresholds for shared-memory packet switches", 1998.
constexpr bool FitsShare(std::size_t own, std::size_t amount, std::size_t used, std::size_t max) {
  if (used > max || amount > max - used) return false;
  const std::size_t left = max - used - amount;
  // Whoever has nothing yet may always have one that fits.
  return own == 0 || own + amount <= 8 * left;
}

}  // namespace hashgate::scan
