// Hash lists and their entries: the record of truth, and the published generation that scans pin.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/sealer.h"
#include "hashgate/error.h"
#include "hashgate/hash.h"
#include "hashgate/verdict.h"
#include "index/hash_index.h"
#include "lists/opinions.h"
#include "store/store.h"

namespace hashgate::lists {

using index::EntryId;
using index::ListId;

/// What an operator says of a list. Names are 1..63 of [a-z0-9-], starting with a letter or digit; names that
/// start with "hashgate-" are the system's own.
struct ListConfig {
  std::string name;
  std::string tenant;                       ///< owner; empty means shared by all tenants
  Purpose purpose = Purpose::kUnspecified;  ///< required
  std::string source;                       ///< who supplied it; required
  std::string legal_basis;                  ///< under which agreement or law it is held; required
  /// How its classifications are meant: "industry", "iwf", "interpol-baseline" ... (docs/lists.md); named as
  /// lists are, or empty.
  std::string scheme;
  Trust trust = Trust::kUnverified;
  /// Greatest distance that still matches, inclusive, by algorithm and in its unit: PDQ and img_hash bits,
  /// PhotoDNA the squared distance; 0..GreatestMaxDistance. Where an algorithm is not named its default is in
  /// force.
  std::map<Algorithm, int> max_distances = {{Algorithm::kPdq, kDefaultPdqMaxDistanceBits},
                                            {Algorithm::kPhotoDna, kDefaultPhotoDnaMaxDistance}};
  Pipeline pdq_pipeline =
      Pipeline::kUnspecified;  ///< which pipeline made its PDQ hashes; unspecified asks both
  Verdict action_ceiling = Verdict::kBlockAndReport;  ///< no match of this list leads to more
  bool enabled = true;
  std::string description;

  /// The threshold in force: this list's, or the default where it names none; 0 for algorithms without one.
  [[nodiscard]] int MaxDistance(Algorithm algorithm) const {
    const auto at = max_distances.find(algorithm);
    return at != max_distances.end() ? at->second : std::max(0, DefaultMaxDistance(algorithm));
  }
  [[nodiscard]] int PdqMaxDistanceBits() const { return MaxDistance(Algorithm::kPdq); }
};

/// Entries of a list by what finds them.
struct KindCounts {
  std::uint64_t digest = 0;    ///< any digest: exact copies
  std::uint64_t pdq = 0;       ///< PDQ: edited copies
  std::uint64_t photodna = 0;  ///< likewise, where something makes such vectors
  std::uint64_t img_hash = 0;  ///< any of img_hash: likewise edited copies

  KindCounts& operator+=(const KindCounts& other) {
    digest += other.digest;
    pdq += other.pdq;
    photodna += other.photodna;
    img_hash += other.img_hash;
    return *this;
  }
  KindCounts& operator-=(const KindCounts& other) {
    digest -= other.digest;
    pdq -= other.pdq;
    photodna -= other.photodna;
    img_hash -= other.img_hash;
    return *this;
  }
  bool operator==(const KindCounts&) const = default;
};

/// A stored list.
struct HashList {
  ListId id = 0;
  ListConfig config;
  std::string etag;  ///< changes with every update
  WallTime created{};
  WallTime updated{};
  std::uint64_t entry_count = 0;
  KindCounts kinds;  ///< of them
  std::uint64_t quarantined_count = 0;
  bool system = false;         ///< built in (the canary): not counted, listed only on request
  std::optional<Brake> brake;  ///< in force
  WallTime whole_read{};       ///< when its source last gave all of it; WallTime(): never

