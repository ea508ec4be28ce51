// A buffered view of a ByteSource: single bytes for the splitters, lines for the line formats, and a look
// ahead for telling formats apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "exchange/byte_source.h"
#include "hashgate/error.h"

namespace hashgate::exchange {

/// One physical line without its line end.
struct Line {
  std::string text;          ///< at most the limit; the front of it where `overlong`
  std::uint64_t number = 0;  ///< from 1
  bool overlong = false;
  bool ended = false;  ///< by a line end, and not by the end of the file
};

/// Threads: confined. Memory: one block of 256 KiB beside what is asked for.
class Input {
 public:
  explicit Input(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  /// Up to `count` bytes from the front without taking them; fewer only at the end. A UTF-8 byte order mark
  /// at the very front has been taken away. `count` is at most kBlock.
  Result<std::string_view> Peek(std::size_t count);

  /// What can be had without waiting for more, at least one byte but at the end. Not taken.
  Result<std::string_view> Buffered() {
    if (at_ == end_) HASHGATE_RETURN_IF_ERROR(Fill());
    return std::string_view(block_).substr(at_, end_ - at_);
  }
  /// Takes that much of what is buffered.
  void Skip(std::size_t count) { at_ += count; }

  /// The next byte, or -1 at the end.
  Result<int> Get() {
    if (at_ == end_) {
      HASHGATE_RETURN_IF_ERROR(Fill());
      if (at_ == end_) return -1;
    }
    return static_cast<unsigned char>(block_[at_++]);
  }

  /// Reads a line that ends with LF, CRLF or the end of the file; false at the end. A line of more than
  /// `max_bytes` is read to its end but not kept.
  Result<bool> ReadLine(std::size_t max_bytes, Line& line);

  /// Takes exactly `count` bytes into `out`, or what is left where that is less.
  Status Take(std::size_t count, std::string& out);

  /// Gives the source back, whose place is then behind what was peeked at. The input is used up.
  [[nodiscard]] std::unique_ptr<ByteSource> ReleaseSource() { return std::move(source_); }

  /// Bytes taken so far.
  [[nodiscard]] std::uint64_t bytes_read() const { return filled_ - (end_ - at_); }

  static constexpr std::size_t kBlock = 256 * 1024;

 private:
  /// Moves what is left to the front of the block and reads once; changes nothing at the end.
  Status Fill();

  std::unique_ptr<ByteSource> source_;
  std::string block_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::uint64_t filled_ = 0;
  std::uint64_t lines_ = 0;
  bool front_checked_ = false;
  bool at_end_ = false;
};

}  // namespace hashgate::exchange
