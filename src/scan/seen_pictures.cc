#include "scan/seen_pictures.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/byte_codec.h"
#include "base/digest.h"
#include "base/random.h"

namespace hashgate::scan {
namespace {

// What an entry takes beside its views: nodes of the list and of the map, and the key.
constexpr std::size_t kEntryBytes = 256;

std::size_t BytesOf(const decode::DecodeResult& result) {
  std::size_t bytes = kEntryBytes + sizeof(result) + result.views.capacity() * sizeof(decode::ViewHashes);
  for (const decode::ViewHashes& view : result.views) {
    bytes += view.pdq.capacity() * sizeof(decode::PdqForms) +
             view.vectors.capacity() * sizeof(decode::VectorForms);
    for (const decode::VectorForms& vector : view.vectors) bytes += vector.bytes.capacity();
  }
  return bytes;
}

std::array<std::uint8_t, 32> NewKey() {
  std::array<std::uint8_t, 32> key;
  FillRandom(key);
  return key;
}

}  // namespace

SeenPictures::SeenPictures(const SeenPicturesOptions& options, const Clock& clock)
    : options_(options), clock_(clock), key_(NewKey()) {}

// What was wanted is a part of it. A result with more in it is no answer: a large JPEG's `full` hash differs
// by a few bits where `nn512` had it decoded whole, and what was scanned before must not show in an answer.
std::string SeenPictures::IdOf(const Sha256& content, const decode::Wanted& wanted) const {
  const auto keyed = HmacSha256(key_, content);
  std::string id(keyed.begin(), keyed.end());
  id += wanted.pdq_full ? 'f' : '-';
  id += wanted.pdq_nn512 ? 'n' : '-';
  ByteWriter(id).Little(wanted.vectors.bits);
  return id;
}

std::shared_ptr<const decode::DecodeResult> SeenPictures::Find(const Sha256& content,
                                                               const decode::Wanted& wanted) {
  if (options_.max_bytes == 0) return nullptr;
  const std::string id = IdOf(content, wanted);
  const MutexLock lock(mutex_);
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) return nullptr;
  const Order::iterator seen = it->second;
  if (clock_.Steady() >= seen->until) {
    Drop(seen);
    return nullptr;
  }
  order_.splice(order_.begin(), order_, seen);
  return seen->result;
}

void SeenPictures::Remember(const Sha256& content, const decode::Wanted& wanted,
                            const decode::DecodeResult& result) {
  if (result.cause != Cause::kNone && result.cause != Cause::kTruncated) return;
  Seen seen{.id = IdOf(content, wanted),
            .result = std::make_shared<const decode::DecodeResult>(result),
            .bytes = BytesOf(result),
            .until = clock_.Steady() + options_.keep};
  if (seen.bytes > options_.max_bytes) return;
  const MutexLock lock(mutex_);
  if (const auto it = by_id_.find(seen.id); it != by_id_.end()) Drop(it->second);
  bytes_ += seen.bytes;
  order_.push_front(std::move(seen));
  by_id_.emplace(order_.front().id, order_.begin());
  while (bytes_ > options_.max_bytes) Drop(std::prev(order_.end()));
}

void SeenPictures::Drop(Order::iterator seen) {
  bytes_ -= seen->bytes;
  by_id_.erase(seen->id);
  order_.erase(seen);
}

std::size_t SeenPictures::Count() const {
  const MutexLock lock(mutex_);
  return order_.size();
}

}  // namespace hashgate::scan