  /// The most that a match of it leads to.
  [[nodiscard]] Verdict Ceiling() const {
    return brake ? std::min(config.action_ceiling, brake->max_verdict) : config.action_ceiling;
  }
};

/// One known item as its source gave it.
struct EntryRecord {
  std::string source_id;  ///< the source's own id; empty where it has none (then the hash set identifies it)
  std::vector<HashValue> hashes;    ///< at least one, at most 16; no two of one algorithm and pipeline
  std::string classification;       ///< verbatim, at most 256 bytes
  std::vector<std::string> labels;  ///< at most 32 of at most 128 bytes
};

/// A stored entry.
struct Entry {
  ListId list = 0;
  EntryId id = 0;
  EntryRecord record;
  std::uint32_t version = 1;  ///< rises with every change
  WallTime first_seen{};
  WallTime last_changed{};
  WallTime last_seen{};  ///< when its source last gave it
  /// Generation that published the last change of the entry: it stands as here in that generation and all
  /// later ones up to the newest. Where it is greater than a pinned generation, that one held the entry as it
  /// was before, or not at all.
  std::int64_t changed_generation = 0;
};

/// A line or record that could not be taken, kept with its reason so that nothing is lost silently.
struct Quarantined {
  std::string file;        ///< as the importer named it
  std::uint64_t line = 0;  ///< 1-based line or record number
  std::string reason;      ///< one sentence, without the value itself
};

/// What distinguishes entries of a list for policy beyond the list itself: the index groups candidates by it.
struct ActionClassInfo {
  std::string classification;
  bool degenerate = false;   ///< the PDQ bits, or the vector, show too little structure
  bool low_quality = false;  ///< the source gave a PDQ quality below kMinUsablePdqQuality
};

/// One published state: everything a scan needs, immutable. A scan pins one and uses nothing else.
struct Generation {
  std::int64_t number = 0;
  std::shared_ptr<const index::HashIndex> index;
  std::map<ListId, HashList> lists;             ///< all lists, disabled ones too
  std::vector<ActionClassInfo> action_classes;  ///< indexed by index::ActionClass
  /// Never null.
  std::shared_ptr<const OpinionsInForce> opinions = std::make_shared<const OpinionsInForce>();

