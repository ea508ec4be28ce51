#include "lists/opinions.h"

#include <algorithm>
#include <array>

#include "base/byte_codec.h"

namespace hashgate::lists {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kFlagNeedsSecond = 1;
constexpr std::uint8_t kFlagEnded = 2;
constexpr std::array<std::string_view, kOpinionKindCount> kNames = {"UNSPECIFIED", "CONFIRM", "DISPUTE",
                                                                    "SUPPRESS",    "FLOOD",   "CONFLICT"};

std::unexpected<Error> Corrupt() {
  return Fail(Reason::kStoreCorrupt,
              "a stored opinion does not decode: the data folder is damaged, restore a backup");
}

}  // namespace

std::string_view Name(OpinionKind kind) {
  const auto at = static_cast<std::size_t>(kind);
  return at < kNames.size() ? kNames[at] : kNames[0];
}

std::string OpinionKey(index::ListId list, index::EntryId entry, OpinionKind kind) {
  std::string key;
  ByteWriter writer(key);
  writer.Big(list);
  writer.Big(entry);
  writer.Big(static_cast<std::uint8_t>(kind));
  return key;
}

std::string EncodeOpinion(const Opinion& opinion) {
  std::string out;
  ByteWriter writer(out);
  writer.Little(kVersion);
  writer.Little(static_cast<std::uint8_t>((opinion.needs_second ? kFlagNeedsSecond : 0) |
                                          (opinion.ended ? kFlagEnded : 0)));
  writer.Little(static_cast<std::uint8_t>(opinion.feedback));
  writer.Little(opinion.entry_version);
  writer.Little(ToUnixMillis(opinion.created));
  writer.Little(ToUnixMillis(opinion.expires));
  writer.Little(ToUnixMillis(opinion.agreed));
  for (const std::string* text : {&opinion.author, &opinion.reason, &opinion.second_author})
    writer.Text<std::uint16_t>(*text);
  writer.Little(static_cast<std::uint8_t>(opinion.copies.size()));
  for (const PdqHash& copy : opinion.copies) {
    const auto bytes = copy.bytes();
    writer.Raw({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  return out;
}

Result<Opinion> DecodeOpinion(std::string_view key, std::string_view bytes) {
  Opinion opinion;
  ByteReader names(key);
  opinion.list = names.Big<index::ListId>();
  opinion.entry = names.Big<index::EntryId>();
  const auto kind = names.Big<std::uint8_t>();
  names.Require(kind > 0 && kind < kOpinionKindCount);
  if (!names.Complete()) return Corrupt();
  opinion.kind = static_cast<OpinionKind>(kind);

  ByteReader reader(bytes);
  const auto version = reader.Little<std::uint8_t>();
  if (reader.ok() && version > kVersion) {
    return Fail(Reason::kSchemaTooNew, "a stored opinion has record version " + std::to_string(version) +
                                           ", which this build does not know: start the newer version again");
  }
  const auto flags = reader.Little<std::uint8_t>();
  reader.Require(version == kVersion && (flags & ~(kFlagNeedsSecond | kFlagEnded)) == 0);
  opinion.needs_second = (flags & kFlagNeedsSecond) != 0;
  opinion.ended = (flags & kFlagEnded) != 0;
  const auto feedback = reader.Little<std::uint8_t>();
  reader.Require(feedback <= static_cast<std::uint8_t>(FeedbackState::kWithdrawing));
  opinion.feedback = static_cast<FeedbackState>(feedback);
  opinion.entry_version = reader.Little<std::uint32_t>();
  opinion.created = FromUnixMillis(reader.Little<std::int64_t>());
  opinion.expires = FromUnixMillis(reader.Little<std::int64_t>());
  opinion.agreed = FromUnixMillis(reader.Little<std::int64_t>());
  opinion.author = reader.Text<std::uint16_t>(kMaxOpinionAuthorBytes);
  opinion.reason = reader.Text<std::uint16_t>(kMaxOpinionReasonBytes);
  opinion.second_author = reader.Text<std::uint16_t>(kMaxOpinionAuthorBytes);
  const auto copies = reader.Little<std::uint8_t>();
  reader.Require(copies <= kMaxOpinionCopies);
  for (std::size_t i = 0; reader.ok() && i < copies; ++i) {
    const std::string_view raw = reader.Raw(32);
    if (raw.size() != 32) break;
    opinion.copies.push_back(PdqHash::FromBytes(
        std::span<const std::uint8_t, 32>(reinterpret_cast<const std::uint8_t*>(raw.data()), 32)));
  }
  if (!reader.Complete()) return Corrupt();
  return opinion;
}

OpinionsInForce::OpinionsInForce(const std::map<std::string, Opinion>& all) {
  for (const auto& [key, opinion] : all) {
    if (opinion.ended) continue;
    ++counts_[static_cast<std::size_t>(opinion.kind)];
    const std::uint32_t version = opinion.entry_version;
    switch (opinion.kind) {
      case OpinionKind::kConfirm:
        if (!opinion.IsPending()) entries_[opinion.entry].confirmed = version;
        break;
      case OpinionKind::kDispute: {
        EntryOpinions& entry = entries_[opinion.entry];
        entry.disputed = std::max(entry.disputed, version);
        break;
      }
      case OpinionKind::kSuppress: {
        EntryOpinions& entry = entries_[opinion.entry];
        // Before the second person agrees it is a doubt. Of two versions only the newer can be the entry's.
        if (opinion.IsPending()) {
          entry.disputed = std::max(entry.disputed, version);
        } else {
          entry.suppressed = version;
        }
        break;
      }
      case OpinionKind::kFlood: {
        EntryOpinions& entry = entries_[opinion.entry];
        entry.flooded = version;
        entry.copies = opinion.copies;
        break;
      }
      case OpinionKind::kConflict:
      case OpinionKind::kUnspecified: break;
    }
  }
}

const EntryOpinions* OpinionsInForce::Find(index::EntryId entry) const {
  const auto at = entries_.find(entry);
  return at != entries_.end() ? &at->second : nullptr;
}

}  // namespace hashgate::lists
