#include "exchange/remote/remote_list.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <list>
#include <new>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "exchange/remote/answer_cache.h"

namespace hashgate::exchange {
namespace {

using std::chrono::milliseconds;

/// How often a waiting scan looks whether its caller went away.
constexpr milliseconds kLook{20};
constexpr milliseconds kIdle{60'000};
/// Questions that wait for each request that may be in flight.
constexpr std::size_t kWaitingForEach = 4;

SteadyTime Now() {
  return std::chrono::steady_clock::now();
}

// One question's answers as they arrive. Threads: thread-safe.
class Gathered {
 public:
  explicit Gathered(std::size_t hashes) : answers_(hashes) {}

  // Before anything is asked.
  void Know(std::size_t at, RemoteAnswer answer) HASHGATE_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    answers_[at] = std::move(answer);
  }
  void Expect(std::size_t requests) {
    const MutexLock lock(mutex_);
    open_ += requests;
  }
  void Take(std::size_t at, const RemoteAnswer& answer) {
    const MutexLock lock(mutex_);
    answers_[at] = answer;
  }
  // Takes no memory.
  void Miss(RemoteMiss miss) {
    const MutexLock lock(mutex_);
    if (miss_ == RemoteMiss::kNone || miss < miss_) miss_ = miss;
  }
  void End() {
    {
      const MutexLock lock(mutex_);
      --open_;
    }
    changed_.NotifyAll();
  }

  RemoteAnswers Wait(SteadyTime deadline, const std::function<bool()>& cancelled) {
    const MutexLock lock(mutex_);
    RemoteMiss late = RemoteMiss::kNone;
    while (open_ > 0) {
      const SteadyTime now = Now();
      if (now >= deadline) late = RemoteMiss::kTimeout;
      if (cancelled && cancelled()) late = RemoteMiss::kCancelled;
      if (late != RemoteMiss::kNone) break;
      changed_.WaitUntil(mutex_, cancelled ? std::min(deadline, now + kLook) : deadline);
    }
    const bool whole = std::ranges::all_of(answers_, [](const auto& answer) { return answer.has_value(); });
    RemoteMiss miss = RemoteMiss::kNone;
    if (!whole) {
      miss = late != RemoteMiss::kNone ? late : miss_ != RemoteMiss::kNone ? miss_ : RemoteMiss::kError;
    }
    return {.answers = answers_, .miss = miss};
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::optional<RemoteAnswer>> answers_ HASHGATE_GUARDED_BY(mutex_);
  std::size_t open_ HASHGATE_GUARDED_BY(mutex_) = 0;  // requests
  RemoteMiss miss_ HASHGATE_GUARDED_BY(mutex_) = RemoteMiss::kNone;
};

// A thread's client, and how many refusals of credentials there had been when it was made.
struct OwnClient {
  std::unique_ptr<RemoteClient> client;
  std::uint64_t refusals = 0;
};

// One request that waits or runs.
struct Job {
  std::shared_ptr<Gathered> gathered;
  std::vector<PdqHash> hashes;
  std::vector<std::size_t> places;  // of the hashes among the question's
  SteadyTime deadline;              // by the machine's clock
  bool background = false;
};

// What is still to be asked of one question, from `next` on.
struct Waiting {
  std::vector<Job> jobs;
  std::size_t next = 0;
};

void MissRest(Waiting& waiting, RemoteMiss miss) {
  for (; waiting.next < waiting.jobs.size(); ++waiting.next) {
    waiting.jobs[waiting.next].gathered->Miss(miss);
    waiting.jobs[waiting.next].gathered->End();
  }
}

// Questions whose turn is to come. Whoever has many hashes takes no turn from who has few: first each
// question has one request, then each of the others its next one in turn, and background work what is left.
// Takes memory only where a question is added. Threads: confined.
class Turns {
 public:
  // Of `places` questions at most, and `background` requests of background work that run at once.
  Turns(std::size_t places, std::size_t background) : places_(places), background_(background) {}

  // Where all places are taken, background work and then what is not the first of its question give way.
  // False: there is no place. `one` holds one question, and is empty afterwards where it was taken.
  bool Add(std::list<Waiting>& one, bool background) {
    if (Count() >= places_) {
      std::list<Waiting>* const yields = background          ? nullptr
                                         : !last_.empty()    ? &last_
                                         : !further_.empty() ? &further_
                                                             : nullptr;
      if (yields == nullptr) return false;
      MissRest(yields->back(), RemoteMiss::kOverloaded);
      yields->pop_back();
    }
    std::list<Waiting>& to = background ? last_ : first_;
    to.splice(to.end(), one);
    return true;
  }

  // Whether Take would give one.
  [[nodiscard]] bool HasAny() const {
    return !first_.empty() || !further_.empty() || (!last_.empty() && running_ < background_);
  }
  // The next request; of background work its end has to be told. There has to be one.
  Job Take() {
    const bool is_last = first_.empty() && further_.empty();
    std::list<Waiting>& from = !first_.empty() ? first_ : is_last ? last_ : further_;
    Waiting& waiting = from.front();
    Job job = std::move(waiting.jobs[waiting.next++]);
    if (waiting.next == waiting.jobs.size()) {
      from.pop_front();
    } else {
      std::list<Waiting>& to = is_last ? last_ : further_;
      to.splice(to.end(), from, from.begin());
    }
    if (job.background) ++running_;
    return job;
  }
  void End(const Job& job) {
    if (job.background) --running_;
  }
  void MissAll(RemoteMiss miss) {
    for (std::list<Waiting>* const all : {&first_, &further_, &last_}) {
      for (Waiting& waiting : *all) MissRest(waiting, miss);
      all->clear();
    }
  }

 private:
  [[nodiscard]] std::size_t Count() const { return first_.size() + further_.size() + last_.size(); }

  const std::size_t places_;
  const std::size_t background_;
  std::list<Waiting> first_;    // of which nothing was sent
  std::list<Waiting> further_;  // of which something was
  std::list<Waiting> last_;     // background work
  std::size_t running_ = 0;     // requests of background work
};

// Ends a ticket as failed where nothing else has: else a breaker that tries would do so for ever.
class OpenTicket {
 public:
  OpenTicket(CircuitBreaker& breaker, CircuitBreaker::Ticket ticket, SteadyTime begun)
      : breaker_(breaker), ticket_(ticket), begun_(begun) {}
  ~OpenTicket() {
    if (!ended_) breaker_.FailWith(ticket_, begun_, false, milliseconds(0));
  }
  OpenTicket(const OpenTicket&) = delete;
  OpenTicket& operator=(const OpenTicket&) = delete;

  void Ended() { ended_ = true; }

 private:
  CircuitBreaker& breaker_;
  const CircuitBreaker::Ticket ticket_;
  const SteadyTime begun_;
  bool ended_ = false;
};

class Question final : public RemoteQuestion {
 public:
  Question(std::shared_ptr<Gathered> gathered, SteadyTime deadline, std::vector<bool> cached,
           obs::Metrics* metrics, std::string list)
      : gathered_(std::move(gathered)),
        deadline_(deadline),
        cached_(std::move(cached)),
        metrics_(metrics),
        list_(std::move(list)) {}

  RemoteAnswers Wait(const std::function<bool()>& cancelled) override {
    RemoteAnswers all = gathered_->Wait(deadline_, cancelled);
    if (metrics_ != nullptr) Count(all);
    return all;
  }

 private:
  void Count(const RemoteAnswers& all) {
    std::size_t cached = 0;
    std::size_t hits = 0;
    std::size_t misses = 0;
    std::size_t unanswered = 0;
    for (std::size_t i = 0; i < all.answers.size(); ++i) {
      if (cached_[i]) {
        ++cached;
      } else if (!all.answers[i]) {
        ++unanswered;
      } else {
        ++(all.answers[i]->listed ? hits : misses);
      }
    }
    const auto add = [this](std::string_view result, std::size_t hashes) {
      if (hashes == 0) return;
      metrics_->Count(obs::Metric::kRemoteHashes, {{"list", list_}, {"result", result}},
                      static_cast<double>(hashes));
    };
    add("cached", cached);
    add("hit", hits);
    add("miss", misses);
    add(RemoteMissName(all.miss), unanswered);
  }

  const std::shared_ptr<Gathered> gathered_;
  const SteadyTime deadline_;
  const std::vector<bool> cached_;
  obs::Metrics* const metrics_;
  const std::string list_;
};

class ThreadedList final : public RemoteList {
 public:
  explicit ThreadedList(RemoteListOptions options)
      : options_(std::move(options)),
        cache_(options_.key, options_.cache_entries, options_.cache_for),
        breaker_(options_.breaker),
        turns_(kWaitingForEach * ThreadsOf(options_), std::max<std::size_t>(2, ThreadsOf(options_)) - 1) {
    for (std::size_t i = 0; i < ThreadsOf(options_); ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { Run(stop); });
    }
  }
  ~ThreadedList() override {
    for (std::jthread& thread : threads_) thread.request_stop();
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
      turns_.MissAll(RemoteMiss::kError);
    }
    changed_.NotifyAll();
    threads_.clear();
  }
  ThreadedList(const ThreadedList&) = delete;
  ThreadedList& operator=(const ThreadedList&) = delete;