  /// Enabled lists that `tenant` may use, system lists left out, restricted to `names` unless that is empty.
  [[nodiscard]] std::vector<const HashList*> EnabledFor(std::string_view tenant,
                                                        std::span<const std::string> names) const;
  [[nodiscard]] const HashList* Find(std::string_view name) const;
};

/// How an import changed a list. All counts are of records since the import began.
struct ImportProgress {
  std::uint64_t received = 0;  ///< those that wait for their run, too; the following counts leave them out
  std::uint64_t added = 0;
  std::uint64_t updated = 0;
  std::uint64_t unchanged = 0;  ///< also withdrawals of what the list does not hold
  std::uint64_t withdrawn = 0;
  std::uint64_t removed = 0;   ///< with `replace`: entries that went with the swap
  std::uint64_t weakened = 0;  ///< of those updated: they no longer have a hash that they had
  std::uint64_t quarantined = 0;
  /// Records 1..committed of the stream are durable and matched (or quarantined): a resumed import may start
  /// after. With `replace` 0 until Finish has swapped.
  std::uint64_t committed = 0;
  /// With `replace`: records 1..staged wait on disk for the swap. They are not matched, and gone if the
  /// import is dropped. 0 after the swap.
  std::uint64_t staged = 0;
  /// Generation that holds what is committed; with `replace` 0 until Finish.
  std::int64_t generation = 0;
};

/// One record of an import: an entry, an entry's withdrawal, or what the importer's parser says instead.
struct ImportRecord {
  std::uint64_t line = 0;             ///< where it stands in the source file; 1-based
  std::optional<EntryRecord> record;  ///< absent: the parser could not read it
  std::string problem;                ///< why, where absent
  /// The source took the entry back whose source_id the record has; nothing else of the record counts.
  bool withdrawn = false;
  /// Where `record` is absent: source_id of the entry that it is about, which an import that replaces keeps
  /// as it was. Empty: not known. Of a record that is there but not valid it is the record's own.
  std::string about;
};

/// When an import is taken in runs, and how large they are: of many records at once the index and the store
/// make several times as many a second.
struct RunOptions {
  std::uint64_t after_records = 16'384;  ///< the first ones of an import are committed with each call
  /// A run ends with whichever comes first; the time counts from its first record.
  std::size_t records = 131'072;
  std::size_t bytes = std::size_t{32} << 20;
  std::chrono::milliseconds longest{2'000};
  /// So many are planned and written in a writer's turn. Larger runs are readied before it, and other writers
  /// wait only while their files are taken over and the index takes them in.
  std::size_t in_turn_records = 8'192;
};

/// What an exchange keeps beside the list that it feeds: how far it has come, and how it went.
struct ExchangeState {
  std::string exchange;  ///< its name; empty: there is nothing to keep
  std::string bytes;     ///< as the exchange writes it; opaque here
};

/// What an import that comes into force as one is about to do to its list.
struct PlannedChange {
  std::int64_t generation = 0;  ///< that will hold it; the one in force where nothing changes
  std::uint64_t entries_before = 0;
  std::uint64_t received = 0;
  std::uint64_t added = 0;
  std::uint64_t updated = 0;
  std::uint64_t unchanged = 0;
  std::uint64_t weakened = 0;  ///< of those updated: they no longer have a hash that they had
  std::uint64_t removed = 0;   ///< withdrawn, or not part of what replaces the list
  std::uint64_t quarantined = 0;
};

struct ImportOptions {
  std::string list;
  std::string file;      ///< name for quarantine messages
  bool replace = false;  ///< stage everything and swap at Finish: entries not in the import are removed
  /// With `replace`: the list may be left empty. Otherwise that is taken for a wrong file and refused.
  bool allow_empty = false;
  /// All records wait in memory, and Finish puts them in force as one generation, or none of them: for the
  /// deltas of exchanges. Not with `replace`. At most kMaxDeltaBytes (lists/limits.h) of them.
  bool atomic = false;
  /// With `replace` or `atomic`: Finish asks it before anything changes. Its error is Finish's, and the old
  /// entries stay in force. What it returns is stored in the very batch of the change: neither is durable
  /// without the other. May be asked more than once, on Finish's thread; it must not call the catalogue.
  std::function<Result<ExchangeState>(const PlannedChange& change)> gate;
};

/// An import in progress. Threads: confined. Dropping it keeps what was committed (nothing, where `replace`),
/// and is quick: what waits in memory is forgotten, what was staged is removed in the background.
class Import {
 public:
  virtual ~Import() = default;
  /// Takes at most 16,384 records. Bad records are quarantined. A later record of the same identity wins.
  /// What is committed is one atomic batch, durable and published on return (only staged, where `replace`).
  /// The first 16,384 records are committed by the call that brings them. An import that goes on is a large
  /// one and is committed in runs (RunOptions), on a thread of the catalogue's own: records received beyond
  /// `committed` and `staged` wait in memory, for about two seconds or until Finish, whether or not further
  /// calls come; counts are of what is committed. A call waits where the run before the one that it fills is
  /// still being committed.
  /// Cost: one synced write and one generation a commit, so pass 1,000 to 4,000 records at a time; records
  /// that change nothing cost neither. Other writers wait for a run of 131,072 for about a tenth of a second.
  /// Errors: store's, kMemoryLimit, kListNotFound (deleted meanwhile), kRequestInvalid (too many records, or
  /// after Finish); then none of this call's records count and the import may go on. A run that failed beside
  /// the calls is the next one's error, and is tried again by those after it.
  /// With `atomic` nothing is committed here; kMemoryLimit also where the records would pass kMaxDeltaBytes.
  virtual Result<ImportProgress> Add(std::span<const ImportRecord> records) = 0;
  /// Commits what waits and ends the import; with `replace` swaps the staged entries in atomically, on disk
  /// and for readers. An entry whose identity was there before keeps its id, version and first_seen. Errors
  /// as Add and those of the gate, after which the old entries are in force and Finish may be called again.
  /// With `replace` also kRequestInvalid: where a list with entries would be left empty without
  /// `allow_empty`, or where more than half of the records could not be taken. Then nothing changes.
  virtual Result<ImportProgress> Finish() = 0;
};

/// What a person, or the service's own watch, says of an entry.
struct OpinionRequest {
  std::string list;
  EntryId entry = 0;
  OpinionKind kind = OpinionKind::kUnspecified;
  std::uint32_t entry_version = 0;  ///< the one that was looked at; 0: the one that stands
  std::string author;
  std::string reason;
  WallTime expires{};  ///< WallTime(): never
  bool needs_second = false;
  bool feedback = false;  ///< the entry's source is to hear of it
  std::vector<PdqHash> copies;
};

struct EntryPage {
  std::vector<Entry> entries;
  std::string next_page_token;  ///< empty at the end
};

struct CatalogOptions {
  std::size_t index_max_bytes = 0;  ///< 0: no bound
  const Clock* clock = &Clock::System();
  /// Makes the index; null means index::NewIndexBuilder. Called again where an index has to be rebuilt from
  /// the store.
  std::function<std::unique_ptr<index::IndexBuilder>(const index::IndexOptions& options)> make_index;
  /// Large segments of the index are merged on a thread of the index's own, and what comes of it is
  /// published. Otherwise on the thread that writes.
  bool merge_in_background = true;
  /// Where the index snapshot is kept (index/snapshot_file.h), so that the next start reads it instead of all
  /// entries; empty: none is. The folder must be there.
  std::string snapshot_path;
  /// Changed entries beyond which a snapshot that cannot be renewed is given up, and with it the marks by
  /// which a start would catch up.
  std::uint64_t max_marked_changes = 1'000'000;
  /// Seals the snapshot; null: it stands as it is.
  std::shared_ptr<const Sealer> sealer;
  /// A thread of the catalogue's own writes the snapshot when there is something to write, and reads the
  /// index again for damage to memory, all of it within half an hour.
  bool take_care = true;
  /// Records of deleted and replaced lists and of dropped imports are removed on a thread of the catalogue's
  /// own. Otherwise on the thread that deletes, replaces or drops.
  bool remove_in_background = true;
  /// Runs of large imports are committed on a thread of the catalogue's own. Otherwise by the call that ends
  /// one, and records wait as long as no call comes.
  bool commit_in_background = true;
  RunOptions runs;
};

/// What was found of an index since the catalogue was opened.
struct IndexHealth {
  std::uint64_t memory_damage = 0;  ///< times that bytes had changed in memory
  std::uint64_t differences = 0;    ///< times that it differed from the store; each time it was built anew
  std::int64_t snapshot_generation = 0;  ///< of the snapshot on disk; 0: none was read or written
};

/// All lists of a store. Writes return once durable and published; each returns or carries its generation.
/// Threads: thread-safe; writers take turns, readers never wait for them.
class Catalog {
 public:
  /// Loads every list and entry and publishes the first generation. `progress` (may be empty) is called now
  /// and then with entries loaded so far. Errors: store's, kMemoryLimit.
  static Result<std::unique_ptr<Catalog>> Open(store::Store& store, CatalogOptions options,
                                               const std::function<void(std::uint64_t)>& progress = {});
  virtual ~Catalog() = default;

