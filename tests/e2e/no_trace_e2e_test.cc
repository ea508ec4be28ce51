// Neither uploads nor hash values leave a trace where they do not belong: file names, keys, logs, metrics,
// errors.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "base/hex.h"
#include "store/store.h"
#include "testing/http_get.h"
#include "testing/kit.h"
#include "testing/poll.h"
#include "testing/server_process.h"

namespace hashgate::testing {
namespace {

using std::chrono::seconds;

std::string Hex(const std::string& bytes) {
  return HexEncode({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

std::string Upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// A hash in the forms it might leak in. Half of it is enough to recognise it.
std::vector<std::string> FormsOf(const std::string& hash) {
  const std::string hex = Hex(hash);
  return {hash.substr(0, hash.size() / 2), hex.substr(0, hex.size() / 2),
          Upper(hex.substr(0, hex.size() / 2))};
}

class NoTraceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = FreshFolder("server");
    server_ = StartServer(folder_, {.config = {{"", {{"log_level", "debug"}}}}});
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<GateClient>(server_->NewChannel());
    ASSERT_TRUE(ImportKit(*client_));
    ASSERT_TRUE(client_->CreateList(SyntheticList("planted")).ok());
  }

  // Imports hashes of every algorithm, good and malformed ones.
  void PlantHashes() {
    std::vector<v1::ImportRecord> records;
    for (const v1::Algorithm algorithm :
         {v1::ALGORITHM_MD5, v1::ALGORITHM_SHA1, v1::ALGORITHM_SHA256, v1::ALGORITHM_PDQ}) {
      for (std::uint64_t i = 0; i < 5; ++i) {
        planted_.push_back(SyntheticHash(algorithm, i));
        records.push_back(RecordOf(static_cast<std::int64_t>(records.size()) + 1,
                                   i % 2 == 0 ? "" : "id-" + std::to_string(records.size()), algorithm,
                                   planted_.back()));
      }
    }
    const std::string malformed = SyntheticHash(v1::ALGORITHM_SHA256, 77);
    planted_.push_back(malformed.substr(0, 31));
    records.push_back(RecordOf(100, "short", v1::ALGORITHM_SHA256, planted_.back()));
    const ImportReply reply = client_->Import("planted", records);
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    EXPECT_EQ(reply.last.added_count(), 20);
    EXPECT_EQ(reply.last.quarantined_count(), 1);
    for (const std::string& hash : planted_) {
      for (const v1::Algorithm algorithm : {v1::ALGORITHM_MD5, v1::ALGORITHM_SHA256, v1::ALGORITHM_PDQ}) {
        errors_ += client_->Match(algorithm, hash).status.error_message() + "\n";
      }
    }
  }

  // Scans marked files of several kinds, with every field of the header set.
  void PlantUploads() {
    const std::string picture = KitFileBytes(KitFileWith("ALLOW", "NOT_MATCHED", "UNSPECIFIED"));
    const std::string listed = KitFileBytes(KitFileWith("BLOCK", "MATCHED", "UNSPECIFIED"));
    const std::vector<std::string> uploads = {kMarker + " in a text", picture + kMarker, listed + kMarker,
                                              std::string("\xff\xd8\xff\xe0", 4) + kMarker,
                                              std::string("\x89PNG\r\n\x1a\n") + kMarker};
    int number = 0;
    for (const std::string& bytes : uploads) {
      v1::ScanHeader header;
      header.set_request_id("request-" + kContextMarker + std::to_string(++number));
      header.set_content_id("content-" + kContextMarker);
      header.mutable_context()->set_account_id("account-" + kContextMarker);
      header.mutable_context()->set_ip_address("ip-" + kContextMarker);
      header.mutable_context()->set_file_name("name-" + kContextMarker);
      header.mutable_context()->set_region("r");
      header.mutable_options()->set_include_hashes(true);
      const ScanReply reply = client_->Scan(bytes, header);
      EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
      for (const v1::HashValue& hash : reply.result.hashes()) uploaded_.push_back(hash.value());
      EXPECT_TRUE(client_->Upload(bytes, Fixed(10), header).status.ok());
      errors_ += client_->Scan(bytes + "!", header).status.error_message() + "\n";
      header.set_surface("no-" + kContextMarker);
      errors_ += client_->Scan(bytes, header).status.error_message() + "\n";
    }
    ASSERT_GE(uploaded_.size(), 3 * uploads.size());
    SlowUpload left(*client_);
    ASSERT_TRUE(left.Send(kMarker));
  }

  void ExpectAbsent(const std::string& text, const std::string& where, bool with_planted) {
    EXPECT_EQ(text.find(kMarker), std::string::npos) << where << " holds bytes of an upload";
    EXPECT_EQ(text.find(kContextMarker), std::string::npos) << where << " holds a caller's data";
    const auto check = [&](const std::vector<std::string>& hashes, const char* what, bool raw) {
      for (const std::string& hash : hashes) {
        const std::vector<std::string> forms = FormsOf(hash);
        for (std::size_t i = raw ? 0 : 1; i < forms.size(); ++i) {
          EXPECT_EQ(text.find(forms[i]), std::string::npos) << where << " holds " << what << ", form " << i;
        }
      }
    };
    check(uploaded_, "a hash of an upload", true);
    check(planted_, "a hash of a list", with_planted);
  }

  const std::string kMarker = "Marker-of-an-upload-7f3a9c";
  const std::string kContextMarker = "marker-of-a-caller-51b0e2";
  std::filesystem::path folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<GateClient> client_;
  std::vector<std::string> planted_;
  std::vector<std::string> uploaded_;
  std::string errors_;
};

TEST_F(NoTraceTest, NothingIsWrittenWhereItDoesNotBelong) {
  PlantHashes();
  PlantUploads();
  std::string metrics;
  EXPECT_TRUE(PollUntil(
      [&] {
        metrics = HttpGet(server_->http_port(), "/metrics").body;
        return metrics.find("hashgate_calls_in_flight 0\n") != std::string::npos;
      },
      seconds(10)));
  ASSERT_FALSE(metrics.empty());
  ExpectAbsent(metrics, "/metrics", true);
  ExpectAbsent(HttpGet(server_->http_port(), "/readyz").body, "/readyz", true);
  ExpectAbsent(errors_, "an error's message", true);
  EXPECT_NE(errors_.find("request id was used"), std::string::npos) << "the errors were not provoked";
  ASSERT_EQ(server_->Stop(), 0);
  ExpectAbsent(server_->Log(), "the log", true);

  int files = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(server_->data_dir())) {
    ExpectAbsent(file.path().filename().string(), "a file's name", true);
    if (!file.is_regular_file()) continue;
    ++files;
    // List hashes stand in the store's values as they are, until sealing is switched on; as hex nowhere.
    ExpectAbsent(ReadWholeFile(file.path()), "the file " + file.path().filename().string(), false);
  }
  EXPECT_GT(files, 3);

  // Files may be compressed, so the records are looked at too.
  const auto store = store::OpenRocksStore({.path = server_->data_dir().string(), .sealer = nullptr});
  ASSERT_TRUE(store) << store.error().message;
  int records = 0;
  bool planted_is_stored = false;
  for (int family = 0; family < store::kFamilyCount; ++family) {
    const auto scanned = (*store)->Scan(
        static_cast<store::Family>(family), {}, {}, [&](std::string_view key, std::string_view value) {
          ++records;
          ExpectAbsent(std::string(key), "a key", true);
          ExpectAbsent(std::string(value), "a value", false);
          planted_is_stored |= value.find(planted_[0]) != std::string_view::npos;
          return true;
        });
    EXPECT_TRUE(scanned);
  }
  EXPECT_GT(records, 40);
  EXPECT_TRUE(planted_is_stored) << "what is looked for is not where it should be: the search proves nothing";
}

TEST_F(NoTraceTest, TheDataFolderIsTheOwnersOnly) {
  EXPECT_EQ(std::filesystem::status(server_->data_dir()).permissions() & std::filesystem::perms::all,
            std::filesystem::perms::owner_all);
}

TEST_F(NoTraceTest, NoCoreFileCanHoldIt) {
  const std::string limits = ReadWholeFile("/proc/" + std::to_string(server_->process().pid()) + "/limits");
  if (limits.empty()) GTEST_SKIP() << "the server's limits can be read only by root";
  const std::size_t at = limits.find("Max core file size");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(limits.substr(at, 28), "Max core file size        0 ");
}

}  // namespace
}  // namespace hashgate::testing
