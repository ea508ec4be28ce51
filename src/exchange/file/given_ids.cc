#include "exchange/file/given_ids.h"

#include <array>
#include <cstring>
#include <utility>

#include "base/random.h"

namespace hashgate::exchange {
namespace {

constexpr std::size_t kFirstSlots = 1024;

std::array<std::uint8_t, 32> RandomKey() {
  std::array<std::uint8_t, 32> key{};
  FillRandom(key);
  return key;
}

}  // namespace

GivenIds::GivenIds(std::size_t most) : key_(RandomKey()), most_(most) {}

std::uint64_t GivenIds::DigestOf(std::string_view id) const {
  const auto bytes = key_.Of(AsBytes(id));
  std::uint64_t digest = 0;
  std::memcpy(&digest, bytes.data(), sizeof(digest));
  return digest != 0 ? digest : 1;
}

std::size_t GivenIds::SlotOf(std::uint64_t digest) const {
  std::size_t slot = digest & (slots_.size() - 1);
  while (slots_[slot] != 0 && slots_[slot] != digest) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void GivenIds::Grow() {
  std::vector<std::uint64_t> old(slots_.empty() ? kFirstSlots : slots_.size() * 2);
  std::swap(old, slots_);
  for (const std::uint64_t digest : old) {
    if (digest != 0) slots_[SlotOf(digest)] = digest;
  }
}

void GivenIds::Give(std::string_view id) {
  if (id.empty() || forgot_) return;
  if (count_ < most_ && count_ * 2 >= slots_.size()) Grow();
  const std::uint64_t digest = DigestOf(id);
  std::uint64_t& slot = slots_[SlotOf(digest)];
  if (slot == digest) return;
  if (count_ == most_) {
    forgot_ = true;
    return;
  }
  slot = digest;
  ++count_;
}

Status GivenIds::TakeBack(std::string_view id, const std::string& what) const {
  if (id.empty() || slots_.empty()) return {};
  const std::uint64_t digest = DigestOf(id);
  if (slots_[SlotOf(digest)] == digest) {
    return Fail(Reason::kRequestInvalid,
                what +
                    " says that an item is harmless or withdrawn which the file gave as an entry before: it "
                    "names items more than once, so it cannot replace a list");
  }
  if (forgot_) {
    return Fail(Reason::kRequestInvalid,
                what +
                    " says that an item is harmless or withdrawn, and whether the file gave it as an entry "
                    "before cannot be told after " +
                    std::to_string(most_) +
                    " ids: take such items out of the file to replace a list with it");
  }
  return {};
}

}  // namespace hashgate::exchange
