// kill -9 at random points of imports: every acknowledged record is there and matched, the generation never
// goes back, a replacing import shows the old content or the new one, and every start but the first finds an
// index snapshot that can be used. HASHGATE_KILLS raises the number.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <random>
#include <sstream>

#include "base/unique_fd.h"
#include "integration/store/temp_folder.h"
#include "testing/list_records.h"
#include "testing/seed.h"

extern char** environ;

namespace hashgate::lists {
namespace {

using testing::FindBySha1;
using testing::TempFolder;

// The classification by which the index has record `number` judged.
std::string ClassBySha1(const Generation& generation, ListId list, std::uint64_t number) {
  const HashValue hash = testing::MakeHash(Algorithm::kSha1, number);
  Sha1 sha1{};
  std::ranges::copy(hash.bytes, sha1.begin());
  const auto found = generation.index->SearchDigests({.sha1 = &sha1}, {&list, 1}, {});
  if (!found || found->candidates.empty()) return "not found";
  return generation.action_classes.at(found->candidates[0].action_class).classification;
}

// What a killed child had said.
struct Acknowledged {
  bool opened = false;
  bool any = false;
  std::uint64_t end = 0;  // of "committed": records before it, or the base of the replaced content
  std::int64_t generation = 0;
};

// Runs the child, kills it once it has lived for `life` after it said that it is open, and reads all it said.
Acknowledged RunAndKill(const std::vector<std::string>& arguments, std::chrono::microseconds life) {
  const std::string binary =
      (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "lists_import_child").string();
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
  std::vector<std::string> words = {binary};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = -1;
  EXPECT_EQ(::posix_spawn(&child, binary.c_str(), &actions, nullptr, argv.data(), environ), 0);
  ::posix_spawn_file_actions_destroy(&actions);
  in.reset();

  std::string text;
  const auto start = std::chrono::steady_clock::now();
  auto deadline = start + std::chrono::seconds(60);
  bool open = false;
  bool killed = false;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{out.get(), POLLIN, 0};
    const int ready =
        killed ? 1 : ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready == 0) {
      ::kill(child, SIGKILL);
      killed = true;
      continue;
    }
    char buffer[4096];
    const ssize_t got = ::read(out.get(), buffer, sizeof(buffer));
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
    if (!open && text.starts_with("open ")) {
      open = true;
      deadline = std::chrono::steady_clock::now() + life;
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
              (WIFEXITED(status) && WEXITSTATUS(status) == 0))
      << "the child failed by itself: " << status;

