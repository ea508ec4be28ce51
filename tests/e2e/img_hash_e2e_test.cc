// A real server with a list of Marr-Hildreth hashes that the command line made: copies that the list's PDQ
// does not reach are found, and nothing is computed where no list asks.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "testing/gate_client.h"
#include "testing/server_process.h"
#include "testkit/encode.h"
#include "testkit/pictures.h"

namespace hashgate::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testkit::Picture;

std::string Png(const Picture& picture) {
  const auto bytes = testkit::EncodePng(picture);
  return bytes ? std::string(bytes->begin(), bytes->end()) : std::string();
}

std::string Jpeg(const Picture& picture, int quality) {
  const auto bytes = testkit::EncodeJpeg(picture, {.quality = quality});
  return bytes ? std::string(bytes->begin(), bytes->end()) : std::string();
}

// With plain boxes pasted over it: far in PDQ, near in Marr-Hildreth, which says of each place what is there.
Picture WithBoxes(Picture picture) {
  const auto fill = [&picture](int left, int top, int width, int height, std::uint8_t level) {
    for (int y = top; y < top + height; ++y) {
      for (int x = left; x < left + width; ++x) {
        for (int c = 0; c < 3; ++c)
          picture.pixels[picture.offset(x, y) + static_cast<std::size_t>(c)] = level;
      }
    }
  };
  fill(30, 40, 150, 60, 250);
  fill(360, 300, 140, 70, 5);
  return picture;
}

class ImgHashE2eTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/hashgate-img-hash-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    listed_ = testkit::DrawPhoto(4'711, 640, 480);
    file_ = folder_ / "listed.png";
    WriteWholeFile(file_, Png(listed_));
  }
  void TearDown() override { fs::remove_all(folder_); }

  // What `hashgate hash` makes of the listed picture.
  std::string Hash(const std::string& algorithm) const {
    const RunResult run =
        RunProgram({BinaryPath("hashgate"), "hash", "--json", "--algorithms", algorithm, file_.string()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const auto answer = nlohmann::json::parse(run.out);
    for (const auto& hash : answer["hashes"]) {
      if (hash["algorithm"] == algorithm) return hash["hex"];
    }
    ADD_FAILURE() << "no " << algorithm << " in " << run.out;
    return {};
  }
  RunResult Cli(const ServerProcess& server, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), BinaryPath("hashgate"));
    arguments.insert(arguments.end(), {"--server", server.Address()});
    return RunProgram(arguments);
  }
  static v1::ScanResult Scan(const GateClient& client, const std::string& bytes) {
    const ScanReply reply = client.Scan(bytes);
    EXPECT_TRUE(reply.status.ok()) << reply.status.error_message();
    return reply.result;
  }
  static std::vector<int> AlgorithmsOf(const v1::ScanResult& result) {
    return {result.coverage().algorithms().begin(), result.coverage().algorithms().end()};
  }

  fs::path folder_;
  fs::path file_;
  Picture listed_;
};

