#include "exchange/signed/feed_writer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/digest.h"

namespace hashgate::exchange {
namespace {

/// Of ids made up for entries that have none.
constexpr std::string_view kMadeUp = "hashgate-entry-";

std::uint64_t BytesOf(const std::vector<FeedPart>& parts) {
  std::uint64_t bytes = 0;
  for (const FeedPart& part : parts) bytes += part.bytes;
  return bytes;
}

// Records cut into files.
class PartWriter {
 public:
  using Name = std::string (*)(std::uint64_t sequence, std::size_t number);
  PartWriter(FeedFolder& folder, Name name, std::uint64_t sequence, std::size_t part_bytes)
      : folder_(folder), name_(name), sequence_(sequence), part_bytes_(part_bytes) {}

  Status Add(const FeedRecord& record) {
    AppendFeedRecord(record, bytes_);
    ++records_;
    ++all_records_;
    return bytes_.size() < part_bytes_ ? Status() : Flush();
  }
  Status Flush() {
    if (records_ == 0) return {};
    HASHGATE_RETURN_IF_ERROR(folder_.Write(name_(sequence_, parts_.size() + 1), bytes_));
    parts_.push_back({static_cast<std::uint32_t>(bytes_.size()), records_, Sha256Of(AsBytes(bytes_))});
    bytes_.clear();
    records_ = 0;
    return {};
  }
  [[nodiscard]] const std::vector<FeedPart>& parts() const { return parts_; }
  [[nodiscard]] std::uint64_t records() const { return all_records_; }

 private:
  FeedFolder& folder_;
  const Name name_;
  const std::uint64_t sequence_;
  const std::size_t part_bytes_;
  std::string bytes_;
  std::uint32_t records_ = 0;
  std::uint64_t all_records_ = 0;
  std::vector<FeedPart> parts_;
};

// The entries of the state that was published last, one after the other.
class OldEntries {
 public:
  OldEntries(FeedFolder& folder, const FeedManifest& manifest) : folder_(folder), manifest_(manifest) {}

  /// The one in front; empty at the end, and where the files are not what the manifest says.
  Result<std::optional<std::string_view>> Front() {
    while (!broken_ && rest_.empty() && at_ < manifest_.snapshot.size()) {
      const FeedPart& part = manifest_.snapshot[at_++];
      HASHGATE_ASSIGN_OR_RETURN(
          std::optional<std::string> bytes,
          folder_.Read(FeedSnapshotName(manifest_.header.sequence, at_), kMaxFeedPartBytes));
      broken_ = !bytes || Sha256Of(AsBytes(*bytes)) != part.sha256;
      if (!broken_) bytes_ = *std::move(bytes);
      rest_ = broken_ ? std::string_view() : std::string_view(bytes_);
    }
    if (broken_ || rest_.empty()) return std::nullopt;
    std::string_view after = rest_;
    const Result<FeedRecord> record = TakeFeedRecord(after);
    broken_ = !record || record->kind != FeedRecord::Kind::kNew;
    if (broken_) return std::nullopt;
    return record->entry;
  }
  void Pop() {
    if (!TakeFeedRecord(rest_)) broken_ = true;
  }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  FeedFolder& folder_;
  const FeedManifest& manifest_;
  std::size_t at_ = 0;
  std::string bytes_;
  std::string_view rest_;
  bool broken_ = false;
};

void Collect(const FeedManifest& manifest, std::set<std::string>& names) {
  for (std::size_t i = 1; i <= manifest.snapshot.size(); ++i) {
    names.insert(FeedSnapshotName(manifest.header.sequence, i));
  }
  for (const FeedStep& step : manifest.steps) {
    for (std::size_t i = 1; i <= step.parts.size(); ++i) names.insert(FeedChangesName(step.to, i));
  }
}

}  // namespace

struct FeedWriter::State {
  State(FeedFolder& in, SigningKey with, SnapshotHeader said, const FeedOptions& wanted,
        std::optional<FeedManifest> published)
      : folder(in),
        key(std::move(with)),
        header(std::move(said)),
        options(wanted),
        old(std::move(published)),
        old_entries(in, old ? *old : nothing),
        snapshot(in, FeedSnapshotName, header.sequence, wanted.part_bytes),
        changes(in, FeedChangesName, header.sequence, wanted.part_bytes) {}

  // Whether what is published can be compared with.
  [[nodiscard]] bool Compares() const { return old && !old_entries.broken(); }
  Status Compare(const lists::EntryRecord& record, std::string_view bytes);
  Status Gone(std::string_view entry);
  Result<FeedManifest> Manifest();
  Status RemoveOthers(const FeedManifest& manifest);

  FeedFolder& folder;
  const SigningKey key;
  const SnapshotHeader header;
  const FeedOptions options;
  const FeedManifest nothing;
  const std::optional<FeedManifest> old;
  OldEntries old_entries;
  PartWriter snapshot;
  PartWriter changes;
  ListState state;
  bool has_made_up = false;
  bool has_given = false;  // ids that look as if they were made up
};

// What stood before the entry and is not there any more is gone; new ones come last.
Status FeedWriter::State::Compare(const lists::EntryRecord& record, std::string_view bytes) {
  while (Compares()) {
    HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string_view> before, old_entries.Front());
    if (!before) break;
    const Result<lists::EntryRecord> parsed = ParseEntryBytes(*before);
    if (!parsed || parsed->source_id != record.source_id) {
      HASHGATE_RETURN_IF_ERROR(Gone(*before));
      old_entries.Pop();
      continue;
    }
    if (*before != bytes) {
      HASHGATE_RETURN_IF_ERROR(
          changes.Add({.kind = FeedRecord::Kind::kChanged, .before = EntryDigest(*before), .entry = bytes}));
    }
    old_entries.Pop();
    return {};
  }
  return Compares() ? changes.Add({.kind = FeedRecord::Kind::kNew, .entry = bytes}) : Status();
}

