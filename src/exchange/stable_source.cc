#include "exchange/stable_source.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/digest.h"

namespace hashgate::exchange {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;

class StableSource final : public ByteSource {
 public:
  explicit StableSource(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  Result<std::size_t> Read(std::span<char> out) override {
    if (at_ == block_.size()) HASHGATE_RETURN_IF_ERROR(Fill());
    const std::size_t count = std::min(out.size(), block_.size() - at_);
    std::copy_n(block_.data() + at_, count, out.data());
    at_ += count;
    return count;
  }

  Status Rewind() override {
    HASHGATE_RETURN_IF_ERROR(source_->Rewind());
    recorded_ = true;
    next_ = 0;
    block_.clear();
    at_ = 0;
    return {};
  }

  [[nodiscard]] std::uint64_t size() const override { return source_->size(); }

 private:
  // Blocks are always whole but for the last, so that both readings cut the file alike.
  Status Fill() {
    block_.resize(kBlock);
    at_ = 0;
    std::size_t filled = 0;
    while (filled < kBlock) {
      Result<std::size_t> count = source_->Read(std::span(block_).subspan(filled));
      if (!count) {
        block_.clear();
        return std::unexpected(std::move(count).error());
      }
      if (*count == 0) break;
      filled += *count;
    }
    block_.resize(filled);
    const std::array<std::uint8_t, 32> digest = Sha256Of(AsBytes(block_));
    if (!recorded_) {
      if (!ended_) digests_.push_back(digest);
      ended_ = filled == 0;
      return {};
    }
    // The last digest is that of no bytes, however often the end is read.
    const bool same = !digests_.empty() && digests_[std::min(next_, digests_.size() - 1)] == digest;
    ++next_;
    if (!same) {
      block_.clear();
      return Fail(Reason::kFileUnreadable, "the file changed while it was read");
    }
    return {};
  }

  std::unique_ptr<ByteSource> source_;
  std::vector<std::array<std::uint8_t, 32>> digests_;
  bool recorded_ = false;
  bool ended_ = false;
  std::size_t next_ = 0;
  std::string block_;
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> NewStableSource(std::unique_ptr<ByteSource> source) {
  return std::make_unique<StableSource>(std::move(source));
}

}  // namespace hashgate::exchange