  /// The newest published generation; never null.
  [[nodiscard]] virtual std::shared_ptr<const Generation> Current() const = 0;

  /// Errors: kListExists, kRequestInvalid with the field.
  virtual Result<HashList> CreateList(const ListConfig& config) = 0;
  virtual Result<HashList> GetList(std::string_view name) const = 0;
  /// By name.
  [[nodiscard]] virtual std::vector<HashList> Lists(bool include_system) const = 0;
  /// Replaces the configuration (the name stays). Errors: kListNotFound, kEtagMismatch (where `etag` is not
  /// empty), kRequestInvalid.
  virtual Result<HashList> UpdateList(const ListConfig& config, std::string_view etag) = 0;
  virtual Result<HashList> SetEnabled(std::string_view name, bool enabled) = 0;
  /// Withdraws the list at once, then removes its records. Returns the generation without it.
  virtual Result<std::int64_t> DeleteList(std::string_view name, std::string_view etag) = 0;

  /// Errors: kListNotFound; kStoreBusy where an import with `replace` meets another import of its list. The
  /// import must not outlive the catalogue.
  virtual Result<std::unique_ptr<Import>> StartImport(const ImportOptions& options) = 0;
  /// What an import's gate or PutExchangeState gave last; empty where nothing was. Errors: the store's.
  virtual Result<std::optional<std::string>> GetExchangeState(std::string_view exchange) const = 0;
  /// For what changes no list. Errors: the store's, kRequestInvalid for a name that no exchange can have.
  virtual Status PutExchangeState(const ExchangeState& state) = 0;

