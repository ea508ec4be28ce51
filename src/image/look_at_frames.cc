#include "image/look_at_frames.h"

#include <algorithm>
#include <utility>

#include "image/frame_chooser.h"
#include "image/frame_plan.h"
#include "image/frames.h"
#include "image/view_hashes.h"
#include "image/view_vectors.h"

namespace hashgate::image {
namespace {

/// Decides which drawn frames are hashed.
class HashBudget {
 public:
  HashBudget(const FrameSource& source, const FramePlan& plan, std::uint64_t pixels)
      : canvas_(std::uint64_t{source.width} * source.height) {
    const auto drawn = static_cast<std::uint64_t>(std::ranges::count(plan.drawn, true));
    const auto spaced = static_cast<std::uint64_t>(std::ranges::count(plan.spaced, true));
    frames_left_ = pixels / canvas_;
    is_enough_ = drawn <= frames_left_;
    reserved_ = std::min(frames_left_, spaced);
    frames_left_ -= reserved_;
  }

  void Change(std::uint64_t pixels) { changed_ += pixels; }
  [[nodiscard]] bool IsUnchanged() const { return changed_ == 0; }
  /// True where the frame that is on the canvas now is to be hashed.
  bool Takes(bool spaced) {
    if (!is_enough_) {
      std::uint64_t& left = spaced ? reserved_ : frames_left_;
      if (left == 0 || (!spaced && changed_ < canvas_ / 4)) return false;
      --left;
    }
    changed_ = 0;
    return true;
  }

 private:
  std::uint64_t canvas_;
  std::uint64_t reserved_ = 0;     // for spaced frames
  std::uint64_t frames_left_ = 0;  // for others
  std::uint64_t changed_ = 1;      // since a frame was hashed last; nothing is before the first
  bool is_enough_ = false;
};

class Look {
 public:
  Look(FrameSource& source, const decode::Wanted& wanted, const decode::Limits& limits,
       decode::DecodeResult& result)
      : source_(source),
        wanted_(wanted),
        result_(result),
        plan_(PlanFrames(source, limits.max_frame_pixels)),
        budget_(source, plan_, limits.max_frame_pixels),
        canvas_(source.width, source.height),
        chooser_(result.views) {}

  void Run() {
    bool drew_before = false;
    for (std::size_t i = 0; i < source_.frames.size(); ++i) {
      const bool drawn = plan_.drawn[i];
      if (drawn && !drew_before) {
        canvas_.Reset();
        budget_.Change(1);
      }
      if (drawn) ShowFrame(i);
      drew_before = drawn;
    }
    result_.frames_seen = std::min(chooser_.FramesSeen(), result_.frames_total);
    for (FrameViews& frame : chooser_.TakeFrames()) {
      for (decode::ViewHashes& view : frame.views) result_.views.push_back(std::move(view));
    }
  }

 private:
  void ShowFrame(std::size_t index) {
    const FrameFact& frame = source_.frames[index];
    if (!frame.readable) {
      result_.codec_warned = true;
      return;
    }
    Bitmap part(frame.width, frame.height, 4);
    std::uint32_t rows = frame.height;
    Cause cause = Cause::kNone;
    if (frame.width != 0 && frame.height != 0) cause = source_.Decode(index, part, rows);
    if (cause == Cause::kTruncated) result_.cause = Cause::kTruncated;
    if (cause != Cause::kNone) result_.codec_warned = true;
    if (cause != Cause::kNone && cause != Cause::kTruncated) return;
    budget_.Change(canvas_.Draw(frame, part, rows));
    // The first picture has been hashed by itself.
    const std::uint32_t number = source_.first_number + static_cast<std::uint32_t>(index);
    if (budget_.IsUnchanged()) {
      chooser_.OfferAgain();
    } else if (budget_.Takes(plan_.spaced[index]) && number != 0) {
      FrameViews views{.number = number, .pinned = plan_.spaced[index]};
      const bool clear =
          AddFlattened(ViewKind::kFrame, number, canvas_.bitmap(), WantedOf(index), views.views);
      result_.has_alpha = result_.has_alpha || clear;
      chooser_.Offer(std::move(views));
    }
  }

  /// Vectors only of frames that are sent whatever they look like: of the others it is not known yet.
  decode::Wanted WantedOf(std::size_t index) {
    return plan_.spaced[index] ? vectors_.Take(wanted_, canvas_.bitmap()) : WithoutVectors(wanted_);
  }

  FrameSource& source_;
  const decode::Wanted& wanted_;
  decode::DecodeResult& result_;
  FramePlan plan_;
  HashBudget budget_;
  FrameCanvas canvas_;
  FrameChooser chooser_;
  VectorBudget vectors_;
};

}  // namespace

void LookAtFrames(ByteSpan bytes, const decode::Wanted& wanted, const decode::Limits& limits,
                  decode::DecodeResult& result) {
  if (result.frames_total <= 1 || !wanted.pdq_full ||
      std::uint64_t{result.width} * result.height > limits.memory_bytes / kFrameBytesPerPixel) {
    return;
  }
  const auto source = OpenFrames(result.format, bytes, result.width, result.height);
  if (source == nullptr || source->frames.empty()) return;
  Look(*source, wanted, limits, result).Run();
}

}  // namespace hashgate::image
