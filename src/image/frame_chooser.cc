#include "image/frame_chooser.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "hashgate/hash.h"

namespace hashgate::image {
namespace {

const decode::PdqForms* FullOf(const decode::ViewHashes& view) {
  return view.pdq.empty() ? nullptr : &view.pdq.front();
}

/// The view over black, or where nothing shows through the only one.
const decode::ViewHashes& OverBlackOf(const std::vector<decode::ViewHashes>& views) {
  for (const decode::ViewHashes& view : views) {
    if (view.kind == ViewKind::kOverBlack) return view;
  }
  return views.front();
}

int ViewDistance(const decode::ViewHashes& a, const decode::ViewHashes& b) {
  const decode::PdqForms* const of_a = FullOf(a);
  const decode::PdqForms* const of_b = FullOf(b);
  // Frames of one animation have one size: either all can be hashed or none can.
  if (of_a == nullptr || of_b == nullptr) return 0;
  return Distance(of_a->forms[0], of_b->forms[0]);
}

int FrameDistance(const FrameViews& a, const FrameViews& b) {
  return std::max(ViewDistance(a.views.front(), b.views.front()),
                  ViewDistance(OverBlackOf(a.views), OverBlackOf(b.views)));
}

bool IsRecognisable(const FrameViews& frame) {
  return std::ranges::any_of(frame.views, [](const decode::ViewHashes& view) {
    const decode::PdqForms* const full = FullOf(view);
    return full != nullptr && full->quality >= kMinUsablePdqQuality;
  });
}

}  // namespace

FrameChooser::FrameChooser(std::vector<decode::ViewHashes> first) {
  kept_.push_back({.number = 0, .pinned = true, .views = std::move(first)});
}

void FrameChooser::Offer(FrameViews frame) {
  int nearest = std::numeric_limits<int>::max();
  FrameViews* like = nullptr;
  for (FrameViews& kept : kept_) {
    const int distance = FrameDistance(kept, frame);
    if (distance < nearest) {
      nearest = distance;
      like = &kept;
    }
  }
  last_is_kept_ = true;
  // A pinned frame is only left out where it says nothing new at all.
  if (nearest <= (frame.pinned ? 0 : kSameFrameBits)) {
    ++like->stands_for;
    last_number_ = like->number;
    return;
  }
  last_number_ = frame.number;
  view_count_ += frame.views.size();
  kept_.push_back(std::move(frame));
  while (view_count_ > kFrameViews) MakeRoom();
}

void FrameChooser::OfferAgain() {
  if (!last_is_kept_) return;
  for (FrameViews& kept : kept_) {
    if (kept.number == last_number_) {
      ++kept.stands_for;
      return;
    }
  }
}

void FrameChooser::MakeRoom() {
  std::size_t worst = 0;
  std::tuple<bool, int> least{true, std::numeric_limits<int>::max()};
  for (std::size_t i = 1; i < kept_.size(); ++i) {
    if (kept_[i].pinned) continue;
    int nearest = std::numeric_limits<int>::max();
    for (std::size_t k = 0; k < kept_.size(); ++k) {
      if (k != i) nearest = std::min(nearest, FrameDistance(kept_[i], kept_[k]));
    }
    // Of two that are nearest to each other the later goes.
    const std::tuple rank{IsRecognisable(kept_[i]), nearest};
    if (worst == 0 || rank <= least) {
      least = rank;
      worst = i;
    }
  }
  if (kept_[worst].number == last_number_) last_is_kept_ = false;
  view_count_ -= kept_[worst].views.size();
  kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(worst));
}

std::uint32_t FrameChooser::FramesSeen() const {
  std::uint32_t seen = 0;
  for (const FrameViews& kept : kept_) seen += kept.stands_for;
  return seen;
}

std::vector<FrameViews> FrameChooser::TakeFrames() {
  std::vector<FrameViews> frames(std::make_move_iterator(kept_.begin() + 1),
                                 std::make_move_iterator(kept_.end()));
  kept_.resize(1);
  view_count_ = 0;
  return frames;
}

}  // namespace hashgate::image