  /// Removes one entry. Errors: kListNotFound, kEntryNotFound.
  virtual Result<std::int64_t> DeleteEntry(std::string_view list, EntryId entry) = 0;

  /// Gives an opinion, in place of one of the same kind. Errors: kListNotFound, kEntryNotFound, kEtagMismatch
  /// (the entry is at another version), kRequestInvalid with the field; kMemoryLimit beyond kMaxOpinions.
  virtual Result<Opinion> SetOpinion(const OpinionRequest& request) = 0;
  /// A second person agrees. `created`: of the opinion that they read; WallTime(): whichever stands. Errors:
  /// kListNotFound, kEntryNotFound, kEtagMismatch (the entry or the opinion is another one since),
  /// kRequestInvalid (nobody has to, or the author again).
  virtual Result<Opinion> AgreeToOpinion(std::string_view list, EntryId entry, OpinionKind kind,
                                         std::string_view author, WallTime created = {}) = 0;
  /// Takes an opinion back. One that the entry's source may have heard of is kept until it knows, unless
  /// there is nobody to tell it. Errors: kListNotFound, kEntryNotFound.
  virtual Status RemoveOpinion(std::string_view list, EntryId entry, OpinionKind kind,
                               bool tell_source = true) = 0;
  /// What became of its feedback; one that was taken back is gone once its source knows. False, and nothing
  /// is changed, where the opinion, or what is to be told of it, is another since `of` was read. With the
  /// state that `of` has it only says so, and writes nothing. Errors: the store's.
  virtual Result<bool> SetFeedback(const Opinion& of, FeedbackState state) = 0;
  /// All, those that no longer count too, by list, entry and kind; of one list, unless that is empty. Errors:
  /// kListNotFound.
  virtual Result<std::vector<Opinion>> Opinions(std::string_view list) const = 0;
  /// Limits what matches of a list lead to, or lifts that (no brake). Errors: kListNotFound, kRequestInvalid.
  virtual Result<HashList> SetBrake(std::string_view list, std::optional<Brake> brake) = 0;
  /// Ends opinions and brakes whose time has come, as a generation of their own; the catalogue's own thread
  /// does so every few seconds. Errors: the store's.
  virtual Status EndExpired() = 0;

  virtual Result<Entry> GetEntry(ListId list, EntryId entry) const = 0;
  /// Entries in id order, `page_size` 1..10,000. Errors: kListNotFound, kRequestInvalid (foreign token).
  virtual Result<EntryPage> ListEntries(std::string_view list, std::string_view page_token,
                                        int page_size) const = 0;
  /// Records that could not be taken, file by file, each in order of lines. The first 10,000 of a list are
  /// kept; those beyond are only counted (of at most 1,000 files). Errors: kListNotFound.
  virtual Result<std::vector<Quarantined>> ListQuarantined(std::string_view list,
                                                           std::size_t limit) const = 0;

  /// Makes sure that the system list `name` exists with exactly these entries (the canary).
  virtual Status EnsureSystemList(const ListConfig& config, std::span<const EntryRecord> entries) = 0;

  /// Writes the index snapshot if something has changed since it was written, and ends looking after it: for
  /// the end of the process. Failures are logged: the next start takes longer. Cost: seconds for 10 million
  /// hashes.
  virtual void SaveSnapshot() = 0;
  [[nodiscard]] virtual IndexHealth Health() const = 0;

  /// Per-store secret for keyed digests of ids and bytes; 32 bytes.
  [[nodiscard]] virtual std::span<const std::uint8_t> StoreKey() const = 0;
};

/// Checks an entry record as imports do: at least one hash, sizes right, no doubled algorithm, text bounded.
Status ValidateRecord(const EntryRecord& record);

}  // namespace hashgate::lists
