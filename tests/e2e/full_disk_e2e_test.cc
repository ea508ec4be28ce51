// A disk that is full: imports are refused, nothing acknowledged is lost, scans go on, and room helps.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <csignal>

#include "testing/http_get.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kMiB = 1 << 20;
// Each of about 1.5 KiB: more than the store's logs have laid claim to before the disk fills.
constexpr int kRecords = 20'000;

// A small file system of its own. Not mounted where the test may not.
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path at, const std::string& size) : at_(std::move(at)) {
    std::filesystem::create_directories(at_);
    mounted_ = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::filesystem::path at_;
  bool mounted_ = false;
};

TEST(FullDiskTest, ImportsAreRefusedScansGoOnAndRoomHelps) {
  const std::filesystem::path folder = FreshFolder();
  const SmallDisk disk(folder / "disk", "128m");
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a file system";
  const std::filesystem::path filler = folder / "disk" / "filler";
  const std::string data_dir = (folder / "disk" / "data").string();
  const ServerOptions options{.config = {{"", {{"data_dir", "\"" + data_dir + "\""}}}}};
  auto server = StartServer(folder, options);
  ASSERT_NE(server, nullptr);
  auto client = std::make_unique<GateClient>(server->NewChannel());
  ASSERT_TRUE(ImportKit(*client));
  ASSERT_TRUE(client->CreateList(SyntheticList("many")).ok());
  const std::string listed = KitFileBytes(KitFileWith("BLOCK_AND_REPORT", "MATCHED", "UNSPECIFIED"));
  ASSERT_EQ(client->Scan(listed).result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);

  // Everything but two MiB is taken by somebody else.
  const auto room = static_cast<std::int64_t>(std::filesystem::space(folder / "disk").available);
  ASSERT_GT(room, 3 * kMiB) << "the disk is too small for this test";
  WriteWholeFile(filler, std::string(static_cast<std::size_t>(room - 2 * kMiB), 'f'));

  std::vector<v1::ImportRecord> records;
  for (int i = 0; i < kRecords; ++i) {
    records.push_back(RecordOf(i + 1, "many-" + std::to_string(i), v1::ALGORITHM_SHA256,
                               SyntheticHash(v1::ALGORITHM_SHA256, static_cast<std::uint64_t>(i))));
    for (int label = 0; label < 12; ++label)
      records.back().mutable_entry()->add_labels(std::string(120, 'a' + label));
  }
  const ImportReply refused = client->Import("many", records, 1'000);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
      << refused.status.error_message();
  EXPECT_EQ(ReasonOf(refused.status), "STORE_FULL");
  const std::int64_t acknowledged = refused.last.committed_count();
  EXPECT_LT(acknowledged, static_cast<std::int64_t>(records.size()));

  EXPECT_EQ(client->Scan(listed).result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  if (acknowledged > 0) {
    EXPECT_EQ(client->Match(v1::ALGORITHM_SHA256, SyntheticHash(v1::ALGORITHM_SHA256, 0)).result.outcome(),
              v1::OUTCOME_MATCHED);
  }
  // Effects that must happen once cannot be promised, but what matches is still blocked.
  v1::ScanHeader header;
  header.set_request_id("upload-on-a-full-disk");
  EXPECT_EQ(client->Scan(listed, header).result.verdict(), v1::VERDICT_BLOCK_AND_REPORT);
  std::string page;
  EXPECT_TRUE(PollUntil(
      [&] {
        const HttpReply ready = HttpGet(server->http_port(), "/readyz");
        page = ready.body;
        return ready.status == 503 && page.find("FAIL store") != std::string::npos;
      },
      seconds(15)))
      << page;

  std::filesystem::remove(filler);
  EXPECT_TRUE(PollUntil([&] { return HttpGet(server->http_port(), "/readyz").status == 200; }, seconds(20)))
      << HttpGet(server->http_port(), "/readyz").body;
  const ImportReply resumed = client->Import("many", records, 1'000);
  EXPECT_TRUE(resumed.status.ok()) << resumed.status.error_message();
  EXPECT_GE(resumed.last.unchanged_count(), acknowledged) << "what was acknowledged is still there";
  EXPECT_EQ(resumed.last.unchanged_count() + resumed.last.added_count(), kRecords);

  // And the same after a crash.
  server->process().Signal(SIGKILL);
  ASSERT_TRUE(server->process().Wait(seconds(5)));
  server = StartServer(folder, options);
  ASSERT_NE(server, nullptr);
  client = std::make_unique<GateClient>(server->NewChannel());
  EXPECT_EQ(client->AllEntries("many").size(), static_cast<std::size_t>(kRecords));
  EXPECT_EQ(server->Stop(), 0);
}

}  // namespace
}  // namespace hashgate::testing