  [[nodiscard]] const RemoteListFacts& facts() const override { return options_.facts; }

  std::unique_ptr<RemoteQuestion> Ask(std::span<const PdqHash> hashes, SteadyTime deadline,
                                      bool background) override {
    const SteadyTime now = options_.clock->Steady();
    const auto left = std::max(SteadyTime::duration::zero(),
                               std::min<SteadyTime::duration>(deadline - now, options_.timeout));
    const SteadyTime until = Now() + left;
    auto gathered = std::make_shared<Gathered>(hashes.size());
    std::vector<bool> cached(hashes.size());
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      if (auto known = cache_.Find(hashes[i], now)) {
        gathered->Know(i, *std::move(known));
        cached[i] = true;
      } else {
        open.push_back(i);
      }
    }
    auto question =
        std::make_unique<Question>(gathered, until, std::move(cached), options_.metrics, options_.facts.name);
    if (open.empty()) return question;
    if (breaker_.IsOpen(now)) {
      gathered->Miss(RemoteMiss::kBreakerOpen);
      return question;
    }
    const std::size_t batch = std::max<std::size_t>(1, options_.batch_hashes);
    std::list<Waiting> one(1);
    for (std::size_t begin = 0; begin < open.size(); begin += batch) {
      const auto places = std::span(open).subspan(begin, std::min(batch, open.size() - begin));
      Job job{.gathered = gathered,
              .hashes = {},
              .places = {places.begin(), places.end()},
              .deadline = until,
              .background = background};
      for (const std::size_t place : places) job.hashes.push_back(hashes[place]);
      one.front().jobs.push_back(std::move(job));
    }
    if (!Submit(one, *gathered, background)) gathered->Miss(RemoteMiss::kOverloaded);
    return question;
  }

