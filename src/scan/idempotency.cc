#include "scan/idempotency.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/mutex.h"

namespace hashgate::scan {
namespace {

// Keys of Family::kRequests. 'r' + HMAC(id): one record a request. 't' + big-endian milliseconds + HMAC(id):
// the same requests in order of time, for forgetting.
constexpr char kRecordPrefix = 'r';
constexpr char kTimePrefix = 't';
constexpr std::size_t kIdInTimeKey = 1 + 8;
constexpr std::size_t kTimeKeySize = kIdInTimeKey + 32;
constexpr std::size_t kMaxPruned = 4096;
constexpr std::uint8_t kRecordVersion = 1;
// The rule of answers that take over a verdict which was reversed to more than ALLOW.
constexpr std::string_view kReversedRule = "reversed";

using Digest = std::array<std::uint8_t, 32>;

std::string AsText(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

void AppendBigEndian(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

std::uint64_t ReadBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Length-prefixed, so that no two different triples give the same bytes.
std::string IdentityBytes(const RequestKey& key) {
  std::string bytes = "request";
  for (const std::string_view part :
       {std::string_view(key.tenant), std::string_view(key.caller), std::string_view(key.request_id)}) {
    AppendBigEndian(bytes, part.size());
    bytes += part;
  }
  AppendBigEndian(bytes, static_cast<std::uint64_t>(key.file));
  return bytes;
}

struct StoredRecord {
  Digest content{};
  std::uint64_t time_millis = 0;
  RememberedAnswer answer;
};

// version, 32 bytes keyed content digest, 8 bytes time, verdict, harm class, rule id.
std::string Encode(const StoredRecord& record) {
  std::string bytes(1, static_cast<char>(kRecordVersion));
  bytes += AsText(record.content);
  AppendBigEndian(bytes, record.time_millis);
  bytes.push_back(static_cast<char>(record.answer.verdict));
  bytes.push_back(static_cast<char>(record.answer.harm_class));
  bytes += record.answer.rule_id;
  return bytes;
}

Result<StoredRecord> Decode(std::string_view bytes) {
  constexpr std::size_t kFixed = 1 + 32 + 8 + 2;
  if (bytes.size() < kFixed || static_cast<std::uint8_t>(bytes[0]) != kRecordVersion) {
    return Fail(Reason::kStoreCorrupt, "a remembered request does not decode");
  }
  StoredRecord record;
  std::copy_n(bytes.begin() + 1, 32, record.content.begin());
  record.time_millis = ReadBigEndian(bytes.substr(33));
  const auto verdict = static_cast<std::uint8_t>(bytes[41]);
  const auto harm_class = static_cast<std::uint8_t>(bytes[42]);
  if (verdict > static_cast<std::uint8_t>(Verdict::kBlockAndReport) ||
      harm_class > static_cast<std::uint8_t>(HarmClass::kTest)) {
    return Fail(Reason::kStoreCorrupt, "a remembered request does not decode");
  }
  record.answer.verdict = static_cast<Verdict>(verdict);
  record.answer.harm_class = static_cast<HarmClass>(harm_class);
  record.answer.rule_id = std::string(bytes.substr(kFixed));
  return record;
}

class Table final : public IdempotencyTable {
 public:
  Table(store::Store& store, std::span<const std::uint8_t> key, const Clock& clock,
        IdempotencyOptions options)
      : store_(store), key_(key.begin(), key.end()), clock_(clock), options_(options) {}

  Status Load() {
    std::size_t count = 0;
    HASHGATE_RETURN_IF_ERROR(store_.Scan(store::Family::kRequests, std::string(1, kTimePrefix), {},
                                         [&](std::string_view, std::string_view) {
                                           ++count;
                                           return true;
                                         }));
    const MutexLock lock(mutex_);
    count_ = count;
    return {};
  }

  Result<std::unique_ptr<Ticket>> Take(std::span<const RequestKey> keys, SteadyTime deadline,
                                       const std::function<bool()>& cancelled) override {
    std::vector<std::string> ids;
    ids.reserve(keys.size());
    for (const RequestKey& key : keys) ids.push_back(IdOf(key));
    const MutexLock lock(mutex_);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      // All calls take them in the same order, so no two wait for each other.
      const Status held = Hold(ids[i], deadline, cancelled);
      if (held) continue;
      ids.resize(i);
      ReleaseHeld(ids);
      return std::unexpected(held.error());
    }
    return std::make_unique<HeldTicket>(*this, std::move(ids));
  }

  Result<std::optional<RememberedAnswer>> Peek(const RequestKey& key) const override {
    HASHGATE_ASSIGN_OR_RETURN(const std::optional<StoredRecord> record, Read(IdOf(key)));
    if (!record || Expired(*record)) return std::optional<RememberedAnswer>();
    return std::optional<RememberedAnswer>(record->answer);
  }

  std::unique_ptr<Relaxing> StartRelaxing() override { return std::make_unique<HeldRelaxing>(*this); }

  Status Prune() override {
    while (true) {
      HASHGATE_ASSIGN_OR_RETURN(const std::vector<std::string> keys, Prunable());
      if (!keys.empty()) HASHGATE_RETURN_IF_ERROR(Forget(keys));
      if (keys.size() < kMaxPruned) return {};
    }
  }

  [[nodiscard]] std::size_t Count() const override {
    const MutexLock lock(mutex_);
    return count_;
  }

 private:
  std::string IdOf(const RequestKey& key) const {
    return AsText(HmacSha256(key_, AsBytes(IdentityBytes(key))));
  }

  // Takes one id.
  Status Hold(const std::string& id, SteadyTime deadline, const std::function<bool()>& cancelled)
      HASHGATE_REQUIRES(mutex_) {
    if (in_flight_.contains(id)) {
      if (waiting_ >= options_.max_waiting) {
        return Fail(Reason::kDeadlineExceeded, "other calls already wait for this request id");
      }
      ++waiting_;
      const Status waited = WaitFor(id, deadline, cancelled);
      --waiting_;
      HASHGATE_RETURN_IF_ERROR(waited);
    }
    in_flight_.insert(id);
    return {};
  }

  void ReleaseHeld(std::span<const std::string> ids) HASHGATE_REQUIRES(mutex_) {
    for (const std::string& id : ids) in_flight_.erase(id);
    released_.NotifyAll();
  }

  Status WaitFor(const std::string& id, SteadyTime deadline, const std::function<bool()>& cancelled)
      HASHGATE_REQUIRES(mutex_) {
    while (in_flight_.contains(id)) {
      if (clock_.Steady() >= deadline) {
        return Fail(Reason::kDeadlineExceeded, "another call with this request id is still worked on");
      }
      if (cancelled && cancelled()) return Fail(Reason::kCancelled, "the caller went away");
      // A bounded slice, so that a test's clock and the caller are looked at again.
      released_.WaitUntil(
          mutex_, std::min(deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(50)));
    }
    return {};
  }

  // Time keys of the oldest records that are too old, or too many; at most kMaxPruned.
  Result<std::vector<std::string>> Prunable() const {
    const auto now = static_cast<std::uint64_t>(ToUnixMillis(clock_.Wall()));
    const auto keep = static_cast<std::uint64_t>(std::chrono::milliseconds(options_.keep).count());
    const std::uint64_t oldest = now > keep ? now - keep : 0;
    const std::size_t count = Count();
    const std::size_t beyond = count > options_.max_records ? count - options_.max_records : 0;
    std::vector<std::string> keys;
    HASHGATE_RETURN_IF_ERROR(store_.Scan(store::Family::kRequests, std::string(1, kTimePrefix), {},
                                         [&](std::string_view key, std::string_view) {
                                           if (key.size() != kTimeKeySize) return true;
                                           const bool expired = ReadBigEndian(key.substr(1)) < oldest;
                                           if (!expired && keys.size() >= beyond) return false;
                                           keys.emplace_back(key);
                                           return keys.size() < kMaxPruned;
                                         }));
    return keys;
  }

  // Removes the records that the time keys still stand for. Ids in use keep theirs until the next round.
  Status Forget(const std::vector<std::string>& keys) {
    std::vector<std::string> held;
    {
      const MutexLock lock(mutex_);
      for (const std::string& key : keys) {
        if (in_flight_.insert(key.substr(kIdInTimeKey)).second) held.push_back(key);
      }
    }
    store::Batch batch;
    std::size_t forgotten = 0;
    Status done;
    for (const std::string& key : held) {
      const std::string id = key.substr(kIdInTimeKey);
      const std::optional<StoredRecord> record = Read(id).value_or(std::nullopt);
      batch.Delete(store::Family::kRequests, key);
      // A record of another time belongs to another time key.
      if (record && record->time_millis != ReadBigEndian(std::string_view(key).substr(1))) continue;
      batch.Delete(store::Family::kRequests, kRecordPrefix + id);
      ++forgotten;
    }
    if (!batch.empty()) done = store_.Write(batch);
    const MutexLock lock(mutex_);
    for (const std::string& key : held) in_flight_.erase(key.substr(kIdInTimeKey));
    if (done) count_ -= std::min(count_, forgotten);
    released_.NotifyAll();
    return done;
  }

  class HeldTicket final : public Ticket {
   public:
    HeldTicket(Table& table, std::vector<std::string> ids)
        : table_(table), ids_(std::move(ids)), known_(ids_.size()) {}
    ~HeldTicket() override { table_.Release(ids_); }
    HeldTicket(const HeldTicket&) = delete;
    HeldTicket& operator=(const HeldTicket&) = delete;

    Result<std::vector<std::optional<RememberedAnswer>>> SeenEach(
        std::span<const ByteSpan> content_digests) override {
      HASHGATE_ASSIGN_OR_RETURN(known_, table_.ReadEach(ids_));
      std::vector<std::optional<RememberedAnswer>> answers(ids_.size());
      for (std::size_t i = 0; i < ids_.size(); ++i) {
        const std::optional<StoredRecord>& known = known_[i];
        if (!known || table_.Expired(*known)) continue;
        if (known->content != HmacSha256(table_.key_, content_digests[i])) {
          return Fail(
              Reason::kRequestIdReused,
              "this request id was used within 24 hours with other content: use a new id for new content",
              "header.request_id");
        }
        answers[i] = known->answer;
      }
      return answers;
    }

    Status RememberEach(std::span<const ByteSpan> content_digests,
                        std::span<const std::optional<RememberedAnswer>> answers) override {
      const auto now = static_cast<std::uint64_t>(ToUnixMillis(table_.clock_.Wall()));
      std::vector<std::optional<StoredRecord>> known = known_;
      store::Batch batch;
      std::size_t added = 0;
      for (std::size_t i = 0; i < ids_.size(); ++i) {
        const std::optional<RememberedAnswer>& answer = answers[i];
        if (!answer) continue;
        std::optional<StoredRecord>& before = known[i];
        StoredRecord record{.time_millis = now, .answer = *answer};
        if (before && table_.Expired(*before)) {
          // Still stored: its key goes now that the id is used again.
          batch.Delete(store::Family::kRequests, TimeKey(*before, ids_[i]));
        } else if (before) {
          if (before->answer.verdict >= record.answer.verdict) continue;
          // The 24 hours run from the first answer, so that the two keys of a request always agree.
          record.time_millis = before->time_millis;
        } else {
          ++added;
        }
        record.content = HmacSha256(table_.key_, content_digests[i]);
        batch.Put(store::Family::kRequests, kRecordPrefix + ids_[i], Encode(record));
        batch.Put(store::Family::kRequests, TimeKey(record, ids_[i]), {});
        before = std::move(record);
      }
      if (batch.empty()) return {};
      HASHGATE_RETURN_IF_ERROR(table_.store_.Write(batch));
      known_ = std::move(known);
      const MutexLock lock(table_.mutex_);
      table_.count_ += added;
      return {};
    }

   private:
    Table& table_;
    const std::vector<std::string> ids_;
    std::vector<std::optional<StoredRecord>> known_;  // what the store holds of each, expired or not
  };

  class HeldRelaxing final : public Relaxing {
   public:
    explicit HeldRelaxing(Table& table) : table_(table) {}
    ~HeldRelaxing() override {
      const MutexLock lock(table_.mutex_);
      for (const auto& [id, held] : held_) {
        if (held.is_ours) table_.in_flight_.erase(id);
      }
      table_.released_.NotifyAll();
    }
    HeldRelaxing(const HeldRelaxing&) = delete;
    HeldRelaxing& operator=(const HeldRelaxing&) = delete;

    Result<bool> Relax(const RequestKey& key, Verdict verdict, bool keep_class,
                       store::Batch& batch) override {
      const std::string id = table_.IdOf(key);
      Held& held = held_[id];
      if (!held.is_ours) {
        held.is_ours = TryHold(id);
        if (!held.is_ours) return false;
        HASHGATE_ASSIGN_OR_RETURN(held.record, table_.Read(id));
      }
      std::optional<StoredRecord>& record = held.record;
      if (!record || record->answer.verdict <= verdict) return true;
      record->answer.verdict = verdict;
      if (!keep_class) record->answer.harm_class = HarmClass::kUnspecified;
      record->answer.rule_id = std::string(kReversedRule);
      batch.Put(store::Family::kRequests, kRecordPrefix + id, Encode(*record));
      return true;
    }

   private:
    struct Held {
      bool is_ours = false;
      std::optional<StoredRecord> record;  // what the store holds once the batch is written
    };

    bool TryHold(const std::string& id) {
      const MutexLock lock(table_.mutex_);
      return table_.in_flight_.insert(id).second;
    }

    Table& table_;
    std::map<std::string, Held> held_;
  };

  Result<std::vector<std::optional<StoredRecord>>> ReadEach(const std::vector<std::string>& ids) const {
    std::vector<std::string> keys;
    keys.reserve(ids.size());
    for (const std::string& id : ids) keys.push_back(kRecordPrefix + id);
    HASHGATE_ASSIGN_OR_RETURN(const std::vector<std::optional<std::string>> values,
                              store_.GetMany(store::Family::kRequests, keys));
    std::vector<std::optional<StoredRecord>> records(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::optional<std::string>& value = values[i];
      if (!value) continue;
      HASHGATE_ASSIGN_OR_RETURN(records[i], Decode(*value));
    }
    return records;
  }

  Result<std::optional<StoredRecord>> Read(const std::string& id) const {
    HASHGATE_ASSIGN_OR_RETURN(const auto records, ReadEach({id}));
    return records.front();
  }

  [[nodiscard]] bool Expired(const StoredRecord& record) const {
    const auto age = ToUnixMillis(clock_.Wall()) - static_cast<std::int64_t>(record.time_millis);
    return age > std::chrono::milliseconds(options_.keep).count();
  }

  static std::string TimeKey(const StoredRecord& record, const std::string& id) {
    std::string key(1, kTimePrefix);
    AppendBigEndian(key, record.time_millis);
    return key + id;
  }

  void Release(std::span<const std::string> ids) {
    const MutexLock lock(mutex_);
    ReleaseHeld(ids);
  }

  store::Store& store_;
  const std::vector<std::uint8_t> key_;
  const Clock& clock_;
  const IdempotencyOptions options_;
  mutable Mutex mutex_;
  CondVar released_;
  std::set<std::string> in_flight_
      HASHGATE_GUARDED_BY(mutex_);  // of calls and batches under way, which are bounded
  std::size_t count_ HASHGATE_GUARDED_BY(mutex_) = 0;
  int waiting_ HASHGATE_GUARDED_BY(mutex_) = 0;
};

}  // namespace

Result<std::unique_ptr<IdempotencyTable>> IdempotencyTable::Open(store::Store& store,
                                                                 std::span<const std::uint8_t> key,
                                                                 const Clock& clock,
                                                                 IdempotencyOptions options) {
  auto table = std::make_unique<Table>(store, key, clock, options);
  HASHGATE_RETURN_IF_ERROR(table->Load());
  return table;
}

}  // namespace hashgate::scan
