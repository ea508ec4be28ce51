#include "lists/index_snapshot.h"

namespace hashgate::lists {
namespace {
constexpr std::uint8_t kDegenerate = 1;
constexpr std::uint8_t kLowQuality = 2;
constexpr std::uint32_t kMaxLists = 1'000'000;
}  // namespace

void WriteHead(const SnapshotHead& head, ByteWriter& out) {
  out.Little(head.generation);
  out.Little(head.next_entry);
  out.Little(static_cast<std::uint32_t>(head.lists.size()));
  for (const auto& [id, list] : head.lists) {
    out.Little(id);
    out.Little(list.content);
    out.Little(static_cast<std::uint8_t>(list.pdq_pipeline));
  }
  out.Little(static_cast<std::uint32_t>(head.action_classes.size()));
  for (const ActionClassInfo& info : head.action_classes) {
    out.Little(static_cast<std::uint8_t>((info.degenerate ? kDegenerate : 0) |
                                         (info.low_quality ? kLowQuality : 0)));
    out.Text<std::uint16_t>(info.classification);
  }
}

Result<SnapshotHead> ReadHead(ByteReader& in) {
  SnapshotHead head;
  head.generation = in.Little<std::int64_t>();
  head.next_entry = in.Little<EntryId>();
  const auto lists = in.Little<std::uint32_t>();
  in.Require(lists <= kMaxLists);
  for (std::uint32_t i = 0; in.ok() && i < lists; ++i) {
    const auto id = in.Little<ListId>();
    SnapshotList& list = head.lists[id];
    list.content = in.Little<ContentId>();
    const auto pipeline = in.Little<std::uint8_t>();
    if (pipeline <= static_cast<std::uint8_t>(Pipeline::kNn512)) {
      list.pdq_pipeline = static_cast<Pipeline>(pipeline);
    } else {
      in.Require(false);
    }
  }
  const auto classes = in.Little<std::uint32_t>();
  in.Require(classes <= kMaxActionClasses);
  for (std::uint32_t i = 0; in.ok() && i < classes; ++i) {
    const auto flags = in.Little<std::uint8_t>();
    head.action_classes.push_back({std::string(in.Text<std::uint16_t>(kMaxClassificationBytes)),
                                   (flags & kDegenerate) != 0, (flags & kLowQuality) != 0});
  }
  if (!in.ok()) return Fail(Reason::kStoreCorrupt, "the index snapshot's head does not decode");
  return head;
}

}  // namespace hashgate::lists
