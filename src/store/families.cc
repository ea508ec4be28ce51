#include <array>

#include "store/store.h"

namespace hashgate::store {
namespace {

// One row a family; src/store/FORMAT.md and the records' own FORMAT.md say what each byte means.
constexpr std::array<FamilyInfo, kFamilyCount> kFamilies = {{
    {Family::kMeta, "meta", "short name", "counters, the store's secret, contents being removed",
     "as long as the store: needed to number generations and to find entries"},
    {Family::kLists, "lists", "list id (u32 big-endian)", "a hash list's configuration and counters",
     "until the list is deleted"},
    {Family::kEntries, "entries", "content id (u32 big-endian), entry id (u64 big-endian)",
     "an entry: its hashes, source id, classification and labels",
     "until the entry or its list is deleted or replaced"},
    {Family::kEntryKeys, "entry_keys",
     "content id (u32 big-endian), 16 bytes of a keyed digest of the entry's identity",
     "the entry's id and a keyed digest of its content", "as long as the entry"},
    {Family::kQuarantine, "quarantine",
     "content id (u32 big-endian), 8 bytes of a keyed digest of the file's name, line (u64 big-endian)",
     "a line that could not be taken: file, line and reason, never the value; without the line in the key: "
     "how "
     "far the file's lines beyond the bound are counted",
     "until the list is deleted or replaced; bounded for each list"},
    {Family::kRequests, "requests", "keyed digest of tenant, caller and request id",
     "keyed digest of the upload's bytes and the strictest verdict so far", "24 hours: idempotency"},
    {Family::kExchanges, "exchanges", "the exchange's name",
     "how far the exchange has come, how its last syncs went, and which gates were overridden by whom",
     "as long as the store"},
    {Family::kVerdicts, "verdicts",
     "tenant and scan id; keyed digest of tenant, caller and request id; name and id of a list",
     "a verdict that matches led to: when, for which tenant and caller (its address, until callers have "
     "identities), which request id, content id, surface, rule and entries, and whether it was undone",
     "verdicts.keep_days (400 days): so that verdicts can be undone by the entry that led to them"},
    {Family::kVerdictEntries, "verdict_entries",
     "list id (u32 big-endian), entry id (u64 big-endian), tenant and scan id", "nothing but its version",
     "as long as the verdict: finds verdicts by entry"},
    {Family::kEvents, "events", "sequence number (u64 big-endian)",
     "what the platform has to be told: content id, request id, old and new verdict, list, entry, author and "
     "reason",
     "events.keep_days (90 days), at most events.max: for whoever reads them later"},
    {Family::kOpinions, "opinions", "list id (u32 big-endian), entry id (u64 big-endian), kind (u8)",
     "what a person or the flood brake said of an entry, with author, reason and end",
     "until taken back or the list is deleted; bounded for the store"},
}};

// Where there is nothing to do ahead.
class HeldBatch final : public PreparedBatch {
 public:
  HeldBatch(Store& store, const Batch& batch) : store_(store), batch_(batch) {}

  Status Apply(const Batch& rest) override {
    const std::size_t own = batch_.size();
    batch_.Append(rest);
    Status written = store_.Write(batch_);
    if (!written) batch_.CutTo(own);
    return written;
  }

 private:
  Store& store_;
  Batch batch_;
};

}  // namespace

std::span<const FamilyInfo> Families() {
  return kFamilies;
}

Result<std::vector<std::optional<std::string>>> Store::GetMany(Family family,
                                                               std::span<const std::string> keys) const {
  std::vector<std::optional<std::string>> values;
  values.reserve(keys.size());
  for (const std::string& key : keys) {
    HASHGATE_ASSIGN_OR_RETURN(std::optional<std::string> value, Get(family, key));
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::unique_ptr<PreparedBatch>> Store::Prepare(const Batch& batch) {
  return std::make_unique<HeldBatch>(*this, batch);
}

}  // namespace hashgate::store
