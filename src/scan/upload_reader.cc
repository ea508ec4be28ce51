#include <algorithm>
#include <cstring>

#include "scan/scanner.h"

namespace hashgate::scan {
namespace {

void Wipe(std::vector<std::uint8_t>& bytes) {
  if (!bytes.empty()) ::explicit_bzero(bytes.data(), bytes.size());
}

}  // namespace

UploadReader::~UploadReader() {
  Wipe(kept_);
  Wipe(front_);
}

void UploadReader::Digest(ByteSpan bytes) {
  const SteadyTime start = std::chrono::steady_clock::now();
  digests_.Update(bytes);
  text_.Update(bytes);
  size_ += bytes.size();
  digest_micros_ +=
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
}

// What no list asked for yet, of the bytes kept so far and of the last ones.
void UploadReader::DigestTheRest(ByteSpan last) {
  const SteadyTime start = std::chrono::steady_clock::now();
  const DigestKinds rest = DigestKinds::All().Without(digests_.kinds());
  digests_.Start(rest);
  digests_.CatchUp(rest, kept_);
  digests_.CatchUp(rest, last);
  digest_micros_ +=
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
}

std::size_t UploadReader::CapacityFor(std::size_t size) const {
  if (size <= kept_.capacity()) return kept_.capacity();
  return std::max<std::size_t>(size, std::min<std::size_t>(2 * kept_.capacity(), max_content_));
}

std::uint64_t UploadReader::PeakAfter(std::size_t more) const {
  if (!keep_ || size_ + more > max_content_) return kept_.capacity();
  const std::size_t capacity = CapacityFor(kept_.size() + more);
  return capacity > kept_.capacity() ? capacity + kept_.capacity() : capacity;
}

void UploadReader::Update(ByteSpan bytes) {
  Digest(bytes);
  const bool kept_before = keep_;
  if (front_.size() < decode::kSniffBytes) {
    const std::size_t take = std::min(bytes.size(), decode::kSniffBytes - front_.size());
    front_.insert(front_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
    // Once enough is there to tell, what no decoder will read need not be kept.
    if (front_.size() == decode::kSniffBytes && !decode::IsDecodable(decode::Sniff(front_))) keep_ = false;
  }
  if (keep_ && size_ > max_content_) keep_ = false;
  if (!keep_) {
    if (kept_before) DigestTheRest(bytes);
    Wipe(kept_);
    std::vector<std::uint8_t>().swap(kept_);  // assigning an empty one would keep the memory
    return;
  }
  if (const std::size_t capacity = CapacityFor(kept_.size() + bytes.size()); capacity > kept_.capacity()) {
    // Growing in place would leave a copy of the picture in freed memory.
    std::vector<std::uint8_t> larger;
    larger.reserve(capacity);
    larger.assign(kept_.begin(), kept_.end());
    Wipe(kept_);
    kept_ = std::move(larger);
  }
  kept_.insert(kept_.end(), bytes.begin(), bytes.end());
}

void UploadReader::Borrow(ByteSpan whole) {
  Digest(whole);
  if (whole.size() > max_content_) DigestTheRest(whole);
  borrowed_ = whole;
  front_.assign(whole.begin(),
                whole.begin() + static_cast<std::ptrdiff_t>(std::min(whole.size(), decode::kSniffBytes)));
}

Upload UploadReader::Finish() {
  Upload upload;
  upload.digests = digests_.Finish();
  upload.size = size_;
  upload.digest_micros = digest_micros_;
  upload.format = decode::Sniff(front_);
  if (upload.format == decode::Format::kUnknown && text_.IsText()) upload.format = decode::Format::kText;
  if (size_ <= max_content_) upload.content = borrowed_.empty() ? ByteSpan(kept_) : borrowed_;
  return upload;
}

}  // namespace hashgate::scan
