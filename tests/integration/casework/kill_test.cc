// kill -9 at random points of recording and undoing: every verdict that was acknowledged is there, every
// reversal that was told is there, each has one event, and events have no gap. HASHGATE_KILLS raises the
// number.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "integration/store/temp_folder.h"
#include "testing/child_process.h"
#include "testing/seed.h"
#include "unit/casework/casework_samples.h"

namespace hashgate::casework {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using testing::ScanId;

constexpr std::uint64_t kEntries = 6;

// What a killed child had said.
struct Said {
  std::vector<int> recorded;
  std::vector<std::string> reversed;
};

// Kills the child a little after it has said so many lines, or lets it end.
Said RunAndKill(const std::filesystem::path& folder, const std::vector<std::string>& arguments,
                std::ptrdiff_t lines, microseconds after) {
  const std::filesystem::path out = folder / "said";
  const std::filesystem::path err = folder / "errors";
  std::filesystem::remove(out);
  testing::ChildOptions options;
  options.command = {
      (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "casework_child").string(),
      (folder / "data").string()};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  options.stdout_file = out;
  options.stderr_file = err;
  {
    testing::ChildProcess child(options);
    // Without a pause: some milliseconds are all there is between two lines.
    const auto deadline = std::chrono::steady_clock::now() + seconds(60);
    while (std::ranges::count(testing::ReadWholeFile(out), '\n') < lines && !child.Wait({})) {
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << "the child says nothing: " << testing::ReadWholeFile(err);
        break;
      }
    }
    const auto end = std::chrono::steady_clock::now() + after;
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
    child.Signal(SIGKILL);
    const std::optional<int> code = child.Wait(seconds(30));
    EXPECT_TRUE(code == 0 || code == 128 + SIGKILL) << testing::ReadWholeFile(err);
  }
  Said said;
  std::istringstream words(testing::ReadWholeFile(out));
  std::string word;
  while (words >> word) {
    if (word == "recorded") words >> said.recorded.emplace_back();
    if (word == "reversed") words >> said.reversed.emplace_back();
  }
  return said;
}

// Everything that the logs of a folder say.
struct State {
  std::map<std::string, VerdictRecord> records;                  // by scan id
  std::map<std::string, std::vector<VerdictReversed>> reversed;  // the same
  Sequence events = 0;
};

