#include "casework/verdicts/verdict_log.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <new>
#include <set>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "casework/verdicts/verdict_codec.h"

namespace hashgate::casework {
namespace {

using std::chrono::milliseconds;
using store::Family;

/// Waits are cut into slices, so that no wake-up that is missed, and no clock of a test's, can last.
constexpr milliseconds kSlice{50};
constexpr std::size_t kPrunedAtOnce = 256;
constexpr int kPrunesAtOnce = 16;

// Values of the label `result`.
constexpr std::string_view kRecorded = "recorded";
constexpr std::string_view kUpdated = "updated";
constexpr std::string_view kFailed = "failed";
constexpr std::string_view kDropped = "dropped";

// One answer, or one look after an answer.
struct Item {
  VerdictRecord record;
  bool replayed = false;  ///< the request was answered before: its record may be there
  bool is_look = false;   ///< only adds to the record of that id
};

// What one caller handed over together.
struct Handed {
  std::vector<Item> items;
  bool done = false;
};

// Records of one write, as they will be. Later items see what earlier ones change.
struct Group {
  std::map<VerdictId, VerdictRecord> records;
  std::map<std::string, VerdictId> requests;  // by key
  std::size_t recorded = 0;
  std::size_t updated = 0;
};

class Log final : public VerdictLog {
 public:
  Log(store::Store& store, std::span<const std::uint8_t> store_key, const VerdictLogOptions& options)
      : store_(store), request_keys_(store_key), options_(options) {}
  ~Log() override {
    {
      const MutexLock lock(mutex_);
      stop_ = true;
      wake_.NotifyAll();
    }
    if (writer_.joinable()) writer_.join();
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  Status Load() {
    std::set<std::pair<std::string, lists::ListId>> names;
    Status parsed;
    HASHGATE_RETURN_IF_ERROR(
        store_.Scan(Family::kVerdicts, kListNamePrefix, {}, [&](std::string_view key, std::string_view) {
          Result<std::pair<std::string, lists::ListId>> named = ParseListNameKey(key);
          if (!named) {
            parsed = std::unexpected(std::move(named).error());
            return false;
          }
          names.insert(*std::move(named));
          return true;
        }));
    HASHGATE_RETURN_IF_ERROR(parsed);
    {
      const MutexLock lock(names_mutex_);
      names_ = std::move(names);
    }
    writer_ = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), "verdicts");
      Run();
    });
    return {};
  }

  void Record(const scan::ScanRequest& request, std::span<const scan::NumberedAnswer> answers,
              SteadyTime deadline) noexcept override try {
    const auto handed = std::make_shared<Handed>();
    const WallTime now = options_.clock->Wall();
    for (const scan::NumberedAnswer& answer : answers) {
      handed->items.push_back({.record = RecordOf(request, answer.file, *answer.answer, now),
                               .replayed = answer.answer->replayed});
    }
    const SteadyTime until = std::min(deadline, options_.clock->Steady() + options_.max_wait);
    if (!HandOver(handed)) return;
    if (!WaitFor(*handed, until) && options_.metrics != nullptr) {
      options_.metrics->Count(obs::Metric::kVerdictRecordsLate, {}, static_cast<double>(answers.size()));
    }
  } catch (const std::bad_alloc&) {
    Drop(answers.size(), "no memory");
  }

  void Complete(const std::string& tenant, const std::string& scan_id,
                const scan::ScanAnswer& look) noexcept override try {
    const auto handed = std::make_shared<Handed>();
    Item& item = handed->items.emplace_back();
    item.is_look = true;
    item.record = RecordOf({.tenant = tenant}, -1, look, {});
    item.record.id.scan_id = scan_id;
    HandOver(handed);
  } catch (const std::bad_alloc&) {
    Drop(1, "no memory");
  }

  [[nodiscard]] Result<Page> OfEntry(const EntryRef& entry, const std::optional<VerdictId>& after,
                                     std::size_t max) const override {
    // The key after `after`'s is the least that starts with it.
    const std::string start = after ? VerdictEntryKey(entry, *after) + '\0' : std::string();
    std::vector<VerdictId> ids;
    Status parsed;
    HASHGATE_RETURN_IF_ERROR(store_.Scan(Family::kVerdictEntries, EntryPrefix(entry), start,
                                         [&](std::string_view key, std::string_view) {
                                           Result<VerdictId> id = ParseVerdictEntryKey(key);
                                           if (!id) {
                                             parsed = std::unexpected(std::move(id).error());
                                             return false;
                                           }
                                           ids.push_back(*std::move(id));
                                           return ids.size() < max;
                                         }));
    HASHGATE_RETURN_IF_ERROR(parsed);
    HASHGATE_ASSIGN_OR_RETURN(Found found, Get(ids));
    Page page{std::move(found), {}};
    if (!ids.empty()) page.last = ids.back();
    return page;
  }

  [[nodiscard]] Result<Found> Get(std::span<const VerdictId> ids) const override {
    std::vector<std::string> keys;
    keys.reserve(ids.size());
    for (const VerdictId& id : ids) keys.push_back(VerdictKey(id));
    Result<std::vector<std::optional<std::string>>> values = store_.GetMany(Family::kVerdicts, keys);
    if (!values && values.error().reason != Reason::kStoreCorrupt) {
      return std::unexpected(std::move(values).error());
    }
    Found found;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      // Where one block is damaged, the others are read one by one.
      Result<std::optional<std::string>> value =
          values ? Result<std::optional<std::string>>(std::move((*values)[i]))
                 : store_.Get(Family::kVerdicts, keys[i]);
      HASHGATE_RETURN_IF_ERROR(Add(ids[i], value, found));
    }
    return found;
  }

  Status Alone(const std::function<Status()>& work) override {
    const TurnLock turn(turn_);
    return work();
  }

  [[nodiscard]] std::vector<lists::ListId> ListsNamed(std::string_view name) const override {
    const MutexLock lock(names_mutex_);
    std::vector<lists::ListId> ids;
    for (auto at = names_.lower_bound({std::string(name), 0}); at != names_.end() && at->first == name;
         ++at) {
      ids.push_back(at->second);
    }
    return ids;
  }

  Status Prune() override {
    const std::string cutoff = FirstScanIdAt(options_.clock->Wall() - options_.keep);
    // Rounds that find nothing cost a look at one tenant, and are not counted. A call that began in the
    // middle goes around once.
    bool from_start = false;
    for (int removals = 0; removals < kPrunesAtOnce;) {
      const TurnLock turn(turn_);
      if (prune_from_.empty()) {
        if (from_start) return {};
        from_start = true;
        prune_from_ = kVerdictPrefix;
      }
      HASHGATE_ASSIGN_OR_RETURN(Prunable prunable, PrunableFrom(prune_from_, cutoff));
      if (!prunable.records.empty()) {
        HASHGATE_RETURN_IF_ERROR(Remove(prunable.records));
        ++removals;
      }
      prune_from_ = std::move(prunable.next);
    }
    return {};
  }

 private:
  static Status Add(const VerdictId& id, const Result<std::optional<std::string>>& value, Found& found) {
    if (value && !*value) return {};
    Result<VerdictRecord> record =
        value ? DecodeVerdict(id, **value) : Result<VerdictRecord>(std::unexpected(value.error()));
    if (record) {
      found.records.push_back(*std::move(record));
    } else if (record.error().reason == Reason::kStoreCorrupt) {
      TellUnreadable(record.error(), id.scan_id);
      ++found.damaged;
    } else {
      return Prefix(std::move(record).error(), "scan " + id.scan_id);
    }
    return {};
  }

  // False where nothing more can be taken.
  bool HandOver(const std::shared_ptr<Handed>& handed) {
    const std::size_t count = handed->items.size();
    {
      const MutexLock lock(mutex_);
      if (!stop_ && waiting_ + count <= options_.max_waiting) {
        queue_.push_back(handed);
        waiting_ += count;
        wake_.NotifyOne();
        return true;
      }
    }
    Drop(count, "too many wait");
    return false;
  }

  // Whether it was written by then, or at least tried.
  bool WaitFor(const Handed& handed, SteadyTime until) {
    const MutexLock lock(mutex_);
    while (!handed.done && options_.clock->Steady() < until) {
      written_.WaitUntil(mutex_, std::min(until, std::chrono::steady_clock::now() + kSlice));
    }
    return handed.done;
  }

  void Run() {
    for (;;) {
      // Nothing here may ask for memory: nobody would write records any more.
      std::vector<std::shared_ptr<Handed>> group;
      {
        const MutexLock lock(mutex_);
        while (queue_.empty() && !stop_) wake_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kSlice);
        if (queue_.empty()) return;
        group.swap(queue_);
      }
      std::size_t items = 0;
      for (const auto& handed : group) items += handed->items.size();
      WriteOrDrop(group, items);
      const MutexLock lock(mutex_);
      for (const auto& handed : group) handed->done = true;
      waiting_ -= items;
      written_.NotifyAll();
    }
  }

  void WriteOrDrop(std::span<const std::shared_ptr<Handed>> handed, std::size_t items) noexcept try {
    Group group;
    const Status written = Write(handed, group);
    if (written) {
      Count(kRecorded, group.recorded);
      Count(kUpdated, group.updated);
      return;
    }
    Count(kFailed, items);
    log::Error("verdicts_not_recorded",
               "the store could not record which entries led to verdicts: these verdicts cannot be undone",
               {{"answers", items},
                {"reason", ReasonName(written.error().reason)},
                {"error", written.error().message}});
  } catch (const std::bad_alloc&) {
    Drop(items, "no memory");
  }

  Status Write(std::span<const std::shared_ptr<Handed>> handed, Group& group) {
    const TurnLock turn(turn_);
    for (const auto& together : handed) {
      for (const Item& item : together->items) HASHGATE_RETURN_IF_ERROR(Take(item, group));
    }
    store::Batch batch;
    std::set<std::pair<std::string, lists::ListId>> names;
    for (const auto& [id, record] : group.records) {
      batch.Put(Family::kVerdicts, VerdictKey(id), EncodeVerdict(record));
      for (const RecordedMatch& match : record.matches) {
        batch.Put(Family::kVerdictEntries, VerdictEntryKey(match.entry, id), EncodePresent());
        if (!KnowsName(match.list, match.entry.list)) names.emplace(match.list, match.entry.list);
      }
    }
    for (const auto& [key, id] : group.requests) batch.Put(Family::kVerdicts, key, EncodeVerdictId(id));
    for (const auto& [name, list] : names) {
      batch.Put(Family::kVerdicts, ListNameKey(name, list), EncodePresent());
    }
    if (batch.empty()) return {};
    HASHGATE_RETURN_IF_ERROR(store_.Write(batch));
    const MutexLock lock(names_mutex_);
    // Takes no memory: what is durable is not to be called dropped.
    names_.merge(names);
    return {};
  }

  Status Take(const Item& item, Group& group) {
    if (item.is_look) {
      HASHGATE_ASSIGN_OR_RETURN(std::optional<VerdictRecord> known, Known(item.record.id, group));
      // Its answer left without one.
      if (!known) return {};
      if (TakeLook(item.record, *known)) Update(*std::move(known), group);
      return {};
    }
    const std::string request = item.record.request_id.empty() ? "" : request_keys_.Of(item.record);
    if (item.replayed && !request.empty()) {
      HASHGATE_ASSIGN_OR_RETURN(std::optional<VerdictRecord> known, KnownOf(request, group));
      if (known) {
        if (TakeLater(item.record, *known)) Update(*std::move(known), group);
        return {};
      }
    }
    VerdictRecord record = item.record;
    HoldUnexplained(record);
    if (!request.empty()) group.requests[request] = record.id;
    ++group.recorded;
    group.records[record.id] = std::move(record);
    return {};
  }

  static void Update(VerdictRecord record, Group& group) {
    ++group.updated;
    group.records[record.id] = std::move(record);
  }

  Result<std::optional<VerdictRecord>> Known(const VerdictId& id, const Group& group) const {
    if (const auto at = group.records.find(id); at != group.records.end()) {
      return std::optional<VerdictRecord>(at->second);
    }
    HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> value, Read(VerdictKey(id), id.scan_id));
    if (!value) return std::optional<VerdictRecord>();
    Result<VerdictRecord> record = DecodeVerdict(id, *value);
    if (!record) {
      TellUnreadable(record.error(), id.scan_id);
      return std::optional<VerdictRecord>();
    }
    return std::optional<VerdictRecord>(*std::move(record));
  }

  // Damage is as if nothing were there: records of other answers, which are written together, must not be
  // lost for it.
  Result<std::optional<std::string>> Read(const std::string& key, std::string_view scan_id) const {
    Result<std::optional<std::string>> value = store_.Get(Family::kVerdicts, key);
    if (value || value.error().reason != Reason::kStoreCorrupt) return value;
    TellUnreadable(value.error(), scan_id);
    return std::optional<std::string>();
  }

  static void TellUnreadable(const Error& error, std::string_view scan_id) {
    log::Error("verdict_unreadable",
               "a verdict's record cannot be read: no undo sees it, and what comes later does not go into it",
               {{"scan_id", scan_id}, {"reason", ReasonName(error.reason)}, {"error", error.message}});
  }

  Result<std::optional<VerdictRecord>> KnownOf(const std::string& request, const Group& group) const {
    if (const auto at = group.requests.find(request); at != group.requests.end()) {
      return Known(at->second, group);
    }
    HASHGATE_ASSIGN_OR_RETURN(const std::optional<std::string> value, Read(request, ""));
    if (!value) return std::optional<VerdictRecord>();
    const Result<VerdictId> id = DecodeVerdictId(*value);
    if (id) return Known(*id, group);
    TellUnreadable(id.error(), "");
    return std::optional<VerdictRecord>();
  }

  bool KnowsName(const std::string& name, lists::ListId list) const {
    const MutexLock lock(names_mutex_);
    return names_.contains({name, list});
  }

  struct Prunable {
    std::vector<std::pair<VerdictId, std::string>> records;  // with their values
    std::string next;                                        // where to go on; empty: nowhere
  };

  // The next records of one tenant that are older than `cutoff`.
  Result<Prunable> PrunableFrom(const std::string& start, const std::string& cutoff) const {
    Prunable prunable;
    HASHGATE_RETURN_IF_ERROR(store_.Scan(Family::kVerdicts, kVerdictPrefix, start,
                                         [&](std::string_view key, std::string_view value) {
                                           Result<VerdictId> id = ParseVerdictKey(key);
                                           // One that is damaged keeps no other from going.
                                           if (!id) return true;
                                           if (id->scan_id >= cutoff) {
                                             // All that follows of this tenant is younger. Scan ids are plain
                                             // text, so this is after them.
                                             prunable.next = TenantPrefix(id->tenant) + '\x7f';
                                             return false;
                                           }
                                           prunable.records.emplace_back(*std::move(id), value);
                                           if (prunable.records.size() < kPrunedAtOnce) return true;
                                           prunable.next = std::string(key) + '\0';
                                           return false;
                                         }));
    return prunable;
  }

  Status Remove(const std::vector<std::pair<VerdictId, std::string>>& records) {
    store::Batch batch;
    std::vector<std::string> requests;
    std::vector<VerdictId> ids;
    for (const auto& [id, value] : records) {
      batch.Delete(Family::kVerdicts, VerdictKey(id));
      // What leads to a record that cannot be read stays, and leads nowhere.
      const Result<VerdictRecord> record = DecodeVerdict(id, value);
      if (!record) continue;
      for (const RecordedMatch& match : record->matches) {
        batch.Delete(Family::kVerdictEntries, VerdictEntryKey(match.entry, id));
      }
      if (record->request_id.empty()) continue;
      requests.push_back(request_keys_.Of(*record));
      ids.push_back(id);
    }
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<std::optional<std::string>> values,
                              store_.GetMany(Family::kVerdicts, requests));
    for (std::size_t i = 0; i < requests.size(); ++i) {
      // The id may have been used again since.
      if (values[i] && *values[i] == EncodeVerdictId(ids[i])) batch.Delete(Family::kVerdicts, requests[i]);
    }
    return store_.Write(batch);
  }

  void Count(std::string_view result, std::size_t count) noexcept try {
    if (options_.metrics == nullptr || count == 0) return;
    options_.metrics->Count(obs::Metric::kVerdictRecords, {{"result", result}}, static_cast<double>(count));
  } catch (const std::bad_alloc&) {
    // A count is lost, and not the server with it.
    return;
  }

  void Drop(std::size_t count, std::string_view why) noexcept try {
    Count(kDropped, count);
    log::Error("verdicts_not_recorded", "verdicts were not recorded: these cannot be undone",
               {{"answers", count}, {"reason", why}});
  } catch (const std::bad_alloc&) {
    // A line is lost, and not the server with it.
    return;
  }

  store::Store& store_;
  const RequestKeys request_keys_;
  const VerdictLogOptions options_;
  // Whoever holds it may change records. Before the others.
  TurnMutex turn_;
  std::string prune_from_ HASHGATE_GUARDED_BY(turn_);  // empty: from the first key
  mutable Mutex names_mutex_;
  std::set<std::pair<std::string, lists::ListId>> names_ HASHGATE_GUARDED_BY(names_mutex_);
  mutable Mutex mutex_;
  CondVar wake_;
  CondVar written_;
  std::vector<std::shared_ptr<Handed>> queue_ HASHGATE_GUARDED_BY(mutex_);
  std::size_t waiting_ HASHGATE_GUARDED_BY(mutex_) = 0;
  bool stop_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::thread writer_;
};

}  // namespace

Result<std::unique_ptr<VerdictLog>> VerdictLog::Open(store::Store& store,
                                                     std::span<const std::uint8_t> store_key,
                                                     const VerdictLogOptions& options) {
  auto log = std::make_unique<Log>(store, store_key, options);
  HASHGATE_RETURN_IF_ERROR(log->Load());
  return log;
}

}  // namespace hashgate::casework
