// The store on a real disk: what it keeps, and which folders it refuses.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "integration/store/temp_folder.h"
#include "store/stamp.h"
#include "store/store.h"

namespace hashgate::store {
namespace {

using ::testing::HasSubstr;
using testing::TempFolder;

// Turns every bit round and binds the context, so that sealing is seen to happen and to be checked.
class TestSealer final : public Sealer {
 public:
  [[nodiscard]] std::string_view Name() const override { return "test"; }
  [[nodiscard]] std::string Seal(std::string_view plain, std::string_view context) const override {
    return std::string(context) + "|" + Turned(plain);
  }
  [[nodiscard]] Result<std::string> Open(std::string_view sealed, std::string_view context) const override {
    if (!sealed.starts_with(std::string(context) + "|")) return Fail(Reason::kStoreCorrupt, "not for here");
    return Turned(sealed.substr(context.size() + 1));
  }

 private:
  static std::string Turned(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(~c);
    return out;
  }
};

std::unique_ptr<Store> MustOpen(const StoreOptions& options) {
  auto store = OpenRocksStore(options);
  EXPECT_TRUE(store) << store.error().message;
  return store ? *std::move(store) : nullptr;
}

Reason ReasonOf(const Result<std::unique_ptr<Store>>& result) {
  return result ? Reason::kInvariantBroken : result.error().reason;
}

TEST(RocksStore, KeepsBatchesAcrossReopening) {
  const TempFolder folder;
  const std::string path = folder / "data";
  {
    const auto store = MustOpen({.path = path});
    Batch batch;
    batch.Put(Family::kEntries, "a1", "one");
    batch.Put(Family::kEntries, "a2", "two");
    batch.Put(Family::kLists, "a1", std::string("\0\xff", 2));
    ASSERT_TRUE(store->Write(batch));
    Batch second;
    second.Delete(Family::kEntries, "a2");
    ASSERT_TRUE(store->Write(second));
    ASSERT_TRUE(store->Probe());
    EXPECT_GT(store->DiskBytes(), 0U);
  }
  const auto store = MustOpen({.path = path});
  EXPECT_EQ(store->Get(Family::kEntries, "a1").value(), "one");
  EXPECT_EQ(store->Get(Family::kEntries, "a2").value(), std::nullopt);
  EXPECT_EQ(store->Get(Family::kLists, "a1").value(), std::string("\0\xff", 2));
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST(RocksStore, ScansByPrefixAndStart) {
  const TempFolder folder;
  const auto store = MustOpen({.path = folder / "data"});
  Batch batch;
  for (const char* key : {"a", "b1", "b2", "b3", "b\xff", "c"}) batch.Put(Family::kEntries, key, key);
  ASSERT_TRUE(store->Write(batch));
  const auto keys = [&](std::string_view prefix, std::string_view start, std::size_t limit) {
    std::string out;
    std::size_t count = 0;
    EXPECT_TRUE(store->Scan(Family::kEntries, prefix, start, [&](std::string_view key, std::string_view) {
      out.append(key).append(" ");
      return ++count < limit;
    }));
    return out;
  };
  EXPECT_EQ(keys("b", "b", 99), "b1 b2 b3 b\xff ");
  EXPECT_EQ(keys("b", "", 99), "b1 b2 b3 b\xff ");
  EXPECT_EQ(keys("b", "b2", 99), "b2 b3 b\xff ");
  EXPECT_EQ(keys("b", "b", 2), "b1 b2 ");
  EXPECT_EQ(keys("", "", 99), "a b1 b2 b3 b\xff c ");
  EXPECT_EQ(keys("x", "", 99), "");
  const auto many = store->GetMany(Family::kEntries, std::vector<std::string>{"c", "absent", "b1"}).value();
  EXPECT_EQ(many[0], "c");
  EXPECT_EQ(many[1], std::nullopt);
  EXPECT_EQ(many[2], "b1");
  ASSERT_TRUE(store->DeletePrefix(Family::kEntries, "b"));
  EXPECT_EQ(keys("", "", 99), "a c ");
}

TEST(RocksStore, EveryValuePassesTheSealer) {
  const TempFolder folder;
  const std::string path = folder / "data";
  const auto sealer = std::make_shared<const TestSealer>();
  {
    const auto store = MustOpen({.path = path, .sealer = sealer});
    Batch batch;
    batch.Put(Family::kEntries, "key", "a plain value");
    ASSERT_TRUE(store->Write(batch));
    EXPECT_EQ(store->Get(Family::kEntries, "key").value(), "a plain value");
    EXPECT_EQ(store->GetMany(Family::kEntries, std::vector<std::string>{"key"}).value()[0], "a plain value");
    EXPECT_TRUE(store->Scan(Family::kEntries, "", "", [](std::string_view, std::string_view value) {
      EXPECT_EQ(value, "a plain value");
      return true;
    }));
  }
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(bytes.find("a plain value"), std::string::npos) << file.path();
  }
  const auto other = OpenRocksStore({.path = path});
  ASSERT_EQ(ReasonOf(other), Reason::kConfigInvalid);
  EXPECT_THAT(other.error().message, HasSubstr("'test'"));
}

TEST(RocksStore, RefusesASecondOpeningInThisProcessAndKeepsTheFirst) {
  const TempFolder folder;
  const std::string path = folder / "data";
  auto store = MustOpen({.path = path});
  const auto second = OpenRocksStore({.path = path});
  ASSERT_EQ(ReasonOf(second), Reason::kStoreInUse);
  EXPECT_THAT(second.error().message, HasSubstr("this process"));
  EXPECT_TRUE(store->Probe());
  store.reset();
  EXPECT_TRUE(OpenRocksStore({.path = path}));
}

// The holder is another process, so that RocksDB's lock is what stands in the way.
TEST(RocksStore, SaysWhichProcessHoldsTheFolder) {
  const TempFolder folder;
  const std::string path = folder / "data";
  ASSERT_TRUE(OpenRocksStore({.path = path}));
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    // Only what is safe after a fork: the lock RocksDB takes, and a byte.
    const int fd = ::open((path + "/LOCK").c_str(), O_RDWR);
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const char held = ::fcntl(fd, F_SETLK, &lock) == 0 ? 'y' : 'n';
    if (::write(ready[1], &held, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char held = 0;
  ASSERT_EQ(::read(ready[0], &held, 1), 1);
  ASSERT_EQ(held, 'y');
  const auto refused = OpenRocksStore({.path = path});
  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_EQ(ReasonOf(refused), Reason::kStoreInUse);
  EXPECT_THAT(refused.error().message, HasSubstr("process " + std::to_string(holder)));
  EXPECT_TRUE(OpenRocksStore({.path = path}));
}

// Only a held lock is one: a broken disk under a folder whose name has "lock" in it must not send anybody
// looking for a second server.
TEST(RocksStore, AFailureUnderANameWithLockInItIsNoLock) {
  const TempFolder folder;
  const std::string path = folder / "block";
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  ASSERT_EQ(::mkdir((path + "/CURRENT").c_str(), 0700), 0);
  const auto refused = OpenRocksStore({.path = path});
  ASSERT_EQ(ReasonOf(refused), Reason::kStoreFailed);
  EXPECT_THAT(refused.error().message, HasSubstr("IO error"));
}

TEST(RocksStore, RefusesFilesAndPathsThatCannotBeMade) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "x";
  const auto file = OpenRocksStore({.path = folder / "file"});
  ASSERT_EQ(ReasonOf(file), Reason::kStoreFailed);
  EXPECT_THAT(file.error().message, HasSubstr("is not a folder"));
  EXPECT_EQ(ReasonOf(OpenRocksStore({.path = folder / "file/below"})), Reason::kStoreFailed);
  EXPECT_EQ(ReasonOf(OpenRocksStore({.path = ""})), Reason::kStoreFailed);
  if (::geteuid() != 0) {
    ASSERT_EQ(::mkdir((folder / "shut").c_str(), 0500), 0);
    EXPECT_EQ(ReasonOf(OpenRocksStore({.path = folder / "shut/data"})), Reason::kStoreFailed);
  }
}

TEST(RocksStore, ClosesAnOpenFolderToOthers) {
  const TempFolder folder;
  ASSERT_EQ(::mkdir((folder / "data").c_str(), 0755), 0);
  ASSERT_TRUE(OpenRocksStore({.path = folder / "data"}));
  struct stat info{};
  ASSERT_EQ(::stat((folder / "data").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

// Changes the stamp as another version would have written it.
void SetStamp(const std::string& path, const std::string& bytes) {
  std::vector<std::string> names;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, path, &names).ok());
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : names) descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open({}, path, descriptors, &handles, &raw).ok());
  const std::unique_ptr<rocksdb::DB> db(raw);
  EXPECT_TRUE(db->Put({}, std::string(kStampKey), bytes).ok());
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
}

TEST(RocksStore, RefusesANewerSchemaAndChangesNothing) {
  const TempFolder folder;
  const std::string path = folder / "data";
  ASSERT_TRUE(OpenRocksStore({.path = path}));
  SetStamp(path, EncodeStamp({kSchemaVersion + 1, "identity", "x"}));
  const auto sizes = [&] {
    std::map<std::string, std::uintmax_t> out;
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      // RocksDB's own log of messages is no data.
      if (!file.path().filename().string().starts_with("LOG")) out[file.path()] = file.file_size();
    }
    return out;
  };
  const auto before = sizes();
  const auto refused = OpenRocksStore({.path = path});
  ASSERT_EQ(ReasonOf(refused), Reason::kSchemaTooNew);
  EXPECT_THAT(refused.error().message, HasSubstr("start that version again"));
  EXPECT_EQ(sizes(), before);
  SetStamp(path, "rubbish");
  EXPECT_EQ(ReasonOf(OpenRocksStore({.path = path})), Reason::kSchemaUnknown);
}

TEST(RocksStore, RefusesAForeignDatabaseButTakesAnEmptyOne) {
  const TempFolder folder;
  const std::string path = folder / "data";
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(options, path, &raw).ok());
  std::unique_ptr<rocksdb::DB> db(raw);
  db.reset();
  // What a first start leaves when it is killed between making the database and stamping it.
  ASSERT_TRUE(OpenRocksStore({.path = path}));

  const std::string foreign = folder / "foreign";
  ASSERT_TRUE(rocksdb::DB::Open(options, foreign, &raw).ok());
  db.reset(raw);
  ASSERT_TRUE(db->Put({}, "their key", "their value").ok());
  db.reset();
  const auto refused = OpenRocksStore({.path = foreign});
  ASSERT_EQ(ReasonOf(refused), Reason::kSchemaUnknown);
  EXPECT_THAT(refused.error().message, HasSubstr("not Hashgate's"));
}

}  // namespace
}  // namespace hashgate::store
