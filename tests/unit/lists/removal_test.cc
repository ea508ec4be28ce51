// Removing what is out of force: nobody waits for it, and what a run leaves behind the next one removes.
#include <gtest/gtest.h>

#include <atomic>

#include "lists/catalog.h"
#include "testing/fake_store.h"
#include "testing/list_records.h"
#include "testing/poll.h"

namespace hashgate::lists {
namespace {

using store::Family;
using testing::FakeStore;
using testing::MakeConfig;
using testing::MakeImport;

bool Poll(const std::function<bool()>& condition) {
  return testing::PollUntil(condition, std::chrono::seconds(20));
}

// A store whose removals last as long as the test wants.
class SlowRemovals final : public store::Store {
 public:
  Result<std::optional<std::string>> Get(Family family, std::string_view key) const override {
    return fake.Get(family, key);
  }
  Status Write(const store::Batch& batch) override { return fake.Write(batch); }
  Status Scan(Family family, std::string_view prefix, std::string_view start,
              const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    return fake.Scan(family, prefix, start, visit);
  }
  Status DeletePrefix(Family family, std::string_view prefix) override {
    ++started;
    if (!Poll([this] { return may_delete.load(); })) return Fail(Reason::kStoreFailed, "never let go");
    return fake.DeletePrefix(family, prefix);
  }
  void ReleaseSpace(Family /*family*/, std::string_view /*prefix*/, std::atomic<bool>& stop) override {
    if (!release_until_stopped) return;
    releasing = true;
    stopped = Poll([&] { return stop.load(); });
  }
  Status Probe() override { return fake.Probe(); }
  [[nodiscard]] std::uint64_t DiskBytes() const override { return fake.DiskBytes(); }

  FakeStore fake;
  std::atomic<int> started = 0;
  std::atomic<bool> may_delete = false;
  std::atomic<bool> release_until_stopped = false;
  std::atomic<bool> releasing = false;
  std::atomic<bool> stopped = false;
};

void DropAnImport(Catalog& catalog) {
  const auto import = catalog.StartImport({.list = "demo", .file = "f", .replace = true}).value();
  ASSERT_TRUE(import->Add(MakeImport(0, 20)));
}

TEST(Removal, NobodyWaitsForIt) {
  SlowRemovals store;
  const auto catalog = Catalog::Open(store, {}).value();
  ASSERT_TRUE(catalog->CreateList(MakeConfig("demo")));
  DropAnImport(*catalog);
  ASSERT_TRUE(Poll([&] { return store.started.load() == 1; })) << "dropped, so removed";
  // While that goes on imports start, end and publish, and lists go.
  {
    const auto import = catalog->StartImport({.list = "demo", .file = "f", .replace = true}).value();
    ASSERT_TRUE(import->Add(MakeImport(0, 5)));
    ASSERT_TRUE(import->Finish());
  }
  ASSERT_TRUE(catalog->DeleteList("demo", ""));
  EXPECT_EQ(store.started.load(), 1);
  EXPECT_EQ(store.fake.Rows(Family::kEntries), 25U) << "nothing was removed on this thread";
  store.may_delete = true;
  EXPECT_TRUE(Poll([&] { return store.fake.Rows(Family::kMeta) == 2; })) << "state and secret remain";
  EXPECT_EQ(store.fake.Rows(Family::kEntries), 0U);
  EXPECT_EQ(store.fake.Rows(Family::kEntryKeys), 0U);
}

TEST(Removal, ClosingStopsItAndTheNextStartGoesOn) {
  SlowRemovals store;
  store.may_delete = true;
  store.release_until_stopped = true;
  {
    const auto catalog = Catalog::Open(store, {}).value();
    ASSERT_TRUE(catalog->CreateList(MakeConfig("demo")));
    DropAnImport(*catalog);
    DropAnImport(*catalog);
    ASSERT_TRUE(Poll([&] { return store.releasing.load(); }));
  }
  EXPECT_TRUE(store.stopped.load());
  EXPECT_EQ(store.fake.Rows(Family::kMeta), 4U) << "both markers are left";
  EXPECT_EQ(store.fake.Rows(Family::kEntries), 20U);
  store.release_until_stopped = false;
  const auto catalog = Catalog::Open(store, {}).value();
  EXPECT_TRUE(Poll([&] { return store.fake.Rows(Family::kMeta) == 2; }));
  EXPECT_EQ(store.fake.Rows(Family::kEntries), 0U);
}

// A client that goes away is noticed on a thread that serves others: it must not wait for a writer either.
TEST(Removal, DroppingAnImportWaitsForNoWriter) {
  class SlowWrites final : public store::Store {
   public:
    Result<std::optional<std::string>> Get(Family family, std::string_view key) const override {
      return fake.Get(family, key);
    }
    Status Write(const store::Batch& batch) override {
      if (slow.exchange(false)) {
        writing = true;
        if (!Poll([this] { return go.load(); })) return Fail(Reason::kStoreFailed, "never let go");
      }
      return fake.Write(batch);
    }
    Status Scan(Family family, std::string_view prefix, std::string_view start,
                const std::function<bool(std::string_view, std::string_view)>& visit) const override {
      return fake.Scan(family, prefix, start, visit);
    }
    Status DeletePrefix(Family family, std::string_view prefix) override {
      return fake.DeletePrefix(family, prefix);
    }
    Status Probe() override { return fake.Probe(); }
    [[nodiscard]] std::uint64_t DiskBytes() const override { return fake.DiskBytes(); }

    FakeStore fake;
    std::atomic<bool> slow = false;
    std::atomic<bool> writing = false;
    std::atomic<bool> go = false;
  } store;
  const auto catalog = Catalog::Open(store, {}).value();
  ASSERT_TRUE(catalog->CreateList(MakeConfig("demo")));
  auto import = catalog->StartImport({.list = "demo", .file = "f", .replace = true}).value();
  store.slow = true;
  Status created;
  std::jthread writer([&] {
    const auto list = catalog->CreateList(MakeConfig("other"));
    if (!list) created = std::unexpected(list.error());
  });
  ASSERT_TRUE(Poll([&] { return store.writing.load(); }));
  import.reset();
  store.go = true;
  writer.join();
  EXPECT_TRUE(created) << "the drop came back while the writer still wrote";
}

}  // namespace
}  // namespace hashgate::lists
