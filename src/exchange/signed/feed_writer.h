// Publishes a list as a feed: its entries, what has changed since it was published last, and the manifest.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/signature.h"
#include "exchange/signed/feed.h"
#include "hashgate/error.h"
#include "lists/catalog.h"

namespace hashgate::exchange {

/// Where a feed's files lie. Threads: confined.
class FeedFolder {
 public:
  virtual ~FeedFolder() = default;
  /// Empty optional: there is no such file. Errors: kFileUnreadable, also where it is longer than `most`.
  virtual Result<std::optional<std::string>> Read(const std::string& name, std::size_t most) = 0;
  /// The file is there whole, durable, or as it was. Errors: kFileUnreadable.
  virtual Status Write(const std::string& name, std::string_view bytes) = 0;
  virtual Result<std::vector<std::string>> Names() = 0;
  virtual Status Remove(const std::string& name) = 0;
};

struct FeedOptions {
  std::size_t part_bytes = std::size_t{8} << 20;  ///< a part ends behind the record that reaches it
  std::size_t most_steps = 64;                    ///< 1 to 256; older ones are dropped
};

struct FeedPublished {
  std::uint64_t sequence = 0;
  std::uint64_t entries = 0;
  /// Records of the changes since it was published last; empty: no reader can go on from there.
  std::optional<std::uint64_t> changes;
};

/// Threads: confined. Memory: a part of each kind.
///
/// Entries come in the order in which the list was given the last time, and new ones last: any other order is
/// right too, and makes the changes longer. Readers see the new state when Finish() writes the manifest, and
/// not before; what is cut short leaves the old one whole.
class FeedWriter {
 public:
  /// `header.sequence` is what the state's number shall be where it can: it rises from one state to the next.
  /// Errors: kRequestInvalid where the folder holds a feed of another list, purpose or key, or an unreadable
  /// one.
  static Result<FeedWriter> Begin(FeedFolder& folder, SigningKey key, SnapshotHeader header,
                                  FeedOptions options = {});
  FeedWriter(FeedWriter&&) noexcept;
  FeedWriter& operator=(FeedWriter&&) = delete;
  ~FeedWriter();

  /// An entry without a source id gets one of the number that the store gave it. Errors: kRequestInvalid
  /// where the list has such an id already; the folder's.
  Status Add(lists::EntryRecord record, std::uint64_t number);
  /// Where nothing has changed only the times of the manifest are new. Removes what neither this manifest nor
  /// the one before names.
  Result<FeedPublished> Finish();

 private:
  struct State;
  explicit FeedWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hashgate::exchange