  Acknowledged said;
  std::istringstream lines(text);
  std::string word;
  while (lines >> word) {
    if (word == "open") {
      lines >> said.generation;
      said.opened = true;
    } else if (word == "committed") {
      lines >> said.end >> said.generation;
      said.any = true;
    }
  }
  return said;
}

// `way` is how the child commits: call by call, or in runs that become table files.
void KillOften(const std::string& way) {
  const char* kills_text = std::getenv("HASHGATE_KILLS");
  const int kills = kills_text != nullptr ? std::atoi(kills_text) : 24;
  const TempFolder folder;
  const std::string path = folder / "data";
  std::mt19937_64 random(testing::Seed());
  std::uint64_t grown = 0;     // records of "grown" that were acknowledged
  std::uint64_t replaced = 0;  // base of the content of "replaced" last known; 0 where none yet
  std::int64_t generation = 0;
  int killed = 0;
  int acknowledging = 0;
  int while_writing_tables = 0;
  int from_snapshot = 0;
  constexpr std::uint64_t kReplacedCount = 700;
  // Enough kills must have fallen among acknowledgements, and into the writing of tables, else this test
  // shows nothing: on a busy machine further ones follow, later ones, within bounds.
  const auto is_shown = [&] {
    return acknowledging > kills / 4 && from_snapshot > kills / 2 &&
           (while_writing_tables > 0 || way != "runs");
  };
  const auto go_on = [&](int round) { return round < kills || (!is_shown() && round < 4 * kills); };
  std::uint64_t latest = 120'000;  // of a kill, in microseconds
  for (int round = 0; go_on(round); ++round) {
    const bool replace = round % 3 == 2;
    const std::uint64_t base = 1'000'000 + 1'000 * static_cast<std::uint64_t>(round);
    // A third of the imports begin again from the start of the file, as a user would.
    const std::uint64_t from = random() % 3 == 0 ? 0 : grown;
    const std::vector<std::string> arguments =
        replace ? std::vector<std::string>{path, "replace", std::to_string(base), way,
                                           std::to_string(kReplacedCount)}
                : std::vector<std::string>{path, "add", std::to_string(from), way, std::to_string(round % 4)};
    const Acknowledged said = RunAndKill(arguments, std::chrono::microseconds(1'000 + random() % latest));
    latest = said.any ? std::max<std::uint64_t>(120'000, latest / 10 * 9)
                      : std::min<std::uint64_t>(latest / 10 * 11, 1'000'000);
    ++killed;
    acknowledging += said.any ? 1 : 0;
    if (said.any && !replace) grown = std::max(grown, said.end);
    if (said.opened) {
      EXPECT_GE(said.generation, generation);
      generation = said.generation;
    }

    while_writing_tables += std::filesystem::exists(path + "/bulk") ? 1 : 0;
    const auto store = store::OpenRocksStore({.path = path});
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_FALSE(std::filesystem::exists(path + "/bulk")) << "left-overs are removed at the start";
    const auto catalog = Catalog::Open(**store, {.snapshot_path = path + "/index.snapshot"});
    ASSERT_TRUE(catalog) << catalog.error().message;
    // What the snapshot lacks was read from the store; nothing had to be built anew.
    from_snapshot += (*catalog)->Health().snapshot_generation > 0 ? 1 : 0;
    EXPECT_EQ((*catalog)->Health().differences, 0U);
    const auto current = (*catalog)->Current();
    EXPECT_GE(current->number, generation);
    generation = current->number;
    if (const HashList* list = current->Find("grown")) {
      EXPECT_GE(list->entry_count, grown);
      for (std::uint64_t number = 0; number < grown; ++number) {
        const auto found = FindBySha1(*current, list->id, number);
        ASSERT_EQ(found.size(), 1U) << "record " << number << " of " << grown << " in round " << round;
        if (number % 7 == 0) {
          // What an index snapshot held of it and what has changed since are one.
          EXPECT_EQ(ClassBySha1(*current, list->id, number),
                    (*catalog)->GetEntry(list->id, found[0])->record.classification);
        }
        if (number % 97 == 0) {
          EXPECT_EQ((*catalog)->GetEntry(list->id, found[0])->record.source_id,
                    testing::MakeRecord(number).source_id);
        }
      }
    } else {
      EXPECT_EQ(grown, 0U);
    }
    if (const HashList* list = current->Find("replaced")) {
      const bool is_new = replace && FindBySha1(*current, list->id, base).size() == 1;
      EXPECT_TRUE(is_new || !(replace && said.any)) << "an acknowledged replacement is missing";
      if (is_new) replaced = base;
      EXPECT_EQ(list->entry_count, replaced != 0 ? kReplacedCount : 0U);
      for (std::uint64_t number = 0; number < kReplacedCount; ++number) {
        if (replaced != 0) {
          ASSERT_EQ(FindBySha1(*current, list->id, replaced + number).size(), 1U);
        }
        if (replace && !is_new) {
          ASSERT_TRUE(FindBySha1(*current, list->id, base + number).empty()) << "part of an unfinished one";
        }
      }
    }
  }
  EXPECT_GT(acknowledging, kills / 4);
  EXPECT_GT(grown, 0U);
  EXPECT_GT(from_snapshot, kills / 2);
  std::cout << killed << " kills, " << while_writing_tables << " while tables were written\n";
  EXPECT_EQ(while_writing_tables > 0, way == "runs");
}

TEST(Kill, NothingAcknowledgedIsLost) {
  KillOften("calls");
}

TEST(Kill, NothingAcknowledgedIsLostOfRunsEither) {
  KillOften("runs");
}

}  // namespace
}  // namespace hashgate::lists
