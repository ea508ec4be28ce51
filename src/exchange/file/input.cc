#include "exchange/file/input.h"

#include <algorithm>
#include <cstring>

namespace hashgate::exchange {

Status Input::Fill() {
  if (at_end_) return {};
  if (block_.empty()) block_.resize(kBlock);
  if (at_ > 0) {
    std::memmove(block_.data(), block_.data() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
  }
  if (end_ == kBlock) return {};
  HASHGATE_ASSIGN_OR_RETURN(const std::size_t count, source_->Read(std::span(block_).subspan(end_)));
  end_ += count;
  filled_ += count;
  at_end_ = count == 0;
  if (!front_checked_ && (end_ >= 3 || at_end_)) {
    front_checked_ = true;
    if (std::string_view(block_.data(), end_).starts_with("\xef\xbb\xbf")) at_ = 3;
  } else if (!front_checked_) {
    // One or two bytes so far: the mark may still be incomplete.
    return Fill();
  }
  return at_ == end_ && !at_end_ ? Fill() : Status();
}

Result<std::string_view> Input::Peek(std::size_t count) {
  while (end_ - at_ < std::min(count, kBlock) && !at_end_) {
    HASHGATE_RETURN_IF_ERROR(Fill());
  }
  return std::string_view(block_).substr(at_, std::min(count, end_ - at_));
}

Status Input::Take(std::size_t count, std::string& out) {
  out.clear();
  while (out.size() < count) {
    if (at_ == end_) {
      HASHGATE_RETURN_IF_ERROR(Fill());
      if (at_ == end_) break;
    }
    const std::size_t part = std::min(count - out.size(), end_ - at_);
    out.append(block_, at_, part);
    at_ += part;
  }
  return {};
}

Result<bool> Input::ReadLine(std::size_t max_bytes, Line& line) {
  line.text.clear();
  line.overlong = false;
  line.ended = false;
  bool any = false;
  while (true) {
    if (at_ == end_) {
      HASHGATE_RETURN_IF_ERROR(Fill());
      if (at_ == end_) break;
    }
    any = true;
    const char* const from = block_.data() + at_;
    const auto* const newline = static_cast<const char*>(std::memchr(from, '\n', end_ - at_));
    const std::size_t length = newline != nullptr ? static_cast<std::size_t>(newline - from) : end_ - at_;
    const std::size_t room = max_bytes + 1 - std::min(line.text.size(), max_bytes + 1);
    line.text.append(from, std::min(length, room));
    at_ += length;
    if (newline != nullptr) {
      ++at_;
      line.ended = true;
      break;
    }
  }
  if (!any) return false;
  // A carriage return before the line end is not part of the line, so one byte more than allowed was kept.
  if (line.text.ends_with('\r')) line.text.pop_back();
  if (line.text.size() > max_bytes) {
    line.overlong = true;
    line.text.resize(std::min<std::size_t>(line.text.size(), 64));
  }
  line.number = ++lines_;
  return true;
}

}  // namespace hashgate::exchange
