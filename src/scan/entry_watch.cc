#include "scan/entry_watch.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/digest.h"
#include "base/log.h"
#include "scan/matcher.h"

namespace hashgate::scan {
namespace {

using obs::Metric;

/// Pictures kept of an entry: more would not say more.
constexpr std::size_t kMostPictures = 64;
/// Identified copies kept of an entry.
constexpr std::size_t kMostCopies = lists::kMaxOpinionCopies;
constexpr std::size_t kMostConflicts = 10'000;
constexpr std::chrono::milliseconds kWake{500};

bool IsNear(const PdqHash& a, const PdqHash& b) {
  return Distance(a, b) <= kCopyBits;
}

}  // namespace

EntryWatch::EntryWatch(lists::Catalog& catalog, obs::Metrics* metrics, EntryWatchOptions options)
    : catalog_(catalog), metrics_(metrics), options_(std::move(options)), thread_([this] { Run(); }) {}

EntryWatch::~EntryWatch() {
  Stop();
}

void EntryWatch::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

std::uint64_t EntryWatch::DigestOf(std::string_view account) {
  const auto digest =
      HmacSha256(catalog_.StoreKey(), AsBytes("hashgate watched account\n" + std::string(account)));
  std::uint64_t number = 0;
  std::memcpy(&number, digest.data(), sizeof(number));
  return number;
}

void EntryWatch::Observe(std::string_view account, std::span<const MatchDetail> matches) try {
  if (matches.empty()) return;
  const std::uint64_t digest = account.empty() ? 0 : DigestOf(account);
  const MutexLock lock(mutex_);
  if (stopping_) return;
  const std::uint64_t of_upload = account.empty() ? ++nameless_ : digest;
  for (const MatchDetail& match : matches) {
    if (match.entry_version == 0) continue;
    if (match.fact.digest_conflict) ObserveConflict(match);
    if (options_.flood_accounts > 0 && match.upload_hash) ObserveFlood(of_upload, match);
  }
} catch (const std::bad_alloc&) {
  log::Error("entry_watch_lost", "no memory to watch what entries match");
}

EntryWatch::Watched& EntryWatch::WatchedOf(const MatchDetail& match) {
  const auto [at, is_new] = watched_.try_emplace(match.fact.entry);
  Watched& entry = at->second;
  if (is_new) {
    recent_.push_front(match.fact.entry);
    entry.recent = recent_.begin();
    if (watched_.size() > options_.max_entries) {
      watched_.erase(recent_.back());
      recent_.pop_back();
    }
  } else {
    recent_.splice(recent_.begin(), recent_, entry.recent);
  }
  if (entry.version != match.entry_version) {
    entry.version = match.entry_version;
    entry.pictures.clear();
    entry.copies.clear();
  }
  return entry;
}

void EntryWatch::ObserveFlood(std::uint64_t account, const MatchDetail& match) {
  // What is held already needs no second opinion.
  if (match.fact.flooded || match.fact.digest_conflict) return;
  Watched& entry = WatchedOf(match);
  const PdqHash& hash = *match.upload_hash;
  const bool is_copy =
      std::ranges::any_of(entry.copies, [&](const PdqHash& copy) { return IsNear(copy, hash); });
  if (match.fact.identity == Identity::kStrong) {
    if (is_copy) return;
    entry.copies.push_back(hash);
    if (entry.copies.size() > kMostCopies) entry.copies.pop_front();
    std::erase_if(entry.pictures, [&](const Picture& picture) { return IsNear(picture.hash, hash); });
    return;
  }
  if (match.fact.identity != Identity::kPerceptual || match.fact.distance_bits <= kCopyBits || is_copy)
    return;
  const SteadyTime now = options_.clock->Steady();
  std::erase_if(entry.pictures,
                [&](const Picture& picture) { return now - picture.seen > options_.flood_window; });
  const bool known = std::ranges::any_of(entry.pictures, [&](const Picture& picture) {
    return picture.account == account || IsNear(picture.hash, hash);
  });
  if (known || entry.pictures.size() >= kMostPictures) return;
  entry.pictures.push_back({hash, account, now});
  if (static_cast<int>(entry.pictures.size()) < options_.flood_accounts) return;
  const std::string minutes =
      std::to_string(std::chrono::duration_cast<std::chrono::minutes>(options_.flood_window).count());
  const bool taken =
      Enqueue({.list = match.fact.list,
               .entry = match.fact.entry,
               .kind = lists::OpinionKind::kFlood,
               .entry_version = match.entry_version,
               .author = std::string(kWatchAuthor),
               .reason = std::to_string(entry.pictures.size()) +
                         " dissimilar pictures of as many accounts matched it within " + minutes + " minutes",
               .copies = {entry.copies.begin(), entry.copies.end()}});
  // Where there was no room, the next picture asks again.
  if (taken) {
    entry.pictures.clear();
  } else {
    entry.pictures.pop_back();
  }
}

void EntryWatch::ObserveConflict(const MatchDetail& match) {
  if (conflicts_.size() >= kMostConflicts) conflicts_.clear();
  const std::pair key(match.fact.entry, match.entry_version);
  if (conflicts_.contains(key)) return;
  if (Enqueue({.list = match.fact.list,
               .entry = match.fact.entry,
               .kind = lists::OpinionKind::kConflict,
               .entry_version = match.entry_version,
               .author = std::string(kWatchAuthor),
               .reason = "an upload has one of its digests and looks like another picture"})) {
    conflicts_.insert(key);
  }
}

bool EntryWatch::Enqueue(lists::OpinionRequest request) {
  if (waiting_.size() >= options_.max_waiting) return false;
  waiting_.push_back(std::move(request));
  changed_.NotifyAll();
  return true;
}

void EntryWatch::Run() {
  for (;;) {
    lists::OpinionRequest request;
    {
      const MutexLock lock(mutex_);
      while (waiting_.empty() && !stopping_)
        changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kWake);
      if (waiting_.empty()) return;
      request = std::move(waiting_.front());
      waiting_.pop_front();
    }
    Write(request);
  }
}

void EntryWatch::Write(const lists::OpinionRequest& request) {
  const Result<lists::Opinion> set = catalog_.SetOpinion(request);
  if (!set) {
    // An entry that was changed or is gone meanwhile needs no opinion.
    const Reason reason = set.error().reason;
    if (reason == Reason::kEntryNotFound || reason == Reason::kEtagMismatch ||
        reason == Reason::kListNotFound || reason == Reason::kNotPermitted) {
      return;
    }
    log::Error("entry_watch_failed", "what was seen of an entry could not be written: " + set.error().message,
               {{"list", request.list}, {"entry", request.entry}, {"kind", lists::Name(request.kind)}});
    const MutexLock lock(mutex_);
    conflicts_.erase({request.entry, request.entry_version});
    return;
  }
  if (request.kind == lists::OpinionKind::kFlood) {
    if (metrics_ != nullptr) metrics_->Count(Metric::kFloodBrakes);
    log::Warning(
        "flood_brake",
        "an entry matches many dissimilar pictures: such matches lead to REVIEW at most until a person "
        "takes the opinion FLOOD back",
        {{"list", request.list}, {"entry", request.entry}});
  }
  if (options_.on_opinion) options_.on_opinion(*set, request.list);
}

}  // namespace hashgate::scan
