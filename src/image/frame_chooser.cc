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
  Keep({.number = 0, .pinned = true, .views = std::move(first)}, {});
  view_count_ = 0;
}

void FrameChooser::Keep(FrameViews frame, const std::vector<int>& distances) {
  Kept added{.recognisable = IsRecognisable(frame), .nearest = std::numeric_limits<int>::max()};
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    if (distances[i] < added.nearest) {
      added.nearest = distances[i];
      added.nearest_number = kept_[i].frame.number;
    }
    if (distances[i] < kept_[i].nearest) {
      kept_[i].nearest = distances[i];
      kept_[i].nearest_number = frame.number;
    }
  }
  view_count_ += frame.views.size();
  added.frame = std::move(frame);
  kept_.push_back(std::move(added));
}

FrameViews* FrameChooser::Offer(FrameViews frame) {
  std::vector<int> distances;
  distances.reserve(kept_.size());
  for (const Kept& kept : kept_) distances.push_back(FrameDistance(kept.frame, frame));
  const auto nearest = std::ranges::min_element(distances);
  last_is_kept_ = true;
  // A pinned frame is only left out where it says nothing new at all.
  if (*nearest <= (frame.pinned ? 0 : kSameFrameBits)) {
    FrameViews& like = kept_[static_cast<std::size_t>(nearest - distances.begin())].frame;
    ++like.stands_for;
    like.pinned = like.pinned || frame.pinned;
    last_number_ = like.number;
    return like.number == 0 ? nullptr : &like;
  }
  last_number_ = frame.number;
  Keep(std::move(frame), distances);
  while (view_count_ > kFrameViews) MakeRoom();
  return last_is_kept_ ? &kept_.back().frame : nullptr;
}

void FrameChooser::OfferAgain() {
  if (!last_is_kept_) return;
  for (Kept& kept : kept_) {
    if (kept.frame.number == last_number_) {
      ++kept.frame.stands_for;
      return;
    }
  }
}

void FrameChooser::FindNearest(std::size_t index) {
  Kept& kept = kept_[index];
  kept.nearest = std::numeric_limits<int>::max();
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    if (i == index) continue;
    const int distance = FrameDistance(kept.frame, kept_[i].frame);
    if (distance >= kept.nearest) continue;
    kept.nearest = distance;
    kept.nearest_number = kept_[i].frame.number;
  }
}

void FrameChooser::MakeRoom() {
  std::size_t worst = 0;
  std::tuple<bool, int> least{true, std::numeric_limits<int>::max()};
  for (std::size_t i = 1; i < kept_.size(); ++i) {
    if (kept_[i].frame.pinned) continue;
    // Of two that are nearest to each other the later goes.
    const std::tuple rank{kept_[i].recognisable, kept_[i].nearest};
    if (worst == 0 || rank <= least) {
      least = rank;
      worst = i;
    }
  }
  const std::uint32_t gone = kept_[worst].frame.number;
  if (gone == last_number_) last_is_kept_ = false;
  view_count_ -= kept_[worst].frame.views.size();
  kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(worst));
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    if (kept_[i].nearest_number == gone) FindNearest(i);
  }
}

std::uint32_t FrameChooser::FramesSeen() const {
  std::uint32_t seen = 0;
  for (const Kept& kept : kept_) seen += kept.frame.stands_for;
  return seen;
}

std::vector<FrameViews> FrameChooser::TakeFrames() {
  std::vector<FrameViews> frames;
  frames.reserve(kept_.size() - 1);
  for (std::size_t i = 1; i < kept_.size(); ++i) frames.push_back(std::move(kept_[i].frame));
  kept_.resize(1);
  view_count_ = 0;
  return frames;
}

}  // namespace hashgate::image
