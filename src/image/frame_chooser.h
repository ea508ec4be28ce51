// Which frames' hashes are sent: a few that stand for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "decode/record.h"

namespace hashgate::image {

/// Views of frames after the first that are sent, at most; the rest of decode::kMaxViews is for views of the
/// first picture and for embedded ones.
inline constexpr std::size_t kFrameViews = 192;
/// A frame whose hashes are no farther than this from those of a frame that is sent is looked at by it. Of
/// the 31 bits within which a list's entry is found, 21 stay for what differs between a copy and its
/// original.
inline constexpr int kSameFrameBits = 10;

/// The views of one frame.
struct FrameViews {
  std::uint32_t number = 0;
  bool pinned = false;           ///< sent whatever it looks like, or stands for one that is
  std::uint32_t stands_for = 1;  ///< frames that look like it, itself included
  std::vector<decode::ViewHashes> views;
};

/// Keeps those of the offered frames that differ most from each other, by their hashes: where there is no
/// room for another, the one goes that is nearest to another and not pinned, pictures too plain to be
/// recognised first. The same frames in the same order give the same choice. Cost: some ten microseconds a
/// frame.
class FrameChooser {
 public:
  /// `first` are the views of the first picture, which is always kept.
  explicit FrameChooser(std::vector<decode::ViewHashes> first);

  /// Returns the frame that stands for it, itself where it is kept, until the next call; null where that is
  /// the first picture, and where there is no room.
  FrameViews* Offer(FrameViews frame);
  /// The frame before, seen once more: its canvas has not changed.
  void OfferAgain();
  /// Frames that are kept or near one that is. The first picture counts.
  [[nodiscard]] std::uint32_t FramesSeen() const;
  /// Whether kept views have alpha beyond the first picture's and all else are up to the caller: the kept
  /// ones, by frame.
  [[nodiscard]] std::vector<FrameViews> TakeFrames();

 private:
  /// A frame that is kept, and how far the nearest other one is.
  struct Kept {
    FrameViews frame;
    bool recognisable = false;
    int nearest = 0;
    std::uint32_t nearest_number = 0;
  };

  void Keep(FrameViews frame, const std::vector<int>& distances);
  void MakeRoom();
  void FindNearest(std::size_t index);

  std::vector<Kept> kept_;         // [0] is the first picture
  std::size_t view_count_ = 0;     // of kept_ but the first
  std::uint32_t last_number_ = 0;  // of the frame that stands for the one offered last
  bool last_is_kept_ = true;
};

}  // namespace hashgate::image