void Load(const std::filesystem::path& folder, State& state, std::uint64_t undo_entry = 0) {
  const auto store = store::OpenRocksStore({.path = (folder / "data").string()});
  ASSERT_TRUE(store) << store.error().message;
  const auto events = EventLog::Open(**store, {});
  ASSERT_TRUE(events) << events.error().message;
  const auto verdicts = VerdictLog::Open(**store, std::vector<std::uint8_t>(32, 7), {});
  ASSERT_TRUE(verdicts) << verdicts.error().message;
  if (undo_entry > 0) {
    auto undo = Undo::Start({.store = store->get(), .verdicts = verdicts->get(), .events = events->get()},
                            {.entry = {1, undo_entry}, .author = "a", .reason = "r"});
    ASSERT_TRUE(undo);
    while (!undo->done()) ASSERT_TRUE(undo->Next());
  }
  for (std::uint64_t entry = 1; entry <= kEntries; ++entry) {
    const auto page = (*verdicts)->OfEntry({1, entry}, {}, 1'000'000);
    ASSERT_TRUE(page) << page.error().message;
    for (const VerdictRecord& record : page->records) {
      const auto [at, is_new] = state.records.emplace(record.id.scan_id, record);
      EXPECT_EQ(at->second, record);
    }
  }
  const EventRange range = (*events)->Range();
  state.events = range.next - 1;
  for (Sequence from = 1; from < range.next;) {
    const auto some = (*events)->Read(from, 1'000);
    ASSERT_TRUE(some) << some.error().message;
    for (const NumberedEvent& event : *some) {
      ASSERT_EQ(event.sequence, from++) << "no gap";
      const auto& reversal = std::get<VerdictReversed>(event.event.what);
      state.reversed[reversal.scan_id].push_back(reversal);
    }
  }
}

// Each record stands where its events left it, one step for each.
void ExpectConsistent(State& state) {
  for (const auto& [scan_id, record] : state.records) {
    Verdict standing = record.given;
    std::set<lists::EntryId> entries;
    for (const VerdictReversed& reversal : state.reversed[scan_id]) {
      EXPECT_EQ(reversal.from, standing) << scan_id;
      EXPECT_LT(reversal.to, reversal.from) << scan_id;
      EXPECT_TRUE(entries.insert(reversal.entry).second) << scan_id << " was reversed twice for one entry";
      standing = reversal.to;
    }
    EXPECT_EQ(record.standing, standing) << scan_id;
    for (const RecordedMatch& match : record.matches) {
      if (entries.contains(match.entry.entry)) {
        EXPECT_TRUE(match.undone) << scan_id;
      }
    }
  }
  for (const auto& [scan_id, reversals] : state.reversed)
    EXPECT_TRUE(state.records.contains(scan_id)) << scan_id;
}

TEST(CaseworkKill, NothingAcknowledgedIsLostOrDoubled) {
  const char* kills_text = std::getenv("HASHGATE_KILLS");
  const int kills = kills_text != nullptr ? std::atoi(kills_text) : 24;
  const testing::TempFolder temporary;
  const std::filesystem::path folder = temporary.path();
  std::cout << "seed " << testing::Seed() << '\n';
  std::mt19937_64 random(testing::Seed());
  std::set<int> recorded;
  std::set<std::string> told;
  int next = 0;
  int undos_cut_short = 0;
  for (int kill = 0; kill < kills; ++kill) {
    SCOPED_TRACE("kill " + std::to_string(kill));
    const bool undo = kill % 3 == 2;
    const std::uint64_t entry = 1 + random() % kEntries;
    const Said said = RunAndKill(
        folder, {undo ? "undo" : "record", std::to_string(undo ? static_cast<int>(entry) : next)},
        static_cast<std::ptrdiff_t>(1 + random() % (undo ? 8 : 40)), microseconds(random() % 5'000));
    recorded.insert(said.recorded.begin(), said.recorded.end());
    told.insert(said.reversed.begin(), said.reversed.end());
    next += 100'000;

    State state;
    ASSERT_NO_FATAL_FAILURE(Load(folder, state));
    for (const int number : recorded) ASSERT_TRUE(state.records.contains(ScanId(number))) << number;
    for (const std::string& scan_id : told) ASSERT_TRUE(state.reversed.contains(scan_id)) << scan_id;
    ExpectConsistent(state);
    if (undo) {
      bool some = false;
      bool all = true;
      for (const auto& [scan_id, record] : state.records) {
        for (const RecordedMatch& match : record.matches) {
          if (match.entry.entry != entry) continue;
          some = some || match.undone;
          all = all && match.undone;
        }
      }
      undos_cut_short += some && !all ? 1 : 0;
    }
  }
  EXPECT_GT(recorded.size(), 100U);
  EXPECT_GT(undos_cut_short, 0) << "no kill came in the middle of an undo";

  // What was left is made up for: once all entries are undone nothing stands.
  State state;
  for (std::uint64_t entry = 1; entry <= kEntries; ++entry) {
    state = {};
    ASSERT_NO_FATAL_FAILURE(Load(folder, state, entry));
  }
  ExpectConsistent(state);
  std::size_t reversals = 0;
  for (const auto& [scan_id, record] : state.records) {
    EXPECT_EQ(record.standing, Verdict::kAllow) << scan_id;
    reversals += state.reversed[scan_id].size();
  }
  EXPECT_EQ(reversals, state.events);
  EXPECT_GE(state.records.size(), recorded.size());
  std::cout << kills << " kills, " << recorded.size() << " acknowledged of " << state.records.size()
            << " recorded, " << undos_cut_short << " undos cut short, " << state.events << " events\n";
}

}  // namespace
}  // namespace hashgate::casework
