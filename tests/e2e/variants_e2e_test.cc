// Listed pictures stored in every way that a viewer shows go through the real server: nearly all are matched
// or held, and none is allowed. 4 pictures; HASHGATE_FULL=1 takes 200, HASHGATE_VARIANTS_PICTURES as many as
// it says. HASHGATE_SEED draws others. `tools/variants` runs it by itself; `hashgate-corpus-gen DIR --kind
// variants --seed SEED` writes the files.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "base/mutex.h"
#include "testing/gate_client.h"
#include "testing/poll.h"
#include "testing/seed.h"
#include "testing/server_process.h"
#include "testkit/variants/corpus.h"

namespace hashgate::testing {
namespace {

using testkit::variants::AllTricks;
using testkit::variants::Trick;

constexpr const char* kList = "variants";
constexpr int kInFlight = 3;
constexpr double kLeastShare = 0.99;

int PictureCount() {
  if (const char* text = std::getenv("HASHGATE_VARIANTS_PICTURES"); text != nullptr && *text != '\0') {
    return std::max(1, std::atoi(text));
  }
  const char* full = std::getenv("HASHGATE_FULL");
  return full != nullptr && *full != '\0' ? 200 : 4;
}

enum class Fate { kMatched, kHeld, kAllowed, kOther };

/// Matched: by the picture's own entry, and not allowed. Other: an error, or a match with another picture
/// only.
Fate FateOf(const ScanReply& reply, const std::string& source_id) {
  if (!reply.status.ok()) return Fate::kOther;
  if (reply.result.verdict() == v1::VERDICT_ALLOW) return Fate::kAllowed;
  const auto& matches = reply.result.matches();
  if (std::ranges::any_of(matches, [&](const v1::Match& match) { return match.source_id() == source_id; })) {
    return Fate::kMatched;
  }
  return reply.result.verdict() == v1::VERDICT_HOLD ? Fate::kHeld : Fate::kOther;
}

/// Fates by trick. Threads: thread-safe.
class Tally {
 public:
  void Add(const Trick& trick, const std::string& file, Fate fate, const ScanReply& reply) {
    const MutexLock lock(mutex_);
    ++rows_[trick.name][fate];
    ++totals_[fate];
    if (fate != Fate::kAllowed && fate != Fate::kOther) return;
    missed_.push_back(file + ": " +
                      (reply.status.ok() ? reply.result.ShortDebugString() : reply.status.error_message()));
  }

  [[nodiscard]] std::string Table() const {
    const MutexLock lock(mutex_);
    std::ostringstream out;
    out << "| trick | matched | held | ALLOW | other |\n|---|---:|---:|---:|---:|\n";
    for (const Trick& trick : AllTricks()) {
      if (const auto row = rows_.find(trick.name); row != rows_.end())
        Line(out, std::string(trick.name), row->second);
    }
    Line(out, "all", totals_);
    out << "\nmatched or held: " << std::fixed << std::setprecision(2) << 100 * ShareLocked() << " % of "
        << FilesLocked() << " files\n";
    return out.str();
  }
  [[nodiscard]] double Share() const {
    const MutexLock lock(mutex_);
    return ShareLocked();
  }
  [[nodiscard]] int Files() const {
    const MutexLock lock(mutex_);
    return FilesLocked();
  }
  /// Files that were neither matched nor held, with their answers.
  [[nodiscard]] std::vector<std::string> Missed() const {
    const MutexLock lock(mutex_);
    return missed_;
  }
  [[nodiscard]] int Count(Fate fate) const {
    const MutexLock lock(mutex_);
    return At(totals_, fate);
  }

 private:
  using Row = std::map<Fate, int>;
  static int At(const Row& row, Fate fate) {
    const auto found = row.find(fate);
    return found == row.end() ? 0 : found->second;
  }
  static void Line(std::ostream& out, const std::string& name, const Row& row) {
    out << "| " << name;
    for (const Fate fate : {Fate::kMatched, Fate::kHeld, Fate::kAllowed, Fate::kOther})
      out << " | " << At(row, fate);
    out << " |\n";
  }
  int FilesLocked() const HASHGATE_REQUIRES(mutex_) {
    int files = 0;
    for (const auto& [fate, count] : totals_) files += count;
    return files;
  }
  double ShareLocked() const HASHGATE_REQUIRES(mutex_) {
    const int kept = At(totals_, Fate::kMatched) + At(totals_, Fate::kHeld);
    return static_cast<double>(kept) / std::max(1, FilesLocked());
  }