Status FeedWriter::State::Gone(std::string_view entry) {
  HASHGATE_ASSIGN_OR_RETURN(const lists::EntryRecord record, ParseEntryBytes(entry));
  return changes.Add(
      {.kind = FeedRecord::Kind::kGone, .before = EntryDigest(entry), .source_id = record.source_id});
}

Result<FeedManifest> FeedWriter::State::Manifest() {
  while (Compares()) {
    HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string_view> before, old_entries.Front());
    if (!before) break;
    HASHGATE_RETURN_IF_ERROR(Gone(*before));
    old_entries.Pop();
  }
  HASHGATE_RETURN_IF_ERROR(snapshot.Flush());
  HASHGATE_RETURN_IF_ERROR(changes.Flush());
  FeedManifest manifest;
  manifest.header = header;
  manifest.state = {state.count(), state.digest()};
  if (Compares() && changes.records() == 0 && manifest.state == old->state) {
    manifest = *old;
    manifest.header.created = header.created;
    manifest.header.expires = header.expires;
    return manifest;
  }
  manifest.snapshot = snapshot.parts();
  if (!Compares()) return manifest;
  manifest.steps = old->steps;
  manifest.steps.push_back({old->header.sequence, header.sequence, manifest.state, changes.parts()});
  // Who would have to read more than there is reads the snapshot instead.
  std::uint64_t bytes = 0;
  std::size_t kept = 0;
  while (kept < std::min(manifest.steps.size(), options.most_steps)) {
    bytes += BytesOf(manifest.steps[manifest.steps.size() - 1 - kept].parts);
    if (bytes > BytesOf(manifest.snapshot)) break;
    ++kept;
  }
  manifest.steps.erase(manifest.steps.begin(), manifest.steps.end() - static_cast<std::ptrdiff_t>(kept));
  return manifest;
}

// What the old manifest names stays until the next time: somebody may be reading it.
Status FeedWriter::State::RemoveOthers(const FeedManifest& manifest) {
  std::set<std::string> named;
  Collect(manifest, named);
  if (old) Collect(*old, named);
  HASHGATE_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder.Names());
  for (const std::string& name : names) {
    if (IsFeedPartName(name) && !named.contains(name)) HASHGATE_RETURN_IF_ERROR(folder.Remove(name));
  }
  return {};
}

Result<FeedWriter> FeedWriter::Begin(FeedFolder& folder, SigningKey key, SnapshotHeader header,
                                     FeedOptions options) {
  HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                            folder.Read(std::string(kFeedManifestName), kMaxFeedManifestBytes));
  std::optional<FeedManifest> old;
  if (bytes) {
    Result<FeedManifest> manifest = ParseFeedManifest(*bytes, key.PublicKey());
    if (!manifest) return Prefix(std::move(manifest).error(), "what the folder holds is not gone on from");
    if (manifest->header.list != header.list || manifest->header.purpose != header.purpose) {
      return Fail(Reason::kRequestInvalid, "the folder holds the feed of list '" + manifest->header.list +
                                               "' or of another purpose: give each feed a folder of its own");
    }
    // Numbers rise, also where the store was made anew.
    header.sequence = std::max(header.sequence, manifest->header.sequence + 1);
    old = *std::move(manifest);
  }
  return FeedWriter(
      std::make_unique<State>(folder, std::move(key), std::move(header), options, std::move(old)));
}

FeedWriter::FeedWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
FeedWriter::FeedWriter(FeedWriter&&) noexcept = default;
FeedWriter::~FeedWriter() = default;

Status FeedWriter::Add(lists::EntryRecord record, std::uint64_t number) {
  state_->has_given = state_->has_given || record.source_id.starts_with(kMadeUp);
  if (record.source_id.empty()) {
    state_->has_made_up = true;
    record.source_id = std::string(kMadeUp) + std::to_string(number);
  }
  if (state_->has_made_up && state_->has_given) {
    return Fail(Reason::kRequestInvalid, "the list has ids that begin with '" + std::string(kMadeUp) +
                                             "', and entries without an id, which would be named so");
  }
  std::string bytes;
  AppendEntryBytes(record, bytes);
  state_->state.Add(bytes);
  HASHGATE_RETURN_IF_ERROR(state_->snapshot.Add({.kind = FeedRecord::Kind::kNew, .entry = bytes}));
  return state_->Compare(record, bytes);
}

Result<FeedPublished> FeedWriter::Finish() {
  HASHGATE_ASSIGN_OR_RETURN(const FeedManifest manifest, state_->Manifest());
  const std::string bytes = EncodeFeedManifest(manifest, state_->key);
  if (bytes.size() > kMaxFeedManifestBytes) {
    return Fail(Reason::kRequestInvalid, "the list is too large for a feed");
  }
  HASHGATE_RETURN_IF_ERROR(state_->folder.Write(std::string(kFeedManifestName), bytes));
  HASHGATE_RETURN_IF_ERROR(state_->RemoveOthers(manifest));
  FeedPublished published{manifest.header.sequence, manifest.state.count, std::nullopt};
  const bool leads_on = !manifest.steps.empty() && manifest.header.sequence == state_->header.sequence;
  if (leads_on || (state_->Compares() && state_->changes.records() == 0)) {
    published.changes = state_->changes.records();
  }
  return published;
}

}  // namespace hashgate::exchange
