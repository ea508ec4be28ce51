// Where importers take their bytes from.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "hashgate/error.h"

namespace hashgate::exchange {

/// A stream of bytes. Threads: confined.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills the front of `out` and returns how much; 0 only at the end. Errors: kFileUnreadable.
  virtual Result<std::size_t> Read(std::span<char> out) = 0;
  /// Goes back to the first byte. Errors: kUnsupported where the stream can be read only once (a pipe);
  /// kFileUnreadable.
  virtual Status Rewind() = 0;
  /// Length of the whole stream in bytes; 0 where unknown.
  [[nodiscard]] virtual std::uint64_t size() const = 0;
};

/// A file, or standard input for "-". Errors: kFileUnreadable (a folder too).
Result<std::unique_ptr<ByteSource>> OpenFileSource(const std::string& path);

/// Bytes in memory, handed out in pieces of at most `piece` bytes.
std::unique_ptr<ByteSource> MemorySource(std::string bytes, std::size_t piece = 1 << 16);

}  // namespace hashgate::exchange