  mutable Mutex mutex_;
  std::map<std::string_view, Row> rows_ HASHGATE_GUARDED_BY(mutex_);
  Row totals_ HASHGATE_GUARDED_BY(mutex_);
  std::vector<std::string> missed_ HASHGATE_GUARDED_BY(mutex_);
};

class VariantsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path folder = FreshFolder("server");
    server_ = StartServer(folder);
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
    ASSERT_TRUE(client_->CreateList(SyntheticList(kList)).ok());
    WriteWholeFile(folder / "list.csv", testkit::variants::ListCsv(Seed(), pictures_));
    const RunResult import = RunProgram({BinaryPath("hashgate"), "--server", server_->Address(), "lists",
                                         "import", kList, (folder / "list.csv").string()});
    ASSERT_EQ(import.exit_code, 0) << import.err;
    ASSERT_EQ(client_->AllEntries(kList).size(), static_cast<std::size_t>(pictures_));
  }

  void Send(int picture, const Trick& trick, const testkit::variants::Scene& scene) {
    const auto bytes = trick.make(scene);
    ASSERT_TRUE(bytes) << trick.name << ": " << bytes.error().message;
    const std::string file = testkit::variants::FileName(picture, trick);
    v1::ScanHeader header;
    header.mutable_context()->set_file_name(file);
    // A call refused for load is made again: it has no verdict.
    ScanReply reply;
    PollUntil(
        [&] {
          reply = client_->Scan({bytes->begin(), bytes->end()}, header);
          return reply.status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED;
        },
        std::chrono::seconds(120));
    tally_.Add(trick, file, FateOf(reply, testkit::variants::SourceId(picture)), reply);
  }

  const int pictures_ = PictureCount();
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
  Tally tally_;
};

TEST_F(VariantsTest, WhatAViewerShowsIsMatchedOrHeld) {
  const std::vector<Trick> tricks = AllTricks();
  std::atomic<int> next = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < kInFlight; ++i) {
      callers.emplace_back([&] {
        for (int picture = next++; picture < pictures_; picture = next++) {
          const auto scene = testkit::variants::DrawScene(Seed(), picture);
          for (const Trick& trick : tricks) Send(picture, trick, scene);
        }
      });
    }
  }
  std::cout << pictures_ << " pictures, " << tricks.size() << " tricks, seed " << Seed() << "\n\n"
            << tally_.Table();
  EXPECT_GE(tricks.size(), 25U);
  EXPECT_EQ(tally_.Files(), pictures_ * static_cast<int>(tricks.size()));
  EXPECT_GE(tally_.Share(), kLeastShare);
  EXPECT_EQ(tally_.Count(Fate::kAllowed), 0);
  for (const std::string& missed : tally_.Missed()) std::cout << missed << '\n';
  EXPECT_EQ(server_->Stop(), 0);
}

TEST(VariantsTool, WritesTheSameFilesForTheSameSeed) {
  const std::filesystem::path folder = FreshFolder();
  const RunResult run = RunProgram({BinaryPath("hashgate-corpus-gen"), folder.string(), "--kind", "variants",
                                    "--count", "1", "--seed", "7"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(ReadWholeFile(folder / "list.csv"), testkit::variants::ListCsv(7, 1));
  EXPECT_EQ(ReadWholeFile(folder / "manifest.csv"), testkit::variants::ManifestCsv(1));
  const auto scene = testkit::variants::DrawScene(7, 0);
  for (const Trick& trick : AllTricks()) {
    const auto bytes = trick.make(scene);
    ASSERT_TRUE(bytes) << trick.name;
    const std::string written = ReadWholeFile(folder / "pictures" / testkit::variants::FileName(0, trick));
    EXPECT_TRUE(written == std::string(bytes->begin(), bytes->end())) << trick.name;
  }
}

}  // namespace
}  // namespace hashgate::testing
