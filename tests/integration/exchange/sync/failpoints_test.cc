// kill -9 at every point of a sync that can make a difference, by name: each page fetched, before
// and after each write to the store. Over RocksDB; whatever the point, the list is as the checkpoint
// beside it says, and going on ends as if nothing had happened, with no entry changed twice.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <map>

#include "base/unique_fd.h"
#include "exchange/sync/syncer.h"
#include "integration/store/temp_folder.h"
#include "testing/list_records.h"
#include "testing/quiet_catalog.h"

namespace hashgate::exchange {
namespace {

constexpr int kDeltas = 6;
// Replaces the whole list.
constexpr int kWholeDelta = 3;
constexpr std::size_t kPageRecords = 8;

// What the source's delta number `at` says: new entries, changed ones, and withdrawals. The whole one leaves
// out entries 0 to 9.
std::vector<lists::ImportRecord> DeltaRecords(int at) {
  const auto base = static_cast<std::uint64_t>(at) * 20;
  if (at == kWholeDelta) return testing::MakeImport(10, base + 20, 100);
  std::vector<lists::ImportRecord> records = testing::MakeImport(base, base + 20);
  if (at == 0) return records;
  for (lists::ImportRecord& changed : testing::MakeImport(base - 5, base, at))
    records.push_back(std::move(changed));
  for (std::uint64_t gone = base - 10; gone < base - 7; ++gone) {
    records.push_back(
        {.record = lists::EntryRecord{.source_id = "item-" + std::to_string(gone)}, .withdrawn = true});
  }
  return records;
}

// Where a child is to die; the names are what `Reached` is given.
struct Failpoint {
  std::string name;  // empty: nowhere
  void Reached(const std::string& here) const {
    if (here == name) ::kill(::getpid(), SIGKILL);
  }
};

class LogDelta final : public Delta {
 public:
  LogDelta(int at, const Failpoint& failpoint) : at_(at), failpoint_(failpoint), records_(DeltaRecords(at)) {}
  [[nodiscard]] bool IsWhole() const override { return at_ == kWholeDelta; }
  Result<DeltaPage> Next(const std::stop_token&) override {
    failpoint_.Reached("delta " + std::to_string(at_) + ", page " + std::to_string(page_++));
    DeltaPage page;
    const std::size_t end = std::min(given_ + kPageRecords, records_.size());
    page.records.assign(records_.begin() + static_cast<std::ptrdiff_t>(given_),
                        records_.begin() + static_cast<std::ptrdiff_t>(end));
    given_ = end;
    if (given_ == records_.size()) {
      page.next = DeltaPage::Next::kEnd;
      page.checkpoint = std::to_string(at_ + 1);
      page.caught_up = at_ + 1 == kDeltas;
    }
    return page;
  }

 private:
  const int at_;
  const Failpoint& failpoint_;
  std::vector<lists::ImportRecord> records_;
  std::size_t given_ = 0;
  int page_ = 0;
};

class NothingNew final : public Delta {
 public:
  Result<DeltaPage> Next(const std::stop_token&) override {
    return DeltaPage{.next = DeltaPage::Next::kEnd, .checkpoint = std::to_string(kDeltas), .caught_up = true};
  }
};

class LogClient final : public ExchangeClient {
 public:
  explicit LogClient(const Failpoint& failpoint) : failpoint_(failpoint) {}
  Result<std::unique_ptr<Delta>> Begin(std::string_view checkpoint) override {
    const int at = checkpoint.empty() ? 0 : std::stoi(std::string(checkpoint));
    if (at == kDeltas) return std::make_unique<NothingNew>();
    return std::make_unique<LogDelta>(at, failpoint_);
  }
  Result<std::string> Test(const std::stop_token&) override { return std::string("a log"); }

 private:
  const Failpoint& failpoint_;
};

// Dies before or after the nth write.
class MortalStore final : public store::Store {
 public:
  MortalStore(store::Store& store, const Failpoint& failpoint) : store_(store), failpoint_(failpoint) {}

  Result<std::optional<std::string>> Get(store::Family family, std::string_view key) const override {
    return store_.Get(family, key);
  }
  Status Write(const store::Batch& batch) override {
    const std::string number = std::to_string(++writes_);
    failpoint_.Reached("before write " + number);
    Status written = store_.Write(batch);
    failpoint_.Reached("after write " + number);
    return written;
  }
  Status Scan(store::Family family, std::string_view prefix, std::string_view start,
              const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    return store_.Scan(family, prefix, start, visit);
  }
  Status DeletePrefix(store::Family family, std::string_view prefix) override {
    const std::string number = std::to_string(++writes_);
    failpoint_.Reached("before write " + number);
    Status written = store_.DeletePrefix(family, prefix);
    failpoint_.Reached("after write " + number);
    return written;
  }
  Status Probe() override { return store_.Probe(); }
  [[nodiscard]] std::uint64_t DiskBytes() const override { return store_.DiskBytes(); }
  [[nodiscard]] int writes() const { return writes_; }