  [[nodiscard]] RemoteHealth Health() const override {
    RemoteHealth health{.state = breaker_.state(),
                        .open_for = {},
                        .last_answer = {},
                        .last_error = {},
                        .cached = cache_.Count()};
    if (health.state == CircuitBreaker::State::kOpen) {
      const auto left = breaker_.open_until() - options_.clock->Steady();
      health.open_for = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(left));
    }
    const MutexLock lock(mutex_);
    health.last_answer = last_answer_;
    health.last_error = last_error_;
    return health;
  }

 private:
  static std::size_t ThreadsOf(const RemoteListOptions& options) {
    return static_cast<std::size_t>(std::max(1, options.max_in_flight));
  }

  bool Submit(std::list<Waiting>& one, Gathered& gathered, bool background) {
    const std::size_t requests = one.front().jobs.size();
    {
      const MutexLock lock(mutex_);
      if (stopping_ || !turns_.Add(one, background)) return false;
      // Under the mutex: no thread can have ended one yet.
      gathered.Expect(requests);
    }
    changed_.NotifyAll();
    return true;
  }

  void Run(const std::stop_token& stop) {
    OwnClient own;
    while (std::optional<Job> job = Next(stop)) {
      try {
        Answer(*job, own, stop);
      } catch (const std::bad_alloc&) {
        job->gathered->Miss(RemoteMiss::kError);
      }
      job->gathered->End();
      const MutexLock lock(mutex_);
      turns_.End(*job);
    }
  }

  std::optional<Job> Next(const std::stop_token& stop) {
    const MutexLock lock(mutex_);
    while (!turns_.HasAny() && !stopping_ && !stop.stop_requested()) {
      changed_.WaitUntil(mutex_, Now() + kIdle);
    }
    if (stopping_ || stop.stop_requested()) return std::nullopt;
    return turns_.Take();
  }

  void Answer(const Job& job, OwnClient& own, const std::stop_token& stop) {
    const SteadyTime begun = Now();
    // Nobody waits for it any more, and whoever asks next would wait behind it.
    if (begun >= job.deadline) return job.gathered->Miss(RemoteMiss::kTimeout);
    const SteadyTime asked = options_.clock->Steady();
    const auto ticket = breaker_.Begin(asked);
    if (!ticket) return job.gathered->Miss(RemoteMiss::kBreakerOpen);
    OpenTicket open(breaker_, *ticket, asked);
    Result<RemoteReply> reply = Fail(Reason::kExchangeUnreachable, "no memory");
    try {
      reply = Send(job, own, stop);
    } catch (const std::bad_alloc&) {
      own.client.reset();
    }
    const auto took = Now() - begun;
    if (options_.metrics != nullptr) {
      options_.metrics->Observe(obs::Metric::kRemoteSeconds, std::chrono::duration<double>(took).count(),
                                {{"list", options_.facts.name}});
    }
    if (!reply) {
      job.gathered->Miss(RemoteMiss::kError);
      Failed(*ticket, reply.error());
      return open.Ended();
    }
    if (took > options_.timeout) {
      Failed(*ticket, {Reason::kExchangeUnreachable,
                       "it answers, but later than after " + std::to_string(options_.timeout.count()) + " ms",
                       {},
                       {}});
    } else {
      Succeeded(*ticket, reply->pause);
    }
    open.Ended();
    TakeAll(job, *reply);
  }

  Result<RemoteReply> Send(const Job& job, OwnClient& own, const std::stop_token& stop) {
    // Credentials that one thread saw refused may have been replaced since; no other thread is to try the old
    // ones again.
    const std::uint64_t refusals = refusals_.load();
    if (own.client == nullptr || own.refusals != refusals) {
      own.client.reset();
      HASHGATE_ASSIGN_OR_RETURN(own.client, options_.make_client());
      own.refusals = refusals;
    }
    Result<RemoteReply> reply = own.client->LookUp(job.hashes, stop);
    if (!reply && reply.error().reason == Reason::kExchangeRefused) ++refusals_;
    if (reply && reply->answers.size() != job.hashes.size()) {
      return Fail(Reason::kExchangeProtocol, "another number of hashes was answered than asked");
    }
    return reply;
  }

  void TakeAll(const Job& job, const RemoteReply& reply) {
    const SteadyTime now = options_.clock->Steady();
    for (std::size_t i = 0; i < job.hashes.size(); ++i) {
      if (!reply.answers[i]) {
        job.gathered->Miss(RemoteMiss::kError);
        continue;
      }
      job.gathered->Take(job.places[i], *reply.answers[i]);
      cache_.Keep(job.hashes[i], *reply.answers[i], now);
    }
  }

  void Succeeded(CircuitBreaker::Ticket ticket, milliseconds pause) {
    const bool changed = breaker_.Succeed(ticket, options_.clock->Steady(), pause);
    {
      const MutexLock lock(mutex_);
      last_answer_ = options_.clock->Wall();
      last_error_.clear();
    }
    if (!changed) return;
    if (pause > milliseconds(0)) {
      log::Warning("remote_list_paused", "a remote list asks to be left alone for a while",
                   {{"list", options_.facts.name}, {"pause_ms", pause.count()}});
    } else {
      log::Info("remote_list_answers", "a remote list answers again", {{"list", options_.facts.name}});
    }
  }

  void Failed(CircuitBreaker::Ticket ticket, const Error& error) {
    const bool at_once = error.reason == Reason::kExchangeRefused || error.reason == Reason::kConfigInvalid ||
                         error.reason == Reason::kFileUnreadable;
    const bool opened = breaker_.FailWith(ticket, options_.clock->Steady(), at_once, error.retry_after);
    {
      const MutexLock lock(mutex_);
      last_error_ = error.message;
    }
    if (!opened) return;
    log::Warning(
        "remote_list_open", "a remote list does not answer and is not asked for a while",
        {{"list", options_.facts.name}, {"reason", ReasonName(error.reason)}, {"error", error.message}});
  }

  const RemoteListOptions options_;
  AnswerCache cache_;
  CircuitBreaker breaker_;
  std::atomic<std::uint64_t> refusals_ = 0;  // of credentials
  mutable Mutex mutex_;
  CondVar changed_;
  Turns turns_ HASHGATE_GUARDED_BY(mutex_);
  bool stopping_ HASHGATE_GUARDED_BY(mutex_) = false;
  std::optional<WallTime> last_answer_ HASHGATE_GUARDED_BY(mutex_);
  std::string last_error_ HASHGATE_GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_;  // last: they use the others
};

}  // namespace

std::string_view RemoteMissName(RemoteMiss miss) {
  switch (miss) {
    case RemoteMiss::kNone: return "";
    case RemoteMiss::kTimeout: return "timeout";
    case RemoteMiss::kError: return "error";
    case RemoteMiss::kOverloaded: return "overloaded";
    case RemoteMiss::kBreakerOpen: return "breaker_open";
    case RemoteMiss::kCancelled: return "cancelled";
  }
  return "";
}

std::unique_ptr<RemoteList> RemoteList::Start(RemoteListOptions options) {
  return std::make_unique<ThreadedList>(std::move(options));
}

}  // namespace hashgate::exchange