TEST_F(ImgHashE2eTest, AListMadeHereFindsWhatPdqDoesNot) {
  const auto server = StartServer(FreshFolder(), {});
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  ASSERT_TRUE(client.CreateList(SyntheticList("with-pdq")).ok());
  ASSERT_TRUE(client.CreateList(SyntheticList("with-marr")).ok());
  WriteWholeFile(folder_ / "pdq.csv", "sourceId,pdq\none," + Hash("pdq") + "\n");
  ASSERT_EQ(Cli(*server, {"lists", "import", "with-pdq", (folder_ / "pdq.csv").string()}).exit_code, 0);

  const std::string copy = Jpeg(WithBoxes(listed_), 85);
  const v1::ScanResult before = Scan(client, copy);
  EXPECT_EQ(before.outcome(), v1::OUTCOME_NOT_MATCHED) << "PDQ reaches it: the test shows nothing";
  EXPECT_THAT(AlgorithmsOf(before), Not(Contains(v1::ALGORITHM_MARR_HILDRETH))) << "no list asks for it";

  const std::string hex = Hash("marr_hildreth");
  WriteWholeFile(folder_ / "marr.csv", "sourceId,marr_hildreth\none," + hex + "\n");
  const RunResult imported = Cli(*server, {"lists", "import", "with-marr", (folder_ / "marr.csv").string()});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  const v1::ScanResult found = Scan(client, copy);
  EXPECT_EQ(found.outcome(), v1::OUTCOME_MATCHED);
  EXPECT_EQ(found.verdict(), v1::VERDICT_BLOCK);
  ASSERT_EQ(found.matches_size(), 1);
  EXPECT_EQ(found.matches(0).list(), "with-marr");
  EXPECT_THAT(found.matches(0).algorithms(), ElementsAre(v1::ALGORITHM_MARR_HILDRETH));
  ASSERT_EQ(found.matches(0).distances_size(), 1);
  EXPECT_LE(found.matches(0).distances(0).distance(), 57);
  EXPECT_EQ(found.matches(0).distances(0).max_distance(), 57);
  EXPECT_EQ(found.coverage().level(), v1::COVERAGE_LEVEL_COMPLETE);
  EXPECT_THAT(AlgorithmsOf(found), Contains(v1::ALGORITHM_MARR_HILDRETH));
  // Another picture is not.
  EXPECT_EQ(Scan(client, Jpeg(testkit::DrawPhoto(9, 640, 480), 85)).outcome(), v1::OUTCOME_NOT_MATCHED);

  const RunResult matched = Cli(*server, {"match", "--marr-hildreth", hex, "--json"});
  EXPECT_THAT(matched.out, HasSubstr("with-marr")) << matched.err;
  EXPECT_THAT(Cli(*server, {"lists", "show", "with-marr"}).out, HasSubstr("of 100 % by img_hash"));
  const v1::GetStatusResponse status = client.Status();
  EXPECT_THAT(status.protection_sentence(),
              HasSubstr("edited copies of 50.0 % by PDQ, of 50.0 % by img_hash."));

  // A threshold of the list's own is in force at once.
  const std::string distance = std::to_string(found.matches(0).distances(0).distance() - 1);
  const RunResult narrowed =
      Cli(*server, {"lists", "update", "with-marr", "--max-img-hash-distance", "marr_hildreth=" + distance});
  ASSERT_EQ(narrowed.exit_code, 0) << narrowed.err;
  EXPECT_EQ(Scan(client, copy).outcome(), v1::OUTCOME_NOT_MATCHED);
  EXPECT_NE(Cli(*server, {"lists", "update", "with-marr", "--max-img-hash-distance", "marr_hildreth=116"})
                .exit_code,
            0);

  // What is exported comes back the same.
  const RunResult exported = Cli(*server, {"lists", "export", "with-marr", "--format", "jsonl"});
  EXPECT_THAT(exported.out, HasSubstr("\"marr_hildreth\":\"" + hex + "\""));
}

TEST_F(ImgHashE2eTest, APolicyBlocksOnlyWithTheSecondOpinion) {
  WriteWholeFile(
      folder_ / "policy.yaml",
      "version: '1'\nname: two\nrules:\n"
      "  - {id: seconded, when: {algorithm: pdq, corroborated_by: [marr_hildreth]}, verdict: BLOCK}\n"
      "  - {id: rest, verdict: REVIEW}\n");
  ServerOptions options;
  options.config["policy"]["file"] = "\"" + (folder_ / "policy.yaml").string() + "\"";
  const auto server = StartServer(FreshFolder(), options);
  ASSERT_NE(server, nullptr);
  const GateClient client(server->NewChannel());
  ASSERT_TRUE(client.CreateList(SyntheticList("own")).ok());
  const std::string pdq = Hash("pdq");
  const std::string copy = Jpeg(listed_, 60);
  const auto import = [&](const std::string& text) {
    WriteWholeFile(folder_ / "list.csv", text);
    const RunResult run = Cli(*server, {"lists", "import", "own", (folder_ / "list.csv").string()});
    EXPECT_EQ(run.exit_code, 0) << run.err;
  };
  import("sourceId,pdq\none," + pdq + "\n");
  EXPECT_EQ(Scan(client, copy).verdict(), v1::VERDICT_REVIEW);
  import("sourceId,pdq,marr_hildreth\none," + pdq + "," + Hash("marr_hildreth") + "\n");
  const v1::ScanResult seconded = Scan(client, copy);
  EXPECT_EQ(seconded.verdict(), v1::VERDICT_BLOCK);
  ASSERT_EQ(seconded.matches_size(), 1);
  EXPECT_THAT(seconded.matches(0).algorithms(), ElementsAre(v1::ALGORITHM_PDQ, v1::ALGORITHM_MARR_HILDRETH));
  // The entry's second hash is another picture's: no second opinion.
  import("sourceId,pdq,marr_hildreth\none," + pdq + "," + std::string(72, 'a') + std::string(72, '5') + "\n");
  EXPECT_EQ(Scan(client, copy).verdict(), v1::VERDICT_REVIEW);
}

}  // namespace
}  // namespace hashgate::testing