 private:
  store::Store& store_;
  const Failpoint& failpoint_;
  int writes_ = 0;
};

// Entries by source id: version and classification.
using Entries = std::map<std::string, std::string>;

Entries EntriesOf(const lists::Catalog& catalog) {
  Entries out;
  const lists::EntryPage page = catalog.ListEntries("npo", "", 10'000).value();
  for (const lists::Entry& entry : page.entries) {
    out[entry.record.source_id] = std::to_string(entry.version) + " " + entry.record.classification;
  }
  return out;
}

std::string Text(const Entries& entries) {
  std::string text;
  for (const auto& [id, what] : entries) text += id + " " + what + "\n";
  return text;
}

// RocksDB's threads do not outlive a fork, so only children open the store. What `work` returns comes back;
// empty where the child was killed.
std::optional<std::string> InChild(const std::string& folder, const Failpoint& failpoint,
                                   const std::function<std::string(lists::Catalog&, MortalStore&)>& work) {
  int ends[2];
  if (::pipe(ends) != 0) return std::nullopt;
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    auto opened = store::OpenRocksStore({.path = folder + "/data"});
    if (!opened) ::_exit(2);
    MortalStore store(**opened, failpoint);
    const auto catalog = testing::OpenQuietCatalog(store);
    if (catalog == nullptr) ::_exit(3);
    if (catalog->Current()->Find("npo") == nullptr && !catalog->CreateList(testing::MakeConfig("npo")))
      ::_exit(4);
    const std::string text = work(*catalog, store);
    if (::write(in.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(5);
    ::_exit(0);
  }
  in.reset();
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(out.get(), buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return std::nullopt;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child ended with status " << status;
  return text;
}

std::string SyncAll(lists::Catalog& catalog, const Failpoint& failpoint) {
  LogClient client(failpoint);
  Syncer syncer(catalog, client, {.exchange = "npo", .list = "npo", .source = "log", .gates = {}});
  const auto record = syncer.Sync({}, {});
  if (!record || record->outcome != SyncOutcome::kDone)
    return "failed: " + (record ? record->detail : record.error().message);
  return "done\n" + Text(EntriesOf(catalog));
}

// Every failpoint of a sync from nothing to the end, and what the list holds then.
struct Plan {
  std::vector<std::string> names;
  std::string end;
};

Plan MakePlan() {
  Plan plan;
  for (int at = 0; at < kDeltas; ++at) {
    const std::size_t pages = (DeltaRecords(at).size() + kPageRecords - 1) / kPageRecords;
    for (std::size_t page = 0; page < pages; ++page)
      plan.names.push_back("delta " + std::to_string(at) + ", page " + std::to_string(page));
  }
  const testing::TempFolder folder;
  const Failpoint none;
  const auto said = InChild(folder.path(), none, [&](lists::Catalog& catalog, MortalStore& store) {
    const std::string end = SyncAll(catalog, none);
    return std::to_string(store.writes()) + "\n" + end;
  });
  if (!said) return plan;
  const std::size_t line = said->find('\n');
  const int writes = std::stoi(said->substr(0, line));
  for (int number = 1; number <= writes; ++number) {
    plan.names.push_back("before write " + std::to_string(number));
    plan.names.push_back("after write " + std::to_string(number));
  }
  plan.end = said->substr(line + 1);
  return plan;
}

TEST(Failpoints, EveryOneLeavesTheListAsItsCheckpointSays) {
  const Plan plan = MakePlan();
  ASSERT_TRUE(plan.end.starts_with("done\n")) << plan.end;
  ASSERT_GT(plan.names.size(), 50U);
  const Failpoint none;
  const auto checkpoint_of = [](lists::Catalog& catalog) {
    return LoadStoredExchange(catalog, "npo").value().checkpoint;
  };
  std::map<std::string, std::string> seen;
  for (const std::string& name : plan.names) {
    const testing::TempFolder folder;
    const Failpoint failpoint{name};
    const auto died = InChild(folder.path(), failpoint, [&](lists::Catalog& catalog, MortalStore&) {
      return SyncAll(catalog, failpoint);
    });
    EXPECT_FALSE(died) << name << " was never reached";
    const auto found = InChild(folder.path(), none, [&](lists::Catalog& catalog, MortalStore&) {
      return checkpoint_of(catalog) + "\n" + Text(EntriesOf(catalog));
    });
    ASSERT_TRUE(found) << name;
    // Each checkpoint goes with one content, whatever the point of the kill.
    const std::size_t end = found->find('\n');
    const auto [at, is_new] = seen.emplace(found->substr(0, end), found->substr(end + 1));
    EXPECT_EQ(at->second, found->substr(end + 1)) << name;
    const auto finished = InChild(
        folder.path(), none, [&](lists::Catalog& catalog, MortalStore&) { return SyncAll(catalog, none); });
    EXPECT_EQ(finished, plan.end) << name;
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kDeltas) + 1) << "every checkpoint was seen";
  EXPECT_TRUE(seen[""].empty());
  RecordProperty("failpoints", static_cast<int>(plan.names.size()));
}

}  // namespace
}  // namespace hashgate::exchange
